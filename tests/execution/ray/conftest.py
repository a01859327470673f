from collections.abc import Iterator

import pytest

from support.ray_cluster import RayCluster


@pytest.fixture(scope="session")
def three_machines() -> Iterator[RayCluster]:
    """Three machines of one core and one GPU each; a test that loses one adds it again."""
    pytest.importorskip("ray")
    cluster = RayCluster()
    try:
        for name in ("second", "third"):
            cluster.add(name)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def driver(three_machines: RayCluster, monkeypatch: pytest.MonkeyPatch) -> RayCluster:
    """The cluster, whose drivers this process and its children can be."""
    for name, value in three_machines.environment().items():
        monkeypatch.setenv(name, value)
    return three_machines
