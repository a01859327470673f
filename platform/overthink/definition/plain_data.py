"""Plain data, as a file or a store has them: made specifications, and hashed."""

import hashlib
import json
from typing import Any, TypeVar

from pydantic import ValidationError

from overthink.definition.errors import DefinitionError, sentence_for
from overthink.definition.source import NO_OVERRIDES, Overrides
from overthink.spec import Spec

S = TypeVar("S", bound=Spec)


def validated(model: type[S], raw: Any, source: str, settings: Overrides = NO_OVERRIDES) -> S:
    """Return plain data as a specification; raises DefinitionError, in one sentence, if it is not valid.

    The sentence names the source, or the option that set the value.
    """
    try:
        return model.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        raise DefinitionError(sentence_for(error, model, raw, lambda path: settings.place(path, source))) from None


def short_hash(value: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of plain data, written as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
