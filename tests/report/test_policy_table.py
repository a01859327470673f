"""The table of policy networks with a noise ceiling: what a row says, and that it fits a narrow terminal."""

from dataclasses import replace

import pytest

from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.report.policy_table import CONTROL, POLICY
from overthink.report.table_files import as_json, as_markdown
from overthink.report.tables import as_rich
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.columns import in_columns
from support.stored_runs import parent, stored

CEILING = "test/policy/ceiling"
OWN = {tags.TASK: tags.POLICY, "overthink.labels": "lambda 5", "overthink.dataset": "cifar-100"}


def run(seed: str, p: float = 0.4, group: str = "g1") -> StoredRun:
    found = {
        "accuracy": 0.46 + 0.01 * int(seed),
        "balanced_accuracy": 0.31,
        "best_constant": 0.5311,
        "uniform": 0.2,
        "confidence/balanced_accuracy": 0.37,
        "p/constant": p,
        "p/chance": 0.0005,
    }
    made = stored(seed, group=group, more=OWN)
    return replace(made, metrics={f"test/policy/{name}": value for name, value in found.items()})


def group(ceiling: dict[str, float], key: str = "g1") -> StoredRun:
    made = parent("0:3", group=key, more=OWN)
    return replace(made, metrics={f"{CEILING}/{name}": value for name, value in ceiling.items()})


def row(ceiling: dict[str, float], p: float = 0.4) -> Row:
    (found,) = overthinking_rows([group(ceiling), *(run(seed, p) for seed in "012")], metrics=POLICY.metrics)
    return found


def cells(found: Row) -> dict[str, tuple[str, ...]]:
    return {column.title: column.cell(found) for column in POLICY.columns}


KNOWN = {"trainings": 6.0, "excess": 0.0094, "excess/low": -0.0219, "excess/high": 0.0408, "majority/accuracy": 0.55}


def test_a_row_has_the_ceiling_of_its_group() -> None:
    found = row(KNOWN)
    assert cells(found)["Best constant"] == ("53.11", "ceiling", "+0.94", "[-2.2, +4.1]")
    assert cells(found)["Verdict"][:2] == ("informative", "cannot decide")
    assert '"test/policy/ceiling/excess": 0.0094' in as_json([found], POLICY)
    assert "cannot decide" in as_markdown([found], POLICY)
    assert "No noise ceiling" not in POLICY.caption([found])
    assert "No noise ceiling for quickstart: short: labels are permuted, groups" in POLICY.caption([found, row({})])


@pytest.mark.parametrize(
    "ceiling, p, words",
    [
        (KNOWN | {"excess/low": 0.01}, 0.4, ("informative", "ceiling above")),
        (KNOWN, 0.001, ("learned", "p 0.001 constant")),
        ({"trainings": 1.0}, 0.4, ("informative", "ceiling unknown", "1 training")),
        ({"trainings": 2.0, "excess": 0.01}, 0.4, ("informative", "ceiling unknown", "2 trainings")),
        ({"trainings": 1.0, "averaged": 3.0}, 0.4, ("informative", "ceiling unknown", "1 set of 3 trainings")),
        ({}, 0.4, ("informative", "p 0.4 constant")),
    ],
)
def test_verdicts(ceiling: dict[str, float], p: float, words: tuple[str, ...]) -> None:
    assert cells(row(ceiling, p))["Verdict"][: len(words)] == words


def test_groups_that_are_pooled_have_no_common_ceiling() -> None:
    both = [group(KNOWN), group(KNOWN, "g2"), run("0"), run("1", group="g2")]
    (pooled,) = overthinking_rows(both, "network", POLICY.metrics)
    assert pooled.of_group == {}
    assert cells(pooled)["Best constant"] == ("53.11",)


@pytest.mark.parametrize("p_values, missing", [((0.01, 0.4, 0.4), True), ((0.01, 0.01, 0.4), False)])
def test_a_positive_control_learned_in_most_runs(p_values: tuple[float, ...], missing: bool) -> None:
    more = OWN | {"overthink.dataset": CONTROL}
    control = [parent("0:3", group="g2", more=more)] + [
        replace(run(str(seed), p), dataset=stored("0", group="g2", more=more).dataset, group_key="g2")
        for seed, p in enumerate(p_values)
    ]
    rows = overthinking_rows([group(KNOWN), *(run(seed) for seed in "012"), *control], metrics=POLICY.metrics)
    assert [found.dataset for found in rows] == ["cifar-100", CONTROL]
    assert ("NO POSITIVE CONTROL" in POLICY.caption(rows)) is missing


def test_it_fits_80_columns() -> None:
    text = in_columns(as_rich([row(KNOWN)], POLICY))
    assert max(map(len, text.splitlines())) <= 80
    for whole in ("ceiling", "+0.94", "[-2.2, +4.1]", "cannot", "47.00 ± 1.00", "informative"):  # no number is broken
        assert whole in text
