"""Whether a policy network learned anything, and whether its labels could be learned: verdicts and sentences.

A policy network that is no better than the best constant answer disproves nothing where labels of other trainings of
its main network are not shown to be better either. That is decided from one number: `policy/ceiling/excess`, whose
interval has to be above 0.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from overthink.sentences import number_of

LEVEL = 0.05
"""Significance level."""
Verdict = Literal["learned", "informative", "nothing shown"]
Ceiling = Literal["above the constant", "not shown to be above the constant", "unknown"]


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


def ceiling(metrics: Mapping[str, float]) -> Ceiling:
    """Return where the noise ceiling of a group is, from metrics named as in `ceiling_metrics`; unknown without any.

    >>> ceiling({"policy/ceiling/excess": 0.02, "policy/ceiling/excess/low": -0.01})
    'not shown to be above the constant'
    """
    low = metrics.get("policy/ceiling/excess/low")
    if low is None:
        return "unknown"
    return "above the constant" if low > 0 else "not shown to be above the constant"


def ceiling_sentence(metrics: Mapping[str, float], verdicts: Collection[Verdict] = ()) -> str:
    """Return the noise ceiling of a group in sentences, and what it means for runs with these verdicts.

    Empty where none was computed, as for permuted labels.
    """
    m = {name.removeprefix("policy/ceiling/"): value for name, value in metrics.items()}
    if "trainings" not in m:
        return ""
    trainings = trainings_of(metrics)
    if "excess" not in m:
        return f"Noise ceiling unknown: {trainings} of the main network."
    interval = (
        f"[{100 * m['excess/low']:+.2f}, {100 * m['excess/high']:+.2f}] over {trainings} of the main network"
        if "excess/low" in m
        else f"no interval from {trainings} of the main network"
    )
    kappa = f", kappa {m['another/kappa']:.2f}" if "another/kappa" in m else ""  # none where all labels are one
    head = (
        f"Noise ceiling: the majority of the other trainings' labels is right {100 * m['majority/accuracy']:.2f}% of "
        f"the time, {100 * m['excess']:+.2f} points from the best constant answer on the same samples ({interval}); "
        f"another training's labels {100 * m['another/accuracy']:.2f}%{kappa}."
    )
    return " ".join(filter(None, (head, "" if {*verdicts} <= {"learned"} else MEANINGS[ceiling(metrics)])))


def trainings_of(metrics: Mapping[str, float]) -> str:
    """Return in words what a noise ceiling is from: `3 trainings`, or `2 sets of 3 trainings` for averaged labels."""
    n, together = (int(metrics.get(f"policy/ceiling/{name}", 1)) for name in ("trainings", "averaged"))
    if together > 1:
        return f"{number_of(n, 'set')} of {together} trainings"
    return number_of(n, "training")


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
        "Its answers carry information about the exit, but are not shown to be right more often than a constant answer."
    ),
    "nothing shown": "There is no evidence that it learned anything.",
}

MEANINGS: dict[Ceiling, str] = {
    "above the constant": (
        "So trainings share something about these labels that beats the constant; a policy network that is not shown "
        "to beat it is not shown to have learned that."
    ),
    "not shown to be above the constant": (
        "So labels of other trainings are not shown to be better than the constant either: a policy network that is "
        "not better does not disprove specialisation, and this test cannot decide."
    ),
    "unknown": "An interval needs three of them; without one, no more can be said of a network that is not better.",
}
