"""`overthink sync`: upload results that are queued on this machine; other commands do so before they begin."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from typer.core import TyperCommand

from overthink.cli import options
from overthink.cli.exit_codes import OK, SOME_FAILED
from overthink.cli.output import log, print_json
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.outbox.pending import UploadSummary


def sync(as_json: options.Json = False) -> int:
    """Upload results that could not be sent while the tracking server was unreachable.

    Other commands that use the store do this before they begin.

    The exit code is 3 where results are still queued or cannot be read.
    """
    from overthink.outbox.pending import has_pending, not_for_this_store
    from overthink.store.uri import tracking_uri

    uri, console = tracking_uri(), log()
    if has_pending(uri):
        found = _upload(console)
    else:
        found = not_for_this_store(uri)
        others = found.other_stores or found.unreadable or found.damaged
        console.print(f"Nothing is queued{' for this store.' if others else ': everything is uploaded.'}")
        _print_sentences(found, console)
    if as_json:
        print_json(_as_plain(found))
    return SOME_FAILED if found.queued or found.unreadable or found.damaged else OK


def _as_plain(found: "UploadSummary") -> dict[str, object]:
    return {
        "uploaded": found.runs,
        "entries": found.entries,
        "discarded": found.discarded,
        "queued": found.queued,
        "queued_for_other_stores": found.other_stores,
        "unreadable": [str(folder) for folder in found.unreadable],
        "damaged": [str(folder) for folder in found.damaged],
    }


class UploadFirst(TyperCommand):
    """A command that uploads queued results before it begins; an unreachable store does not stop it.

    Nothing is uploaded, and no store opened, where nothing is queued or only help was asked for.
    """

    def invoke(self, ctx: Any) -> Any:
        """Upload, then run the command."""
        if named := ctx.params.get("plugin"):
            from overthink.plugins.modules import name_modules

            name_modules(named)
        _upload_if_queued(log())
        return super().invoke(ctx)


def _upload_if_queued(console: Console) -> None:
    from overthink.outbox.pending import has_pending
    from overthink.store.uri import tracking_uri

    if not has_pending(tracking_uri()):
        return
    from overthink.store.errors import StoreError

    try:
        _upload(console)
    except StoreError as error:
        print_text(console, f"Queued results could not be uploaded ({error}); overthink sync retries.")


def _upload(console: Console) -> "UploadSummary":
    """Upload what is queued for the store, print what was uploaded and what not, and return it."""
    from overthink.launching.sync import deliver
    from overthink.store.client import Store
    from overthink.store.writer import Writer

    store = Store()
    done = deliver(store, Writer(store))
    _print_sentences(done, console)
    return done


def _print_sentences(found: "UploadSummary", console: Console) -> None:
    for sentence in found.sentences():
        print_text(console, sentence)
