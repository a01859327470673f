"""Data sets, splits and batches. A data set is a module; `catalogue` names them all."""
