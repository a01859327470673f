"""The option `--plugin` of every command."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

NAMES = Annotated[
    list[str],
    typer.Option(
        "--plugin",
        metavar="MODULE",
        help="Import a module with networks, data sets, losses, metrics or exit policies of your own. Repeatable.",
    ),
]


def with_plugins(command: Callable[..., int]) -> Callable[..., int]:
    """Return a command that also takes `--plugin`: modules to import before it begins."""

    @functools.wraps(command)
    def with_modules(*args: Any, plugin: Sequence[str] = (), **options: Any) -> int:
        if plugin:
            from overthink.plugins.modules import MODULE, name_modules

            for name in plugin:
                if not MODULE.fullmatch(name):
                    raise ValueError(f"--plugin {name!r}: expected a module, such as my_module or package.module")
            name_modules(plugin)
        return command(*args, **options)

    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter("plugin", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=NAMES)
    with_modules.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), option]
    )
    with_modules.__annotations__ = {**command.__annotations__, "plugin": NAMES}
    return with_modules
