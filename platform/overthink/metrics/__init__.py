"""Numbers computed from predictions: accuracy, overthinking, and the catalogue that names them all."""
