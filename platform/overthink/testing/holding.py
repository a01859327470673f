"""What every check says when something is not as it should be."""


def check(holds: bool, otherwise: str) -> None:
    """Raise AssertionError with a sentence where a condition does not hold."""
    if not holds:
        raise AssertionError(otherwise)
