import json

import numpy as np
import pytest

from overthink.inference.budget_file import from_json, to_json
from overthink.inference.budgeted import lookup_table
from support.noise import VAL


def test_a_table_comes_back_as_it_was() -> None:
    table = lookup_table(VAL, "entropy")
    back = from_json(to_json(table), "here")
    assert back.criterion == "entropy"
    for name in ("cost_E", "q_PE", "threshold_PE", "mean_cost_P", "accuracy_P"):
        np.testing.assert_array_equal(getattr(back, name), getattr(table, name))


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda file: file.pop("rows"), "here is not a lookup table: rows: Field required"),
        (lambda file: file.update(rows=[]), "rows"),
        (lambda file: file.update(mul_adds=[1, 2]), "2 shares and 1 thresholds"),
        (lambda file: file["rows"][0].update(accuracy=7), "rows.0.accuracy"),
        (lambda file: file.update(more=1), "more"),
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
