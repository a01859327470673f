"""Benchmarks of the platform, some against a usual implementation. Run them with `make bench`."""
