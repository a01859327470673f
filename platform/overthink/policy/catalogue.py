"""The catalogue of metrics of policy networks; `metrics.catalogue` has the metrics of multi-exit networks."""

from collections.abc import Iterable, Sequence

import numpy as np

from overthink.metrics import catalogue
from overthink.metrics.metric import Metric
from overthink.metrics.naming import level_names
from overthink.policy.baselines import best_constant, by_confidence, by_level, prior_matched
from overthink.policy.ceiling_metrics import CEILING
from overthink.policy.evidence import Answers, Evidence
from overthink.policy.exit_labels import balance
from overthink.policy.routing import routed
from overthink.policy.scores import balanced_accuracy, macro_auc, recall
from overthink.policy.significance import accuracy_interval, better_than_chance, better_than_constant
from overthink.predictions.absent import needed
from overthink.predictions.arrays import IntArray

THESIS = "thesis section 4.2"
WILSON = "Wilson, 95% over samples"


def describe(name: str) -> Metric:
    """Return the metric of a full name, of policy or of multi-exit networks; raise ValueError for another name.

    >>> describe("policy/recall/exit_3").title
    'Samples of exit 3 recognised'
    """
    for metric in (*ANSWERS, *EVIDENCE, *CEILING):
        if (described := metric.described(name)) is not None:
            return described
    return catalogue.describe(name)


def compute_answers(answers: Answers) -> dict[str, float]:
    """Return the metrics of a policy network's answers alone, by full name."""
    return _values(ANSWERS, answers)


def compute_evidence(evidence: Evidence) -> dict[str, float]:
    """Return all metrics on the test set of D_ee, comparisons with other answers included, by full name."""
    return compute_answers(evidence.answers) | _values(EVIDENCE, evidence)


def _values(metrics: Sequence[Metric], subject: Answers | Evidence) -> dict[str, float]:
    return {name: value for metric in metrics for name, value in metric.values(subject).items()}


def _by_exit(section: str, exits: tuple[int, ...], values: Iterable[float]) -> dict[str, float]:
    return {f"{section}/exit_{exit}": float(value) for exit, value in zip(exits, values, strict=True)}


def _by_level(a: Answers) -> dict[str, float]:
    names = level_names(a.level_names)
    return {
        f"policy/accuracy_by_level/{name}": float(a.right_N[a.levels_N == number].mean())
        for number, name in enumerate(names)
        if (a.levels_N == number).any()
    }


def _shares(a: Answers) -> dict[str, float]:
    return _by_exit("policy/label_share", a.exits, np.bincount(a.label_N, minlength=len(a.exits)) / len(a.label_N))


def _interval(e: Evidence) -> tuple[float, float]:
    return accuracy_interval(int(e.answers.right_N.sum()), len(e.answers.right_N))


def _accuracy(e: Evidence, answers_N: IntArray | None) -> float | None:
    return None if answers_N is None else float((answers_N == e.answers.label_N).mean())


def _balanced(e: Evidence, answers_N: IntArray | None) -> float | None:
    return None if answers_N is None else balanced_accuracy(e.answers.label_N, answers_N, len(e.exits))


ANSWERS = (
    Metric("policy/accuracy", "Right exits chosen", THESIS, "higher", lambda a: float(a.right_N.mean())),
    Metric(
        "policy/balanced_accuracy",
        "Right exits chosen, every label weighing the same",
        "mean recall over labels; 1 / C by chance",
        "higher",
        lambda a: balanced_accuracy(a.label_N, a.predicted_N, len(a.exits)),
    ),
    Metric(
        "policy/recall/exit_{exit}",
        "Samples of exit {exit} recognised",
        "thesis figures 4.6, 4.8 and 4.10",
        "higher",
        lambda a: _by_exit("policy/recall", a.exits, recall(a.label_N, a.predicted_N, len(a.exits))),
    ),
    Metric(
        "policy/accuracy_by_level/{level}",
        "Right exits chosen on level {level}",
        "thesis figure 4.6",
        "higher",
        _by_level,
    ),
    Metric(
        "policy/auc",
        "Area under the ROC curve, mean over labels",
        "Mann-Whitney, one label against the rest",
        "higher",
        lambda a: macro_auc(a.label_N, a.probability_NC),
    ),
    Metric("policy/label_share/exit_{exit}", "Samples labelled with exit {exit}", "thesis figure 4.5", "none", _shares),
    Metric(
        "policy/label_balance",
        "Balance of the labels",
        "ours; entropy of the labels over that of a uniform distribution",
        "none",
        lambda a: balance(np.bincount(a.label_N, minlength=len(a.exits))),
    ),
)
EVIDENCE = (
    Metric("policy/interval/low", "Right exits chosen, lower end", WILSON, "none", lambda e: _interval(e)[0]),
    Metric("policy/interval/high", "Right exits chosen, upper end", WILSON, "none", lambda e: _interval(e)[1]),
    Metric(
        "policy/best_constant",
        "The best constant answer",
        "ours; the most frequent label of the test set",
        "none",
        lambda e: best_constant(e.answers.label_N),
    ),
    Metric("policy/uniform", "Blind guessing", "1 / C", "none", lambda e: 1 / len(e.exits)),
    Metric(
        "policy/prior_matched",
        "Guessing by the labels' shares",
        "ours; shares of the validation set",
        "none",
        lambda e: prior_matched(e.answers.label_N, needed(e.validation.labels_N, "labels"), len(e.exits)),
    ),
    Metric(
        "policy/confidence/accuracy",
        "Answers from exit 1's confidence alone",
        "ours",
        "none",
        lambda e: _accuracy(e, by_confidence(e)),
    ),
    Metric(
        "policy/confidence/balanced_accuracy",
        "Answers from exit 1's confidence alone, every label weighing the same",
        "ours",
        "none",
        lambda e: _balanced(e, by_confidence(e)),
    ),
    Metric(
        "policy/level/accuracy",
        "Answers from the difficulty level alone",
        "ours",
        "none",
        lambda e: _accuracy(e, by_level(e)),
    ),
    Metric(
        "policy/level/balanced_accuracy",
        "Answers from the difficulty level alone, every label weighing the same",
        "ours",
        "none",
        lambda e: _balanced(e, by_level(e)),
    ),
    Metric(
        "policy/p/constant",
        "p of being no better than the best constant answer",
        "McNemar, exact, one-sided",
        "lower",
        lambda e: better_than_constant(e.answers.label_N, e.answers.predicted_N),
    ),
    Metric(
        "policy/p/chance",
        "p of a balanced accuracy by chance",
        "permutation, one-sided",
        "lower",
        lambda e: better_than_chance(e.answers.label_N, e.answers.predicted_N, len(e.exits)),
    ),
    Metric(
        "policy/left_out",
        "Test samples that no competing exit gets right",
        THESIS,
        "none",
        lambda e: 1 - len(e.answers.label_N) / len(e.network_test.ids_N),
    ),
    Metric(
        "policy/routed/accuracy",
        "Accuracy where the policy network chooses the exit",
        "ours",
        "higher",
        lambda e: routed(e).without_policy.accuracy,
    ),
    Metric(
        "policy/routed/mul_adds",
        "Cost per sample, the policy network's own left out",
        "ours",
        "lower",
        lambda e: routed(e).without_policy.mean_cost,
        unit="MUL-ADDs",
        range=(0, None),
    ),
    Metric(
        "policy/routed/mul_adds_with_policy",
        "Cost per sample, the policy network's own included",
        "ours",
        "lower",
        lambda e: routed(e).with_policy.mean_cost,
        unit="MUL-ADDs",
        range=(0, None),
    ),
)
