"""What one trial of a fuzz run came to."""

from typing import NamedTuple


class Trial(NamedTuple):
    """One trial; its number and the seed of the run repeat it."""

    number: int
    command: str
    code: int
    message: str
    seconds: float
    memory: int
    """Bytes that it took at most."""
    problem: str
    """What is wrong; an empty text where the trial ended as it should."""
