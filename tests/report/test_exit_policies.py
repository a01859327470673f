"""Which runs count as seeds of one network in `overthink policies`."""

import json
from types import SimpleNamespace
from typing import Any, cast

from overthink.report.exit_policies import GroupPolicies, groups_of, readable_pairs
from overthink.store import tags
from overthink.store.stored import StoredRun
from support.repeats import by_difficulty, predictions
from support.stored_runs import parent, raw, stored

INIT = ["0", "split0-init1-order0-augment0", "split0-init2-order0-augment0"]
ARMS = {"all": "0:3", "init": " ".join(INIT), "none": "0 0-repeat1"}
SEEDS = [*INIT, "1", "2", "0-repeat1"]


def study(arms: dict[str, str]) -> StoredRun:
    return parent(" ".join(SEEDS), more={tags.ARMS: json.dumps(arms)})


def pooled(runs: list[StoredRun]) -> list[list[str]]:
    return [sorted(run.seeds[0].label for run in group) for _, _, group in groups_of(runs)]


def test_of_a_study_only_the_arm_that_its_numbers_are_over_is_shown() -> None:
    assert pooled([study(ARMS), *map(stored, SEEDS)]) == [["0", "1", "2"]]


def test_of_a_single_exit_there_is_nothing_to_compare() -> None:
    (one_exit,) = predictions(by_difficulty(1, 60, exits=1))
    run = raw("0", more={tags.SPLITS: "val test"}).parsed()
    store = SimpleNamespace(predictions=lambda *_: one_exit)
    pairs, kept, problems = readable_pairs(cast(Any, store), [run])
    assert (pairs, kept) == ([], [])
    assert problems == ["g1 0: its network has a single exit, so that no sample can leave early"]


def test_runs_of_several_arms_are_no_seeds_of_each_other() -> None:
    runs = [stored(seed, more={tags.ARMS: json.dumps(ARMS)}) for seed in SEEDS]
    assert pooled(runs) == [[seed] for seed in SEEDS if seed != "0-repeat1"]
    assert pooled([runs[0], runs[3], runs[4]]) == [["0", "1", "2"]]


def test_a_study_is_shown_with_its_arm_and_what_its_intervals_do_not_cover() -> None:
    one = GroupPolicies("base · seeds", "id", ("a", "b"), None, (), arm="init", fixed=("split", "order"))
    assert one.heading == "base · seeds / init"
    assert one.sentences == [
        "Held fixed, so not covered by intervals: one split and one order (base · seeds / init).",
    ]
    assert (one._replace(arm="").heading, one._replace(fixed=()).sentences) == ("base · seeds", [])
