"""overthink: a research platform for multi-exit image classifiers and their habit of overthinking.

What a notebook needs is here, and imported when it is first used:

    load_experiment     a definition, resolved and checked
    launch              train what a definition asks for
    runs                the runs of a store as a tidy pandas frame
    over_seeds          mean and standard deviation over seeds, with a 95% interval, group by group
    read_predictions    what every exit of a run's network answered
    compute_metrics     every metric of predictions
    open_network        the trained network of a run, with its input normalisation
    overthinking_table  the table of a paper: frame, Markdown, LaTeX
    figures             plotly figures of a run or of a group's runs

To read the code, begin with `overthink.running.run`: it is the way from a definition to predictions, in order.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overthink.comparison.frame import over_seeds, runs
    from overthink.definition.errors import DefinitionError
    from overthink.definition.experiment import Experiment, LoadedExperiment
    from overthink.definition.loading import load_experiment
    from overthink.definition.run_definition import RunDefinition
    from overthink.launching.outcomes import Outcomes, ProgressListener
    from overthink.launching.public import launch
    from overthink.metrics.catalogue import compute as compute_metrics
    from overthink.networks.msdnet_spec import MSDNetSpec
    from overthink.networks.resnet_spec import ResNetSpec
    from overthink.policy.label_spec import LabelSpec
    from overthink.predictions.predictions import Predictions
    from overthink.report.public import OverthinkingTable, figures, overthinking_table
    from overthink.running.public import open_network
    from overthink.running.trained_network import TrainedNetwork
    from overthink.store.errors import StoreError
    from overthink.store.public import read_predictions

__version__ = "0.1.0"

_PLACES = {
    "DefinitionError": "overthink.definition.errors",
    "Experiment": "overthink.definition.experiment",
    "LabelSpec": "overthink.policy.label_spec",
    "LoadedExperiment": "overthink.definition.experiment",
    "MSDNetSpec": "overthink.networks.msdnet_spec",
    "Outcomes": "overthink.launching.outcomes",
    "OverthinkingTable": "overthink.report.public",
    "Predictions": "overthink.predictions.predictions",
    "ProgressListener": "overthink.launching.outcomes",
    "ResNetSpec": "overthink.networks.resnet_spec",
    "RunDefinition": "overthink.definition.run_definition",
    "StoreError": "overthink.store.errors",
    "TrainedNetwork": "overthink.running.trained_network",
    "compute_metrics": "overthink.metrics.catalogue:compute",
    "figures": "overthink.report.public",
    "launch": "overthink.launching.public",
    "load_experiment": "overthink.definition.loading",
    "open_network": "overthink.running.public",
    "over_seeds": "overthink.comparison.frame",
    "overthinking_table": "overthink.report.public",
    "read_predictions": "overthink.store.public",
    "runs": "overthink.comparison.frame",
}
"""Public name -> the module that has it (and its name there, where that is another)."""

__all__ = [
    "DefinitionError",
    "Experiment",
    "LabelSpec",
    "LoadedExperiment",
    "MSDNetSpec",
    "Outcomes",
    "OverthinkingTable",
    "Predictions",
    "ProgressListener",
    "ResNetSpec",
    "RunDefinition",
    "StoreError",
    "TrainedNetwork",
    "compute_metrics",
    "figures",
    "launch",
    "load_experiment",
    "open_network",
    "over_seeds",
    "overthinking_table",
    "read_predictions",
    "runs",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import overthink` itself is light."""
    if name not in _PLACES:
        raise AttributeError(f"module 'overthink' has no attribute {name!r}")
    module, _, other = _PLACES[name].partition(":")
    found = globals()[name] = getattr(import_module(module), other or name)
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
