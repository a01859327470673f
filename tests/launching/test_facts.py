from dataclasses import replace
from pathlib import Path

from overthink.launching.plan import plan
from overthink.launching.recording.facts import expected, kernel_tags
from overthink.store import tags
from overthink.store.raw_run import RawRun
from support.native import SETTINGS
from support.small import small


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
