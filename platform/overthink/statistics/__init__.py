"""Statistics of numbers: arrays in, numbers out. Nothing here depends on a store, a run or a network."""
