"""What a launch begins with: which runs, and never that there are none of something."""

from dataclasses import replace
from pathlib import Path

from overthink.cli.plan_sentence import plan_sentence
from overthink.launching.plan import plan
from support.small import small


def test_variants_seeds_and_what_is_done(tmp_path: Path) -> None:
    runs = plan(None, [small(tmp_path, variants={"a": {}, "b": {"network.growth": 4}}, seeds=2)], dry=True)
    assert plan_sentence(runs) == "4 runs to train: a and b × seeds 0, 1."
    first, *others = runs
    done, resumed = replace(first, action="done"), replace(first, action="resume")
    assert plan_sentence([done, *others]) == "3 of 4 runs to train, 1 finished: a × seed 1 and b × seeds 0, 1."
    assert plan_sentence([resumed]) == "1 run to train, 1 of them from a checkpoint: a × seed 0."
    assert plan_sentence([done, replace(first, action="queued")]) == (
        "No run to train: 1 finished, 1 finished, but not uploaded yet."
    )


def test_more_than_one_definition_are_told_apart(tmp_path: Path) -> None:
    networks = {name: {"kind": "msdnet", "blocks": 3, "growth": growth} for name, growth in (("one", 2), ("two", 4))}
    loaded = [small(tmp_path, name=name, seeds=10, network=network) for name, network in networks.items()]
    runs = plan(None, loaded, dry=True)
    assert plan_sentence(runs) == "20 runs to train: one: base and two: base × seeds 0:10."
