"""Write docs/findings.md from the store of MLFLOW_TRACKING_URI: `python -m findings`.

With `--train`, what is missing in the store is trained first, which takes hours; finished runs are found at once.
Further arguments are passed on to `overthink run` (`--jobs 2`).
"""

import sys

from findings.errors import FindingsError
from findings.paper import ROOT, TEMPLATE, parsed, written
from overthink.cli.main import execute


def main(arguments: list[str]) -> int:
    """Train what is missing if asked to, and write the files; return an exit code."""
    template = parsed(TEMPLATE.read_text(encoding="utf-8"))
    if arguments[:1] == ["--train"]:
        for definition in template.train:
            if code := execute(["run", definition, *arguments[1:]]):
                return code
    try:
        written(template, ROOT / "docs")
    except FindingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
