"""A trained network as files for other programs: a segment between exits each, and a description of how to use them."""
