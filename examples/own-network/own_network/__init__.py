"""A network, a data set and a metric of one's own; `--plugin own_network` finds what is named here."""

from own_network.dataset import StripesSpec
from own_network.metric import WORST_EXIT
from own_network.network import PlainCnnSpec

__all__ = ["WORST_EXIT", "PlainCnnSpec", "StripesSpec"]
