"""What predictions may lack: a network trained elsewhere may have left behind its confidences and nothing else.

What is not known is None. Whoever can do without it looks; whoever cannot takes it with `needed`, which says so.
"""

from typing import Literal, TypeVar

T = TypeVar("T")
Known = Literal["labels", "classes", "confidence", "entropy", "top2_ratio", "confusion", "logits", "costs", "MUL-ADDs"]
"""What may be absent; `MUL-ADDs` are costs in this unit."""
CostUnit = Literal["MUL-ADDs", "seconds", "relative"]
"""Of costs per sample; `relative`: to the last exit, whose cost is 1."""
IN_WORDS: dict[Known, str] = {
    "labels": "labels",
    "classes": "predicted classes",
    "confidence": "confidences",
    "entropy": "entropies",
    "top2_ratio": "top-2 ratios",
    "confusion": "distances between softmax outputs",
    "logits": "logits",
    "costs": "costs of the exits",
    "MUL-ADDs": "costs in MUL-ADDs",
}


class AbsentError(ValueError):
    """Something is needed that these predictions do not have; the sentence names it."""


def needed(part: T | None, name: Known) -> T:
    """Return a part of predictions; raises AbsentError, naming it, where they do not have it.

    >>> needed(3, "costs")
    3
    """
    if part is None:
        remedy = " (with keep_logits: true a run stores those of test data)" if name == "logits" else ""
        raise AbsentError(f"{IN_WORDS[name]} are needed, which these predictions do not have{remedy}")
    return part


def in_unit(cost: float, unit: CostUnit) -> str:
    """Return a cost in words.

    >>> in_unit(20e6, "MUL-ADDs"), in_unit(0.25, "relative"), in_unit(0.0012, "seconds")
    ('20,000,000 MUL-ADDs', "25% of the last exit's cost", '0.0012 s')
    """
    if unit == "MUL-ADDs":
        return f"{cost:,.0f} MUL-ADDs"
    return f"{100 * cost:.3g}% of the last exit's cost" if unit == "relative" else f"{cost:.4g} s"


def cost_cell(cost: float, unit: CostUnit) -> str:
    """Return a cost as a table has it.

    >>> cost_cell(20e6, "MUL-ADDs"), cost_cell(0.25, "relative"), cost_cell(0.0012, "seconds")
    ('20.00 M', '0.250', '0.0012 s')
    """
    if unit == "MUL-ADDs":
        return f"{cost / 1e6:.2f} M"
    return f"{cost:.3f}" if unit == "relative" else f"{cost:.4g} s"
