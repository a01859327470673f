"""Which kernels train the runs of a launch: those that its groups were begun with, else native ones where they can.

A group of runs mixes no kernels, and neither does a study, whatever its number of variants. A run never changes its
kernels: its key holds them. A policy network and its main network choose each for itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from overthink.definition.experiment import Group, LoadedExperiment
from overthink.definition.loading import main_networks_of
from overthink.definition.run_definition import GroupDefinition, Kernels
from overthink.launching.outcomes import Options
from overthink.networks import availability
from overthink.networks.size_limit import TooLargeError
from overthink.outbox.pending import finished_keys
from overthink.running import gpu_drivers
from overthink.seeds import Seeds
from overthink.sentences import listed
from overthink.settings import KERNELS, KernelsAsked, default_kernels
from overthink.store import tags
from overthink.store.claims import claimed_keys
from overthink.store.finding import find_runs
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun

ENDED = (tags.FINISHED, tags.DIVERGED)
"""Outcomes of runs that a launch leaves alone."""
CPU_ONLY = "native kernels train on a CPU alone"


class Candidate(NamedTuple):
    """A group of runs that are all trained by the same kernels."""

    name: str
    definition: GroupDefinition
    there: frozenset[Kernels]
    """Kernels that runs of the group in the store were made with."""
    to_do: frozenset[Kernels]
    """Kernels with which something would be left to train."""


class KernelsChoice:
    """Chooses kernels as a launch's options ask for; it gives the reason for what is not expected as a message."""

    def __init__(self, options: Options, store: ReadableStore | None, on_message: Callable[[str], None]) -> None:
        if options.kernels not in KERNELS:
            raise ValueError(f"kernels {options.kernels!r}: expected auto, torch or native")
        self._options, self._store, self._on_message = options, store, on_message
        self._obstacles: dict[str, str | None] = {}
        self._reasons: dict[tuple[str, str], list[str]] = {}
        """Kernels that nobody would expect, and why they were chosen -> names of groups."""

    def experiments(self, loaded: Sequence[LoadedExperiment]) -> list[LoadedExperiment]:
        """Return experiments with the kernels of each group, and of each main network, written out.

        Groups that differ in their threads alone are one by native kernels. Raises ValueError, one sentence, where
        kernels are asked for, or runs were begun with them, that cannot be used, and where a study would mix them.
        """
        chosen = [self._experiment(one) for one in loaded]
        self.give_reasons()
        return chosen

    def give_reasons(self) -> None:
        """Send a message for each reason that has come up."""
        for (kernels, reason), names in self._reasons.items():
            self._on_message(f"Kernels: {kernels} for {listed(list(dict.fromkeys(names)))}, since {reason}.")
        self._reasons.clear()

    def main_networks(self, loaded: LoadedExperiment) -> list[GroupDefinition]:
        """Return the main networks that an experiment's policy networks need, with their kernels written out."""
        mains = []
        for main in main_networks_of(loaded):
            (group,) = main.groups
            candidate = self.candidate(f"{main.experiment.name}: {group.label}", group.definition, group.seeds)
            mains.append(group.definition.by(self.choose([candidate])))
        return mains

    @cached_property
    def _queued(self) -> set[str]:
        """Keys of finished runs whose results are queued on this disk."""
        return finished_keys(self._store.uri) if self._store else set()

    @cached_property
    def _claimed(self) -> set[str]:
        """Keys of runs that other processes train, whether or not the store has them yet."""
        return claimed_keys(self._store) if self._store else set()

    def candidate(
        self, name: str, definition: GroupDefinition, seeds: Sequence[Seeds], force: bool = False
    ) -> Candidate:
        """Return a group with what the store has of it by either kernels; unasked for where that decides nothing."""
        there, to_do = set[Kernels](), set[Kernels]()
        if self._options.kernels == "torch" and not definition.has_kernels and definition.precision == "f32":
            return Candidate(name, definition, frozenset(), frozenset())
        for kernels in definition.possible_kernels:
            group = definition.by(kernels)
            # Tested on clean images, too: networks that are not to be trained again by other kernels
            alike = {one.key: one for one in (group, group.with_clean_tests)}
            known = [run for key in alike for run in self._runs_of(key)]
            keys = {group.with_seeds(one).key for one in seeds}
            trained = {of.with_seeds(one).key for of in alike.values() for one in seeds}
            if known or trained & (self._queued | self._claimed):
                there.add(kernels)
            ended = {run.run_key for run in known if run.outcome in ENDED}
            if force or keys - ended - self._queued - self._claimed:
                to_do.add(kernels)
        return Candidate(name, definition, frozenset(there), frozenset(to_do))

    def _runs_of(self, group_key: str) -> list[StoredRun]:
        return find_runs(self._store, kind=tags.KIND_RUN, group_key=group_key) if self._store else []

    def choose(self, candidates: Sequence[Candidate]) -> Kernels:
        """Return the kernels of groups that must not mix them; raises ValueError where none can be used."""
        asked = self._options.kernels
        written = {one.definition.kernels for one in candidates if one.definition.has_kernels}
        for kernels in sorted(written):
            if asked not in ("auto", kernels):
                raise ValueError(
                    f"{_names(candidates)}: --kernels {asked}, but the definition has kernels: {kernels} written out"
                )
            asked = kernels
        if self._reduced(candidates, asked):
            return "torch"
        if asked == "auto":
            asked = default_kernels()
        if asked == "auto":
            return self._chosen(candidates)
        if asked == "native" and (obstacle := self._obstacle(candidates)):
            why = "its definition has native kernels" if written else "native kernels were asked for"
            raise ValueError(f"{_names(candidates)}: {why}, but {obstacle}")
        return asked

    def _reduced(self, candidates: Sequence[Candidate], asked: KernelsAsked) -> bool:
        """Return whether groups are to be computed in less than float32; raises ValueError where they cannot be."""
        reduced = [one for one in candidates if one.definition.precision != "f32"]
        if not reduced:
            return False
        because = f"{_names(reduced)}: precision: {reduced[0].definition.precision} is a GPU's"
        if asked == "native":
            raise ValueError(f"{because}, but {CPU_ONLY}")
        if any("torch" in one.to_do for one in reduced) and not self._has_gpu():
            raise ValueError(f"{because}, and --device {self._options.device} means the CPU here; leave it out")
        return True

    def _experiment(self, loaded: LoadedExperiment) -> LoadedExperiment:
        mains = iter(self.main_networks(loaded))
        groups = [
            replace(group, definition=group.definition.with_main(next(mains))) if group.definition.policy else group
            for group in loaded.groups
        ]
        name, force = loaded.experiment.name, self._options.force
        found = [self.candidate(f"{name}: {one.label}", one.definition, one.seeds, force) for one in groups]
        is_study = loaded.experiment.repeats is not None
        free = [one for one in found if not one.definition.has_kernels]
        shared = self.choose(free) if is_study and free else None
        kernels = [shared if shared and one in free else self.choose([one]) for one in found]
        return _merged(loaded, [_by(loaded, group, one) for group, one in zip(groups, kernels, strict=True)])

    def _chosen(self, candidates: Sequence[Candidate]) -> Kernels:
        """Return the kernels that groups go on with, or those that new groups begin with."""
        by_torch = [one for one in candidates if "torch" in one.there]
        by_native = [one for one in candidates if "native" in one.there]
        only_native = [one for one in by_native if one not in by_torch]
        if by_torch and only_native:
            raise ValueError(
                f"a study mixes no kernels, but the store has runs of {_names(by_torch)} made with torch's, and of "
                f"{_names(only_native)} made with native ones; choose by --kernels torch or --kernels native"
            )
        if by_torch:
            self._explain_torch(by_torch, bool(by_native))
            return "torch"
        if not by_native:
            return self._new(candidates)
        if obstacle := self._obstacle(candidates):
            raise ValueError(
                f"{_names(by_native)}: its runs in the store were made with native kernels, and cannot go on, since "
                f"{obstacle}; --kernels torch starts other runs"
            )
        if any("native" in one.to_do for one in candidates) and self._has_gpu():
            self._explain("native, on the CPU,", "the store has runs of it made with these", by_native)
        return "native"

    def _new(self, candidates: Sequence[Candidate]) -> Kernels:
        """Return the kernels that groups begin with of which the store has no runs."""
        if self._has_gpu():
            return "torch"
        if obstacle := self._obstacle(candidates):
            self._explain("torch's", obstacle, candidates)
        return "torch" if obstacle else "native"

    def _explain_torch(self, candidates: Sequence[Candidate], also_native: bool) -> None:
        """Say why groups go on with torch, where something is left to train and native kernels might do it."""
        to_do = [one for one in candidates if "torch" in one.to_do]
        if to_do and not self._options.device.startswith("cuda") and not gpu_drivers.has_gpu_driver():
            other = "goes on with those made with native ones" if also_native else "starts others"
            self._explain("torch's", f"the store has runs of it made with these (--kernels native {other})", to_do)

    def _explain(self, kernels: str, reason: str, candidates: Sequence[Candidate]) -> None:
        self._reasons.setdefault((kernels, reason), []).extend(one.name for one in candidates)

    def _obstacle(self, candidates: Sequence[Candidate]) -> str | None:
        """Return why native kernels cannot train groups; None where they can, or nothing is left to train."""
        to_do = [one for one in candidates if "native" in one.to_do]
        if to_do and self._options.device.startswith("cuda"):
            return f"{CPU_ONLY} (--device {self._options.device})"
        found = next(filter(None, map(self._obstacle_of, to_do)), None)
        return found.removesuffix(".") if found else None

    def _obstacle_of(self, candidate: Candidate) -> str | None:
        parts = candidate.definition.for_kernels
        if (key := repr(parts)) not in self._obstacles:
            try:
                self._obstacles[key] = availability.native_obstacle(*parts, on_message=self._on_message)
            except TooLargeError as error:
                raise ValueError(f"{candidate.name}: {error}") from error
        return self._obstacles[key]

    def _has_gpu(self) -> bool:
        """Return whether `--device` means a GPU where torch's kernels train."""
        if self._options.device != "auto":
            return self._options.device != "cpu"
        if self._options.engine == "ray":
            return bool(self._options.resources.gpu)
        return gpu_drivers.has_gpu()


def _by(loaded: LoadedExperiment, group: Group, kernels: Kernels) -> Group:
    """Return a group by kernels; to native ones a number of threads is no other definition."""
    found = replace(group, definition=group.definition.by(kernels))
    if kernels == "torch" or "threads" not in group.changes:
        return found
    changes = {path: value for path, value in group.changes.items() if path != "threads"}
    written = tuple(one for one in loaded.experiment.reported if one.variant in (None, group.variant))
    return replace(found, changes=changes, reported=group.reported if changes else written)


def _merged(loaded: LoadedExperiment, groups: Sequence[Group]) -> LoadedExperiment:
    kept: dict[str, Group] = {}
    merged = dict(loaded.merged)
    for group in groups:
        if (first := kept.setdefault(group.definition.key, group)) is not group:
            merged[group.variant] = first.variant
    return replace(loaded, groups=tuple(kept.values()), merged=merged)


def _names(candidates: Sequence[Candidate]) -> str:
    return listed(list(dict.fromkeys(one.name for one in candidates)))
