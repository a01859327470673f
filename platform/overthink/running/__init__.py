"""One run: from its definition to its predictions."""
