"""The specification of any torch module that returns logits of several exits; only `build` and `resolved` import it."""

import json
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.plugins import modules
from overthink.spec import Spec

if TYPE_CHECKING:
    import torch

    from overthink.networks.multi_exit import MultiExitNetwork


class TorchSpec(AbstractNetworkSpec):
    """A class of one's own: any `nn.Module` whose forward returns a list or tuple of logits, one for each exit."""

    model_config = ConfigDict(**Spec.model_config, validate_by_name=True, validate_by_alias=True)
    divided: ClassVar[bool] = False

    kind: Literal["torch"]
    class_: Annotated[
        str, Field(alias="class", pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=200)
    ]
    """`package.module:Name`."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Keyword arguments of the class."""
    exits: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Number of logits that it returns; found out when the definition is read."""
    source: Annotated[str, Field(max_length=200)] | None = None
    """Version of its distribution, or SHA-256 of its code; found out when the definition is read. It counts in keys."""

    @model_serializer(mode="wrap")
    def _with_keyword(self, as_plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return plain data with `class`, which cannot be the name of a field in Python."""
        return {key.rstrip("_"): value for key, value in as_plain(self).items()}

    @property
    def blocks(self) -> int:
        """Number of exits."""
        return self.exits or 1

    @property
    def label(self) -> str:
        """The name of the class."""
        return self.class_.partition(":")[2]

    def resolved(self, input_shape: tuple[int, int, int], n_classes: int) -> Self:
        """Return the specification with the number of exits and the source of its class, which is imported for it.

        A stored definition has both, and nothing is imported. Raises ValueError where the class does not fit.
        """
        if not modules.reads_own_definition() and self.exits is not None and self.source is not None:
            return self
        _, source = self._found()
        exits = _exits(self.class_, json.dumps(self.arguments), input_shape, n_classes)
        for name, given, found in (("exits", self.exits, exits), ("source", self.source, source)):
            if given not in (None, found):
                raise ValueError(f"network.{name}: {given!r}, but {self.class_} has {found!r} here; leave it out")
        return self.model_copy(update={"exits": exits, "source": source})

    def build(
        self, input_shape: tuple[int, int, int], n_classes: int, generator: "torch.Generator"
    ) -> "MultiExitNetwork":
        """Return the network for images (K, H, W), its weights drawn from the generator alone.

        Raises ValueError where the class is not here, has another source than the definition, or does not fit.
        """
        from overthink.networks.torch_network import build_torch_network

        self.check(input_shape, n_classes)
        made_by, source = self._found()
        if self.source not in (None, source):
            raise ValueError(
                f"network.source: {self.class_} was {self.source}, and here it is {source}; use that version"
            )
        network = build_torch_network(self.class_, made_by, self.arguments, input_shape, n_classes, generator)
        if self.exits not in (None, network.n_exits):
            raise ValueError(f"network.exits: {self.exits}, but {self.class_} returns {network.n_exits} logits")
        return network

    def _found(self) -> tuple[type, str]:
        """Return the class and its source, if a person has named its module."""
        found = modules.object_at(self.class_)
        if not isinstance(found, type):
            raise ValueError(f"network.class: {self.class_} is no class of torch.nn.Module")
        return found, modules.source_of_object(found).text


@cache
def _exits(place: str, arguments: str, input_shape: tuple[int, int, int], n_classes: int) -> int:
    import torch

    from overthink.networks.size_limit import limited_size
    from overthink.networks.torch_network import build_torch_network

    with limited_size():
        network = build_torch_network(
            place, modules.object_at(place), json.loads(arguments), input_shape, n_classes, torch.Generator()
        )
    return network.n_exits
