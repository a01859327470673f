"""Zero-Time-Waste's geometric ensembles, fitted on validation data (Wolczyk et al. 2021).

The paper fits them by Adam to the training set's augmented logits. Here they are fitted to validation logits, which are
not overconfident: the cross-entropy is convex in the weights and biases, and L-BFGS-B finds its minimum. A small
penalty on biases and weights' distance from 1 keeps it unique.
"""

import numpy as np

from overthink.exit_policies.ensembles import ZeroTimeWaste, combined_logits
from overthink.exit_policies.seen import seen_by_exits
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray
from overthink.predictions.predictions import Predictions
from overthink.predictions.softmax import log_softmax

PENALTY = 1e-3
ITERATIONS = 60


def fit_zero_time_waste(validation: Predictions) -> ZeroTimeWaste:
    """Return the ensemble of every exit with those before it."""
    labels_N = needed(validation.labels_N, "labels")
    log_EMC = tuple(seen.log_softmax_MC for seen in seen_by_exits(validation))
    fitted = [_fitted(log_EMC[: row + 1], labels_N) for row in range(len(log_EMC))]
    return ZeroTimeWaste(tuple(weight_J for weight_J, _ in fitted), np.stack([bias_C for _, bias_C in fitted]))


def _fitted(log_JMC: tuple[FloatArray, ...], labels_N: IntArray) -> tuple[FloatArray, FloatArray]:
    from scipy.optimize import fmin_l_bfgs_b

    m, n_classes = len(log_JMC), log_JMC[0].shape[1]
    theta, _, _ = fmin_l_bfgs_b(
        loss_and_gradient,
        np.concatenate([np.ones(m), np.zeros(n_classes)]),
        args=(log_JMC, labels_N),
        bounds=[(0, None)] * m + [(None, None)] * n_classes,
        maxiter=ITERATIONS,
    )
    return theta[:m], theta[m:]


def loss_and_gradient(
    theta: FloatArray, log_JMC: tuple[FloatArray, ...], labels_N: IntArray
) -> tuple[float, FloatArray]:
    """Return the penalised cross-entropy of weights and biases, nats per sample, and its gradient."""
    m, n, rows_N = len(log_JMC), len(labels_N), np.arange(len(labels_N))
    log_MC = log_softmax(combined_logits(log_JMC, theta[:m], theta[m:]))
    error_MC = np.exp(log_MC)
    error_MC[rows_N, labels_N] -= 1
    from_one = theta - np.concatenate([np.ones(m), np.zeros(len(theta) - m)])
    of_weights = [float((error_MC * one_MC).sum()) / (n * m) for one_MC in log_JMC]
    gradient = np.concatenate([of_weights, error_MC.mean(axis=0)]) + PENALTY * from_one
    loss = -float(log_MC[rows_N, labels_N].mean()) + PENALTY / 2 * float(from_one @ from_one)
    return loss, gradient
