"""The waist: what a run leaves behind per sample and exit. Everything below it is computed from it alone."""
