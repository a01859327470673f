"""The page of a policy network: its labels, what it learned, and how the main network does with it."""

from collections import Counter
from collections.abc import Sequence

from overthink.policy.catalogue import compute_evidence
from overthink.policy.evidence import Evidence
from overthink.policy.verdict import sentence, verdict
from overthink.report.figures.policy_baselines import (
    answers_without_image,
    draw_answers_without_image,
    draw_routing,
    routing,
)
from overthink.report.figures.policy_labels import (
    draw_label_confusion,
    draw_label_recall,
    draw_label_shares,
    label_confusion,
    label_recall,
    label_shares,
)
from overthink.report.pages import Captioned, page
from overthink.report.run_page import learning_figures
from overthink.training.epoch_record import EpochRecord


def policy_page(title: str, runs: Sequence[Evidence], records: Sequence[EpochRecord] = ()) -> str:
    """Return the page of one run, with its curves over epochs, or of several runs with different seeds."""
    if len(runs) == 1:
        intro = sentence(compute_evidence(runs[0]), len(runs[0].exits))
    else:
        intro = f"Means over {len(runs)} runs with different seeds. " + mean_sentence(runs)
    return page(title, intro, [*policy_figures(runs), *learning_figures(records)])


def mean_sentence(runs: Sequence[Evidence]) -> str:
    """Return the verdicts on several runs, counted."""
    counts = Counter(verdict(compute_evidence(run)) for run in runs)
    return "Verdicts: " + ", ".join(f"{words} ({count} of {len(runs)})" for words, count in counts.items()) + "."


def policy_figures(runs: Sequence[Evidence]) -> list[Captioned]:
    """Return the figures that need no curves over epochs."""
    return [
        Captioned(
            "The policy network beside answers that need no image",
            draw_answers_without_image(answers_without_image(runs)),
        ),
        Captioned("Labels of the early-exit data set, by difficulty", draw_label_shares(label_shares(runs))),
        Captioned(
            "Samples of each label that are sent to the right exit; dashed: chance",
            draw_label_recall(label_recall(runs)),
        ),
        Captioned("Answers for each label (% of the label's samples)", draw_label_confusion(label_confusion(runs))),
        Captioned(
            "The main network with exits chosen by the policy network, beside budgeted batch prediction",
            draw_routing(routing(runs)),
            wide=True,
        ),
    ]
