"""Multi-exit networks and what they cost."""
