"""The catalogue of numbers about policy networks; `metrics.catalogue` has those about multi-exit networks."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from overthink.metrics import catalogue
from overthink.metrics.metric import Metric
from overthink.metrics.naming import level_names, match
from overthink.policy.baselines import best_constant, by_confidence, by_level, prior_matched
from overthink.policy.evidence import Answers, Evidence
from overthink.policy.exit_labels import balance
from overthink.policy.routing import routed
from overthink.policy.scores import balanced_accuracy, macro_auc, recall
from overthink.policy.significance import accuracy_interval, better_than_chance, better_than_constant

THESIS = "thesis section 4.2"


def describe(name: str) -> Metric:
    """Return what is known about a metric, of multi-exit or of policy networks; raise ValueError for another name."""
    for metric in (*ANSWERS, *EVIDENCE):
        if (parts := match(metric.name, name)) is not None:
            return replace(metric, name=name, title=metric.title.format(**parts))
    return catalogue.describe(name)


def compute_answers(answers: Answers) -> dict[str, float]:
    """Return the metrics of a policy network's answers alone, by full name."""
    return _values(ANSWERS, answers)


def compute_evidence(evidence: Evidence) -> dict[str, float]:
    """Return the metrics on D_ee's test set, those that compare the policy network with other answers included."""
    return compute_answers(evidence.answers) | _values(EVIDENCE, evidence)


def _values(metrics: Iterable[Metric], of: Answers | Evidence) -> dict[str, float]:
    values: dict[str, float] = {}
    for metric in metrics:
        value = metric.compute(of)
        values |= value if isinstance(value, dict) else {metric.name: value}
    return {name: float(value) for name, value in values.items() if value is not None and not np.isnan(value)}


def _named_exits(section: str, exits: tuple[int, ...], values: Iterable[float]) -> dict[str, float]:
    return {f"{section}/exit_{exit}": float(value) for exit, value in zip(exits, values, strict=True)}


def _by_level(a: Answers) -> dict[str, float]:
    names = level_names(a.level_names)
    return {
        f"policy/accuracy_by_level/{name}": float(a.right_N[a.levels_N == number].mean())
        for number, name in enumerate(names)
        if (a.levels_N == number).any()
    }


def _auc(a: Answers) -> dict[str, float]:
    value = macro_auc(a.label_N, a.chance_NC)
    return {} if value is None else {"policy/auc": value}


def _shares(a: Answers) -> dict[str, float]:
    return _named_exits("policy/label_share", a.exits, np.bincount(a.label_N, minlength=len(a.exits)) / len(a.label_N))


def _interval(e: Evidence) -> dict[str, float]:
    low, high = accuracy_interval(int(e.answers.right_N.sum()), len(e.answers.right_N))
    return {"policy/interval/low": low, "policy/interval/high": high}


def _confidence(e: Evidence) -> dict[str, float]:
    return _simple("confidence", e, by_confidence(e))


def _level(e: Evidence) -> dict[str, float]:
    answers_N = by_level(e)
    return {} if answers_N is None else _simple("level", e, answers_N)


def _simple(name: str, e: Evidence, answers_N: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> dict[str, float]:
    label_N = e.answers.label_N
    return {
        f"policy/{name}/accuracy": float((answers_N == label_N).mean()),
        f"policy/{name}/balanced_accuracy": balanced_accuracy(label_N, answers_N, len(e.exits)),
    }


def _routed(e: Evidence) -> dict[str, float]:
    found = routed(e)
    return {
        "policy/routed/accuracy": found.without_policy.accuracy,
        "policy/routed/mul_adds": found.without_policy.mean_cost,
        "policy/routed/mul_adds_with_policy": found.with_policy.mean_cost,
    }


def _entry(
    name: str, title: str, compute: "Metric | object", source: str = THESIS, direction: str = "higher", **more: object
) -> Metric:
    return Metric(name=name, title=title, source=source, direction=direction, compute=compute, **more)  # type: ignore[arg-type]


ANSWERS = (
    _entry("policy/accuracy", "Right exits chosen", lambda a: float(a.right_N.mean())),
    _entry(
        "policy/balanced_accuracy",
        "Right exits chosen, every label weighing the same",
        lambda a: balanced_accuracy(a.label_N, a.predicted_N, len(a.exits)),
        "mean recall over labels; 1 / C by chance",
    ),
    _entry(
        "policy/recall/exit_{exit}",
        "Samples of exit {exit} recognised",
        lambda a: _named_exits("policy/recall", a.exits, recall(a.label_N, a.predicted_N, len(a.exits))),
        "thesis figures 4.6, 4.8 and 4.10",
    ),
    _entry("policy/accuracy_by_level/{level}", "Right exits chosen on level {level}", _by_level, "thesis figure 4.6"),
    _entry(
        "policy/auc", "Area under the ROC curve, mean over labels", _auc, "Mann-Whitney, one label against the rest"
    ),
    _entry("policy/label_share/exit_{exit}", "Samples labelled with exit {exit}", _shares, "thesis figure 4.5", "none"),
    _entry(
        "policy/label_balance",
        "Balance of the labels",
        lambda a: balance(np.bincount(a.label_N, minlength=len(a.exits))),
        "ours; entropy of the labels over that of a uniform distribution",
        "none",
    ),
)
EVIDENCE = (
    _entry("policy/interval/low", "Right exits chosen, lower end", _interval, "Wilson, 95% over samples", "none"),
    _entry("policy/interval/high", "Right exits chosen, upper end", lambda _: {}, "Wilson, 95% over samples", "none"),
    _entry(
        "policy/best_constant",
        "The best constant answer",
        lambda e: best_constant(e.answers.label_N),
        "ours; the most frequent label of the test set",
        "none",
    ),
    _entry("policy/uniform", "Blind guessing", lambda e: 1 / len(e.exits), "1 / C", "none"),
    _entry(
        "policy/prior_matched",
        "Guessing by the labels' shares",
        lambda e: prior_matched(e.answers.label_N, e.validation.labels_N, len(e.exits)),
        "ours; shares of the validation set",
        "none",
    ),
    _entry("policy/confidence/accuracy", "Answers from exit 1's confidence alone", _confidence, "ours", "none"),
    _entry(
        "policy/confidence/balanced_accuracy",
        "Answers from exit 1's confidence alone, every label weighing the same",
        lambda _: {},
        "ours",
        "none",
    ),
    _entry("policy/level/accuracy", "Answers from the difficulty level alone", _level, "ours", "none"),
    _entry(
        "policy/level/balanced_accuracy",
        "Answers from the difficulty level alone, every label weighing the same",
        lambda _: {},
        "ours",
        "none",
    ),
    _entry(
        "policy/p/constant",
        "p of being no better than the best constant answer",
        lambda e: better_than_constant(e.answers.label_N, e.answers.predicted_N),
        "McNemar, exact, one-sided",
        "lower",
    ),
    _entry(
        "policy/p/chance",
        "p of a balanced accuracy by chance",
        lambda e: better_than_chance(e.answers.label_N, e.answers.predicted_N, len(e.exits)),
        "permutation, one-sided",
        "lower",
    ),
    _entry(
        "policy/left_out",
        "Test samples that no competing exit gets right",
        lambda e: 1 - len(e.answers.label_N) / len(e.network_test.ids_N),
        THESIS,
        "none",
    ),
    _entry("policy/routed/accuracy", "Accuracy where the policy network chooses the exit", _routed, "ours"),
    _entry(
        "policy/routed/mul_adds",
        "Cost per sample, the policy network's own left out",
        lambda _: {},
        "ours",
        "lower",
        unit="MUL-ADDs",
        range=(0, None),
    ),
    _entry(
        "policy/routed/mul_adds_with_policy",
        "Cost per sample, the policy network's own included",
        lambda _: {},
        "ours",
        "lower",
        unit="MUL-ADDs",
        range=(0, None),
    ),
)
