"""What a study comes to, in words, never more than its intervals carry; and what would change it."""

from collections.abc import Mapping
from math import inf

from overthink.statistics.jackknife import Interval
from overthink.study.arms import WHOLE, primary_arm_name
from overthink.study.coupling import Coupled
from overthink.study.findings import Findings

CLAIM = (
    "The thesis conjectures (sections 4.3 and 5.1) that overthinking is introduced randomly, by the training's own "
    "randomness, and leaves open which source contributes how much."
)
NOTHING_VARIES = (
    "Nothing can be said of the training's randomness: no arm of two finished runs or more varies any source of it and "
    "has networks that differ."
)
WHOLE_IS_TAKEN = (
    "These intervals are of each source's own repeats; what all move together is taken as it was seen, without its "
    "uncertainty, so they are too narrow for the shares."
)

ALIKE = (0.35, 0.65)
"""Shares between which two sources of variance are about equal."""


def verdict(arms: Mapping[str, Findings]) -> list[str]:
    """Return paragraphs: whose overthinking is, whether it repeats, whether exits are tied, which source moves it."""
    name = whole_of(arms)
    if name is None:
        return [NOTHING_VARIES]
    said = [
        _whose(name, arms[name]),
        _again(arms[name]),
        _tied(arms[name]),
        _sources(arms),
        _would_change(arms[name]),
    ]
    return [text for text in said if text]


def whole_of(arms: Mapping[str, Findings]) -> str | None:
    """Return the name of the primary arm among those whose networks differ."""
    return primary_arm_name({name: found.sources for name, found in arms.items() if not found.same})


def _whose(arm: str, found: Findings) -> str:
    share = found.any_later.split.sample_share
    behind = f"(arm {arm}, {found.repeats} repeats, {found.samples} test samples)"
    if share is None:
        return f"There is no any-later overthinking {behind}."
    training = Interval(1 - share.value, _less(share.high), _less(share.low))
    if training.low is None or training.high is None:
        words = "Too few repeats tell whether any-later overthinking belongs to samples or to the training"
    elif training.low > 0.5:
        words = "Any-later overthinking is mostly the training's, not the sample's"
    elif training.high < 0.5:
        words = "Any-later overthinking is mostly the sample's, not the training's"
    elif training.low < ALIKE[0] or training.high > ALIKE[1]:
        words = "Whether any-later overthinking is more the sample's or the training's cannot be told"
    else:
        words = "Any-later overthinking is about as much the sample's as the training's"
    return (
        f"{words}: {percent(training)} of its variance changes from one training to the next, the rest stays with the "
        f"sample {behind}."
    )


def _less(end: float | None) -> float | None:
    return None if end is None else 1 - end


def _again(found: Findings) -> str:
    overlap = found.final.overlap
    if overlap is None:
        return ""
    by_chance = overlap.lift.low is None or overlap.lift.low <= 1
    return (
        f"Two trainings overthink {times(overlap.lift)} as many samples in common as chance says (final, permutation p "
        f"{overlap.p:.2g}). {'That is not told from chance.' if by_chance else _beyond(found.beyond_difficulty)}"
    )


def _beyond(ratio: Interval | None) -> str:
    if ratio is None or ratio.low is None or ratio.high is None:
        return "Too few repeats tell how much of it is difficulty alone."
    if ratio.low <= 1 <= ratio.high:
        words = "Difficulty alone is enough to explain what is seen"
    elif ratio.low > 1:
        words = "Difficulty alone does not explain all of it"
    else:
        words = "Difficulty alone would make it more"
    return (
        f"{words}: the lift is {times(ratio)} that of networks put together of strangers' exits, which meet every "
        "sample at the same difficulty."
    )


def _tied(found: Findings) -> str:
    if found.final_coupling is None:
        return ""
    coupled = found.final_coupling
    if coupled.difference.holds_zero:
        words = "Exits of one network cannot be told from exits of strangers"
    elif coupled.difference.value < 0:
        words = "Exits of one network are tied: they overthink less than strangers of the same accuracy would"
    else:
        words = "Exits of one network overthink more than strangers of the same accuracy would"
    return (
        f"{words}: an earlier exit is right and the last one wrong for {percent(coupled.within)} of samples within a "
        f"network, and for {percent(coupled.across)} where the last exit is another repeat's; the difference is "
        f"{points(coupled.difference)}{_of_strangers(coupled)}."
    )


def _of_strangers(coupled: Coupled) -> str:
    share = coupled.share
    return "" if share is None else f", {100 * abs(share):.0f}% of the strangers' rate"


def _sources(arms: Mapping[str, Findings]) -> str:
    whole = arms.get(WHOLE)
    if whole is None or whole.any_later.split.within_samples.value <= 0:
        return ""
    together = whole.any_later.split.within_samples.value
    parts = [
        f"{name} {percent(_over(found.any_later.split.within_samples, together), most=inf)}"
        for name, found in arms.items()
        if name != WHOLE and not found.same
    ]
    if not parts:
        return ""
    return (
        "How much overthinking changes from one training to the next where one source alone varies, against all "
        f"together: {', '.join(parts)}. {WHOLE_IS_TAKEN} Sources do not add up: any one of them sends the training "
        "another way."
    )


def _over(found: Interval, whole: float) -> Interval:
    """Return a number as a share of another, taken as it is."""
    low, high = (None if end is None else end / whole for end in (found.low, found.high))
    return Interval(found.value / whole, low, high)


def _would_change(found: Findings) -> str:
    return (
        f"{CLAIM} What would change this verdict: other data, networks or lengths of training than these; more repeats "
        f"than {found.repeats}, since intervals are over models, for these test samples."
    )


def percent(found: Interval, most: float = 1) -> str:
    """Say a fraction in percent, with its interval, cut at 0 and the most that can be: `12.3% [11.0, 13.6]`."""
    found = found.cut(most)
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.value:.1f}%{ends}"


def points(found: Interval) -> str:
    """Say a difference of fractions in percentage points: `-2.1 points [-2.6, -1.6]`."""
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    return f"{100 * found.value:+.1f} points{ends}"


def times(found: Interval) -> str:
    """Say a ratio, with its interval, cut at 0: `1.80 times [1.60, 2.00]`."""
    found = found.cut()
    ends = "" if found.low is None or found.high is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f} times{ends}"
