"""The HTML page of a sweep."""

from optuna.study import Study

from overthink.report.grids import Grid, as_html
from overthink.report.pages import Section, document
from overthink.sweep.definition import LoadedSweep
from overthink.sweep.figures import FEWEST_FOR_IMPORTANCE, has_importances, sweep_figures
from overthink.sweep.results import Results
from overthink.sweep.summary import best_grid, goals

NO_IMPORTANCES = (
    "Left out: the importance of each parameter. PED-ANOVA compares the best tenth of the finished trials with all of "
    f"them. From {FEWEST_FOR_IMPORTANCE} finished trials on these are several, and it is shown if several parameters "
    "vary in them."
)


def sweep_page(loaded: LoadedSweep, study: Study, found: Results) -> str:
    """Return the sweep's page: its goal, its best trials, Optuna's figures."""
    intro = [loaded.sweep.description, f"{found.counted}. {goals(loaded)}", f"Study {loaded.study_name}."]
    best = Section("Best trials", tables=[as_html(best_grid(loaded, found))])
    unfinished = [trial for trial in found.trials if trial.message and not trial.carried]
    reasons = Grid(
        ["Trial", "Outcome", "Parameters", "Message"],
        [[str(trial.number), trial.outcome, trial.label, trial.message] for trial in unfinished[:50]],
    )
    ended = [Section("Trials that ended early", tables=[as_html(reasons)])] if unfinished else []
    said = [] if has_importances(study) or len(loaded.sweep.space) == 1 else [NO_IMPORTANCES]
    return document(
        f"sweep {loaded.sweep.name}",
        [Section(paragraphs=intro), best, Section("Figures", said, figures=sweep_figures(loaded, study)), *ended],
    )
