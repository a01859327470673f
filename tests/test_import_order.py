"""Imports go one way: a room may use those on its left, never those on its right."""

import ast
from pathlib import Path

import overthink

ROOM_ORDER = (
    "spec seeds settings data predictions networks statistics store training inference metrics outbox study policy "
    "definition comparison running execution report launching sweep cli"
).split()
SOURCE = Path(overthink.__file__).parent
ONLY = {"mlflow": {"store"}, "plotly": {"report"}, "optuna": {"sweep"}, "ray": {"execution"}}
"""Packages that one room alone may import."""


def imports(path: Path) -> set[str]:
    """Modules that a file imports when it runs; those for type checkers alone do not count."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def files() -> list[tuple[str, Path]]:
    return [
        (path.relative_to(SOURCE).parts[0].removesuffix(".py"), path)
        for path in sorted(SOURCE.rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py") or path.parent != SOURCE
        if "embedded" not in path.parts
    ]


def test_every_room_has_its_place() -> None:
    assert {room for room, _ in files()} == set(ROOM_ORDER)


def test_left_never_imports_right() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)} imports {module}"
        for room, path in files()
        for module in imports(path)
        if module.startswith("overthink.")
        if ROOM_ORDER.index(module.split(".")[1]) > ROOM_ORDER.index(room)
    ]
    assert wrong == []


def test_some_packages_belong_to_one_room() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)} imports {module}"
        for room, path in files()
        for module in imports(path)
        if room not in ONLY.get(module.split(".")[0], {room})
    ]
    assert wrong == []


def test_nothing_is_ever_unpickled() -> None:
    text = {path: path.read_text() for _, path in files()}
    assert not [path for path, source in text.items() if "import pickle" in source or "torch.load(" in source]


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (SOURCE.parent / "__init__.py").exists()


def test_text_for_a_terminal_is_made_in_one_place() -> None:
    """What a store says must not steer a terminal, and safe_text.py sees to it."""
    assert [path.name for _, path in files() if "rich.text" in imports(path)] == ["safe_text.py"]
