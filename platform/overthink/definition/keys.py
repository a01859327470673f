"""Keys: what makes two runs, two groups or two parts of them the same; and the few words that say what they are.

Keys are hashes of what departs from the defaults: a field added later leaves the keys of older runs as they are.
"""

from overthink.definition.run_definition import GroupDefinition, RunDefinition, run_or_group_key, short_hash
from overthink.training.regime import regime_label


def run_key(run: RunDefinition) -> str:
    """Return the key of a run: equal for equal definitions, seeds included."""
    return run_or_group_key(run)


def summary(definition: GroupDefinition) -> dict[str, str]:
    """Say a definition in the few words that tags and columns show."""
    network, dataset = definition.network, definition.dataset
    policy = {} if definition.policy is None else {"labels": definition.policy.labels.label}
    return {
        **policy,
        "dataset": dataset.kind,
        "network": network.label,
        "regime": regime_label(definition.regime),
    }


def part_keys(definition: GroupDefinition) -> dict[str, str]:
    """Return a key for each part that runs can be compared by: equal keys, equal parts, whatever their short names."""
    plain = definition.model_dump(mode="json", exclude_defaults=True)
    return {part: short_hash(plain[part]) for part in ("dataset", "network", "regime")}
