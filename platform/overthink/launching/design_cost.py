"""What the design of a study costs: how many networks, and how long they take by those that are finished."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.store import tags
from overthink.store.finding import find_runs
from overthink.store.readable_store import ReadableStore
from overthink.study.design import base_point_of


class DesignCost(NamedTuple):
    """Of one group of a study."""

    group: str
    arms: int
    repeats: int
    base_points: int
    networks: int
    without_sharing: int
    """Networks if no run were in two arms."""
    to_train: int
    """Networks that are not finished."""
    seconds_each: float | None
    """Median time of the group's finished runs; None where there is none."""

    @property
    def text(self) -> str:
        """One sentence or two."""
        points = f"{self.base_points} base points" if self.base_points > 1 else "one base point"
        said = (
            f"{self.group}: {self.networks} networks for {self.arms} arms of {self.repeats} around {points}, "
            f"{self.without_sharing} without runs that arms share."
        )
        if self.seconds_each is None or not self.to_train:
            return said
        minutes = self.seconds_each * self.to_train / 60
        return f"{said} The {self.to_train} to train take {minutes:.0f} min one after another, by those finished."


def design_costs(runs: Sequence[PlannedRun], store: ReadableStore | None) -> list[DesignCost]:
    """Return the costs of the studies among planned runs."""
    by_group: dict[str, list[PlannedRun]] = {}
    for run in runs:
        if run.group.arms:
            by_group.setdefault(run.group_name, []).append(run)
    return [_cost(name, members, store) for name, members in by_group.items()]


def _cost(name: str, members: Sequence[PlannedRun], store: ReadableStore | None) -> DesignCost:
    group, points = members[0].group, [base_point_of(arm) for arm in members[0].group.arms]
    known = find_runs(store, kind=tags.KIND_RUN, group_key=group.definition.key) if store else []
    seconds = [(run.ended_ms - run.started_ms) / 1000 for run in known if run.is_finished and run.ended_ms is not None]
    return DesignCost(
        group=name,
        arms=points.count(0),
        repeats=min(len(seeds) for seeds in group.arms.values()),
        base_points=max(points) + 1,
        networks=len(group.seeds),
        without_sharing=sum(len(seeds) for seeds in group.arms.values()),
        to_train=sum(run.action in TO_DO for run in members),
        seconds_each=median(seconds) if seconds else None,
    )
