"""Temperature scaling: one number per exit that calibrates its confidence (Guo et al. 2017, section 4.2)."""

from dataclasses import replace
from typing import Any

import numpy as np

from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.predictions.softmax import Logits, log_softmax

LOWEST, HIGHEST = 0.01, 100.0
"""Bounds: without them the best temperature is 0 for an exit that is always right, infinite for one that guesses."""


def temperatures(validation: Predictions) -> FloatArray:
    """Return the temperature T of each exit, (E,), that maximises the likelihood of validation labels, softmax(z / T).

    Between LOWEST and HIGHEST. Raises ValueError if the logits were not stored.
    """
    from scipy.optimize import minimize_scalar  # definitions load the catalogue, and this takes a second

    found, labels_N = [], needed(validation.labels_N, "labels")
    for logits_NC in _logits(validation):
        best = minimize_scalar(
            lambda log_t, z=logits_NC: negative_log_likelihood(z / np.exp(log_t), labels_N),
            bounds=(np.log(LOWEST), np.log(HIGHEST)),
            method="bounded",
            options={"xatol": 1e-6},
        )
        found.append(float(np.exp(best.x)))
    return np.array(found)


def scaled(predictions: Predictions, temperature_E: FloatArray) -> Predictions:
    """Return the predictions with every exit's logits divided by its temperature: new confidences, same classes.

    Raises ValueError if the logits were not stored.
    """
    logits_ENC = _logits(predictions) / temperature_E[:, None, None]
    again = Predictions.from_logits(
        logits_ENC,
        labels_N=needed(predictions.labels_N, "labels"),
        ids_N=predictions.ids_N,
        levels_N=predictions.levels_N,
        level_names=predictions.level_names,
        cost_E=None,
        fingerprint=predictions.fingerprint,
        split=predictions.split,
        keep_logits=True,
    )
    costs: dict[str, Any] = {"cost_E": predictions.cost_E, "cost_unit": predictions.cost_unit}
    # Division can round two logits to the same value, so the classes are kept, too.
    return replace(again, predicted_EN=predictions.predicted_EN, **costs)


def negative_log_likelihood(logits_NC: Logits, labels_N: IntArray) -> float:
    """Return the mean of -log softmax(z) at the label (cross-entropy), nats per sample."""
    return float(-log_softmax(logits_NC)[np.arange(len(labels_N)), labels_N].mean())


def losses(predictions: Predictions) -> FloatArray:
    """Return the cross-entropy of every exit, (E,), nats per sample; ValueError if the logits were not stored."""
    labels_N = needed(predictions.labels_N, "labels")
    return np.array([negative_log_likelihood(z_NC, labels_N) for z_NC in _logits(predictions)])


def _logits(predictions: Predictions) -> FloatArray:
    return needed(predictions.logits_ENC, "logits").astype(np.float64)
