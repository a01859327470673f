"""Definition files read, overridden and checked: an experiment becomes groups, a group runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import Experiment, Group, LoadedExperiment
from overthink.definition.reference import with_base, with_main_network
from overthink.definition.run_definition import GroupDefinition, parse_run, validated
from overthink.definition.source import Overrides, find, override, read_yaml
from overthink.seeds import expand, replace_free, seeds_of_arms


def load_experiment(
    path: str | Path, overrides: Sequence[str] = (), seeds: tuple[int, ...] | None = None
) -> LoadedExperiment:
    """Read, override and check a definition with all its variants.

    Args:
        path: A definition file, or the name of a shipped definition, such as `quickstart`.
        overrides: Values to set, as `--set` takes them: `network.growth=8`.
        seeds: Seeds of the runs, instead of those of the definition.

    Returns:
        The experiment with its groups (one a variant); each group has a definition and seeds.

    Raises:
        DefinitionError: The first error, in one sentence that names file, key and value.

    Example:
        >>> import overthink
        >>> experiment = overthink.load_experiment("quickstart", ["network.growth=4"], seeds=(0, 1, 2))
        >>> [group.label for group in experiment.groups]
        ['short [network.growth=4]', 'long [network.growth=4]']
        >>> len(experiment.groups[0].runs)
        3
    """
    file = find(path) if isinstance(path, str) else path
    return resolved(read_yaml(file), str(file), overrides, seeds)


def resolved(
    read: dict[str, Any], source: str, overrides: Sequence[str] = (), seeds: tuple[int, ...] | None = None
) -> LoadedExperiment:
    """Override and check the plain data of a definition with all its variants; raise as `load_experiment` does."""
    if read.get("kind") == "sweep":
        raise DefinitionError(f"{source}: this is a sweep; overthink sweep starts it")
    raw = with_base(read, source, main_network_of)
    settings = Overrides.parse(overrides)
    experiment = validated(Experiment, with_main_network(settings.apply(raw), source, main_network_of), source)
    if seeds is not None and experiment.arms:
        raise DefinitionError(f"{source}: a study takes its seeds from its arms; --set repeats=N makes more or fewer")
    if seeds is not None:
        experiment = experiment.model_copy(update={"seeds": replace_free(experiment.seeds, seeds)})
    groups: dict[str, Group] = {}
    for variant, changes in (experiment.variants or {"base": {}}).items():
        group = _resolve(raw, variant, changes, settings, experiment, source)
        groups.setdefault(group.definition.key, group)
    return LoadedExperiment(source, experiment, tuple(groups.values()))


def main_network_of(path: Path, overrides: Sequence[str], variant: str | None, place: str) -> tuple[Experiment, Group]:
    """Return the experiment and the group that a policy network's definition refers to.

    Raises DefinitionError where the file is itself a policy network's, or the variant is not one of its.
    """
    if "policy" in read_yaml(path):
        raise DefinitionError(f"{place}: {path} defines a policy network, which has no exits to choose from")
    return group_named(path, overrides, variant, place)


def group_named(path: Path, overrides: Sequence[str], variant: str | None, place: str) -> tuple[Experiment, Group]:
    """Return an experiment and its group of a variant, which may be left out where there is only one.

    Raises DefinitionError where the variant is not one of the file's.
    """
    loaded = load_experiment(path, overrides)
    groups = {group.variant: group for group in loaded.groups}
    if variant is None and len(groups) == 1:
        variant = next(iter(groups))
    if variant not in groups:
        said = "say which variant" if variant is None else f"no variant {variant!r}"
        raise DefinitionError(f"{place}: {said} of {loaded.experiment.name}, which has {', '.join(groups)}")
    return loaded.experiment, groups[variant]


def _resolve(
    raw: dict[str, Any],
    variant: str,
    changes: Mapping[str, JsonValue],
    settings: Overrides,
    experiment: Experiment,
    source: str,
) -> Group:
    place = f"{source}: variants.{variant}"
    changed = raw
    for path, value in changes.items():
        if path.split(".")[0] not in GroupDefinition.model_fields:
            raise DefinitionError(f"{place}.{path}: a variant changes a run, and {path!r} is not part of one")
        changed = override(changed, path, value, place)
    definition = group_definition(settings.apply(changed), place if changes else source)
    # A paper's numbers are for the definition as it is written, not for one with other values.
    as_written = not settings.values or _is(definition, changed, place)
    reported = tuple(entry for entry in experiment.reported if as_written and entry.variant in (None, variant))
    departs = {} if as_written else settings.of(GroupDefinition.model_fields)
    arms = seeds_of_arms(experiment.arms, experiment.repeats or 0)
    seeds = tuple(dict.fromkeys(seeds for arm in arms.values() for seeds in arm)) or expand(experiment.seeds)
    return Group(variant, definition, seeds, reported, departs, arms)


def group_definition(raw: dict[str, Any], place: str) -> GroupDefinition:
    """Return the part of an experiment's plain data that makes a group; raises DefinitionError where it is none."""
    whole = with_main_network(raw, place, main_network_of)
    base = {key: value for key, value in whole.items() if key in GroupDefinition.model_fields}
    return validated(GroupDefinition, base, place)


def _is(definition: GroupDefinition, written: dict[str, Any], place: str) -> bool:
    """Tell whether a definition with `--set` values comes to the same as the one that is written, if that is valid."""
    try:
        return group_definition(written, place).key == definition.key
    except DefinitionError:
        return False


def main_networks_of(loaded: LoadedExperiment) -> list[LoadedExperiment]:
    """Return the main networks that the policy networks of an experiment choose for, with the seeds that are needed."""
    found = []
    for group in loaded.groups:
        policy = group.definition.policy
        if policy is not None:
            called = {"name": policy.of_name, "description": policy.of_description, "variants": {policy.of_variant: {}}}
            raw = policy.of.model_dump(mode="json") | called | {"seeds": 1}
            seeds = tuple(dict.fromkeys(run.chooses_for.seeds for run in group.runs if run.chooses_for is not None))
            of = Group(policy.of_variant, policy.of, seeds, (), policy.of_changes)
            found.append(LoadedExperiment(loaded.source, validated(Experiment, raw, loaded.source), (of,)))
    return found


def experiment_of_run(
    text: str,
    source: str,
    name: str,
    variant: str,
    description: str,
    changes: dict[str, JsonValue] | None = None,
    changes_label: str = "",
) -> LoadedExperiment:
    """Return an experiment of the one run whose resolved definition (JSON) this is."""
    run = parse_run(text, source)
    raw = json.loads(text) | {"name": name, "description": description, "variants": {variant: {}}, "seeds": 1}
    experiment = validated(Experiment, raw, source)
    return LoadedExperiment(
        source, experiment, (Group(variant, run.group, (run.seeds,), (), changes or {}, changes_label=changes_label),)
    )
