"""What a group of runs is in a store, before it is there. Apart from `group`, which imports mlflow."""

from collections.abc import Mapping
from dataclasses import dataclass

from overthink.store import tags


@dataclass(frozen=True)
class GroupSpec:
    """What makes an experiment and a group where they are missing; plain data, so that a journal can hold it."""

    experiment: str
    note: str
    views: Mapping[str, str]
    """Key -> state of the experiment's saved views."""
    group: str
    """The group's readable name."""
    seeds: tuple[str, ...]
    """Labels of the seeds that are asked for."""
    tags: Mapping[str, str]
    """That the group's runs have, too."""
    params: Mapping[str, str]
    colour: str = ""
    """In MLflow's table and charts, such as `#0072b2`; set as the group is made. Empty: MLflow's choice."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells groups apart."""
        return self.tags[tags.GROUP_KEY], self.experiment
