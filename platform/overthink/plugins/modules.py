"""Plug-ins: modules with networks, data sets, losses, metrics and exit policies of a person's own.

They are found in two places: installed packages, by the entry points `overthink.networks`, `.datasets`, `.losses`,
`.metrics` and `.exit_policies`; and modules that a person names, with `--plugin`, under `plugins:` or as
`network.class` in a definition file. Nothing else is ever imported, above all not what the definition of a stored run
names.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from overthink.plugins.source import Source, source_of
from overthink.sentences import cut

MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
PACKAGE = __name__.partition(".")[0]


class PluginError(ValueError):
    """A plug-in is missing, raises at import, or is not what it should be; the message is a sentence."""


class Found(NamedTuple):
    """Something that a plug-in has."""

    name: str
    """The entry point's name, or the object's name in a named module."""
    value: Any
    place: str
    """Where it comes from, for people."""


_named: dict[str, ModuleType] = {}
_installed: dict[str, ModuleType] = {}
"""Modules of entry points that were imported."""
_OWN: ContextVar[bool] = ContextVar("own", default=False)
"""Whether the definition that is being read is a person's own file."""


def name_modules(names: Iterable[str]) -> None:
    """Import modules that a person has named, and let definitions use what is in them; raises PluginError."""
    for name in names:
        if name not in _named:
            _named[name] = _imported(name)


def named_modules() -> tuple[str, ...]:
    """Return the names of the modules that have been named in this process, in that order."""
    return tuple(_named)


def forget() -> None:
    """Forget which modules were named, and which packages are installed."""
    _named.clear()
    _installed.clear()
    installed.cache_clear()


@contextmanager
def own_definition() -> Iterator[None]:
    """While a person's own definition file is read: the modules that it names are named by the person."""
    before = _OWN.set(True)
    try:
        yield
    finally:
        _OWN.reset(before)


def reads_own_definition() -> bool:
    """Return whether a person's own definition file is being read."""
    return _OWN.get()


def object_at(place: str) -> Any:
    """Return the object `package.module:Name` of a module that a person has named; raises PluginError."""
    name, _, attribute = place.partition(":")
    if reads_own_definition():
        name_modules([name])
    if not any(name == one or name.startswith(f"{one}.") for one in _named):
        raise PluginError(
            f"{place} is not imported, since only its run's definition names it; to trust it, add --plugin {name}"
        )
    module = _named.get(name) or _imported(name)
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise PluginError(f"module {name} has no {attribute}") from None


def objects(group: str) -> Iterator[Found]:
    """Yield what plug-ins have for a group: what entry points name, and everything public in named modules.

    Raises PluginError where an installed plug-in cannot be imported.
    """
    for entry in installed(group):
        yield Found(entry.name, loaded(entry), place_of(entry))
    yield from in_named_modules()


def in_named_modules() -> Iterator[Found]:
    """Yield everything public in named modules, except what is the package's own."""
    for name, module in _named.items():
        for attribute, value in vars(module).items():
            ours = str(getattr(value, "__module__", "")).partition(".")[0] == PACKAGE and isinstance(value, type)
            if not attribute.startswith("_") and not ours:
                yield Found(attribute, value, f"module {name}")


@cache
def installed(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of installed packages for a group; nothing is imported."""
    return tuple(entry_points(group=f"{PACKAGE}.{group}"))


def loaded(entry: EntryPoint) -> Any:
    """Return what an entry point names; raises PluginError where it cannot be imported."""
    module = _installed[entry.module] = _imported(entry.module, place_of(entry))
    try:
        value: Any = module
        for part in entry.attr.split("."):
            value = getattr(value, part)
    except AttributeError:
        raise PluginError(f"{place_of(entry)}: module {entry.module} has no {entry.attr}") from None
    return value


def place_of(entry: EntryPoint) -> str:
    """Return where an entry point comes from, for people."""
    return f"package {entry.dist.name}" if entry.dist is not None else f"entry point {entry.value}"


def source_of_object(value: Any) -> Source:
    """Return the source of a class or function of a plug-in."""
    return source_of(sys.modules[value.__module__])


def used() -> dict[str, str]:
    """Return the sources of the plug-ins that were imported: module -> distribution and version, or SHA-256."""
    return {name: source_of(module).text for name, module in (_named | _installed).items()}


def _imported(name: str, place: str = "") -> ModuleType:
    """Import a module; the working directory counts as a place of modules, as for `python -m`."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    said = f"plug-in {name}" + (f" of {place}" if place else "")
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise PluginError(f"{said}: no such module in {Path.cwd()} or among the installed packages") from None
        raise PluginError(f"{said}: {error}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a person's module does, it is one sentence
        what = cut(" ".join(str(error).split()), 200)
        raise PluginError(f"{said} raised {type(error).__name__} as it was imported: {what}") from None
