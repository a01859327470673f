"""`overthink sync`: upload results that are queued on this machine; other commands do so before they begin."""

from typing import Any

from rich.console import Console
from typer.core import TyperCommand

from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log
from overthink.report.safe_text import print_text


def sync() -> int:
    """Upload results that could not be sent while the tracking server was unreachable.

    Other commands that use the store do this before they begin.

    The exit code is 3 where results are still queued or cannot be read.
    """
    from overthink.outbox.pending import has_pending, not_for_this_store
    from overthink.store.uri import tracking_uri

    uri, console = tracking_uri(), log()
    if has_pending(uri):
        return OK if _upload(console) else SOME_FAILED
    found = not_for_this_store(uri)
    if found.other_stores or found.unreadable:
        console.print("Nothing is queued for this store.")
    else:
        console.print("Nothing is queued: everything is uploaded.")
    for sentence in found.sentences():
        print_text(console, sentence)
    return SOME_FAILED if found.unreadable else OK


class UploadFirst(TyperCommand):
    """A command that uploads queued results before it begins; an unreachable store does not stop it.

    Nothing is uploaded, and no store opened, where nothing is queued or only help was asked for.
    """

    def invoke(self, ctx: Any) -> Any:
        """Upload, then run the command."""
        _upload_if_queued(log())
        return super().invoke(ctx)


def _upload_if_queued(console: Console) -> None:
    from overthink.outbox.pending import has_pending
    from overthink.store.uri import tracking_uri

    if not has_pending(tracking_uri()):
        return
    from overthink.store.client import StoreError

    try:
        _upload(console)
    except StoreError as error:
        print_text(console, f"Queued results could not be uploaded ({error}); overthink sync retries.")


def _upload(console: Console) -> bool:
    """Upload what is queued for the store; return whether all of it could be."""
    from overthink.launching.sync import deliver
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store = Store()
    done = deliver(store, Writer(store))
    for sentence in done.sentences():
        print_text(console, sentence)
    return not (done.queued or done.unreadable)
