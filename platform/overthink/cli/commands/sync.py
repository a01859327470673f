"""`overthink sync`: deliver what the store has not heard, because it was away or this machine was."""

import sys

from rich.console import Console

from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.outbox.leftovers import has_pending, not_for_this_store
from overthink.report.safe_text import print_text
from overthink.store.uri import tracking_uri


def sync(console: Console) -> int:
    """Deliver what waits on this disk, and say what it was; 3 where something still waits or is damaged."""
    uri = tracking_uri()
    if has_pending(uri):
        return OK if _delivered(console) else SOME_FAILED
    found = not_for_this_store(uri)
    if found.elsewhere or found.damaged:
        console.print("Nothing waits here for this store.")
    else:
        console.print("Nothing waits here: the store has heard everything.")
    for sentence in found.sentences():
        print_text(console, sentence)
    return SOME_FAILED if found.damaged else OK


def upload_first(console: Console) -> None:
    """Deliver what waits before another command begins, if anything does; a store that is away does not stop it.

    Where help is asked for nothing is delivered. No store is opened without need.
    """
    if {"--help", "-h"} & set(sys.argv) or not has_pending(tracking_uri()):
        return
    from overthink.store.client import StoreError

    try:
        _delivered(console)
    except StoreError as error:
        print_text(console, f"What waits here is not delivered now ({error}); overthink sync does it.")


def _delivered(console: Console) -> bool:
    """Deliver what waits for the store; tell whether all of it could be."""
    from overthink.launching.sync import deliver
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store = Store()
    done = deliver(store, Writer(store))
    for sentence in done.sentences():
        print_text(console, sentence)
    return not (done.left or done.damaged)
