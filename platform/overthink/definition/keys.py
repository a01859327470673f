"""Keys of the parts of a definition, and a short label for each part.

Equal keys mean equal parts. The key of a whole run or group is `GroupDefinition.key`.
"""

from overthink.definition.plain_data import short_hash
from overthink.definition.run_definition import GroupDefinition
from overthink.training.regime import regime_label


def summary(definition: GroupDefinition) -> dict[str, str]:
    """Return a short label for each part of a definition, as shown in tags and columns."""
    network, dataset = definition.network, definition.dataset
    policy = {} if definition.policy is None else {"labels": definition.policy.labels.label}
    return {
        **policy,
        "dataset": dataset.label,
        "network": network.label,
        "regime": regime_label(definition.regime),
        "kernels": definition.kernels,
    }


def part_keys(definition: GroupDefinition) -> dict[str, str]:
    """Return a key for each part that runs can be compared by; equal keys mean equal parts, whatever the labels are."""
    plain = definition.model_dump(mode="json", exclude_defaults=True)
    return {part: short_hash(plain[part]) for part in ("dataset", "network", "regime")}
