"""How a launch is watched: moving bars on a terminal, a line an event elsewhere. Written to standard error."""

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
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from overthink.launching.plan import TO_DO, PlannedRun
from overthink.report.safe_text import one_line, print_text
from overthink.training.regime import total_epochs


class Lines:
    """A plain line an event: for logs, pipes and people without a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Say how much there is to do."""
        self._console.print(_intent(runs))

    def on_event(self, run: PlannedRun, body: dict[str, Any]) -> None:
        """Say what happened."""
        print_text(self._console, f"{run.name}: {_event(run, body)}")

    def on_message(self, sentence: str) -> None:
        """Say it."""
        print_text(self._console, sentence)


class RunBars:
    """A bar for each run at work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def move(self, run: PlannedRun, name: str, body: dict[str, Any]) -> int:
        """Begin, move or end a run's bar; return by how many epochs it moved."""
        match body["event"]:
            case "started":
                done, total = len(body["history"]), total_epochs(run.run.regime)
                self._tasks[run.key] = self._progress.add_task(_short(name), total=total, completed=done, note="")
                return done
            case "epoch":
                self._progress.update(self._tasks[run.key], advance=1, note=_accuracies(body))
                return 1
            case event:
                if run.key not in self._tasks:
                    return 0
                task = self._tasks.pop(run.key)
                epochs = next(bar.completed for bar in self._progress.tasks if bar.id == task)
                self._progress.remove_task(task)
                return -int(epochs) if event == "lost" else 0  # what it goes on from is counted when it starts again


class Bars:
    """A bar for all epochs together, and one for each run at work."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._runs = RunBars(progress)
        self._all: TaskID | None = None

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Say how much there is to do, and start the overall bar."""
        self._console.print(_intent(runs))
        work = [run for run in runs if run.action in TO_DO]
        if work:
            epochs = sum(total_epochs(run.run.regime) for run in work)
            self._all = self._progress.add_task(f"all {len(work)} runs", total=epochs, note="starting workers")

    def on_event(self, run: PlannedRun, body: dict[str, Any]) -> None:
        """Move the bars, and say what is more than an epoch."""
        moved = self._runs.move(run, run.name, body)
        if moved or body["event"] == "started":
            assert self._all is not None
            self._progress.update(self._all, advance=moved, note="")
        if "warning" in body:
            print_text(self._console, f"{run.name}: {body['warning']}")
        elif body["event"] not in ("started", "epoch"):
            print_text(self._console, f"{run.name}: {_event(run, body)}")

    def on_message(self, sentence: str) -> None:
        """Say it above the bars."""
        print_text(self._console, sentence)


@contextmanager
def progress_for(console: Console) -> Iterator[Lines | Bars]:
    """Give the watcher that fits the console."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with bars_on(console, TimeRemainingColumn(compact=True)) as progress:
        yield Bars(console, progress)


@contextmanager
def counted(console: Console, name: str, total: int) -> Iterator[Callable[[str], None]]:
    """Give what says that one more of so many is done: a bar on a terminal, a line each elsewhere."""
    if not console.is_terminal:
        number = count(1)
        print_text(console, f"{name}: {total} to do.")
        yield lambda said: print_text(console, f"{name} {next(number)}/{total}: {said}")
        return
    with bars_on(console, TimeRemainingColumn(compact=True)) as progress:
        task = progress.add_task(name, total=total, note="")
        yield lambda said: progress.update(task, advance=1, note=one_line(said))


def bars_on(console: Console, *more: ProgressColumn) -> Progress:
    """Return bars with a name, a count and a note each, gone once they are left; `more` stands before the note."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=12), MofNCompleteColumn())
    note = TextColumn("{task.fields[note]}", markup=False)
    return Progress(*columns, *more, note, console=console, transient=True)


def _intent(runs: Sequence[PlannedRun]) -> str:
    todo = sum(run.action in TO_DO for run in runs)
    again = sum(run.action == "resume" for run in runs)
    rest = f", {again} of them from a checkpoint" if again else ""
    return f"{len(runs)} runs: {todo} to train{rest}, {len(runs) - todo} not."


def _event(run: PlannedRun, body: dict[str, Any]) -> str:
    match body["event"]:
        case "started":
            device, images = body["settings"]["device"], body["samples"]["train"]
            warning = f"; {body['warning']}" if "warning" in body else ""
            return (
                f"started on {device} ({images} training images, {body['mul_adds'][-1] / 1e6:.1f} M MUL-ADDs){warning}"
            )
        case "epoch":
            total = total_epochs(run.run.regime)
            return f"epoch {body['epoch']}/{total}, loss {body['train_loss']:.3f}, {_accuracies(body)}"
        case "finished":
            return "finished"
        case "lost":
            return f"its machine is lost ({body['message']}); it goes on elsewhere from its last checkpoint"
        case event:
            return f"{event}: {body.get('message', '')}"


def _accuracies(body: dict[str, Any]) -> str:
    return "val % " + "/".join(f"{100 * accuracy:.0f}" for accuracy in body["val_accuracy"])


def _short(name: str, longest: int = 26) -> str:
    return name if len(name) <= longest else "…" + name[1 - longest :]
