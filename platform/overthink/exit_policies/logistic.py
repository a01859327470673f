"""Logistic regression by Newton's method: a few features, many samples, in milliseconds."""

import numpy as np

from overthink.predictions.arrays import BoolArray, FloatArray

STEPS = 25
PENALTY = 1e-3
"""Of squared coefficients, per sample; without one, separable classes have none."""


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x))."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def fit_logistic(
    feature_NF: FloatArray, target_N: BoolArray, weight_N: FloatArray | None = None, start_F: FloatArray | None = None
) -> FloatArray:
    """Return the coefficients (F + 1,), the constant last, with the least penalised logistic loss.

    Features should be of unit scale. The constant is not penalised beyond what keeps it finite. `start_F` are
    coefficients of a similar problem.
    """
    x_NF = np.column_stack([feature_NF, np.ones(len(feature_NF))])
    weight_N = np.ones(len(x_NF)) if weight_N is None else weight_N
    weight_N = weight_N / weight_N.sum()
    penalty_F = np.array([*[PENALTY] * feature_NF.shape[1], 1e-6])
    found_F = np.zeros(x_NF.shape[1]) if start_F is None else start_F.copy()
    for _ in range(STEPS):
        p_N = sigmoid(x_NF @ found_F)
        gradient_F = x_NF.T @ (weight_N * (p_N - target_N)) + penalty_F * found_F
        curve_FF = (x_NF * (weight_N * np.maximum(p_N * (1 - p_N), 1e-9))[:, None]).T @ x_NF + np.diag(penalty_F)
        step_F = np.linalg.solve(curve_FF, gradient_F)
        found_F -= step_F * min(1.0, 5.0 / max(float(np.abs(step_F).max()), 1e-12))
        if np.abs(step_F).max() < 1e-6:
            break
    return found_F


def linear(feature_NF: FloatArray, coefficient_F: FloatArray) -> FloatArray:
    """Return the linear predictor of coefficients with the constant last, (N,)."""
    total_N = np.full(len(feature_NF), coefficient_F[-1])
    for column, coefficient in zip(feature_NF.T, coefficient_F[:-1], strict=True):
        total_N = total_N + coefficient * column  # a matrix product may round differently for other numbers of samples
    return total_N
