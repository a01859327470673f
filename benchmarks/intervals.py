"""Coverage of 95% intervals in simulated worlds whose truth is known: of means, and of the statistics of a study."""

from collections.abc import Iterator

from support.coverage import OVER, RATES, STATISTICS, Coverage, of_means, of_statistics, populations
from support.worlds import World

TRAININGS, SAMPLES, DRAWS = (2, 3, 5, 8), (1000, 4000), 1000
OF_A_STUDY, STUDY_SAMPLES, STUDY_DRAWS = (3, 5, 8), 1000, 200


def main() -> str:
    """Return two tables as text; minutes."""
    worlds = populations()
    return "\n".join([*means(worlds), "", *statistics(worlds)])


def means(worlds: dict[str, World]) -> Iterator[str]:
    """Yield a line for each world, number of trainings and of samples: coverage and width of three intervals."""
    yield f"Coverage in % (mean width in points) of intervals over {' / '.join(OVER)}; {DRAWS} draws"
    yield _line("world", "n", "samples", *RATES)
    for name, world in worlds.items():
        for repeats in TRAININGS:
            for n in SAMPLES:
                found = of_means(world, repeats, n, DRAWS)
                cells = [" / ".join(_cell(found[rate, over], 100) for over in OVER) for rate in RATES]
                yield _line(name, str(repeats), str(n), *cells)


def statistics(worlds: dict[str, World]) -> Iterator[str]:
    """Yield a line for each world, number of trainings and statistic: coverage, width, mean and truth."""
    yield f"Coverage in % (mean width) of a study's statistics, {STUDY_SAMPLES} samples, {STUDY_DRAWS} draws"
    yield _line("world", "statistic", *(f"n = {repeats}" for repeats in OF_A_STUDY))
    for name, world in worlds.items():
        found = [of_statistics(world, repeats, STUDY_SAMPLES, STUDY_DRAWS) for repeats in OF_A_STUDY]
        for statistic in STATISTICS:
            yield _line(name, statistic, *(_cell(one[statistic], 1) for one in found))


def _cell(found: Coverage, factor: float) -> str:
    return "-" if not found.intervals else f"{100 * found.share:.1f} ({factor * found.width:.3g})"


def _line(*cells: str) -> str:
    return " | ".join(cells)
