"""Where the runs of a command execute, as the command line says it. Imports nothing heavy: a mistake is said first."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from overthink.definition.errors import DefinitionError
from overthink.execution.resources import ONE_CORE, Resources, parse_resources

if TYPE_CHECKING:
    from overthink.launching.outcomes import Options


class ExecutionOptions(NamedTuple):
    """What the command line said of it."""

    jobs: int | None
    device: str
    data_root: Path | None
    engine: str
    resources: Resources

    def options(self) -> "Options":
        """Return the options of a launch."""
        from overthink.launching.outcomes import Options

        if self.engine == "ray":
            return Options(self.jobs or 0, self.device, self.data_root, engine="ray", resources=self.resources)
        return Options((os.cpu_count() or 1) if self.jobs == 0 else self.jobs or 1, self.device, self.data_root)


def placed(
    jobs: int | None, device: str, data_root: Path | None, engine: str, resources: str | None
) -> ExecutionOptions:
    """Return what the command line says; raises DefinitionError where it does not go together."""
    if engine not in ("local", "ray"):
        raise DefinitionError(f"--engine {engine}: expected local or ray")
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", device):
        raise DefinitionError(f"--device {device}: expected auto, cpu, cuda, or cuda:N for one of several")
    if engine != "ray":
        if resources is not None:
            raise DefinitionError(f"--resources {resources}: goes with --engine ray; on this machine --jobs says it")
        return ExecutionOptions(jobs, device, data_root, engine, ONE_CORE)
    taken = ONE_CORE if resources is None else taken_by(resources)
    if device.startswith("cuda:"):
        raise DefinitionError(f"--device {device}: a run on a cluster sees only the GPUs it takes; say --device cuda")
    if device == "cuda" and not taken.gpu:
        wanted = "gpu=1" if resources is None else taken._replace(gpu=1.0)
        raise DefinitionError(f"--device cuda: a run that takes no GPU sees none; say --resources {wanted}")
    return ExecutionOptions(jobs, device, data_root, engine, taken)


def taken_by(resources: str) -> Resources:
    """Return what a run takes of a cluster; raises DefinitionError where it is not said right."""
    try:
        return parse_resources(resources)
    except ValueError as error:
        raise DefinitionError(str(error)) from None
