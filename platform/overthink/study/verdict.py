"""The verdict of a study in words, no stronger than its intervals support, and what would change it."""

from collections.abc import Mapping

from overthink.statistics.jackknife import Interval
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
ALIKE = (0.35, 0.65)
"""Shares between which two sources of variance are about equal."""


def verdict(arms: Mapping[str, Findings], shares: SourceShares | None = None) -> list[str]:
    """Return paragraphs: sample or training, whether it repeats, whether exits are coupled, which source matters."""
    name = primary_arm_of(arms)
    if name is None:
        return [NOTHING_VARIES]
    paragraphs = [
        _sample_or_training(name, arms[name]),
        _repeated(arms[name]),
        _coupled(arms[name]),
        *source_sentences(shares),
        _would_change(arms[name]),
    ]
    return [text for text in paragraphs if text]


def primary_arm_of(arms: Mapping[str, Findings]) -> str | None:
    """Return the name of the primary arm among those whose networks differ."""
    return primary_arm_name({name: found.sources for name, found in arms.items() if not found.same})


def _sample_or_training(arm: str, found: Findings) -> str:
    share = found.any_later.split.sample_share
    behind = f"(arm {arm}, {found.repeats} repeats, {found.samples} test samples)"
    if share is None:
        return f"There is no any-later overthinking {behind}."
    training = Interval(1 - share.value, _less(share.high), _less(share.low))
    if training.low is None or training.high is None:
        words = "Too few repeats to decide whether any-later overthinking depends on the sample or on the training"
    elif training.low > 0.5:
        words = "Any-later overthinking depends mostly on the training, not on the sample"
    elif training.high < 0.5:
        words = "Any-later overthinking depends mostly on the sample, not on the training"
    elif training.low < ALIKE[0] or training.high > ALIKE[1]:
        words = "It is undecided whether any-later overthinking depends more on the sample or on the training"
    else:
        words = "Any-later overthinking depends about equally on the sample and on the training"
    return (
        f"{words}: {percent(training)} of its variance is between trainings of the same sample, the rest between "
        f"samples {behind}."
    )


def _less(end: float | None) -> float | None:
    return None if end is None else 1 - end


def _repeated(found: Findings) -> str:
    overlap = found.final.overlap
    if overlap is None:
        return ""
    by_chance = overlap.lift.low is None or overlap.lift.low <= 1
    more = "This does not differ significantly from chance." if by_chance else _beyond(found.beyond_difficulty)
    return (
        f"Two trainings overthink {times(overlap.lift)} as many samples in common as expected by chance (final, "
        f"permutation p {overlap.p:.2g}). {more}"
    )


def _beyond(ratio: Interval | None) -> str:
    if ratio is None or ratio.low is None or ratio.high is None:
        return "Too few repeats to estimate how much of it difficulty explains."
    if ratio.low <= 1 <= ratio.high:
        words = "Difficulty alone explains it"
    elif ratio.low > 1:
        words = "Difficulty alone does not explain all of it"
    else:
        words = "Difficulty alone would predict more"
    return (
        f"{words}: the lift is {times(ratio)} that of networks composed of exits from different runs, which "
        "see every sample at the same difficulty."
    )


def _coupled(found: Findings) -> str:
    if found.final_coupling is None:
        return ""
    coupled = found.final_coupling
    if coupled.difference.holds_zero:
        words = "Exits of one network do not differ significantly from exits of different runs"
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
    return (
        f"{CLAIM} What would change this verdict: other data, networks or lengths of training than these; more repeats "
        f"than {found.repeats}, since intervals are over models, for these test samples."
    )


def percent(found: Interval, most: float = 1) -> str:
    """Return a fraction as text in percent, with its interval, cut at 0 and `most`: `12.3% [11.0, 13.6]`."""
    found = found.cut(most)
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.value:.1f}%{ends}"


def points(found: Interval) -> str:
    """Return a difference of fractions as text in percentage points: `-2.1 points [-2.6, -1.6]`."""
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    return f"{100 * found.value:+.1f} points{ends}"


def times(found: Interval) -> str:
    """Return a ratio as text, with its interval, cut at 0: `1.80 times [1.60, 2.00]`."""
    found = found.cut()
    ends = "" if found.low is None or found.high is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f} times{ends}"
