"""The page of a policy network: what it was to learn, what it learned, and what that is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

from overthink.policy.catalogue import compute_evidence
from overthink.policy.evidence import Evidence
from overthink.policy.verdict import sentence
from overthink.report.drawing import draw_accuracies, draw_losses
from overthink.report.figures import history
from overthink.report.pages import Captioned, page
from overthink.report.policy_drawing import (
    draw_confusion,
    draw_labels,
    draw_recognised,
    draw_routing,
    draw_yardsticks,
)
from overthink.report.policy_figures import answers_given, labels, recognised, routing, yardsticks


def policy_page(title: str, runs: Sequence[Evidence], records: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the page of one run, with its curves over epochs, or of several runs with different seeds."""
    if len(runs) == 1:
        said = sentence(compute_evidence(runs[0]), len(runs[0].exits))
    else:
        said = f"Means over {len(runs)} runs with different seeds. " + mean_sentence(runs)
    return page(title, said, [*policy_figures(runs), *_learning(records)])


def mean_sentence(runs: Sequence[Evidence]) -> str:
    """Return the verdict on each of several runs, counted."""
    from collections import Counter

    from overthink.policy.verdict import verdict

    counts = Counter(verdict(compute_evidence(run)) for run in runs)
    return "Verdicts: " + ", ".join(f"{words} ({count} of {len(runs)})" for words, count in counts.items()) + "."


def policy_figures(runs: Sequence[Evidence]) -> list[Captioned]:
    """Return the figures that need no curves over epochs."""
    return [
        Captioned("The policy network beside answers that need no image", draw_yardsticks(yardsticks(runs))),
        Captioned("Labels of the early-exit data set, by difficulty", draw_labels(labels(runs))),
        Captioned("Labels that are recognised; dashed: blind guessing", draw_recognised(recognised(runs))),
        Captioned("What is answered for each label (% of the label's samples)", draw_confusion(answers_given(runs))),
        Captioned(
            "The main network, its exits chosen by the policy network, beside budgeted batch prediction",
            draw_routing(routing(runs)),
            wide=True,
        ),
    ]


def _learning(records: Sequence[Mapping[str, Any]]) -> list[Captioned]:
    if not records:
        return []
    curves = history(records)
    return [
        Captioned("Loss over epochs: validation solid, training dashed", draw_losses(curves)),
        Captioned("Accuracy over epochs: validation solid, training dashed", draw_accuracies(curves)),
    ]
