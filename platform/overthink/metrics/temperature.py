"""Metrics of temperature scaling, for runs with stored logits: fitted on validation data, applied to test data."""

from overthink.inference.temperature import scaled, temperatures
from overthink.metrics.calibration import calibration_error
from overthink.metrics.metric import Metric
from overthink.metrics.naming import by_exit
from overthink.predictions.absent import needed
from overthink.predictions.predictions import Predictions

SOURCE = "temperature scaling, Guo et al. 2017; fitted on validation data"


def _temperatures(p: Predictions, validation: Predictions) -> dict[str, float]:
    return by_exit("temperature", temperatures(validation))


def _error(p: Predictions, validation: Predictions) -> dict[str, float]:
    cooled = scaled(p, temperatures(validation))
    return by_exit(
        "calibration_scaled/ece", calibration_error(cooled.correct_EN, needed(cooled.max_softmax_EN, "confidence"))
    )


TEMPERATURE = (
    Metric(
        "temperature/exit_{exit}",
        "Temperature of exit {exit}",
        SOURCE,
        "none",
        _temperatures,
        unit="temperature",
        range=(0, None),
        needs_validation=True,
        needs=("logits", "labels"),
    ),
    Metric(
        "calibration_scaled/ece/exit_{exit}",
        "Expected calibration error of exit {exit}, after temperature scaling",
        SOURCE + ", 15 bins",
        "lower",
        _error,
        needs_validation=True,
        needs=("logits", "labels"),
    ),
)
