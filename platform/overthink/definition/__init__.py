"""Definition files: reading them, checking them, and the keys of the runs they ask for."""
