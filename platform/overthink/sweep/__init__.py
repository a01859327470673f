"""Sweeps: ask the study for values, train, report the result. The only package that imports optuna."""
