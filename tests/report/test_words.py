"""Lines of a table's words break between pieces, never within a number or a name."""

import random

from overthink.report.grids import Grid, as_rich
from overthink.report.words import broken, pieces
from support.columns import in_columns

LABEL = 'trial-12 [regime.0.a.b=24, network.growth=12, regime.0.lr=0.05123, loss={"kind":"joint"}]'


def test_long_labels_are_broken_between_keys_and_values() -> None:
    assert broken(LABEL, 20) == [
        "trial-12",
        "[regime.0.a.b=24,",
        "network.growth=12,",
        "regime.0.lr=0.05123,",
        "loss",
        '={"kind":"joint"}]',
    ]
    assert broken("regime.0.lr=0.05123", 12) == ["regime.0.lr", "=0.05123"]
    assert broken("split0-init0-order3-augment0", 12) == ["split0-", "init0-", "order3-", "augment0"]
    assert broken("lr=-3.5,decay=1e-05", 8) == ["lr=-3.5,", "decay", "=1e-05"]
    assert broken("", 12) == [""]


def test_no_line_ends_within_a_number_or_a_name() -> None:
    """Against every way of writing keys: what lines hold, piece for piece, is what the label holds."""
    draw = random.Random(0)
    for _ in range(500):
        words = [
            ".".join(draw.choices(["regime", "0", "12", "lr", "a_b"], k=draw.randint(1, 4)))
            + draw.choice(["", "=0.125", "=1e-05", "=true,", "=-3.5"])
            for _ in range(draw.randint(1, 5))
        ]
        line, width = " ".join(words), draw.randint(8, 30)
        lines = broken(line, width)
        assert "".join(lines).replace(" ", "") == line.replace(" ", "")
        assert [piece for one in lines for piece in pieces(one)] == pieces(line)
        assert all(len(one) <= width for one in lines)


def test_a_table_of_80_columns_breaks_labels_so() -> None:
    numbers = ("12.34 ± 0.56",) * 4
    text = in_columns(as_rich(Grid(("Group", "a", "b", "c", "d"), [(LABEL, *numbers)])))
    first = [line[:24].split("  ")[0].strip() for line in text.splitlines()[2:]]
    assert "".join(first).replace(" ", "") == LABEL.replace(" ", "")
    assert all(number in " ".join(first) for number in ("b=24,", "0.05123,"))
