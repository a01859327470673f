"""What runs that differ in their randomness alone say about it: pure functions of arrays, R repeats by E exits by N."""
