"""Early exiting, computed from stored predictions or run on a network: confidence, thresholds, budgets, oracles."""
