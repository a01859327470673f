"""Tables as text, in the forms that spreadsheets, pandas and NumPy write."""

import io

import numpy as np
import pytest

from overthink.predictions.text_table import read_text

COLUMNS = {"sample": [3, 4], "conf_1": [0.25, 1.0], "right_1": [True, False], "level": ["a", "b"]}


@pytest.mark.parametrize(
    "text",
    [
        "sample,conf_1,right_1,level\n3,0.25,True,a\n4,1,False,b\n",
        "\ufeffsample,conf_1,right_1,level\r\n3,0.25,True,a\r\n4,1,False,b\r\n",
        "sample;conf_1;right_1;level\n3;0,25;True;a\n4;1;False;b\n",
        "sample\tconf_1\tright_1\tlevel\n3\t2,5e-1\ttrue\ta\n4\t1,0\tfalse\tb",
        "sample conf_1 right_1 level\n3 0.25 True a\n4   1.0 False  b\n",
        "# of group X, 2025\n#\nsample,conf_1,right_1,level\n3,0.25,True,a\n4,1,False,b\n",
        "# sample conf_1 right_1 level\n3 .25 True a\n4 1. False b\n",
        "# seed 3\n# sample,conf_1,right_1,level\n3,0.25,True,a\n4,1,False,b\n",
        '"sample","conf_1","right_1","level"\n"3","0.25","True","a"\n"4","1","False","b"\n',
    ],
)
def test_forms_of_one_table(text: str) -> None:
    assert read_text(io.BytesIO(text.encode())).to_pydict() == COLUMNS


def test_what_numpy_writes() -> None:
    file = io.BytesIO()
    np.savetxt(file, np.array([[1, 0.5], [2, 0.25]]), header="sample conf")
    file.seek(0)
    assert read_text(file).to_pydict() == {"sample": [1.0, 2.0], "conf": [0.5, 0.25]}


@pytest.mark.parametrize("text", ["1,0.5\n2,0.25\n", "0,5;1\n", "1 2\n3 4\n", "# a comment of words\n1,0.5\n2,0.3\n"])
def test_names_are_needed(text: str) -> None:
    with pytest.raises(ValueError, match="its first line must name the columns, but holds numbers"):
        read_text(io.BytesIO(text.encode()))


@pytest.mark.parametrize("text", ["", "#", "# a\n# b\n", "a,b\n1\n", "a,b\n1,2,3\n", "a b\n1\n"])
def test_what_is_no_table(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Arrow's words
        read_text(io.BytesIO(text.encode()))


def test_a_decimal_comma_is_recognised_below_whole_numbers() -> None:
    found = read_text(io.BytesIO(b"sample;conf_1\n3;1\n4;0,5\n")).to_pydict()
    assert found == {"sample": [3, 4], "conf_1": [1.0, 0.5]}
