"""The evidence of a page: what the store answered, and what is kept of it where a later store lacks the runs."""

import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from findings.errors import FindingsError
from findings.references import Number

EVIDENCE = "evidence.json"


class Before:
    """The evidence of the page that is there already; empty where there is none."""

    def __init__(self, path: Path) -> None:
        self._evidence: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.figures: Mapping[str, str] = self._evidence.get("figures", {})

    def kept(self, source: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what it has of a definition, if that is all runs and the store does not have them; else None."""
        if source["complete"]:
            return None
        known = self._evidence.get("sources", [])
        return next((one for one in known if one["definition"] == source["definition"] and one["complete"]), None)

    def number(self, reference: str) -> Number:
        """Return a number of it. Raises FindingsError where it has none."""
        return number_in(self._evidence, reference)


def number_in(evidence: Mapping[str, Any], reference: str) -> Number:
    """Return a number of some evidence. Raises FindingsError where it has none."""
    if reference not in evidence["numbers"]:
        raise FindingsError(f"{reference}: not in {EVIDENCE}; make findings writes it anew")
    return Number(**evidence["numbers"][reference])


def is_about(command: str, definitions: Collection[str]) -> bool:
    """Return whether a command names one of some definitions, or a run of one (`seed 0 · base · NAME`)."""
    return any(word in definitions for argument in shlex.split(command) for word in argument.split())
