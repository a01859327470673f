"""What forks say about when overthinking is decided, in sentences no stronger than their intervals."""

from collections.abc import Mapping, Sequence

from overthink.sentences import number_of
from overthink.statistics.wording import percent
from overthink.study.forks import AtEpoch, ForkArm

HALF = 0.5


def fork_sentences(arms: Mapping[str, ForkArm]) -> list[str]:
    """Return a paragraph for each arm of forks."""
    return [_paragraph(name, arm) for name, arm in arms.items()]


def _paragraph(name: str, arm: ForkArm) -> str:
    at = ", ".join(f"{percent(one.any_later.differ)} after {one.epoch}" for one in arm.epochs)
    said = (
        f"When is it decided which samples are overthought (any later)? Two trainings of arm {name} share their first "
        f"epochs and then differ in {', '.join(arm.sources)}. Samples that one of them overthinks and the other one "
        f"does not, by the epochs that they share ({number_of(arm.trunks, 'trunk')}): {at}."
    )
    if arm.independent is None:
        return f"{said} With a single trunk there are no independent trainings to compare with: when is not determined."
    return f"{said} Of independent trainings: {percent(arm.independent.any_later.differ)}. {conclusion(arm.epochs)}"


def conclusion(epochs: Sequence[AtEpoch]) -> str:
    """Return what is decided by when, of any-later overthinking; no epoch is named that its interval does not show."""
    decided = {one.epoch: one.any_later.decided for one in epochs}
    known = {epoch: found for epoch, found in decided.items() if found is not None and found.low is not None}
    if not known:
        return "When is not determined: it takes three trunks or more."
    less = [epoch for epoch, found in known.items() if found.high is not None and found.high < HALF]
    more = [epoch for epoch, found in known.items() if found.low is not None and found.low > HALF]
    some = [epoch for epoch, found in known.items() if found.low is not None and found.low > 0]
    if less and more and max(less) < min(more):
        first, last = max(less), min(more)
        return (
            f"Half of what independent trainings differ in is decided between epoch {first}, when it is "
            f"{percent(known[first])}, and epoch {last}, when it is {percent(known[last])}."
        )
    shown = [("More than half", more[:1]), ("Less than half", less[-1:]), ("Some", some[:1])]
    for words, epoch in ((words, epochs[0]) for words, epochs in shown if epochs):
        return f"{words} of what independent trainings differ in is decided by epoch {epoch}: {percent(known[epoch])}."
    return "It is not shown that these epochs decide any of what independent trainings differ in."
