"""Joining a Ray cluster as one of its drivers, with its token, and saying in one sentence why that fails."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RAY_AUTH_MODE", "token")  # who reaches a cluster without one can run anything on it
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

MISSING = "Ray is not installed here; pip install 'overthink[ray]' brings it"


PORT_SECONDS = 10.0


class ClusterError(OSError):
    """The cluster cannot be used; the message is a sentence."""


@contextmanager
def connected() -> Iterator[None]:
    """Be a driver of the cluster that RAY_ADDRESS names, else of the one that this machine is part of.

    Raises ClusterError where there is none, or where it does not know our token.
    """
    try:
        import ray
    except ImportError:
        raise ClusterError(MISSING) from None
    _check_port()
    try:
        ray.init(address="auto", configure_logging=True, logging_level=logging.ERROR, log_to_driver=False)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(_reason(error)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_port() -> None:
    """Raise ClusterError where nothing listens at RAY_ADDRESS: Ray itself would try for five minutes."""
    address = os.environ.get("RAY_ADDRESS", "auto")
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise ClusterError(f"RAY_ADDRESS={address}: expected HOST:PORT of a cluster that this machine is part of")
    try:
        socket.create_connection((host, int(port)), timeout=PORT_SECONDS).close()
    except OSError as error:
        raise ClusterError(f"no Ray cluster answers at {address} ({error}); RAY_ADDRESS names it") from None


def _reason(error: Exception) -> str:
    from ray.exceptions import AuthenticationError

    address = os.environ.get("RAY_ADDRESS", "auto")
    where = "on this machine" if address == "auto" else f"at {address}"
    if isinstance(error, AuthenticationError):
        return (
            f"the Ray cluster {where} requires its token, which is not on this machine: RAY_AUTH_TOKEN, "
            "RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token holds it (docs/cluster.md)"
        )
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"no Ray cluster {where} accepts this machine: it is not started, RAY_ADDRESS names another, or RAY_AUTH_TOKEN "
        f"is not its token (docs/cluster.md; {first})"
    )
