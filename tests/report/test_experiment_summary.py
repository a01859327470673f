import json

from overthink.comparison.overthinking import overthinking_rows
from overthink.report.experiment_summary import summary
from overthink.store import tags
from support.stored_runs import parent, stored


def test_three_sentences_on_several_groups() -> None:
    runs = [
        parent("0:2", "a", variant="short"),
        *(stored(str(seed), last=0.6 + seed / 100, group="a", variant="short", started_ms=seed) for seed in (0, 1)),
        parent("0:3", "b", variant="long", started_ms=5),
        *(stored(str(seed), last=0.9 + seed / 100, group="b", variant="long", started_ms=5 + seed) for seed in (0, 1)),
    ]
    assert summary(overthinking_rows(runs)) == (
        "4 finished runs of 2 groups on max-min-mnist, 1 more missing or unfinished. Accuracy of the last exit goes "
        "from 60.5% [54.1, 66.9] (short) to 90.5% [84.1, 96.9] (long), with intervals that do not overlap. Any-later "
        "overthinking is 20.0%; final overthinking is 10.0%."
    )


def test_one_run_and_none() -> None:
    one = [parent("0"), stored("0")]
    assert summary(overthinking_rows(one)) == (
        "1 finished run of 1 group on max-min-mnist. Accuracy of the last exit is 60.0%. Any-later overthinking is "
        "20.0%; final overthinking is 10.0%."
    )
    assert summary(overthinking_rows([parent("0")])) == (
        "0 finished runs of 1 group on max-min-mnist, 1 more missing or unfinished."
    )


def test_a_run_of_several_arms_counts_once_and_arms_are_no_groups() -> None:
    """Repeat 0 is in all arms; repeats of one training are runs of their own."""
    arms = {"all": "0:3", "init": "0 split0-init1-order0-augment0", "none": "0 0-repeat1"}
    seeds = ("0", "1", "split0-init1-order0-augment0", "0-repeat1")
    more = {tags.ARMS: json.dumps(arms)}
    runs = [parent("0:3 0-repeat1", more=more), *(stored(seed, more=more) for seed in seeds)]
    assert summary(overthinking_rows(runs)).startswith(
        "4 finished runs of 1 group (3 arms) on max-min-mnist, 1 more missing or unfinished."
    )
    nothing = summary(overthinking_rows([runs[0]]))
    assert nothing.startswith("0 finished runs of 1 group (3 arms) on max-min-mnist, 5 more missing or unfinished.")


def test_an_interval_as_wide_as_the_range_is_none() -> None:
    runs = [parent("0:2"), *(stored(str(seed), last=last) for seed, last in enumerate((0.3, 0.7)))]
    assert "Accuracy of the last exit is 50.0% [not determined]." in summary(overthinking_rows(runs))
