"""The kinds of a part of a definition (network, data set, loss): built in, and those of plug-ins, found when named.

A part is a union of specifications told apart by `kind`. Built-in kinds are validated by pydantic as any union is; the
module of a plug-in is imported when a definition has its kind. The definition then holds the plug-in's source under
`plugin`, so that it is part of the run's key, and a worker with other code refuses it.
"""

import json
from abc import ABC
from collections.abc import Iterator
from typing import Annotated, Any, Generic, TypeVar, Union, get_args

from pydantic import Discriminator, GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo, Tag, ValidationInfo
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from overthink.plugins import modules
from overthink.plugins.modules import Found, PluginError
from overthink.spec import Spec

T = TypeVar("T", bound=Spec)
OTHER, PLUGIN = "plug-in", "plugin"


class Kinds(Generic[T]):
    """The specifications of one group, by kind; `base` is their class, and `group` that of entry points."""

    def __init__(self, group: str, base: type[T], built_in: tuple[type[T], ...]) -> None:
        self.group, self.base = group, base
        self.built_in = {kind: spec for spec in built_in for kind in kinds_of(spec)}

    @property
    def annotation(self) -> Any:
        """The type of a field that holds one of these specifications."""
        built_in = [Annotated[spec, Tag(kind)] for kind, spec in self.built_in.items()]
        return Annotated[
            Union[(*built_in, Annotated[Any, _PlugIn(self), Tag(OTHER)])],
            Discriminator(self._tag),
        ]

    def find(self, kind: str) -> type[T] | None:
        """Return the specification of a plug-in's kind; None where there is none. Raises PluginError.

        Nothing is imported but what an entry point of that name names.
        """
        found = [Found(one.name, modules.loaded(one), modules.place_of(one)) for one in self._installed(kind)]
        found += [one for one in modules.in_named_modules() if self._is_spec(one.value) and kind in kinds_of(one.value)]
        by_class = {id(one.value): one for one in found}
        if len(by_class) > 1:
            places = " and ".join(f"{one.place} ({one.name})" for one in by_class.values())
            raise PluginError(f"two plug-ins have {self.group} of kind {kind}: {places}; leave one out")
        return next((self._checked(one, kind) for one in by_class.values()), None)

    def known(self) -> list[str]:
        """Return every kind: built in, installed, and in named modules; nothing is imported."""
        named = [kind for one in modules.in_named_modules() if self._is_spec(one.value) for kind in kinds_of(one.value)]
        return list(dict.fromkeys([*self.built_in, *(one.name for one in modules.installed(self.group)), *named]))

    def check_named(self) -> None:
        """Raise PluginError where a named module has a kind that is built in, or two of them have the same one."""
        for one in modules.in_named_modules():
            for kind in kinds_of(one.value) if self._is_spec(one.value) else ():
                if kind in self.built_in:
                    raise PluginError(f"{one.place}: {one.name} has kind {kind}, which is built in; use another name")
                self.find(kind)

    def plugged(self) -> Iterator[tuple[str, str]]:
        """Yield kind and place of everything that plug-ins have of this group; nothing is imported."""
        yield from ((one.name, modules.place_of(one)) for one in modules.installed(self.group))
        for one in modules.in_named_modules():
            if self._is_spec(one.value):
                yield from ((kind, one.place) for kind in kinds_of(one.value))

    def _installed(self, kind: str) -> list[Any]:
        return [one for one in modules.installed(self.group) if one.name == kind]

    def _is_spec(self, value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, self.base) and bool(kinds_of(value))

    def _checked(self, found: Found, kind: str) -> type[T]:
        spec: type[T] = found.value
        if not self._is_spec(spec) or kind not in kinds_of(spec):
            raise PluginError(f"{found.place}: {found.name} is no {self.base.__name__} with kind {kind!r}")
        if issubclass(spec, ABC) and getattr(spec, "__abstractmethods__", None):
            absent = ", ".join(sorted(spec.__abstractmethods__))
            raise PluginError(f"{found.place}: {found.name} lacks {absent}")
        return spec

    def _tag(self, value: Any) -> str | None:
        if isinstance(value, dict) and "kind" not in value:
            return None
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        return kind if isinstance(kind, str) and kind in self.built_in else OTHER


class _PlugIn(Generic[T]):
    """The choice of a union for every kind that is not built in."""

    def __init__(self, kinds: Kinds[T]) -> None:
        self._kinds = kinds

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(_plain, info_arg=True),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        specs = [one.value for one in modules.in_named_modules() if self._kinds._is_spec(one.value)]
        return {"anyOf": [{"properties": {name: {} for name in spec.model_fields}} for spec in specs]}

    def _validated(self, value: Any, info: ValidationInfo) -> Spec:
        if not isinstance(value, dict | Spec):
            raise PydanticKnownError("dict_type")
        kind = value["kind"] if isinstance(value, dict) else getattr(value, "kind", None)
        spec = self._kinds.find(kind) if isinstance(kind, str) else None
        if spec is None:
            raise self._unknown(value, kind)
        if isinstance(value, Spec):
            if type(value) is not spec:
                raise ValueError(f"{type(value).__name__} is not the plug-in of kind {kind}")
            return value
        source = modules.source_of_object(spec)
        if value.get(PLUGIN, str(source)) != str(source):
            raise ValueError(f"{PLUGIN}: it was made with {value[PLUGIN]}, and here is {source}; use that version")
        own = {key: inner for key, inner in value.items() if key != PLUGIN}
        return spec.model_validate_json(json.dumps(own)) if info.mode == "json" else spec.model_validate(own)

    def _unknown(self, value: Any, kind: Any) -> Exception:
        if isinstance(value, dict) and isinstance(place := value.get(PLUGIN), str):
            return ValueError(
                f"kind {kind!r} is of the plug-in {place}, which is not here; install it, or add --plugin MODULE"
            )
        known = ", ".join(map(repr, self._kinds.known()))
        return PydanticKnownError(
            "union_tag_invalid", {"discriminator": "'kind'", "tag": str(kind), "expected_tags": known}
        )


def kinds_of(spec: type) -> tuple[str, ...]:
    """Return the values of a specification's `kind`; none where it has no such field."""
    fields = getattr(spec, "model_fields", {})
    return tuple(map(str, get_args(fields["kind"].annotation))) if "kind" in fields else ()


def _plain(spec: Spec, info: SerializationInfo) -> dict[str, Any]:
    own = spec.model_dump(mode=info.mode, exclude_defaults=info.exclude_defaults)
    return {**own, PLUGIN: str(modules.source_of_object(type(spec)))}
