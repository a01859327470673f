"""Joining a Ray cluster as one of its drivers, with its token, and saying in one sentence why that fails."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("RAY_AUTH_MODE", "token")  # who reaches a cluster without one can run anything on it
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

MISSING = "Ray is not installed here; pip install 'overthink[ray]' brings it"


class ClusterError(OSError):
    """The cluster cannot be used; the sentence says why."""


@contextmanager
def connected() -> Iterator[None]:
    """Be a driver of the cluster that RAY_ADDRESS names, else of the one that this machine is part of.

    Raises ClusterError where there is none, or where it does not know our token.
    """
    try:
        import ray
    except ImportError:
        raise ClusterError(MISSING) from None
    try:
        ray.init(address="auto", configure_logging=True, logging_level=logging.ERROR, log_to_driver=False)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(_reason(error)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _reason(error: Exception) -> str:
    from ray.exceptions import AuthenticationError

    where = os.environ.get("RAY_ADDRESS") or "on this machine"
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, AuthenticationError) or "auth" in first.lower():
        return (
            f"the Ray cluster {where} wants its token: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token "
            f"({first})"
        )
    return (
        f"no Ray cluster {where}: start one with RAY_AUTH_MODE=token ray start --head (docs/cluster.md), "
        f"or name one in RAY_ADDRESS ({first})"
    )
