"""Statistics of numbers: arrays in, numbers out. Nothing here knows a store, a run or a network."""
