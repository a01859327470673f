"""The page of a policy network: its labels, what it learned, and how the main network does with it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from overthink.policy.catalogue import compute_evidence
from overthink.policy.evidence import Evidence
from overthink.policy.verdict import ceiling_sentence, sentence, verdict
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


def policy_page(
    title: str,
    runs: Sequence[Evidence],
    records: Sequence[EpochRecord] = (),
    ceiling: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """Return the page of one run, with its curves over epochs, or of a group's runs, with the noise ceiling."""
    return page(title, policy_intro(runs, ceiling), [*policy_figures(runs, ceiling), *learning_figures(records)])


def policy_intro(runs: Sequence[Evidence], ceiling: Mapping[str, float]) -> str:
    """Return the verdict on one run, or the verdicts on several, counted; and the noise ceiling."""
    found = [compute_evidence(run) for run in runs]
    verdicts = Counter(map(verdict, found))
    if len(runs) == 1:
        words = sentence(found[0], len(runs[0].exits))
    else:
        counts = ", ".join(f"{words} ({count} of {len(runs)})" for words, count in verdicts.items())
        words = f"Means over {len(runs)} runs with different seeds. Verdicts: {counts}."
    return " ".join(filter(None, (words, ceiling_sentence(ceiling, verdicts.keys()))))


def policy_figures(runs: Sequence[Evidence], ceiling: Mapping[str, float]) -> list[Captioned]:
    """Return the figures that need no curves over epochs."""
    others = " and the labels of other trainings of the main network" if "policy/ceiling/excess" in ceiling else ""
    return [
        Captioned(
            f"The policy network beside answers that need no image{others}",
            draw_answers_without_image(answers_without_image(runs, ceiling)),
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
