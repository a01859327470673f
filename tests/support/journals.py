"""Entries for journals of tests."""

from overthink.outbox.entries import Begin, Log
from overthink.store import tags
from overthink.store.group_spec import GroupSpec


def begin_entry(key: str = "a", store: str = "sqlite:////store.db") -> Begin:
    group = GroupSpec("e", "A note.", {}, "e: base", ("0",), {tags.GROUP_KEY: "g"}, {})
    return Begin(
        store=store,
        run_key=key,
        handle=key,
        run_id=None,
        name=f"small {key}",
        time_ms=1,
        alive={},
        group=group,
        tags={},
    )


def log_entry(value: float, note: str = "") -> Log:
    return Log(metrics={"value": value}, step=0, params={}, tags={"note": note}, unless_there=None, time_ms=1)
