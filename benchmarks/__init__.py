"""How fast the platform is, beside what people would otherwise write. Run with `make bench`."""
