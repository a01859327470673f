"""Definitions that build on another: a policy network on its main network, a study on its base.

They name it; resolved, they hold it whole.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, JsonValue

from overthink.definition.run_definition import Name, validated
from overthink.definition.source import find
from overthink.spec import Spec

if TYPE_CHECKING:
    from overthink.definition.experiment import Experiment, Group


class Reference(Spec):
    """Which group of runs is meant: `{definition: quickstart, variant: long}`."""

    definition: str
    """A file, beside the one that refers to it or anywhere else, or the name of a shipped definition."""
    variant: Name | None = None
    set: dict[str, JsonValue] = Field(default_factory=dict)
    """Dotted path -> value: what departs from the definition."""


MainNetwork = Callable[[Path, Sequence[str], str | None, str], "tuple[Experiment, Group]"]


def with_main_network(raw: dict[str, Any], source: str, main_network_of: MainNetwork) -> dict[str, Any]:
    """Return a definition in which the main network that a policy refers to is written out, and its data set is taken.

    Raises DefinitionError where there is no such definition or variant.
    """
    policy = raw.get("policy")
    if not isinstance(policy, dict) or "of" not in policy or _written_out(policy["of"]):
        return raw
    place = f"{source}: policy.of"
    named = policy["of"]
    reference = validated(Reference, {"definition": named} if isinstance(named, str) else named, place)
    overrides = [f"{path}={json.dumps(value)}" for path, value in reference.set.items()]
    experiment, group = main_network_of(file_of(reference.definition, source), overrides, reference.variant, place)
    of = group.definition.model_dump(mode="json", exclude_defaults=True)
    called = {
        "of_name": experiment.name,
        "of_variant": group.variant,
        "of_description": experiment.description,
        "of_changes": group.changes,
    }
    return {"dataset": of["dataset"], **raw, "policy": {**policy, "of": of, **called}}


def with_base(raw: dict[str, Any], source: str, main_network_of: MainNetwork) -> dict[str, Any]:
    """Return a study as the experiment that it is: its base written out; anything else as it is.

    Raises DefinitionError where there is no such base.
    """
    if raw.get("kind") != "study":
        return raw
    place = f"{source}: base"
    named = raw.get("base")
    reference = validated(Reference, {"definition": named} if isinstance(named, str) else named, place)
    overrides = [f"{path}={json.dumps(value)}" for path, value in reference.set.items()]
    _, group = main_network_of(file_of(reference.definition, source), overrides, reference.variant, place)
    own = {key: value for key, value in raw.items() if key not in ("kind", "base")}
    return {**group.definition.model_dump(mode="json", exclude_defaults=True), "seeds": 1, **own}


def _written_out(of: Any) -> bool:
    return isinstance(of, dict) and "schema_version" in of


def file_of(name: str, source: str) -> Path:
    """Return the file that a definition refers to: beside it, anywhere else, or one that ships with the package."""
    beside = Path(source.partition(": ")[0]).parent / name
    return beside if beside.suffix and beside.is_file() else find(name)
