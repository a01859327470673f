"""Runs that differ only in their randomness, compared: pure functions of arrays, R repeats by E exits by N."""
