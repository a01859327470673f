import json

import numpy as np
import pytest

from overthink.inference.budget_file import from_json, to_json
from overthink.inference.budgeted import lookup_table
from support.noise import VAL


@pytest.mark.parametrize("criterion", ["entropy", "patience"])
def test_a_table_comes_back_as_it_was(criterion: str) -> None:
    table = lookup_table(VAL, criterion)
    table.tied_PE[0, 1:3] = True
    back = from_json(to_json(table), "here")
    assert back.criterion == criterion
    for name in ("cost_E", "q_PE", "threshold_PE", "taken_PE", "tied_PE", "mean_cost_P", "accuracy_P"):
        np.testing.assert_array_equal(getattr(back, name), getattr(table, name))


def test_a_file_of_an_earlier_version_is_read() -> None:
    """Criteria were spelt `max_softmax` there, and exit policies `max-softmax`."""
    earlier = to_json(lookup_table(VAL)).replace("max-softmax", "max_softmax")
    assert "max_softmax" in earlier
    assert from_json(earlier, "here").criterion == "max-softmax"


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda file: file.update(criterion="sure"), "here is not a lookup table: criterion: .*, got 'sure'"),
        (lambda file: file.pop("rows"), "here is not a lookup table: rows: Field required"),
        (lambda file: file.update(rows=[]), "rows"),
        (lambda file: file.update(mul_adds=[1, 2]), "2 shares and 1 thresholds"),
        (lambda file: file["rows"][0].update(accuracy=7), "rows.0.accuracy"),
        (lambda file: file.update(more=1), "more"),
        (lambda file: file["rows"][0].update(q=None), "all rows must have q, or none"),
        (lambda file: file["rows"][0].update(tied=[4]), "tied must be exits from 1 to 3"),
    ],
)
def test_what_is_no_table_is_named(change: object, said: str) -> None:
    file = json.loads(to_json(lookup_table(VAL)))
    change(file)  # type: ignore[operator]
    with pytest.raises(ValueError, match=said):
        from_json(json.dumps(file), "here")


def test_noise_is_no_table() -> None:
    with pytest.raises(ValueError, match="here is not a lookup table"):
        from_json("not json", "here")
