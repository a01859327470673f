"""Rules of the house that no linter knows; the import rule is import-linter's, in `make check`."""

import ast
import re
from pathlib import Path

import overthink

SOURCE = Path(overthink.__file__).parent
TEXTS = {path: path.read_text() for path in sorted(SOURCE.rglob("*.py"))}


def imports(text: str) -> set[str]:
    """Modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_nothing_is_ever_unpickled() -> None:
    loads = re.compile(r"torch\.load\((?!path, map_location=\"cpu\", weights_only=True\))")
    assert not [path for path, text in TEXTS.items() if "import pickle" in text or loads.search(text)]


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (SOURCE.parent / "__init__.py").exists()


def test_text_files_are_utf_8_whatever_the_locale() -> None:
    """They are read on other machines; under LC_ALL=C Python would write ASCII."""
    text = re.compile(r"\.(read_text|write_text)\((?!.*encoding=)|\.open\((\"[rwa]\")?\)|\btext=True")
    found = {path.name: text.findall(content) for path, content in TEXTS.items() if text.search(content)}
    assert found.keys() <= {"export.py"}  # opens a browser


def test_tags_are_read_and_named_in_the_store_alone() -> None:
    """Elsewhere a stored run has typed fields. The sweep's own names are attributes of Optuna's studies."""
    tag = re.compile(r"\.tags\b(\.get|\[)|\bf?\"overthink\.(?!execution|store|definition|localhost|predictions|course)")
    others = [path for path in TEXTS if not {"store", "sweep"} & {*path.parts} and path.name != "__init__.py"]
    assert [path.name for path in others if tag.search(TEXTS[path])] == []


def test_text_for_a_terminal_is_made_in_one_place() -> None:
    """What a store says must not steer a terminal, and safe_text.py sees to it."""
    assert [path.name for path, text in TEXTS.items() if "rich.text" in imports(text)] == ["safe_text.py"]
