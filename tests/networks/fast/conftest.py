import pytest

from support.built_kernels import KernelsForTests, shared_folder


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> KernelsForTests:
    """The kernels: compiling them takes seconds, so each session does it once."""
    return KernelsForTests(shared_folder(tmp_path_factory))
