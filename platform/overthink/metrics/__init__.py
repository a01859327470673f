"""Metrics computed from predictions: accuracy, overthinking, calibration, and the catalogue of all of them."""
