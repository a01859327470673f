"""README and docs stay true: commands and options exist, links resolve, every shipped definition is listed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import typer
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from jsonschema import validate  # type: ignore[import-untyped]
from typer.core import TyperCommand, TyperGroup, TyperOption

from overthink.cli.main import app
from overthink.definition.loading import load_experiment
from overthink.definition.source import EXPERIMENTS, SWEEPS, find
from overthink.sweep.definition import load_sweep

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DEFINITIONS = [path for folder in (EXPERIMENTS, SWEEPS) for path in sorted((ROOT / folder).glob("*.yaml"))]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
CALL = re.compile(r"(?<![\w.-])overthink (?=-|[a-z])[^`\n]*")


YAML_BLOCKS = [
    (page.relative_to(ROOT).as_posix(), dedent(block))
    for page in PAGES
    for language, block in FENCE.findall(page.read_text())
    if language == "yaml"
]
PARTS = {
    "dataset": {"kind": "max-min-mnist", "digits": "embedded"},
    "network": {"kind": "msdnet"},
    "regime": [{"epochs": 1}],
}
"""What completes a printed part of a definition."""


def calls_in(text: str) -> Iterator[str]:
    """Yield every `overthink ...` command line: in code spans, and in blocks that are not of another language."""
    for language, block in FENCE.findall(text):
        if not language:
            yield from (call for line in block.replace("\\\n", " ").splitlines() for call in CALL.findall(line)[:1])
    for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        if span.startswith("overthink "):
            yield from CALL.findall(span)


def calls_of(path: Path) -> Iterator[str]:
    """Yield the command lines of a page, or of the comments that a definition opens with."""
    text = path.read_text()
    if path.suffix == ".yaml":
        yield from (
            call for line in text.splitlines() if line.startswith("#   overthink") for call in line[4:].split(" && ")
        )
    else:
        yield from calls_in(text)


CALLS = sorted(
    {(path.relative_to(ROOT).as_posix(), call) for path in [*PAGES, *DEFINITIONS] for call in calls_of(path)}
)


AnyCommand = TyperCommand | TyperGroup


def whole_command() -> TyperGroup:
    """Return `overthink` with its commands."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return root


def options_of(command: AnyCommand) -> dict[str, bool]:
    """Return every option of a command, and whether it takes a value."""
    options = [one for one in command.params if isinstance(one, TyperOption)]
    return {name: not one.is_flag for one in options for name in (*one.opts, *one.secondary_opts)} | {"--help": False}


def mistake_in(call: str) -> str | None:
    """Return what is wrong with a command line, or None: an unknown command, option or shipped definition."""
    words = shlex.split(re.split(r" #| && ", call)[0])[1:]
    command: AnyCommand = whole_command()
    known = options_of(command) | {"--install-completion": False}
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            name, equals, _ = word.partition("=")
            if name not in known:
                return f"no option {name} of {command.name}"
            if known[name] and not equals and not words:
                return f"{name} takes a value"
            words = words[1:] if known[name] and not equals else words
        elif isinstance(command, TyperGroup) and not word.isupper():
            found = command.commands.get(word)
            if not isinstance(found, AnyCommand):
                return f"no command {word}"
            command, known = found, known | options_of(found)
        elif command.name in ("run", "sweep", "inspect") and re.fullmatch(r"[a-z][a-z0-9-]*", word):
            find(word, SWEEPS if command.name == "sweep" else EXPERIMENTS)
    return None


@pytest.mark.parametrize("page, call", CALLS)
def test_a_printed_command_line_exists(page: str, call: str) -> None:
    assert mistake_in(call) is None, f"{page}: {call}"


def test_mistakes_in_command_lines_are_found() -> None:
    assert len(CALLS) > 100
    assert mistake_in("overthink frobnicate") == "no command frobnicate"
    assert mistake_in("overthink run quickstart --sedes 0:5") == "no option --sedes of run"
    assert mistake_in("overthink budget RUN --mul-adds") == "--mul-adds takes a value"
    with pytest.raises(ValueError, match="quickstat"):
        mistake_in("overthink run quickstat")
    text = "Say `overthink ui`.\n```\noverthink run a \\\n  --jobs 2   # both\n```\n```yaml\nx: overthink run\n```\n"
    assert list(calls_in(text)) == ["overthink run a    --jobs 2   # both", "overthink ui"]


def test_the_commands_page_lists_every_command() -> None:
    root = whole_command()
    page = (ROOT / "docs/commands.md").read_text()
    for name, command in root.commands.items():
        for full in [f"{name} {sub}" for sub in command.commands] if isinstance(command, TyperGroup) else [name]:
            assert f"| `overthink {full}" in page, full


def headings(path: Path) -> set[str]:
    """Return the anchors of a page: its headings in small letters, with hyphens."""
    found = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), f"{page.name}: {target}"
        assert not anchor or anchor in headings(linked), f"{page.name}: {target}"


def test_every_shipped_definition_is_listed() -> None:
    for folder, page in ((EXPERIMENTS, "definitions.md"), (SWEEPS, "sweeps.md")):
        text = (ROOT / "docs" / page).read_text()
        listed = set(
            re.findall(r"`([a-z0-9-]+)`", "".join(re.findall(r"^\| `.*$", text.split("that ship\n")[1], re.M)))
        )
        assert listed == {path.stem for path in DEFINITIONS if path.parent.name == folder}


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_a_definition_opens_with_how_to_run_it_and_its_evidence(path: Path) -> None:
    head = re.match(r"(#.*\n)+", path.read_text())
    assert head is not None
    assert f"#   overthink {'sweep' if path.parent.name == SWEEPS else 'run'} {path.stem}" in head[0]
    evidence = head[0].partition("# Evidence: ")[2].replace("\n# ", " ")
    none = re.match(r"none; nobody has run it.*(needs a GPU|Two CPU cores are enough)", evidence)
    assert none or re.search(r"n = \d.*runs? [0-9a-f]{8}.*\d{4}-\d\d-\d\d", evidence), evidence
    recorded = (ROOT / "docs/log.md").read_text() + (ROOT / "docs/findings/evidence.json").read_text()
    assert all(run in recorded for run in re.findall(r"\b(?=[a-z]*\d)[0-9a-f]{8}\b", evidence))


@pytest.mark.parametrize("page, text", YAML_BLOCKS)
def test_a_printed_definition_is_valid(page: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "printed.yaml"
    if "schema_version" not in text:
        rest = {"schema_version": 1, "name": "printed", "description": page, "seeds": 1} | PARTS
        rest = {
            key: value
            for key, value in rest.items()
            if f"{key}:" not in text and not ("policy:" in text and key == "dataset")
        }
        text += yaml.safe_dump(rest)
    path.write_text(text)
    if "kind: sweep" in text:
        load_sweep(path, ())
    else:
        assert load_experiment(path, [], None).groups


def test_the_readme_is_short_and_every_page_is_in_the_site() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150
    site = (ROOT / "mkdocs.yml").read_text()
    for page in PAGES[2:]:
        assert page.relative_to(ROOT / "docs").as_posix() in site, page


def test_the_citation_file_follows_its_schema() -> None:
    citation = yaml.load((ROOT / "CITATION.cff").read_text(), yaml.BaseLoader)
    validate(citation, get_builtin_schema("vendor.citation-file-format"))
    assert citation["cff-version"] == "1.2.0"
    assert f'version = "{citation["version"]}"' in (ROOT / "pyproject.toml").read_text()
