"""Stored runs made by hand, for tests of what is computed from them."""

import json
from collections.abc import Callable, Mapping
from typing import ParamSpec

from overthink.store import tags
from overthink.store.raw_run import RawRun
from overthink.store.stored import StoredRun

P = ParamSpec("P")
STATUS = {tags.FINISHED: "FINISHED", tags.RUNNING: "RUNNING", tags.INTERRUPTED: "KILLED"}


def raw(
    seed: str,
    outcome: str = tags.FINISHED,
    last: float = 0.6,
    group: str = "g1",
    started_ms: int = 0,
    kind: str = tags.KIND_RUN,
    reported: float | None = None,
    variant: str = "short",
    regime: str = "4 joint",
    more: Mapping[str, str] | None = None,
) -> RawRun:
    """Return a run made of tags; `more` are tags, too."""
    paper = {
        "metric": "test/overthinking/any_later",
        "value": reported,
        "source": "Table 3.1",
        "approximate": False,
    }
    return RawRun(
        run_id=f"{kind}-{group}-{seed}-{started_ms}",
        experiment_id="1",
        name=f"{group} {seed}",
        status=STATUS.get(outcome, "FAILED"),
        started_ms=started_ms,
        ended_ms=started_ms + 1,
        tags={
            tags.KIND: kind,
            tags.RUN_KEY: f"{group}-{seed}" if kind == tags.KIND_RUN else "",
            tags.GROUP_KEY: group,
            tags.VARIANT: variant,
            tags.DEFINITION: "quickstart",
            tags.SEEDS: seed,
            tags.OUTCOME: outcome,
            tags.REPORTED: json.dumps([paper] if reported is not None else []),
            "overthink.dataset": "max-min-mnist",
            "overthink.network": "msdnet 5x3",
            "overthink.regime": regime,
            **(more or {}),
        },
        metrics={
            "test/accuracy/last": last,
            "test/overthinking/any_later": 0.2,
            "test/overthinking/final": 0.1,
            "test/oracle/accuracy": last + 0.1,
        }
        if outcome == tags.FINISHED
        else {},
    )


def _parsed(make: Callable[P, RawRun]) -> Callable[P, StoredRun]:
    return lambda *args, **kwargs: make(*args, **kwargs).parsed()


stored = _parsed(raw)


def parent(seeds: str, group: str = "g1", **kwargs: object) -> StoredRun:
    return stored(seeds, group=group, kind=tags.KIND_GROUP, **kwargs)  # type: ignore[arg-type]
