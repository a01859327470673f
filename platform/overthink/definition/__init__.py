"""Definition files: reading and validating them, and the runs and keys that they define."""
