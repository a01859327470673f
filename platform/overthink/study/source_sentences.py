"""What the shares of sources say, in sentences no stronger than their intervals."""

from overthink.statistics.jackknife import Interval
from overthink.study.sources import Shares, SourceShares

ONE_BASE_POINT = "All this is around a single base point; around another one, the shares may differ."


def source_sentences(found: SourceShares | None) -> list[str]:
    """Return a paragraph on which samples are overthought, and one on how many; none where there are no shares."""
    if found is None or not any(share.total or share.first_order for share in found.any_later.per_sample.of.values()):
        return []
    points = f"{found.base_points} base point{'s' if found.base_points > 1 else ''}"
    readings = (
        (f"Which samples are overthought (any later; {found.networks} networks, {points})", found.any_later.per_sample),
        ("How many samples are overthought (any later; the rate, on these test samples)", found.any_later.rate),
    )
    paragraphs = [f"{what}: {_listed(shares)}. {conclusion(shares)}".strip() for what, shares in readings]
    return [*paragraphs, *([ONE_BASE_POINT] if found.base_points == 1 else [])]


def conclusion(shares: Shares) -> str:
    """Return whether sources add up, by the interaction or else by the sum of total shares; empty if neither is known.

    Sources add up where what each changes does not depend on the others: no interaction, total shares that sum to 100%.
    """
    if shares.interaction is not None:
        rest = f"{share_text(shares.interaction)} of the variance belongs to combinations of sources, to no single one"
        return _add_up(shares.interaction, 0.0, f"interaction: {rest}")
    if shares.total_sum is not None:
        rest = f"the total shares sum to {share_text(shares.total_sum)}, where 100% would mean that they do"
        return _add_up(shares.total_sum, 1.0, rest)
    return ""


def share_text(found: Interval | None) -> str:
    """Return a share in percent with its interval: `97.1% [90.2, 100.0]`; `-` where it is unknown or not determined."""
    if found is None:
        return "-"
    if not is_determined(found):
        return "not determined"
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.value:.1f}%{ends}"


def is_determined(found: Interval) -> bool:
    """Return whether an interval tells anything of a share: one of a width of 100% or more does not."""
    return found.low is None or found.high is None or found.high - found.low < 1


def _add_up(found: Interval, without_interaction: float, rest: str) -> str:
    if not is_determined(found):
        return "Whether sources add up is not determined."
    if found.low is None:
        return f"Too few base points or repeats to say whether sources add up; {rest}."
    if found.low > without_interaction:
        return f"Sources do not add up; {rest}."
    return f"Whether sources add up is not determined; {rest}."


def _listed(shares: Shares) -> str:
    total = [f"{name} {share_text(share.total)}" for name, share in shares.of.items() if share.total]
    first = [f"{name} {share_text(share.first_order)}" for name, share in shares.of.items() if share.first_order]
    parts = (
        ("of the variance of all sources together, what changes where only one varies (total share) is", total),
        ("what one changes whatever the others are (first-order share) is", first),
    )
    return "; ".join(f"{words} {', '.join(listed)}" for words, listed in parts if listed) or "no shares are determined"
