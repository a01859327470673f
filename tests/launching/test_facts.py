from colorsys import rgb_to_hls
from dataclasses import replace
from pathlib import Path

from overthink.definition.loading import load_experiment
from overthink.launching.plan import plan
from overthink.launching.recording.facts import expected, kernel_tags, place_of
from overthink.report.run_colours import OF_RUNS, group_colour, run_colour
from overthink.store import tags
from overthink.store.raw_run import RawRun
from support.native import SETTINGS
from support.small import definition, small


def test_tags_of_what_computed_a_run() -> None:
    on_cpu = {"device": "cpu", "threads": 1, "cpu_capability": "AVX2"}
    assert kernel_tags([{"settings": on_cpu}]) == {tags.INSTRUCTION_SET: "AVX2"}
    assert kernel_tags([{"settings": on_cpu | {"device": "NVIDIA A100"}}, {}, {"settings": None}]) == {}
    first, second = on_cpu | SETTINGS, on_cpu | SETTINGS | {"instruction_set": "x86-64-v3"}
    found = kernel_tags([{"settings": first}, {"settings": second}, {"settings": second}])
    assert found[tags.INSTRUCTION_SET] == "x86-64-v4, x86-64-v3"
    assert found[tags.COMPILER] == "g++ 13.2.0"
    assert found[tags.KERNEL_SOURCE] == SETTINGS["source_sha256"]


def test_tags_of_what_a_run_was_expected_to_take(tmp_path: Path) -> None:
    run = plan(None, [small(tmp_path)], dry=True)[0]
    assert expected(run) == {}
    known = replace(run, estimated_seconds=83.6, at_once=2)
    found = expected(known)
    assert found == {tags.ESTIMATED_SECONDS: "84", tags.AT_ONCE: "2"}
    stored = RawRun("", "", "", "FINISHED", 0, 1, found).parsed()
    assert (stored.estimated_seconds, stored.at_once) == (84, 2)
    assert expected(replace(known, action="resume")) == {}, "it takes the time between its attempts, too"
    unreadable = RawRun("", "", "", "FINISHED", 0, 1, {tags.ESTIMATED_SECONDS: "soon", tags.AT_ONCE: "-1"}).parsed()
    assert (unreadable.estimated_seconds, unreadable.at_once) == (None, None)


def hue(colour: str) -> float:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return rgb_to_hls(red, green, blue)[0]


def test_a_group_has_a_hue_and_its_seeds_shades_of_it() -> None:
    for place in range(len(OF_RUNS)):
        shades = [run_colour(place, seeds) for seeds in ("0", "1", "2", "3")]
        assert len({group_colour(place), *shades}) == 5
        assert all(abs(hue(shade) - hue(group_colour(place))) < 0.02 for shade in shades)
    assert len({group_colour(place) for place in range(len(OF_RUNS))}) == len(OF_RUNS)
    assert run_colour(1, "split0-init1") == run_colour(1, "split0-init1") in {run_colour(1, str(n)) for n in range(4)}


def test_the_place_of_a_group_is_that_in_its_definition(tmp_path: Path) -> None:
    loaded = load_experiment(definition(tmp_path, variants={"short": {}, "long": {"regime.0.epochs": 4}}))
    assert [place_of(loaded, group) for group in loaded.groups] == [0, 1]
    changed = replace(loaded.groups[0], changes={"network.growth": 8})
    assert place_of(loaded, changed) == int(changed.definition.key[:8], 16)
