"""Loading: a definition file is read, overridden, validated and resolved into groups of runs.

References are replaced by their definitions: that of a policy network then contains its main network, and that of a
study the definition of its base.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from overthink.data.catalogue import DATASETS
from overthink.definition.errors import DefinitionError
from overthink.definition.experiment import Experiment, Group, LoadedExperiment
from overthink.definition.plain_data import validated
from overthink.definition.reference import Reference
from overthink.definition.run_definition import GroupDefinition, parse_run
from overthink.definition.source import NO_OVERRIDES, Overrides, find, override_all, read_yaml
from overthink.networks.catalogue import NETWORKS
from overthink.plugins.modules import MODULE, PluginError, name_modules, own_definition
from overthink.seeds import LARGEST_SEED, LONGEST_LABELS, expand, joined, replace_free
from overthink.training.losses import LOSSES

_WITHIN: ContextVar[tuple[str, ...]] = ContextVar("within", default=())
"""Files of the references that are being followed."""


def load_experiment(
    path: str | Path, overrides: Sequence[str] = (), seeds: Sequence[int] | None = None
) -> LoadedExperiment:
    """Read a definition, apply overrides, and check it with all its variants.

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
    chosen = None if seeds is None else tuple(seeds)
    if chosen is not None and not (chosen and all(type(one) is int and 0 <= one <= LARGEST_SEED for one in chosen)):
        raise DefinitionError(f"{path}: seeds={seeds!r}: expected whole numbers from 0, such as (0, 1, 2)")
    file = find(path) if isinstance(path, str) else path
    return resolved(read_yaml(file), str(file), overrides, chosen)


def resolved(
    read: dict[str, Any], source: str, overrides: Sequence[str] = (), seeds: tuple[int, ...] | None = None
) -> LoadedExperiment:
    """Override and check the plain data of a definition with all its variants; raise as `load_experiment` does."""
    with own_definition():
        return _resolved(with_plugins(read, source), source, overrides, seeds)


def with_plugins(read: dict[str, Any], source: str) -> dict[str, Any]:
    """Import the modules that a definition names under `plugins`; return the rest of it. Raises DefinitionError."""
    names = read.get("plugins", [])
    if not isinstance(names, list) or not all(isinstance(one, str) and MODULE.fullmatch(one) for one in names):
        raise DefinitionError(f"{source}: plugins: expected a list of modules, such as [my_module], got {names!r}")
    try:
        name_modules(names)
        for kinds in (NETWORKS, DATASETS, LOSSES):
            kinds.check_named()
    except PluginError as error:
        raise DefinitionError(f"{source}: plugins: {error}") from None
    return {key: value for key, value in read.items() if key != "plugins"}


def _resolved(
    read: dict[str, Any], source: str, overrides: Sequence[str], seeds: tuple[int, ...] | None
) -> LoadedExperiment:
    if read.get("kind") == "sweep":
        raise DefinitionError(f"{source}: this is a sweep; start it with overthink sweep")
    raw = _with_base(read, source) if read.get("kind") == "study" else read
    settings = Overrides.parse(overrides)
    experiment = validated(Experiment, _with_main_network(settings.apply(raw), source), source, settings)
    if seeds is not None and experiment.repeats is not None:
        raise DefinitionError(
            f"{source}: the arms of a study set its seeds; change their number by --set repeats=N or base_points=N"
        )
    if seeds is not None:
        experiment = experiment.model_copy(update={"seeds": replace_free(experiment.seeds, seeds)})
    groups: dict[str, Group] = {}
    merged: dict[str, str] = {}
    for variant, changes in (experiment.variants or {"base": {}}).items():
        group = _resolve(raw, variant, changes, settings, experiment, source)
        kept = groups.setdefault(key := group.definition.key, group)
        if kept is not group:
            merged[variant] = kept.variant
            if group.definition.has_kernels:  # and a launch does not choose others
                groups[key] = replace(kept, definition=group.definition)
    return LoadedExperiment(source, experiment, tuple(groups.values()), merged)


def group_of(reference: Reference, source: str, key: str) -> tuple[Experiment, Group]:
    """Return the experiment and the group that a definition refers to at a key, such as `policy.of`.

    Raises DefinitionError where there is no such definition or variant, where the variant is left out although the
    definition has several, and where the definition refers back to itself.
    """
    file = reference.file(source)
    if (place := os.path.realpath(file)) in (within := _WITHIN.get()):
        raise DefinitionError(f"{source}: {key}: {file} refers to itself, directly or through others")
    entered = _WITHIN.set((*within, place))
    try:
        loaded = load_experiment(file, reference.overrides)
    finally:
        _WITHIN.reset(entered)
    groups = {group.variant: group for group in loaded.groups}
    variant = next(iter(groups)) if reference.variant is None and len(groups) == 1 else reference.variant
    groups |= {name: replace(groups[kept], variant=name) for name, kept in loaded.merged.items()}
    if variant not in groups:
        problem = "has several variants" if variant is None else f"has no variant {variant!r}"
        raise DefinitionError(f"{source}: {key}: {loaded.experiment.name} {problem}; choose one of {', '.join(groups)}")
    return loaded.experiment, groups[variant]


def group_definition(raw: dict[str, Any], source: str, settings: Overrides = NO_OVERRIDES) -> GroupDefinition:
    """Return the group of an experiment's plain data; raises DefinitionError where it is not valid."""
    whole = _with_main_network(raw, source)
    own = {key: whole[key] for key in GroupDefinition.model_fields if key in whole}
    with own_definition():
        definition = validated(GroupDefinition, own, source, settings)
    try:
        definition.dataset.check()
    except ValueError as error:
        key = f"dataset.{error}".partition(":")[0].split(".")
        raise DefinitionError(f"{settings.place(key, source)}: dataset.{error}") from None
    return definition


def _with_base(study: dict[str, Any], source: str) -> dict[str, Any]:
    """Return a study as an experiment: its base's definition, and its own keys over it."""
    _, group = group_of(validated(Reference, study.get("base"), f"{source}: base"), source, "base")
    own = {key: value for key, value in study.items() if key not in ("kind", "base")}
    return {**group.definition.plain, "seeds": 1, **own}


def _with_main_network(raw: dict[str, Any], source: str) -> dict[str, Any]:
    """Return a definition with its policy's main network written out, and that network's data set."""
    policy = raw.get("policy")
    if not isinstance(policy, dict) or "of" not in policy:
        return raw
    if isinstance(policy["of"], dict) and "schema_version" in policy["of"]:  # it is written out already
        return raw
    reference = validated(Reference, policy["of"], f"{source}: policy.of")
    if "policy" in read_yaml(file := reference.file(source)):
        raise DefinitionError(f"{source}: policy.of: {file} is a policy network's; it has no exits to choose from")
    experiment, group = group_of(reference, source, "policy.of")
    main = group.definition.plain
    policy = _with_averaged_seeds(policy, experiment, group, source)
    written_out = {
        "of": main,
        "of_name": experiment.name,
        "of_variant": group.variant,
        "of_description": experiment.description,
        "of_changes": group.changes,
    }
    return {"dataset": main["dataset"], **raw, "policy": policy | written_out}


def _with_averaged_seeds(policy: dict[str, Any], experiment: Experiment, group: Group, source: str) -> dict[str, Any]:
    """Return a policy whose `averaged_over` gives all seeds of the trainings, as `--seeds` of the main network would.

    Raises DefinitionError for seeds that the main network's definition does not have.
    """
    labels = policy.get("labels")
    if not isinstance(labels, dict) or not isinstance(given := labels.get("averaged_over"), list):
        return policy
    resolved_seeds: list[Any] = []
    for entry in given:
        if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry <= LARGEST_SEED:
            # Seeds by stream, or a mistake: checked with the whole definition.
            resolved_seeds.append(entry)
            continue
        (seeds,) = expand(replace_free(experiment.seeds, (entry,)))
        if seeds not in group.seeds:
            raise DefinitionError(
                f"{source}: policy.labels.averaged_over: {experiment.name} has no seed {entry}, but "
                f"{joined(one.label for one in group.seeds)}; policy.of.set: {{seeds: N}} gives it more"
            )
        resolved_seeds.append(entry if seeds.label == str(entry) else seeds.model_dump(mode="json"))
    return {**policy, "labels": {**labels, "averaged_over": resolved_seeds}}


def _resolve(
    raw: dict[str, Any],
    variant: str,
    changes: Mapping[str, JsonValue],
    settings: Overrides,
    experiment: Experiment,
    source: str,
) -> Group:
    place = f"{source}: variants.{variant}"
    for path in changes:
        if path.split(".")[0] not in GroupDefinition.model_fields:
            raise DefinitionError(f"{place}.{path}: a variant cannot change {path!r}, which is not part of a run")
    changed = override_all(raw, changes.items(), lambda path, _: f"{place}.{path}")
    definition = group_definition(settings.apply(changed), place if changes else source, settings)
    try:
        experiment.check_forks_of(definition)
    except ValueError as error:
        raise DefinitionError(f"{place if changes else source}: {error}") from None
    # A paper's numbers belong to the definition as it is written, not to one with other values.
    as_written = not settings.values or _is(definition, changed, place)
    reported = tuple(entry for entry in experiment.reported if as_written and entry.variant in (None, variant))
    departs = {} if as_written else settings.of(GroupDefinition.model_fields)
    if (length := len(json.dumps(departs))) > LONGEST_LABELS:
        raise DefinitionError(f"{source}: --set: {length} characters, of which the store keeps {LONGEST_LABELS}")
    arms = experiment.seeds_by_arm
    seeds = tuple(dict.fromkeys(seeds for arm in arms.values() for seeds in arm)) or expand(experiment.seeds)
    return Group(variant, definition, seeds, reported, departs, arms)


def _is(definition: GroupDefinition, written: dict[str, Any], place: str) -> bool:
    """Return whether a definition with `--set` values equals the one that is written, which may be invalid."""
    try:
        return group_definition(written, place).key == definition.key
    except DefinitionError:
        return False


def trunks_of(loaded: LoadedExperiment) -> list[LoadedExperiment]:
    """Return an experiment for each group of an experiment that has forks, and not their trunks: with those."""
    found = []
    for group in loaded.groups:
        trunks = {trunk.key: trunk for run in group.runs if (trunk := run.trunk) and trunk.seeds not in group.seeds}
        for trunk in trunks.values():  # with its snapshots: of one definition, each trunk may have others
            epochs = sorted({one.fork.at for one in group.seeds if one.fork and one.trunk == trunk.seeds})
            of = replace(group, definition=group.definition.keeping(epochs), seeds=(trunk.seeds,), arms={})
            found.append(replace(loaded, groups=(of,)))
    return found


def main_networks_of(loaded: LoadedExperiment) -> list[LoadedExperiment]:
    """Return an experiment for each main network that the policy networks of an experiment need, with its seeds."""
    found = []
    for group in loaded.groups:
        policy = group.definition.policy
        if policy is not None:
            called = {"name": policy.of_name, "description": policy.of_description, "variants": {policy.of_variant: {}}}
            raw = policy.of.model_dump(mode="json") | called | {"seeds": 1}
            needed = [one for run in group.runs for one in (run.chooses_for, *run.labelled_by) if one is not None]
            seeds = tuple(dict.fromkeys(one.seeds for one in needed))
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
    """Return an experiment of one run, from the run's resolved definition (JSON text) as it is stored."""
    run = parse_run(text, source)
    group = run.group
    if group.policy is not None:
        group = group.with_main(group.policy.of.by(group.policy.of.kernels))
    raw = json.loads(text) | {"name": name, "description": description, "variants": {variant: {}}, "seeds": 1}
    experiment = validated(Experiment, raw, source)
    return LoadedExperiment(
        source,
        experiment,
        (Group(variant, group.by(group.kernels), (run.seeds,), (), changes or {}, changes_label=changes_label),),
    )
