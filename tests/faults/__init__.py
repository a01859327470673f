"""Kills and races by the hundred, each compared with an undisturbed run: `make faults`."""
