from dataclasses import replace

from overthink.comparison.observations import by_training, count_trainings, fixed_streams, held_fixed
from overthink.seeds import Seeds
from overthink.store.stored import RunLink
from support.stored_runs import parent, stored


def test_repeats_are_one_training_the_lowest_first() -> None:
    labels = ["0-repeat2", "1", "0", "0-kernel1", "split0-init1-order0-augment0-repeat3"]
    found = [[run.seeds_label for run in alike] for alike in by_training(map(stored, labels))]
    assert found == [["0", "0-repeat2"], ["1"], ["0-kernel1"], ["split0-init1-order0-augment0-repeat3"]]


def test_equal_seeds_of_two_groups_are_two_trainings() -> None:
    assert len(by_training([stored("0", group="a"), stored("0", group="b")])) == 2


def test_runs_whose_seeds_nobody_can_read_are_one_each() -> None:
    assert len(by_training([stored("what", started_ms=1), stored("ever", started_ms=2)])) == 2


def test_what_is_asked_for_and_what_was_trained_besides() -> None:
    asked = parent("0:3 0-repeat1 0-repeat2")
    assert count_trainings([asked], [stored("0-repeat1"), stored("7"), stored("what")]) == 5


def test_what_runs_share() -> None:
    alone = Seeds(split=0, init=0, order=0, augment=0)
    other = alone.model_copy(update={"init": 1, "augment": 2})
    assert fixed_streams([alone, other]) == ("split", "order")
    assert fixed_streams([alone]) == fixed_streams([]) == ()


def test_policy_networks_of_one_main_network() -> None:
    runs = [replace(stored(seed), main=RunLink("id", "main")) for seed in ("0", "1")]
    assert held_fixed(runs) == ("main",)
    assert held_fixed(runs[:1]) == ()
    assert held_fixed([runs[0], replace(runs[1], main=RunLink("id", "another"))]) == ()
