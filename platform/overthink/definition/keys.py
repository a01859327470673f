"""Keys: what makes two runs, two groups or two parts of them the same; and the few words that say what they are.

Keys are hashes of what departs from the defaults: a field added later leaves the keys of older runs as they are.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from overthink.training.regime import regime_label

if TYPE_CHECKING:
    from overthink.definition.run_definition import GroupDefinition, RunDefinition


NAMES = ("of_name", "of_variant", "of_description", "of_changes")
"""What a policy's main network is called."""


def run_key(run: "RunDefinition") -> str:
    """Return the key of a run: equal for equal definitions, seeds included."""
    return run_or_group_key(run)


def summary(definition: "GroupDefinition") -> dict[str, str]:
    """Say a definition in the few words that tags and columns show."""
    network, dataset = definition.network, definition.dataset
    policy = {} if definition.policy is None else {"labels": definition.policy.labels.label}
    return {
        **policy,
        "dataset": dataset.kind,
        "network": network.label,
        "regime": regime_label(definition.regime),
    }


def part_keys(definition: "GroupDefinition") -> dict[str, str]:
    """Return a key for each part that runs can be compared by: equal keys, equal parts, whatever their short names."""
    plain = definition.model_dump(mode="json", exclude_defaults=True)
    return {part: _hash(plain[part]) for part in ("dataset", "network", "regime")}


def run_or_group_key(definition: "GroupDefinition") -> str:
    """Return the hash of what departs from the defaults; of a run, its seeds included."""
    departs = definition.model_dump(mode="json", exclude_defaults=True)
    if definition.augmentation == definition.dataset.augment:  # the standard, written out or not, is the same run
        departs.pop("augment", None)
    if definition.policy is not None:  # its main network goes by what it is, not by what it is called
        departs["policy"] = {**departs["policy"], "of": definition.policy.of.key, **dict.fromkeys(NAMES, "")}
    return _hash(departs)


def _hash(departs: Any) -> str:
    return hashlib.sha256(json.dumps(departs, sort_keys=True).encode()).hexdigest()[:16]
