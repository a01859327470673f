"""What the courses of trainings say, in sentences: each follows from one statistic and its interval."""

from overthink.dynamics.findings import Dynamics
from overthink.dynamics.order import LearningOrder
from overthink.sentences import listed
from overthink.statistics.jackknife import Interval
from overthink.statistics.wording import ends, percent


def verdict(found: Dynamics) -> list[str]:
    """Return the sentences, those first that say when overthinking is decided."""
    return [sentence for sentence in (_born(found), _lost(found), _order(found.order)) if sentence]


def _born(found: Dynamics) -> str:
    last = found.stages[-1]
    if last.born is None:
        return "No sample was seen overthought at the end."
    if len(found.stages) == 1:
        return ""
    count = last.stage.stop - last.stage.start
    staying = [
        f"{_percent(one.stays)} of those overthought after epoch {found.moments[one.stage.stop - 1].epoch:g}"
        for one in found.stages
        if one.stays is not None
    ]
    before = f"How early the overthought samples are decided: {listed(staying)}, are so at the end. " if staying else ""
    return before + (
        f"Of the samples overthought at the end (any later), {_percent(last.born)} are so for good only since the last "
        f"stage of the training, {count} of {len(found.moments)} recorded moments."
    )


def _lost(found: Dynamics) -> str:
    lost_first, lost_after, never = found.final_fates
    if lost_first is None or lost_after is None or never is None:
        return ""
    beside = (
        f"; of its other errors it had once been right about {_percent(found.once_right_errors)}"
        if found.once_right_errors
        else ""
    )
    return (
        f"Where an earlier exit is right at the end and the last one wrong, the last one had never been right about "
        f"{_percent(never)}; it had been right and lost {_percent(lost_first)} that it knew no later than the earlier "
        f"exit, and {_percent(lost_after)} that it learned after it{beside}."
    )


def _order(order: LearningOrder | None) -> str:
    if order is None or order.exits is None:
        return ""
    one = f"Two exits of one network learn samples in orders that correlate by {_correlation(order.exits)} (Spearman)"
    if order.difference is None or order.exits_across is None:
        return f"{one}."
    known = order.difference.low is not None
    reading = ""
    if known:
        reading = (
            ": the difference may be none"
            if order.difference.holds_zero
            else f": {_correlation(order.difference, 2)} {'more' if order.difference.value > 0 else 'less'}"
        )
    return f"{one}, two exits of different trainings by {_correlation(order.exits_across)}{reading}."


def _percent(found: Interval) -> str:
    return percent(found, digits=0)


def _correlation(found: Interval, most: float = 1) -> str:
    return ends(found.within(-most, most), ".2f", 2 * most)
