"""`overthink study`: how much of overthinking belongs to samples, and how much to the randomness of a training."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_grid, print_json, print_problems, results
from overthink.report.safe_text import escape_for_terminal, print_text
from overthink.store import tags

if TYPE_CHECKING:
    from overthink.report.fork_lines import Connected
    from overthink.report.studies import ReadStudy, Study
    from overthink.report.study_page import Pictures
    from overthink.store.client import Store
    from overthink.store.stored import StoredRun
    from overthink.study.findings import Findings
    from overthink.study.forks import ForkArm
    from overthink.study.sources import SourceShares


NOT_YET = "no arm has two finished runs yet"


def study(
    name: Annotated[
        str,
        typer.Argument(metavar="STUDY", help=f"Definition of a study, experiment, or group {options.CALLED}."),
    ],
    data_root: options.DataRoot = None,
    connectivity: Annotated[
        bool,
        typer.Option(
            "--connectivity",
            help="Of a study of forks: loss and error along the straight line from each trunk's weights to its forks'.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Split the variance of overthinking into a per-sample and a per-training part.

    Uses the repeats of a study, or the seeds of any group of runs. A page with figures is added to the group.
    """
    from overthink.cli.selection import runs_named
    from overthink.store.local_store import store_to_read
    from overthink.store.unreadable import problems_of

    chosen = runs_named(store_to_read(), [name])
    unreadable, studies = list(problems_of(chosen)), _studies(chosen, name)
    from overthink.store.client import Store  # MLflow takes seconds, so after what may be refused

    store, console = Store(), log()
    for one in studies:
        if one.kernels_warning:
            print_text(console, one.kernels_warning)
    answers = [_answer(store, one, data_root, console, unreadable) for one in studies]
    if connectivity:
        answers = [_with_lines(store, answer, data_root, console) for answer in answers]
    print_problems(console, unreadable)
    problems = [answer.problem for answer in answers if answer.problem is not None]
    asked_for = [answer.lines is not None if connectivity else bool(answer.found) for answer in answers]
    if not any(asked_for):
        raise next(iter(problems), ValueError(f"{name}: {NOT_YET}"))
    for problem in problems:
        print_text(console, str(problem))
    if as_json:
        print_json([_as_plain(answer) for answer in answers])
    else:
        for answer in answers:
            if answer.found:
                _show(store, answer, console)
    return OK if all(asked_for) and not any(answer.study.missing for answer in answers) else SOME_FAILED


class _Answer(NamedTuple):
    """What a study shows, of those of its runs that can be read."""

    study: "Study"
    found: "dict[str, Findings]"
    shares: "SourceShares | None"
    forks: "dict[str, ForkArm]"
    problem: ValueError | None
    """Why it shows nothing, or no lines; that of this group does not end the others."""
    lines: "list[Connected] | None" = None
    """Between its forks' networks; None where not asked for."""


def _answer(store: "Store", one: "Study", data_root: Path | None, console: Console, unreadable: list[str]) -> _Answer:
    from overthink.report.studies import StudyError, read_study
    from overthink.untrusted import reason

    read = read_study(store, one)
    unreadable += read.problems
    try:
        return _Answer(read.study, *_findings(store, read, data_root, console), None)
    except StudyError as error:
        return _Answer(read.study, {}, None, {}, error)
    except ValueError as error:
        return _Answer(read.study, {}, None, {}, StudyError(f"{one.group.name}: {reason(error)}"))


def _with_lines(store: "Store", answer: _Answer, data_root: Path | None, console: Console) -> _Answer:
    from overthink.report.fork_lines import connected

    if not answer.found:
        return answer
    try:
        lines = connected(store, answer.study, data_root, lambda sentence: print_text(console, sentence))
    except ValueError as error:
        return answer._replace(problem=error)
    return answer._replace(lines=lines)


def _studies(chosen: "Sequence[StoredRun]", name: str) -> "list[Study]":
    from overthink.report.studies import study_of

    groups = [run for run in chosen if run.is_group and not run.is_policy]
    if not groups:
        raise ValueError(f"{name}: only policy networks or single runs; a study takes groups of multi-exit networks")
    return [study_of(run, chosen) for run in sorted(groups, key=lambda run: run.started_ms)]


def _findings(
    store: "Store", read: "ReadStudy", data_root: Path | None, console: Console
) -> "tuple[dict[str, Findings], SourceShares | None, dict[str, ForkArm]]":
    """Return the findings of a study by arm, its shares by source and its forks, and add its page to the group.

    There are none where no arm has two finished runs.
    """
    from overthink.report.studies import findings_by_arm, forks_of_study, shares_of_study
    from overthink.report.study_page import study_page
    from overthink.report.study_pictures import study_pictures
    from overthink.store.errors import MissingArtifactError
    from overthink.store.writer import Writer
    from overthink.study.verdict import primary_arm_of

    one, known = read.study, read.tests
    found = findings_by_arm(one, known, read.validations)
    if not found:
        print_text(console, f"{one.group.name}: {NOT_YET}")
        return found, None, {}
    pictures: Pictures = ()
    if (whole := primary_arm_of(found)) is not None:
        runs = one.arms[whole].runs
        try:
            pictures = study_pictures(store, runs, [known[run.run_id] for run in runs], data_root)
        except (ValueError, MissingArtifactError) as error:  # only the pictures need images
            print_text(console, f"No pictures of samples: {error}")
    shares, forks = shares_of_study(one, known), forks_of_study(one, known)
    page = study_page(one.group.name, found, shares, pictures, one.kernels_warning, forks)
    for problem in Writer(store).page(one.group.run_id, tags.STUDY_PAGE, page):
        print_text(console, problem)
    return found, shares, forks


def _show(store: "Store", answer: _Answer, console: Console) -> None:
    from overthink.report.fork_lines import connected_grid
    from overthink.report.fork_table import fork_grids
    from overthink.report.source_table import source_grids
    from overthink.report.study_table import arms_grid, ties_grid
    from overthink.report.ui_views import ui_hint
    from overthink.study.fork_sentences import fork_sentences
    from overthink.study.verdict import primary_arm_of, verdict

    one, found, shares, forks, _, lines = answer
    shown = results()
    shown.print(escape_for_terminal(one.group.name, "bold"), "")
    for paragraph in (*verdict(found, shares), *fork_sentences(forks)):
        shown.print(escape_for_terminal(paragraph), "")
    whole = primary_arm_of(found)
    for grid in (
        arms_grid(found),
        *fork_grids(forks),
        *source_grids(shares),
        *([ties_grid(found[whole])] if whole is not None else []),
    ):
        if grid.rows:
            print_grid(grid)
    if lines is not None:
        print_grid(connected_grid(lines))
    shown.print()
    if one.missing:
        console.print(
            f"Missing or unfinished runs of the study: {one.missing}. Resume it with overthink run.", soft_wrap=True
        )
    print_text(console, f"Figures and all numbers: artifact {tags.STUDY_PAGE} of the group.")
    console.print(ui_hint(store, one.group.experiment_id), soft_wrap=True)


def _as_plain(answer: _Answer) -> dict[str, Any]:
    from overthink.study.fork_sentences import fork_sentences
    from overthink.study.verdict import verdict

    one, found, shares, forks, problem, lines = answer
    return {
        "group": one.group.run_id,
        "name": one.group.name,
        "missing": one.missing,
        "kernels_warning": one.kernels_warning,
        "problem": str(problem) if problem else None if found else NOT_YET,
        "verdict": [*verdict(found, shares), *fork_sentences(forks)] if found else [],
        "arms": {
            name: {"runs": [run.run_id for run in one.arms[name].runs], **_plain(findings._asdict())}
            for name, findings in found.items()
        },
        "source_shares": _plain(shares),
        "forks": _plain(forks),
        "connectivity": _plain(lines),
    }


def _plain(value: Any) -> Any:
    """Return arrays and named tuples as JSON types; pairs of exits become `1,5`."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, dict):
        return {",".join(map(str, k)) if isinstance(k, tuple) else k: _plain(inner) for k, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.tolist() if hasattr(value, "tolist") else value
