"""Whether a policy network learned anything, as one of three verdicts and in sentences."""

from collections.abc import Mapping
from typing import Literal

LEVEL = 0.05
"""Significance level."""
Verdict = Literal["learned", "informative", "nothing shown"]


def verdict(metrics: Mapping[str, float]) -> Verdict:
    """Return the verdict on the metrics of a test set, named as in the catalogue.

    Accuracy is compared with the best constant answer, balanced accuracy with chance. With unbalanced labels, answers
    can carry information although a constant answer, which carries none, is right more often.

    >>> verdict({"policy/p/constant": 0.4, "policy/p/chance": 0.001})
    'informative'
    """
    if metrics["policy/p/constant"] < LEVEL:
        return "learned"
    if metrics["policy/p/chance"] < LEVEL:
        return "informative"
    return "nothing shown"


def sentence(metrics: Mapping[str, float], n_exits: int) -> str:
    """Return the verdict and the numbers behind it as sentences; metrics named as in the catalogue, fractions."""
    m = {name.removeprefix("policy/"): 100 * value for name, value in metrics.items()}
    accuracy = (
        f"Right {m['accuracy']:.2f}% of the time "
        f"(95% over samples: {m['interval/low']:.2f} to {m['interval/high']:.2f}%); "
        f"the best constant answer is right {m['best_constant']:.2f}%, guessing by the labels' shares "
        f"{m['prior_matched']:.2f}%, guessing blindly {m['uniform']:.2f}%."
    )
    balanced = (
        f"Balanced accuracy {m['balanced_accuracy']:.2f}% against {100 / n_exits:.2f}% by chance; the confidence of "
        f"exit 1 alone reaches {m['confidence/balanced_accuracy']:.2f}%."
    )
    p = f"p = {metrics['policy/p/constant']:.2g} against the constant, {metrics['policy/p/chance']:.2g} against chance."
    return f"{HEADS[verdict(metrics)]} {accuracy} {balanced} {p}"


HEADS: dict[Verdict, str] = {
    "learned": "It learned something.",
    "informative": (
        "Its answers carry information about the exit, but a constant answer is right as often or more often."
    ),
    "nothing shown": "There is no evidence that it learned anything.",
}
