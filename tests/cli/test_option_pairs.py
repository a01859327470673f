"""Options that have an effect only with another one, or instead of another one: alone they are refused, not ignored."""

import json
from pathlib import Path

import pytest

from support.command import invoke


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            "predict abcdef x.png --threshold 0.5 --confidence 0.9",
            "--confidence 0.9: it has an effect only with --risk",
        ),
        ("policies --confidence 0.9", "--confidence 0.9: it has an effect only with --risk"),
        ("budget abcdef --mul-adds 1e6 --confidence 0.9", "--confidence 0.9: it has an effect only with --risk"),
        ("budget abcdef --risk 0.01 --criterion entropy", "--criterion entropy: it has an effect only with --mul-adds"),
        ("budget abcdef --risk 0.01 --scale", "--scale: it has an effect only with --mul-adds"),
        ("budget abcdef --mul-adds 1e6 --criterion patience --scale", "--scale: temperatures change no class"),
        ("bench abcdef --budgets 50", "--budgets 50: it has an effect only with --policy"),
        ("grad-cam abcdef --samples 1 --pick 2", "--samples and --pick exclude each other"),
        ("policies --list --format csv", "--list --format csv: not one of table, json"),
        ("import a --test x.csv --cost-unit seconds", "--cost-unit seconds: it has an effect only with --costs"),
        ("figure depth a -o x.html --columns 2", "--columns 2: it has an effect only with PDF, SVG and PNG files"),
        ("sweep quickstart-sweep --best --confirm 2", "--dry-run, --best and --confirm exclude each other"),
        ("sweep quickstart-sweep --dry-run --confirm 2", "--dry-run, --best and --confirm exclude each other"),
    ],
)
def test_what_would_have_no_effect(tmp_path: Path, arguments: str, sentence: str) -> None:
    (tmp_path / "x.png").touch()
    done = invoke(tmp_path, *arguments.split())
    assert done.returncode == 2
    assert f"error: {sentence}" in " ".join(done.stderr.split())
    assert {path.name for path in tmp_path.iterdir()} <= {"x.png", "cache"}


def test_the_list_of_policies_as_json(tmp_path: Path) -> None:
    shown = invoke(tmp_path, "policies", "--list", "--format", "json")
    known = {one["name"]: one for one in json.loads(shown.stdout)}
    assert known["max-softmax"].keys() == {"name", "policy", "needs", "source"}
