"""Sweeps: ask for values, train, tell how it went. The only package that imports optuna."""
