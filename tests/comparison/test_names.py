"""Names of rows that read alike."""

import time

from overthink.comparison.names import Named, in_common, suffixes


def told(*params: dict[str, str], keys: tuple[str, ...] = ("aaaaaaaa", "bbbbbbbb", "cccccccc")) -> list[str]:
    return suffixes([Named(("q",), one, (key,)) for one, key in zip(params, keys, strict=False)])


def test_rows_that_do_not_read_alike_are_left_as_they_are() -> None:
    assert suffixes([Named(("q",), {"a": "1"}, ("a",)), Named(("r",), {"a": "2"}, ("b",))]) == ["", ""]


def test_the_first_parameter_that_differs() -> None:
    """Of the data set before the network; with as much of its path as is unambiguous."""
    one = {"network.growth": "4", "dataset.train": "400", "regime.0.lr": "0.1", "regime.1.lr": "0.1"}
    assert told(one, one | {"dataset.train": "600", "network.growth": "8"}) == [" [train=400]", " [train=600]"]
    assert told(one, one | {"regime.1.lr": "0.2"}) == [" [1.lr=0.1]", " [1.lr=0.2]"]


def test_as_few_parameters_as_are_needed_for_each_row() -> None:
    rows = [{"dataset.train": train, "regime.0.lr": rate} for train, rate in (("4", "1"), ("6", "1"), ("6", "2"))]
    assert told(*rows) == [" [train=4]", " [train=6, lr=1]", " [train=6, lr=2]"]


def test_numbers_are_as_short_as_they_can_be_told_apart() -> None:
    rates = ("0.04975432265518122", "0.18458328942482116", "0.1")
    assert told(*({"lr": rate} for rate in rates)) == [" [lr=0.04975]", " [lr=0.1846]", " [lr=0.1]"]
    near = ("0.12345671", "0.12345672")
    assert told(*({"lr": rate} for rate in near)) == [f" [lr={rate}]" for rate in near]
    assert told({"train": "1000000"}, {"train": "2000000"}) == [" [train=1000000]", " [train=2000000]"]


def test_what_only_one_version_knows_tells_nothing_apart_while_something_else_does() -> None:
    old, new = {"network.growth": "4"}, {"network.growth": "8", "network.reduction": "0.5"}
    assert told(old, new) == [" [growth=4]", " [growth=8]"]
    assert told(old, {"network.growth": "4", "network.reduction": "0.5"}) == ["", " [reduction=0.5]"]


def test_runs_of_versions_without_a_choice_of_kernels_are_by_torch() -> None:
    old, new = {"network.growth": "4"}, {"network.growth": "4", "kernels": "torch"}
    assert told(old, new | {"kernels": "native"}) == [" [kernels=torch]", " [kernels=native]"]
    assert told(old, new | {"network.growth": "8"}) == [" [growth=4]", " [growth=8]"]
    main = {"policy.of.kernels": "native"}
    assert told(old, new | main) == [" [of.kernels=torch]", " [of.kernels=native]"]


def test_a_part_of_a_path_that_is_another_path_is_no_name() -> None:
    one = {"threads": "1", "policy.of.threads": "1"}
    assert told(one, one | {"policy.of.threads": "2"}) == [" [of.threads=1]", " [of.threads=2]"]
    assert told(one, one | {"threads": "2"}) == [" [threads=1]", " [threads=2]"]


def test_names_are_no_part_of_a_definition() -> None:
    named = ({"variant": name, "policy.of_variant": name, "dataset": name, "seed": name} for name in "ab")
    assert told(*named) == [" #aaaaaa", " #bbbbbb"]


def test_a_key_is_the_last_resort_and_is_shown_once() -> None:
    twice = [Named(("q",), {}, ("data", key, key, "")) for key in ("1b45cd77", "99999999")]
    assert suffixes(twice) == [" #1b45cd", " #999999"]
    assert told({"train": "4"}, {"train": "4"}, {"train": "6"}) == [
        " [train=4] #aaaaaa",
        " [train=4] #bbbbbb",
        " [train=6]",
    ]


def test_what_definitions_have_in_common() -> None:
    assert in_common([{"a": "1", "b": "2"}, {}, {"a": "1", "b": "3"}]) == {"a": "1"}
    assert in_common([{}, {}]) == in_common([]) == {}


def test_a_thousand_trials_are_named_in_no_time() -> None:
    rows = [
        {f"network.p{number}": "1" for number in range(80)} | {"regime.0.lr": f"0.{place}"} for place in range(1000)
    ]
    begun = time.process_time()
    found = told(*rows, keys=tuple(f"{place:08}" for place in range(1000)))
    assert len({*found}) == 1000
    assert time.process_time() - begun < 2
