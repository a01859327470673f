"""The accuracy of the worst exit."""

from overthink.metrics.metric import Metric

WORST_EXIT = Metric(
    "accuracy/worst",
    "Accuracy of the worst exit",
    "an example",
    "higher",
    lambda predictions: float(predictions.correct_EN.mean(axis=1).min()),
)
