"""How a sweep is watched: bars for trials and the runs at work on a terminal, a line a trial elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID

from overthink.cli.progress import RunBars, bars_on
from overthink.launching.planned_run import PlannedRun
from overthink.report.safe_text import print_text
from overthink.running.events import NAMES, Died, Diverged, Event, Failed
from overthink.sentences import number_of
from overthink.store import tags
from overthink.sweep.ask_tell import Asked
from overthink.sweep.space import format_point


class Pace:
    """How many trials have ended, and how long the rest will take."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.wanted = 0
        self.ended = 0
        """In this call."""
        self.newest = -1
        """The highest trial number so far."""

    def left(self) -> str:
        """Say how long the rest will take, by the pace of this call; nothing before a trial has ended."""
        rest = self.wanted - self.newest - 1
        if not self.ended or rest <= 0:
            return ""
        seconds = (time.monotonic() - self._started) / self.ended * rest
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"


class SweepLines:
    """A plain line a trial: for logs, pipes and people without a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Say that main networks come first."""
        to_train = sum(run.lock is not None for run in runs)
        self._console.print(f"{number_of(len(runs), 'main network')}, {to_train or 'none'} to train.")

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Print what went wrong with a run."""
        if isinstance(event, Failed | Died | Diverged):
            print_text(self._console, f"{run.name}: {NAMES[type(event)]}: {event.message}")

    def on_message(self, sentence: str) -> None:
        """Say it."""
        print_text(self._console, sentence)

    def on_trial_start(self, asked: Asked, wanted: int) -> None:
        """Say what is tried."""
        self._pace.wanted, self._pace.newest = wanted, max(self._pace.newest, asked.number)
        again = "resumes " if asked.resumed else ""
        print_text(self._console, f"trial {asked.number} of {wanted}: {again}{format_point(asked.point)}")

    def on_trial_end(
        self, asked: Asked, outcome: str, values: Sequence[float], message: str, best: float | None
    ) -> None:
        """Say how it went."""
        self._pace.ended += 1
        print_text(self._console, ending(asked, outcome, values, message, best) + self._pace.left())


class SweepBars:
    """A bar for all trials, and one for each run at work."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._lines = SweepLines(console)
        self._progress = progress
        self._runs = RunBars(progress)
        self._pace = Pace()
        self._all: TaskID | None = None

    def on_plan(self, runs: Sequence[PlannedRun]) -> None:
        """Say that main networks come first."""
        self._lines.on_plan(runs)

    def on_event(self, run: PlannedRun, event: Event) -> None:
        """Move the bar of a run."""
        self._runs.move(run, run.name, event)
        self._lines.on_event(run, event)

    def on_message(self, sentence: str) -> None:
        """Say it above the bars."""
        print_text(self._console, sentence)

    def on_trial_start(self, asked: Asked, wanted: int) -> None:
        """Start the bar of all trials."""
        self._pace.wanted, self._pace.newest = wanted, max(self._pace.newest, asked.number)
        if self._all is None:
            self._all = self._progress.add_task("trials", total=wanted, completed=asked.number, note="starting workers")

    def on_trial_end(
        self, asked: Asked, outcome: str, values: Sequence[float], message: str, best: float | None
    ) -> None:
        """Move the bar of all trials, and print how one ended."""
        self._pace.ended += 1
        assert self._all is not None
        note = (f"best {best:.4g}" if best is not None else "") + self._pace.left()
        self._progress.update(self._all, advance=1, note=note)
        print_text(self._console, f"{ending(asked, outcome, values, message, best)}: {format_point(asked.point)}")


@contextmanager
def sweep_progress(console: Console) -> Iterator[SweepLines | SweepBars]:
    """Give the listener that fits the console."""
    if not console.is_terminal:
        yield SweepLines(console)
        return
    with bars_on(console) as progress:
        yield SweepBars(console, progress)


def ending(asked: Asked, outcome: str, values: Sequence[float], message: str, best: float | None) -> str:
    """Say how a trial ended: `trial 3: 0.6120 (best 0.6300)`."""
    if outcome != tags.FINISHED:
        return f"trial {asked.number}: {outcome}: {message}"
    values_text = " / ".join(f"{value:.4f}" for value in values)
    return f"trial {asked.number}: {values_text}{f' (best {best:.4f})' if best is not None else ''}"
