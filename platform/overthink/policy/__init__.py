"""The early-exit data set: which exit suits a sample best (thesis chapter 4)."""
