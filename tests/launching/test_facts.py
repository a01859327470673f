from overthink.launching.recording.facts import kernel_tags
from overthink.store import tags
from support.native import SETTINGS


def test_tags_of_what_computed_a_run() -> None:
    on_cpu = {"device": "cpu", "threads": 1, "cpu_capability": "AVX2"}
    assert kernel_tags([{"settings": on_cpu}]) == {tags.INSTRUCTION_SET: "AVX2"}
    assert kernel_tags([{"settings": on_cpu | {"device": "NVIDIA A100"}}, {}, {"settings": None}]) == {}
    first, second = on_cpu | SETTINGS, on_cpu | SETTINGS | {"instruction_set": "x86-64-v3"}
    found = kernel_tags([{"settings": first}, {"settings": second}, {"settings": second}])
    assert found[tags.INSTRUCTION_SET] == "x86-64-v4, x86-64-v3"
    assert found[tags.COMPILER] == "g++ 13.2.0"
    assert found[tags.KERNEL_SOURCE] == SETTINGS["source_sha256"]
