"""Sweeps: ask the study for values, train, tell it the result. The only package that imports optuna."""
