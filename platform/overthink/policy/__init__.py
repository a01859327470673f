"""Policy networks and the early-exit data set: predicting the best exit of a sample (thesis chapter 4)."""
