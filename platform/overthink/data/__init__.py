"""Data sets, splits and batches: one module per data set; `catalogue` lists them."""
