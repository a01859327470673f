"""What a person reads where a definition holds a text that its specification does not allow."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overthink.definition.errors import FORMS, DefinitionError
from overthink.definition.experiment import Experiment
from overthink.definition.run_definition import GroupDefinition
from support.small import small


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(found := schema.get("pattern"), str):
            yield found
        for part in schema.values():
            yield from patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


@pytest.mark.parametrize("model", [Experiment, GroupDefinition])
def test_every_pattern_of_a_definition_has_words(model: type[Experiment]) -> None:
    found = {*patterns(json.loads(json.dumps(model.model_json_schema())))}
    assert {one for one in found if not one.startswith("^(?!^[-+.]*$)")} <= {*FORMS}  # pydantic's own, of decimals


def test_a_variant_without_its_colon_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=re.escape("expected a name of lower-case letters and digits, after")):
        small(tmp_path, variants={"wider {network.growth: 8}": {}})
