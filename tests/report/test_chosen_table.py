"""Tables of chosen metrics, in a chosen order."""

from dataclasses import replace

from overthink.comparison.overthinking import Row, overthinking_rows
from overthink.report.chosen_table import in_order, layout_of
from overthink.report.table_files import TEXTS
from overthink.store.stored import StoredRun
from support.stored_runs import parent, stored

COST = "test/oracle/mul_adds"
CHOSEN = ("test/accuracy/last", COST)


def grown(growth: str, last: float, seeds: str = "0") -> list[StoredRun]:
    """Return a group with its runs, of a network of this growth, and what its oracle costs."""
    runs = [stored(seed, last=last, group=f"g{growth}", variant=f"wide {growth}") for seed in seeds.split()]
    made = [parent(seeds, group=f"g{growth}", variant=f"wide {growth}"), *runs]
    params = {"network.growth": growth, "network.kind": "msdnet"}
    return [replace(run, params=params, metrics={**run.metrics, COST: 1e6 * float(growth)}) for run in made]


def rows(by: str = "variant") -> list[Row]:
    return overthinking_rows([*grown("10", 0.7), *grown("8", 0.6, "0 1"), *grown("9", 0.8)], by, CHOSEN)


def test_rows_by_a_parameter() -> None:
    found = {row.group: row for row in rows("network.growth")}
    assert sorted(found) == ["network.growth=10", "network.growth=8", "network.growth=9"]
    assert found["network.growth=8"].estimates["test/accuracy/last"].n == 2
    (pooled,) = rows("network.kind")
    assert (pooled.group, len(pooled.groups)) == ("network.kind=msdnet", 3)
    (lacking,) = overthinking_rows([parent("0"), stored("0")], "network.growth")
    assert (lacking.group, lacking.gaps) == ("no network.growth", ())


def test_rates_in_percent_other_metrics_as_numbers() -> None:
    text = TEXTS["markdown"](rows(), layout_of(CHOSEN))
    assert "| Group | n | Accuracy last exit | oracle mul_adds |" in text
    assert "| 70.00 | 1e+07 |" in text
    assert "plain numbers for others" in text
    assert "plain numbers" not in TEXTS["markdown"](rows(), layout_of(CHOSEN[:1]))
    assert list(layout_of(CHOSEN).compared) == ["test/accuracy/last"]


def test_order() -> None:
    def order(name: str) -> list[str]:
        return [row.group.rpartition("=")[2] for row in in_order(rows("network.growth"), name)]

    assert order("group") == ["8", "9", "10"]  # as numbers
    assert order("-group") == ["10", "9", "8"]
    assert order("test/accuracy/last") == ["8", "10", "9"]
    assert order("-test/accuracy/last") == ["9", "10", "8"]
    assert order("-n")[0] == "8"
    assert order("-test/no/such") == order("test/no/such")  # none has it
