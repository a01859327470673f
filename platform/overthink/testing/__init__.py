"""Checks for what people add: networks, data sets, losses and exit policies of their own, in their own tests."""

from overthink.testing.dataset import check_dataset
from overthink.testing.exit_policy import check_exit_policy
from overthink.testing.loss import check_loss
from overthink.testing.network import check_network

__all__ = ["check_dataset", "check_exit_policy", "check_loss", "check_network"]
