"""The verdict of a study in words. Each sentence follows from one statistic, and says no more than its interval."""

from collections.abc import Mapping

from overthink.seeds import STREAMS
from overthink.sentences import listed
from overthink.statistics.wording import ends, percent, points, times
from overthink.study.answer import summary
from overthink.study.arms import primary_arm_name
from overthink.study.coupling import Coupled
from overthink.study.findings import Findings
from overthink.study.source_sentences import source_sentences
from overthink.study.sources import SourceShares

CLAIM = (
    "The thesis conjectures (sections 4.3 and 5.1) that overthinking is introduced randomly, by the training's own "
    "randomness, and leaves open which source contributes how much."
)
NOTHING_VARIES = (
    "No verdict on the training's randomness: no arm of two finished runs or more varies a source of it and has "
    "networks that differ."
)

UNUSABLE = 100
"""Ratio of an interval's ends from which nothing follows from it."""


def verdict(arms: Mapping[str, Findings], shares: SourceShares | None = None) -> list[str]:
    """Return paragraphs: the summary, how often it recurs, whether exits are coupled, which source matters."""
    name = primary_arm_of(arms)
    if name is None:
        return [NOTHING_VARIES]
    found = arms[name]
    if found.has_one_exit:
        return [summary(name, found)]
    paragraphs = [
        summary(name, found),
        _recurs(found),
        _shares(found),
        _varies_as_a_whole(found),
        _coupled(found),
        *source_sentences(shares),
        _would_change(found),
    ]
    return [text for text in paragraphs if text]


def primary_arm_of(arms: Mapping[str, Findings]) -> str | None:
    """Return the name of the primary arm among those whose networks differ."""
    return primary_arm_name({name: found.sources for name, found in arms.items() if not found.same})


def _recurs(found: Findings) -> str:
    recurs = found.final.recurrence
    if recurs is None:
        return ""
    if recurs.lift.value == 0:
        expected = found.samples * found.final.rate.mean.value**2
        return (
            f"No sample that two trainings overthink was seen (final); independent sets of their size would have "
            f"{expected:.2g} in common."
        )
    again = f"{times(recurs.lift)} as many samples in common as independent sets of their size would"
    if recurs.lift.low is None:
        return f"Two trainings overthink {again} (final)."
    ratio = found.composed.beyond_difficulty if found.composed else None
    beyond = (
        ""
        if ratio is None or ratio.low is None
        else f" The first of these is {ends(ratio, '.2f')} times that of networks composed of exits from different "
        f"trainings, which see every sample at the same difficulty: {_beyond(ratio.low, ratio.high or ratio.low)}."
    )
    return (
        f"Two trainings overthink {again} (final); how many of the other trainings overthink a sample predicts this "
        f"one with an area under the ROC curve of {ends(recurs.auc, '.2f', span=1)} (0.5: not at all).{beyond}"
    )


def _beyond(low: float, high: float) -> str:
    if low <= 1 <= high:
        return "no more than difficulty explains is shown"
    return "more than difficulty explains" if low > 1 else "less than difficulty alone would give"


def _shares(found: Findings) -> str:
    """Return the intraclass correlation, never without its benchmarks."""
    share, errors = found.final.split.sample_share, found.error_share_E[-1]
    if share is None or errors is None:
        return ""
    composed = found.composed.sample_share if found.composed else None
    beside = f", {percent(composed)} in networks composed of different trainings" if composed else ""
    return (
        f"Of the variance of final overthinking over samples and trainings, {percent(share)} stays with the sample"
        f"{beside}, and of that of plain errors of the last exit {percent(errors)}. The share of a rare event is low "
        "even where the same samples are always at risk, so it is no measure of a cause."
    )


def _varies_as_a_whole(found: Findings) -> str:
    ratio = found.any_later.independent
    if ratio is None or ratio.low is None or ratio.high is None:
        return ""
    if ratio.high > UNUSABLE * ratio.low:
        words = f"{found.repeats} trainings do not determine it"
    elif ratio.low > 1:
        words = "some trainings overthink more than others on the whole"
    elif ratio.high < 1:
        words = "trainings differ less in how much they overthink than independent samples would"
    else:
        words = "it is not shown that some trainings overthink more than others on the whole"
    return (
        f"The variance of the any-later rate from training to training is {ends(ratio, '.2f')} times that of "
        f"independent samples: {words}."
    )


def _coupled(found: Findings) -> str:
    coupled = found.final_coupling
    if coupled is None or coupled.difference.low is None:
        return ""
    if coupled.difference.holds_zero:
        words = "No coupling between exits of one network is shown"
    elif coupled.difference.value < 0:
        words = (
            "Exits of one network are coupled: they overthink less than equally accurate exits of different runs would"
        )
    else:
        words = "Exits of one network overthink more than equally accurate exits of different runs would"
    return (
        f"{words}: an earlier exit is right and the last one wrong for {percent(coupled.within)} of samples within a "
        f"network, and for {percent(coupled.across)} where the last exit is another repeat's; the difference is "
        f"{points(coupled.difference)}{_share_of_across(coupled)}."
    )


def _share_of_across(coupled: Coupled) -> str:
    share = coupled.share
    return "" if share is None else f", {100 * abs(share):.0f}% of the rate across runs"


def _would_change(found: Findings) -> str:
    fixed = [stream for stream in STREAMS if stream not in found.sources]
    alike = f" that differ in {listed(found.sources)} alone" if fixed else ""
    return (
        f"{CLAIM} What would change this verdict: other data, networks or lengths of training than these, or more "
        f"repeats than {found.repeats}; intervals hold for new trainings{alike} and new test samples of the same kind."
    )
