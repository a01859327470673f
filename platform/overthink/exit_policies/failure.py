"""How well each confidence foresees failure: of an exit itself, and overthinking that is still to come."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overthink.exit_policies.confidences import MEASURES
from overthink.exit_policies.seen import seen_by_exits
from overthink.inference.temperature import scaled, temperatures
from overthink.metrics.calibration import calibration_error
from overthink.metrics.failure_prediction import auroc, excess_aurc
from overthink.predictions.absent import AbsentError
from overthink.predictions.arrays import FloatArray
from overthink.predictions.predictions import Predictions

TEMPERATURE = "temperature"


class Foresight(NamedTuple):
    """Of one confidence, each (E,): means over runs; NaN where a run has no such samples."""

    measure: str
    auroc_E: FloatArray
    """Chance that a right answer is more confident than a wrong one."""
    excess_E: FloatArray
    """Area under the risk-coverage curve above the least possible one."""
    overthinking_E: FloatArray
    """Among the samples that an exit gets right: chance that one that all later exits get right, too, is more confident
    than one that a later exit gets wrong. NaN at the last exit."""
    calibration_E: FloatArray | None
    """Expected calibration error; None of what is no probability."""


def foresight(runs: Sequence[tuple[Predictions, Predictions]]) -> list[Foresight]:
    """Return the foresight of each confidence on test data; runs are validation and test predictions.

    Temperatures are fitted on validation data. A confidence that some run does not have is left out.
    """
    found = []
    for measure in (*MEASURES, TEMPERATURE):
        try:
            of_runs = [_of_run(measure, validation, test) for validation, test in runs]
        except (AbsentError, ValueError):
            continue
        auroc_E = np.mean([one[0] for one in of_runs], axis=0)
        excess_E = np.mean([one[1] for one in of_runs], axis=0)
        overthinking_E = np.mean([one[2] for one in of_runs], axis=0)
        errors = [one[3] for one in of_runs if one[3] is not None]
        calibration_E = np.mean(errors, axis=0) if errors else None
        found.append(Foresight(measure, auroc_E, excess_E, overthinking_E, calibration_E))
    return found


def _of_run(
    measure: str, validation: Predictions, test: Predictions
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]:
    if measure == TEMPERATURE:
        test, measure = scaled(test, temperatures(validation)), "max-softmax"
    sure_EN = np.stack([MEASURES[measure](seen) for seen in seen_by_exits(test)])
    correct_EN = test.correct_EN
    pairs = list(zip(correct_EN, sure_EN, strict=True))
    stays_EN = np.logical_and.accumulate(correct_EN[::-1], axis=0)[::-1]
    overthinking = [
        auroc(stays_EN[row + 1][correct_EN[row]], sure_EN[row][correct_EN[row]]) for row in range(len(sure_EN) - 1)
    ]
    return (
        np.array([auroc(*pair) for pair in pairs]),
        np.array([excess_aurc(*pair) for pair in pairs]),
        np.array([*overthinking, np.nan]),
        calibration_error(correct_EN, sure_EN) if measure == "max-softmax" else None,
    )
