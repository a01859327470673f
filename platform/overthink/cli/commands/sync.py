"""`overthink sync`: deliver what the store has not heard, because it was away or this machine was."""

import sys

from rich.console import Console

from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.outbox.leftovers import anything_waits, not_to_deliver
from overthink.report.safe_text import inert
from overthink.store.uri import tracking_uri


def sync(console: Console) -> int:
    """Deliver what waits on this disk, and say what it was; 3 where something still waits or is damaged."""
    uri = tracking_uri()
    if anything_waits(uri):
        return OK if _delivered(console) else SOME_FAILED
    found = not_to_deliver(uri)
    if found.elsewhere or found.damaged:
        console.print("Nothing waits here for this store.")
    else:
        console.print("Nothing waits here: the store has heard everything.")
    for sentence in found.sentences():
        console.print(inert(sentence), soft_wrap=True)
    return SOME_FAILED if found.damaged else OK


def deliver_first(console: Console) -> None:
    """Deliver what waits before another command begins, if anything does; a store that is away does not stop it.

    Where help is asked for nothing is delivered. No store is opened without need.
    """
    if {"--help", "-h"} & set(sys.argv) or not anything_waits(tracking_uri()):
        return
    from overthink.store.client import StoreError

    try:
        _delivered(console)
    except StoreError as error:
        console.print(inert(f"What waits here is not delivered now ({error}); overthink sync does it."), soft_wrap=True)


def _delivered(console: Console) -> bool:
    """Deliver what waits for the store; tell whether all of it could be."""
    from overthink.launching.sync import deliver
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store = Store()
    done = deliver(store, Writer(store))
    for sentence in done.sentences():
        console.print(inert(sentence), soft_wrap=True)
    return not (done.left or done.damaged)
