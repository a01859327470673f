"""Dynamics: when samples are learned, forgotten and overthought, from the recorded courses of trainings."""
