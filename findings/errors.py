"""What ends the making of the paper: one sentence."""


class FindingsError(ValueError):
    """A reference that leads nowhere, runs that are missing, or a sentence that the store does not support."""
