"""`overthink sync`: upload what could not be sent while the store was unreachable, or this machine was down."""

import sys

from rich.console import Console

from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.outbox.pending import has_pending, not_for_this_store
from overthink.report.safe_text import print_text
from overthink.store.uri import tracking_uri


def sync(console: Console) -> int:
    """Upload what is queued on this disk, and print what it was; 3 where something is still queued or unreadable."""
    uri = tracking_uri()
    if has_pending(uri):
        return OK if _uploaded(console) else SOME_FAILED
    found = not_for_this_store(uri)
    if found.other_stores or found.unreadable:
        console.print("Nothing is queued for this store.")
    else:
        console.print("Nothing is queued: everything is uploaded.")
    for sentence in found.sentences():
        print_text(console, sentence)
    return SOME_FAILED if found.unreadable else OK


def upload_first(console: Console) -> None:
    """Upload what is queued before another command begins, if anything is; an unreachable store does not stop it.

    Where help is asked for nothing is uploaded. No store is opened without need.
    """
    if {"--help", "-h"} & set(sys.argv) or not has_pending(tracking_uri()):
        return
    from overthink.store.client import StoreError

    try:
        _uploaded(console)
    except StoreError as error:
        print_text(console, f"Queued results could not be uploaded ({error}); overthink sync retries.")


def _uploaded(console: Console) -> bool:
    """Upload what is queued for the store; return whether all of it could be."""
    from overthink.launching.sync import deliver
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store = Store()
    done = deliver(store, Writer(store))
    for sentence in done.sentences():
        print_text(console, sentence)
    return not (done.queued or done.unreadable)
