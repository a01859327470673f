"""What the shares of sources say, in sentences no stronger than their intervals."""

from collections.abc import Mapping

from overthink.sentences import number_of
from overthink.statistics.jackknife import Interval
from overthink.study.sources import Shares, SourceShares

NOT_DETERMINED = "so few base points or repeats do not determine what any source contributes."
ONE_BASE_POINT = "All this is around a single base point; around another one, the shares may differ."


def source_sentences(found: SourceShares | None) -> list[str]:
    """Return a paragraph on which samples are overthought, and one on how many; none where there are no shares."""
    if found is None or not any(share.total or share.first_order for share in found.any_later.per_sample.of.values()):
        return []
    points = number_of(found.base_points, "base point")
    paragraphs = [
        f"Which samples are overthought (any later; {found.networks} networks, {points}): "
        f"{_paragraph(found.any_later.per_sample)}",
        f"How many samples are overthought (any later, on these test samples): {_paragraph(found.any_later.rate)}",
    ]
    return [*paragraphs, *([ONE_BASE_POINT] if found.base_points == 1 else [])]


def conclusion(shares: Shares) -> str:
    """Return whether sources add up, by the interaction or else by the sum of total shares; empty if neither is known.

    Sources add up where what each changes does not depend on the others: no interaction, total shares that sum to 100%.
    """
    if (rest := shares.interaction) is not None:
        of_none = (
            f"{share_text(rest)} of the variance belongs to combinations of sources, to no single one (interaction)"
        )
        return _add_up(is_determined(rest), rest.low, 0, of_none)
    if (total := shares.total_sum) is not None:
        sum_to = f"total shares sum to {share_text(total)}, where 100% would mean that they do"
        return _add_up(is_determined(total, len(shares.of)), total.low, 1, sum_to)
    return ""


def is_determined(found: Interval | None, widest: float = 1) -> bool:
    """Return whether a share is known and its interval tells anything of it: one as wide as the range does not."""
    return found is not None and found.low is not None and found.high is not None and found.high - found.low < widest


def share_text(found: Interval) -> str:
    """Return a share in percent with its interval: `97.1% [90.2, 100.0]`."""
    ends = "" if found.low is None or found.high is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.value:.1f}%{ends}"


def _add_up(determined: bool, low: float | None, without_interaction: float, by_what: str) -> str:
    if not determined or low is None:
        return "Whether sources add up is not determined."
    shown = low > without_interaction
    return f"{'Sources do not add up' if shown else 'Whether sources add up is not determined'}: {by_what}."


def _paragraph(shares: Shares) -> str:
    total = {name: share.total for name, share in shares.of.items()}
    first = {name: share.first_order for name, share in shares.of.items()}
    parts = (
        ("of the variance when all sources vary, what changes where one alone varies (total share) is", total),
        ("what one changes whatever the others are (first-order share) is", first),
    )
    said = [f"{words} {listed}" for words, of_kind in parts if (listed := _listed(of_kind))]
    return f"{'; '.join(said)}. {conclusion(shares)}".strip() if said else NOT_DETERMINED


def _listed(shares: Mapping[str, Interval | None]) -> str:
    """Return those shares that are determined."""
    return ", ".join(f"{name} {share_text(share)}" for name, share in shares.items() if share and is_determined(share))
