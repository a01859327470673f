"""The committed paper is what its evidence says, and its template leaves no number and no comparison to its writer."""

import json
import re
from typing import Any

import pytest
from findings.before import EVIDENCE
from findings.paper import FOLDER, PAGE, ROOT, TEMPLATE, digest, page_of, parsed

DOCS = ROOT / "docs"
TEXT = TEMPLATE.read_text()
CLAIM = re.compile(r"\{% call claim\(.*?\{% endcall %\}", re.S)
CHOSEN = re.compile(r"\{\{ (shown|either|differing)\(.*?\}\}", re.S)
"""Words that follow the intervals."""
CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.S)
PLACE = re.compile(r"\b(table|section|figure|equation|algorithm) [\d.]*\d")
NUMBER = re.compile(r"\b(?!0\.05\b)\d+\.\d|\b(?!95%)\d+ ?%")
"""Level of tests and intervals apart."""
DIRECTION = re.compile(
    r"\b(falls?|rises?|lowers?|raises?|higher|lower|more|less|fewer|better|worse|beats?|gains?|loses?|reduces?)\b"
)


def evidence() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / FOLDER / EVIDENCE).read_text())
    return found


def written_by_hand(text: str) -> str:
    """Return what of a template is no reference, claim, word that follows an interval, or place in the thesis."""
    return PLACE.sub("", CODE.sub("", CHOSEN.sub("@", CLAIM.sub("@", text))))


def comparisons(text: str) -> list[str]:
    """Return the sentences by hand that compare; questions, and what the thesis says, are none of ours."""
    sentences = re.split(r"(?<=[.?])\s|\n\n|\|", written_by_hand(text))
    ours = [one for one in sentences if not one.endswith("?") and "thesis" not in one and "@" not in one]
    return [one for one in ours if DIRECTION.search(one)]


def test_the_page_is_what_its_evidence_says() -> None:
    assert page_of(parsed(TEXT), evidence()) == (DOCS / PAGE).read_text()


def test_its_figures_are_those_that_were_drawn_from_the_store() -> None:
    figures = evidence()["figures"]
    assert len(figures) >= 3
    assert {path.stem for path in (DOCS / FOLDER).glob("*.svg")} == figures.keys()
    for name, drawn in figures.items():
        assert digest(DOCS / FOLDER / f"{name}.svg") == drawn
        assert (DOCS / FOLDER / f"{name}.csv").is_file()


def test_every_number_has_its_runs_or_its_group() -> None:
    found = evidence()
    runs = {run for source in found["sources"] for run in source["runs"]}
    assert all(re.fullmatch("[0-9a-f]{32}", run) for run in runs)
    for reference, number in found["numbers"].items():
        if not reference.startswith("thesis > "):
            assert number["runs"] or re.fullmatch("[0-9a-f]{32}", number["group"]), reference
            assert number["n"] > 1, reference
        assert runs.issuperset(number["runs"]), reference


def test_no_number_is_written_by_hand() -> None:
    assert NUMBER.findall(written_by_hand(TEXT.split("---\n", 2)[2])) == []


def test_no_comparison_is_written_by_hand() -> None:
    assert comparisons(TEXT.split("---\n", 2)[2]) == []


@pytest.mark.parametrize("text", ["It is 19.2 here", "of 19%", "of 19 %", "section 4, 0.5 points"])
def test_a_number_by_hand_is_found(text: str) -> None:
    assert NUMBER.search(written_by_hand(text))


def test_what_is_no_finding_is_no_number_by_hand() -> None:
    assert not NUMBER.search(
        written_by_hand("(table 3.1, section 3.2.3, equation 3.11): 95% interval, p at most 0.05 ")
    )
    assert not NUMBER.search(written_by_hand('It is {{ "a > 0.5" | percent }}'))


@pytest.mark.parametrize("text", ["It falls by half.", "A claim. This is worse.", "| more | of it |"])
def test_a_comparison_by_hand_is_found(text: str) -> None:
    assert len(comparisons(text)) == 1


def test_comparisons_that_follow_intervals_are_none_by_hand() -> None:
    assert comparisons("{% call claim(below('a')) %}It falls.{% endcall %}") == []
    assert comparisons("It {{ either('a', 'falls', 'rises', 'stays') }} more. Is it more?") == []
