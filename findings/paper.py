"""The files of the paper: its template, what the store answered about it (the evidence), the page and its figures."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from findings.answers import Answers, answer, printed
from findings.before import EVIDENCE, Before, is_about, number_in
from findings.page import rendered
from findings.references import Number, resolved
from overthink import __version__

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "findings" / "template.md"
PAGE, FOLDER = "findings.md", "findings"
"""In docs/: the page, and the folder of its figures and evidence."""


class Template(NamedTuple):
    """What the template's head names, and its text."""

    train: tuple[str, ...]
    """Definitions, in the order in which they are trained."""
    answers: dict[str, str]
    """Name -> command that prints JSON."""
    figures: dict[str, str]
    """Name of an SVG file -> command that draws it, without `--output`."""
    text: str


def parsed(text: str) -> Template:
    """Return a template: a YAML document between lines of `---`, and the text."""
    _, head, body = text.split("---\n", 2)
    found = yaml.safe_load(head)
    return Template(tuple(found["train"]), found["answers"], found["figures"], body)


def page_of(template: Template, evidence: Mapping[str, Any]) -> str:
    """Return the page that evidence supports. Raises FindingsError where it lacks a number, or denies a sentence."""
    return rendered(template.text, lambda reference: number_in(evidence, reference), _parts(template, evidence, []))


def written(template: Template, docs: Path) -> None:
    """Write the page, its figures and the evidence to a folder, from the store. Raises FindingsError.

    What is about a definition of which the store lacks runs stays as it was in the folder's evidence, if that had them.
    """
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    before = Before(folder / EVIDENCE)
    made = {"made": f"{datetime.now(UTC):%Y-%m-%d}", "version": __version__}
    found = [_source(definition) for definition in template.train]
    kept = {source["definition"]: earlier for source in found if (earlier := before.kept(source))}
    sources = [kept.get(source["definition"], source | made) for source in found]
    answers = Answers(template.answers)
    numbers: dict[str, Number] = {}
    drawn: list[str] = []

    def looked_up(reference: str) -> Number:
        if reference not in numbers:
            command = template.answers.get(reference.split(" > ", maxsplit=1)[0], "")
            numbers[reference] = (
                before.number(reference) if is_about(command, kept) else resolved(reference, answers.__getitem__)
            )
        return numbers[reference]

    page = rendered(template.text, looked_up, _parts(template, made | {"sources": sources}, drawn))
    figures = {
        name: before.figures[name]
        if is_about(template.figures[name], kept)
        else _drawn(template.figures[name], folder / f"{name}.svg")
        for name in drawn
    }
    evidence = {
        **made,
        "sources": sources,
        "numbers": {reference: found._asdict() for reference, found in sorted(numbers.items())},
        "figures": figures,
    }
    (folder / EVIDENCE).write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    (docs / PAGE).write_text(page, encoding="utf-8")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _drawn(command: str, path: Path) -> str:
    printed(f"{command} --output {shlex.quote(str(path))}")
    return digest(path)


def _parts(template: Template, evidence: Mapping[str, Any], drawn: list[str]) -> dict[str, Any]:
    """Return the names of the template that are no numbers; `drawn` receives the names of figures that it shows."""

    def command(name: str) -> str:
        """Return what a reader types to repeat an answer."""
        return f"`overthink {template.answers[name]}`"

    def figure(name: str, caption: str) -> str:
        """Return a figure, its caption, and the command that repeats it."""
        drawn.append(name)
        repeat = f"`overthink {template.figures[name]} -o {name}.svg`"
        return f"![{caption}]({FOLDER}/{name}.svg)\n\n*{caption}* {repeat}"

    sources = evidence["sources"]
    finished = [source["definition"] for source in sources if source["complete"]]
    return {
        "command": command,
        "figure": figure,
        "sources": sources,
        "finished": finished,
        "made": evidence["made"],
    }


def _source(definition: str) -> dict[str, Any]:
    """Return what the store has of a definition: its finished runs, oldest first, and whether these are all."""
    name = shlex.quote(definition)
    planned = answer(f"run {name} --dry-run --json")
    runs = answer(f"runs {name} --sort started --metric instruction_set --format json")
    done = [run for run in runs if run["kind"] == "run" and run["status"] == "finished"]
    return {
        "definition": definition,
        "complete": all(run["action"] == "done" for run in planned),
        "runs": [run["run_id"] for run in done],
        "kernels": ", ".join(dict.fromkeys(f"{run['kernels']} ({run['instruction_set']})" for run in done)),
        "trained": done[-1]["started"][:10] if done else "",
    }
