"""Predictions: what a run stores per sample and exit. All metrics and figures are computed from them alone."""
