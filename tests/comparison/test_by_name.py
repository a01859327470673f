"""What people call runs and groups selects them, and nothing else."""

import pytest

from overthink.comparison.by_name import by_name, groups_of_variant, with_members
from overthink.store import tags
from support.stored_runs import raw

CHANGED = {tags.CHANGES: "network.growth=4", tags.CHANGES_JSON: '{"network.growth": 4}'}
RUNS = [
    raw("0 1", kind=tags.KIND_GROUP, group="g1", variant="short").parsed(),
    raw("0", group="g1", variant="short").parsed(),
    raw("1", group="g1", variant="short").parsed(),
    raw("0", kind=tags.KIND_GROUP, group="g2", variant="long", more=CHANGED).parsed(),
    raw("0", group="g2", variant="long", more=CHANGED).parsed(),
]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("quickstart: short", ["group-g1-0 1-0"]),
        ("quickstart: long [network.growth=4]", ["group-g2-0-0"]),
        ("quickstart: long", ["group-g2-0-0"]),
        ("g1 1", ["run-g1-1-0"]),
        ("quickstart: short seed 1", ["run-g1-1-0"]),
        ("quickstart: long [network.growth=4] seed 0", ["run-g2-0-0"]),
        ("run-g1", ["run-g1-0-0", "run-g1-1-0"]),
        ("run:run-g1-1", ["run-g1-1-0"]),
        ("run:g", []),
        ("short", []),
        ("quickstart", []),
        ("", []),
    ],
)
def test_names(name: str, expected: list[str]) -> None:
    assert [run.run_id for run in by_name(RUNS, name)] == expected


def test_a_variant_names_its_group_with_changes_only_without_others() -> None:
    plain = raw("0", kind=tags.KIND_GROUP, group="g3", variant="long").parsed()
    assert [run.run_id for run in groups_of_variant(RUNS, "long")] == ["group-g2-0-0"]
    assert groups_of_variant([*RUNS, plain], "long") == [plain]
    assert groups_of_variant(RUNS, "quickstart") == []


def test_a_group_comes_with_its_runs() -> None:
    found = with_members(by_name(RUNS, "quickstart: short"), RUNS)
    assert [run.run_id for run in found] == ["group-g1-0 1-0", "run-g1-0-0", "run-g1-1-0"]
