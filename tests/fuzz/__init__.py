"""Seeded fuzz runs: `make fuzz`, and a few hundred trials of each part in `make test`."""
