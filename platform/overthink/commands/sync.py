"""`overthink sync`: deliver what the store has not heard, because it was away or this machine was."""

from rich.console import Console

from overthink.exits import OK, SOME_FAILED
from overthink.inert import inert
from overthink.tracking.uri import tracking_uri
from overthink.tracking.waiting import anything_waits


def sync(console: Console) -> int:
    """Deliver what waits on this disk, and say what it was; 3 where something still waits."""
    if not anything_waits(tracking_uri()):
        console.print("Nothing waits here: the store has heard everything.")
    return OK if delivered(console) else SOME_FAILED


def delivered(console: Console) -> bool:
    """Deliver what waits for the store, if anything does; tell whether nothing is left. Opens no store without need."""
    if not anything_waits(tracking_uri()):
        return True
    from overthink.sync import deliver
    from overthink.tracking.store import Store
    from overthink.tracking.writer import Writer

    store = Store()
    done = deliver(store, Writer(store))
    for sentence in done.sentences():
        console.print(inert(sentence), soft_wrap=True)
    return not done.left
