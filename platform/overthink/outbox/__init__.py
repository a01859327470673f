"""What a run has logged and the store does not have yet."""
