"""Temperature scaling: one number an exit that makes it as sure as it is right (Guo et al. 2017, section 4.2)."""

from dataclasses import replace

import numpy as np

from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.predictions.softmax import Logits, log_softmax

LOWEST, HIGHEST = 0.01, 100.0
"""An exit that is right about every sample would like to be infinitely sure, one that only guesses not at all."""


def temperatures(validation: Predictions) -> FloatArray:
    """Return T_E, with which softmax(z / T) of each exit gives the validation labels the highest likelihood.

    Between LOWEST and HIGHEST. Raises ValueError where the logits were not kept.
    """
    from scipy.optimize import minimize_scalar  # definitions load the catalogue, and this takes a second

    found = []
    for logits_NC in _logits(validation):
        best = minimize_scalar(
            lambda log_t, z=logits_NC: negative_log_likelihood(z / np.exp(log_t), validation.labels_N),
            bounds=(np.log(LOWEST), np.log(HIGHEST)),
            method="bounded",
            options={"xatol": 1e-6},
        )
        found.append(float(np.exp(best.x)))
    return np.array(found)


def scaled(predictions: Predictions, temperature_E: FloatArray) -> Predictions:
    """Return the predictions with every exit's logits divided by its temperature: other confidences, same classes.

    Raises ValueError where the logits were not kept.
    """
    logits_ENC = _logits(predictions) / temperature_E[:, None, None]
    again = Predictions.from_logits(
        logits_ENC,
        labels_N=predictions.labels_N,
        ids_N=predictions.ids_N,
        levels_N=predictions.levels_N,
        level_names=predictions.level_names,
        cost_E=predictions.cost_E,
        fingerprint=predictions.fingerprint,
        split=predictions.split,
        keep_logits=True,
    )
    return replace(again, predicted_EN=predictions.predicted_EN)  # a division may round two logits to one


def negative_log_likelihood(logits_NC: Logits, labels_N: IntArray) -> float:
    """Return the mean of -log softmax(z) at the label (cross-entropy), nats a sample."""
    return float(-log_softmax(logits_NC)[np.arange(len(labels_N)), labels_N].mean())


def losses(predictions: Predictions) -> FloatArray:
    """Return the cross-entropy of every exit (E,), nats a sample. Raises ValueError where logits were not kept."""
    return np.array([negative_log_likelihood(z_NC, predictions.labels_N) for z_NC in _logits(predictions)])


def _logits(predictions: Predictions) -> FloatArray:
    if predictions.logits_ENC is None:
        raise ValueError("the run kept no logits, which this needs: keep_logits: true in its definition keeps them")
    return predictions.logits_ENC.astype(np.float64)
