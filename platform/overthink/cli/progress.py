"""Progress of a launch: bars on a terminal, a line an event elsewhere. Written to standard error."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from overthink.cli.plan_sentence import plan_sentence
from overthink.launching.estimating.time_left import TimeLeft
from overthink.launching.planned_run import TO_DO, PlannedRun
from overthink.report.safe_text import print_text
from overthink.running.events import NAMES, Event, Finished, Lost, Started
from overthink.sentences import about, number_of
from overthink.training.epoch_record import EpochRecord
from overthink.training.regime import total_epochs
from overthink.untrusted import one_line

NeededBy = Callable[[Sequence[PlannedRun]], Sequence[str]]
"""Returns sentences on the time and the room that planned runs take; none where that is not known."""
LONGEST_NAME = 26


class Lines:
    """A plain line an event: for logs, pipes and people without a terminal."""

    def __init__(self, console: Console, needed_by: NeededBy | None = None) -> None:
        self._console = console
        self._needed_by = needed_by
        self._left = TimeLeft()

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Say how much there is to do."""
        _say_plan(self._console, runs, self._needed_by)
        self._left.plan(runs)

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Print what happened, and how long the launch still takes."""
        self._left.note(run, event)
        left = "" if isinstance(event, Started) else _left_of_all(self._left, run, event)
        print_text(self._console, f"{run.name}: {_sentence(run, event)}{left}")

    def on_message(self, sentence: str) -> None:
        """Say it."""
        print_text(self._console, sentence)


class RunBars:
    """A bar for each run at work; `left` gives the seconds that the run of a key still takes, where that is known."""

    def __init__(self, progress: Progress, left: Callable[[str], float | None] = lambda key: None) -> None:
        self._progress = progress
        self._left = left
        self._tasks: dict[str, TaskID] = {}

    def move(self, run: PlannedRun, name: str, event: Event) -> int:
        """Begin, move or end a run's bar; return by how many epochs it moved."""
        match event:
            case Started():
                done, total = len(event.history), total_epochs(run.run.regime)
                fields: dict[str, Any] = {"note": "", "until": until(self._left(run.key))}
                self._tasks[run.key] = self._progress.add_task(_short(name), total=total, completed=done, **fields)
                return done
            case EpochRecord():
                fields = {"note": _accuracies(event), "until": until(self._left(run.key))}
                self._progress.update(self._tasks[run.key], advance=1, **fields)
                return 1
            case _:
                if run.key not in self._tasks:
                    return 0
                task = self._tasks.pop(run.key)
                epochs = next(bar.completed for bar in self._progress.tasks if bar.id == task)
                self._progress.remove_task(task)
                return -int(epochs) if isinstance(event, Lost) else 0  # it counts again from its checkpoint


class Bars:
    """A bar for all epochs together, and one for each run at work."""

    def __init__(self, console: Console, progress: Progress, needed_by: NeededBy | None = None) -> None:
        self._console = console
        self._needed_by = needed_by
        self._progress = progress
        self._left = TimeLeft()
        self._runs = RunBars(progress, self._left.of_run)
        self._all: TaskID | None = None

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Say how much there is to do, and start the overall bar."""
        _say_plan(self._console, runs, self._needed_by)
        self._left.plan(runs)
        work = [run for run in runs if run.action in TO_DO]
        if work:
            epochs = sum(total_epochs(run.run.regime) for run in work)
            fields: dict[str, Any] = {"note": "starting workers", "until": until(self._left.of_all())}
            self._all = self._progress.add_task(f"all {number_of(len(work), 'run')}", total=epochs, **fields)

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Move the bars, and print what is more than an epoch."""
        self._left.note(run, event)
        moved = self._runs.move(run, run.name, event)
        if self._all is not None:
            fields: dict[str, Any] = {"note": f"{self._left.runs} to go", "until": until(self._left.of_all())}
            self._progress.update(self._all, advance=moved, **fields)
        if not isinstance(event, Started | EpochRecord):
            print_text(self._console, f"{run.name}: {_sentence(run, event)}")

    def on_message(self, sentence: str) -> None:
        """Say it above the bars."""
        print_text(self._console, sentence)


class LeftColumn(ProgressColumn):
    """How long a task still takes: until the moment in its field `until`."""

    def render(self, task: Task) -> str:
        """Return the time that is left, as `3 min left`; nothing where it is not known."""
        end = task.fields.get("until")
        return "" if end is None else f"{about(max(end - time.monotonic(), 0.0))} left"


def until(seconds: float | None) -> float | None:
    """Return the moment, by the monotonic clock, that is so many seconds ahead; None where they are not known."""
    return None if seconds is None else time.monotonic() + seconds


def _left_of_all(left: TimeLeft, run: PlannedRun, event: Event) -> str:
    """Return what is left: runs, or of the last one, once its epochs are trained, its results."""
    seconds = left.of_all()
    if seconds is None or not left.runs:
        return ""
    trained = isinstance(event, EpochRecord) and event.epoch == total_epochs(run.run.regime)
    what = "its results" if trained and left.runs == 1 else number_of(left.runs, "run")
    return f"; {what} to go, about {about(seconds)}"


@contextmanager
def progress_for(console: Console, needed_by: NeededBy | None = None) -> Iterator[Lines | Bars]:
    """Give the listener that fits the console; `needed_by` returns what a plan takes."""
    if not console.is_terminal:
        yield Lines(console, needed_by)
        return
    with bars_on(console, LeftColumn(Column(no_wrap=True))) as progress:
        yield Bars(console, progress, needed_by)


@contextmanager
def counted(console: Console, name: str, total: int) -> Iterator[Callable[[str], None]]:
    """Give a function to call for each finished item of a total: a bar on a terminal, a line each elsewhere."""
    if not console.is_terminal:
        number = count(1)
        print_text(console, f"{name}: {total} to do.")
        yield lambda item: print_text(console, f"{name} {next(number)}/{total}: {item}")
        return
    with bars_on(console, TimeRemainingColumn(compact=True)) as progress:
        task = progress.add_task(name, total=total, note="")
        yield lambda item: progress.update(task, advance=1, note=one_line(item))


def bars_on(console: Console, *more: ProgressColumn) -> Progress:
    """Return bars with a name, a count and a note each, gone once they are left; `more` stands before the note."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=12), MofNCompleteColumn())
    note = TextColumn("{task.fields[note]}", markup=False)
    return Progress(*columns, *more, note, console=console, transient=True)


def _say_plan(console: Console, runs: Sequence[PlannedRun], needed_by: NeededBy | None) -> None:
    print_text(console, plan_sentence(runs))
    for sentence in needed_by(runs) if needed_by is not None else ():
        print_text(console, sentence)


def _sentence(run: PlannedRun, event: Event) -> str:
    match event:
        case Started():
            images, cost = event.samples["train"], event.mul_adds[-1] / 1e6
            return f"started on {event.settings['device']} ({images} training images, {cost:.1f} M MUL-ADDs)"
        case EpochRecord():
            total = total_epochs(run.run.regime)
            return (
                f"epoch {event.epoch}/{total}, loss {event.train_loss:.3f}, {_accuracies(event)}{_overthinking(event)}"
            )
        case Finished():
            return "finished"
        case Lost():
            return f"its machine was lost ({event.message}); queued again, to resume from the last checkpoint"
        case _:
            return f"{NAMES[type(event)]}: {event.message}"


def _accuracies(record: EpochRecord) -> str:
    return "val " + "/".join(f"{100 * accuracy:.0f}" for accuracy in record.val_accuracy) + "%"


def _overthinking(record: EpochRecord) -> str:
    found = record.val_overthinking
    return "" if found is None or len(record.val_accuracy) == 1 else f", any later {100 * found:.0f}%"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
