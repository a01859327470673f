"""Multi-exit networks: specifications, layers, collaboration between exits, and cost."""
