"""A program in a compiler's place: it writes down how it is called, and makes empty files."""

import stat
from pathlib import Path

PROGRAM = """#!/bin/sh
for last; do :; done
[ "$last" = --version ] && { echo "stand-in $VERSION"; echo "of the tests"; exit 0; }
echo "$@" >> "$LOG"
echo made > "$last"
"""


class StandIn:
    """It succeeds; `failing` is what it writes to its error output before it fails."""

    def __init__(self, folder: Path, name: str = "stand-in", *, version: str = "1.0", failing: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self._log = folder / name, folder / f"{name}.log"
        text = PROGRAM.replace("$LOG", str(self._log)).replace("$VERSION", version)
        if failing:
            text += f"cat >&2 <<'END'\n{failing}\nEND\nexit 1\n"
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(stat.S_IRWXU)

    @property
    def calls(self) -> list[str]:
        """The arguments of each call that compiled or linked."""
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []

    @property
    def n_builds(self) -> int:
        """How often it linked a library."""
        return sum(" -shared " in call for call in self.calls)
