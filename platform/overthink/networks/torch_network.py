"""A torch module of one's own as a multi-exit network.

Its forward pass is one call, so that its blocks are not known. What each exit needs is found by automatic
differentiation: the layers and weights that its logits depend on. Costs are counted by layer, as in `layer_cost`:
operations that a forward pass does as functions (`functional.relu`, `+`, `@`, `cat`) are not seen and not counted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from overthink.networks.layer_cost import is_layer, mul_adds_of, needs_no_rule
from overthink.networks.multi_exit import Carry, MultiExitNetwork, Part, Reading
from overthink.networks.torch_steps import check_steps
from overthink.sentences import listed, raised

MOST_MUL_ADDS = 10**15
"""What predictions can be stored with."""


class TorchNetwork(MultiExitNetwork):
    """A module whose forward returns logits of exits 1..E, or that has `step`, too.

    `step(exit, state)` returns logits_BC of an exit (from 1) and the state, a tensor or a tuple of tensors with a row
    per sample, that the next exit continues from; the first state are the images.
    """

    can_fold = False

    def __init__(self, place: str, module: nn.Module, input_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.module = module
        self._place, self._input_shape = place, input_shape
        self._widths: tuple[int, ...] = (0,)

    @property
    def n_exits(self) -> int:
        """E."""
        return len(self._widths)

    @property
    def n_classes(self) -> int:
        """C."""
        return self._widths[-1]

    @property
    def blocks(self) -> nn.ModuleList:  # type: ignore[override]
        """Raise ValueError: they are not known."""
        raise self._undivided("blocks")

    @property
    def exits(self) -> nn.ModuleList:  # type: ignore[override]
        """Raise ValueError: they are not known."""
        raise self._undivided("exits")

    @property
    def parts(self) -> tuple[Part, ...]:
        """Raise ValueError: they are not known."""
        raise self._undivided("exits")

    @property
    def obstacle_to_kernels(self) -> str:
        """Say that only torch can compute it."""
        return f"{self._place}, a torch module of one's own"

    @property
    def notes(self) -> tuple[str, ...]:
        """What its cost counts and what not."""
        if hasattr(self.module, "mul_adds"):
            return (f"MUL-ADDs of {self._place} are those of its own method mul_adds",)
        free = sorted({type(one).__name__ for one in self.module.modules() if needs_no_rule(one)})
        beside = f", and neither are {listed(free)}" if free else ""
        return (
            f"MUL-ADDs of {self._place} are those of its layers; what its forward pass computes by functions and "
            f"operators is not counted{beside}",
        )

    def forward(self, images_BKHW: Tensor, equilibrium: bool = False) -> tuple[Tensor, ...]:
        """Return logits_BC of exits 1..E."""
        assert not equilibrium
        return tuple(self.module(images_BKHW))

    def logits(self, images_BKHW: Tensor, equilibrium: bool = False) -> Iterator[Tensor]:
        """Yield logits_BC exit by exit; without a `step`, all are computed before the first."""
        return super().logits(images_BKHW) if self.has_step else iter(self(images_BKHW))

    @property
    def has_step(self) -> bool:
        """Whether its exits can be computed one after the other."""
        return callable(getattr(self.module, "step", None))

    def step(self, number: int, carry: Carry, equilibrium: bool = False) -> tuple[Tensor, Carry]:
        """Return logits_BC of exit `number` (from 1), and the carry to the next; raises ValueError without `step`."""
        if not self.has_step:
            raise ValueError(
                f"{self._place} has no method step(exit, state), so its exits cannot be computed one after the other "
                "(docs/own-network.md); what its exits answer together is in its predictions"
            )
        state = carry.state if len(carry.state) > 1 else carry.state[0]
        logits_BC, after = cast(Any, self.module).step(number, state)
        return logits_BC, Carry(tuple(after) if isinstance(after, tuple | list) else (after,))

    def exit_logits(self, number: int, reading: Reading, earlier_output: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Raise ValueError: an exit is no module."""
        raise self._undivided("exits")

    @property
    def last_exit_reads(self) -> tuple[int, ...]:
        """The last exit alone, as far as anybody can see."""
        return (self.n_exits,)

    def last_logits(self, images_BKHW: Tensor) -> Tensor:
        """Return logits_BC of the last exit."""
        return self.forward(images_BKHW)[-1]

    def parameters_by_exit(self) -> list[list[nn.Parameter]]:
        """Return for each exit the weights that it depends on and no exit before it does."""
        logits, _ = self._traced()
        weights = [weight for weight in self.parameters() if weight.is_floating_point()]
        return [[weights[place] for place in places] for places in _first_used(logits, weights)]

    def mul_adds_by_exit(self, input_shape: tuple[int, int, int]) -> list[int]:
        """Return MUL-ADDs of what each exit depends on and no exit before it does, of an image (K, H, W).

        Raises ValueError for a layer with weights and without a rule, and where an exit takes nothing beyond the one
        before it: a class then needs a method `mul_adds(input_shape)`, the cumulative cost of each exit.
        """
        own = getattr(self.module, "mul_adds", None)
        if callable(own):
            whole = self._own_costs(own, input_shape)
            found = [after - before for before, after in zip([0, *whole], whole, strict=False)]
        else:
            try:
                logits, layers = self._traced()
            except TypeError as error:
                raise ValueError(f"{self._place}: {error}; give the class a method mul_adds(input_shape)") from None
            used = _first_used(logits, [output for output, _ in layers])
            found = [sum(layers[place][1] for place in places) for places in used]
        if len(found) != self.n_exits or min(found) < 1:
            raise ValueError(
                f"{self._place}: MUL-ADDs must grow from exit to exit, but the exits add {found}; give the class a "
                "method mul_adds(input_shape) that returns the cumulative cost of each exit"
            )
        return found

    def _own_costs(
        self, own: Callable[[tuple[int, int, int]], Iterable[Any]], shape: tuple[int, int, int]
    ) -> list[int]:
        """Return the cumulative cost of each exit by the class's own method; raises ValueError naming the method."""
        place = f"{self._place}.mul_adds"
        try:
            costs = [int(cost) for cost in own(shape)]
        except Exception as error:  # noqa: BLE001 - whatever a person's class does, it is one sentence
            raise ValueError(f"{raised(place, error)}; it must return the cumulative cost of each exit") from None
        if max(costs, default=0) > MOST_MUL_ADDS:
            raise ValueError(f"{place} returns {max(costs)}, more than {MOST_MUL_ADDS:.0e} MUL-ADDs an image")
        return costs

    def _traced(self) -> tuple[tuple[Tensor, ...], list[tuple[Tensor, int]]]:
        """Return logits of a blank image with their graph, and for each call of a layer its output and cost."""
        layers: list[tuple[Tensor, int]] = []

        def count(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor) and inputs:
                layers.append((output, mul_adds_of(layer, inputs[0], output)))

        of_layers = [one for one in self.module.modules() if is_layer(one) and not needs_no_rule(one)]
        hooks = [layer.register_forward_hook(count) for layer in of_layers]
        frozen = [weight for weight in self.parameters() if not weight.requires_grad and weight.is_floating_point()]
        device = next((weight.device for weight in self.parameters()), torch.device("cpu"))
        was_training = self.training
        try:
            for weight in frozen:
                weight.requires_grad_(True)
            with torch.enable_grad(), torch.random.fork_rng(devices=[]):
                image = torch.zeros(1, *self._input_shape, device=device, requires_grad=True)
                return self.eval()(image * 1), layers
        finally:
            self.train(was_training)
            for weight in frozen:
                weight.requires_grad_(False)
            for hook in hooks:
                hook.remove()

    def _undivided(self, parts: str) -> ValueError:
        return ValueError(
            f"{self._place} is one torch module whose {parts} are not known, so nothing can be attached to it, frozen "
            "in it, or shown of its maps"
        )


def _first_used(logits: Sequence[Tensor], tensors: Sequence[Tensor]) -> list[list[int]]:
    """Return for each exit the places of the tensors that its logits depend on and those of no exit before it.

    A tensor that no gradient reaches (it or the logits are detached, or it is not used) goes with the next one in
    order, or the last exit.
    """
    exit_of: dict[int, int] = {}
    differentiable = [place for place, tensor in enumerate(tensors) if tensor.requires_grad]
    for number, logits_BC in enumerate(logits):
        if not logits_BC.requires_grad:  # detached, or computed without gradients
            continue
        gradients = torch.autograd.grad(
            logits_BC.sum(), [tensors[place] for place in differentiable], retain_graph=True, allow_unused=True
        )
        for place, gradient in zip(differentiable, gradients, strict=True):
            if gradient is not None:
                exit_of.setdefault(place, number)
    found: list[list[int]] = [[] for _ in logits]
    following = len(logits) - 1
    for place in reversed(range(len(tensors))):
        following = exit_of.get(place, following)
        found[following].insert(0, place)
    return found


def build_torch_network(
    place: str,
    made_by: Any,
    arguments: Mapping[str, Any],
    input_shape: tuple[int, int, int],
    n_classes: int,
    generator: torch.Generator,
) -> TorchNetwork:
    """Return an object of a class as a network; its weights follow from the generator alone if torch draws them.

    Raises ValueError naming the class where it is no module, raises, or returns anything but logits (B, n_classes).
    """
    if not (isinstance(made_by, type) and issubclass(made_by, nn.Module)):
        raise ValueError(f"network.class: {place} is no class of torch.nn.Module")
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            module = made_by(**arguments)
        except Exception as error:  # whatever a person's class does, it is one sentence
            if str(error).startswith("network: more than") or "allocate" in str(error):
                raise  # `limited_size` says it
            raise ValueError(f"network.arguments: {raised(place, error)}") from None
        network = TorchNetwork(place, module, input_shape)
        network._widths = _widths(network, place, input_shape, n_classes)
    _check_weights(network, place)
    return network


def _widths(network: TorchNetwork, place: str, input_shape: tuple[int, int, int], n_classes: int) -> tuple[int, ...]:
    with torch.no_grad():
        try:
            found: Any = network.eval().module(torch.zeros(2, *input_shape))
        except Exception as error:  # noqa: BLE001 - as above
            raise ValueError(f"network.class: {raised(place, error)}") from None
    if isinstance(found, Tensor):
        raise ValueError(
            f"network.class: {place} returns one tensor; its forward must return a list or tuple of logits, one of "
            f"shape (batch, {n_classes}) for each exit"
        )
    if not isinstance(found, list | tuple) or not found or not all(isinstance(one, Tensor) for one in found):
        raise ValueError(f"network.class: {place} returns {type(found).__name__}, not a list or tuple of logits")
    for number, logits_BC in enumerate(found, 1):
        if tuple(logits_BC.shape) != (2, n_classes) or not logits_BC.is_floating_point():
            raise ValueError(
                f"network.class: exit {number} of {place} returns {str(logits_BC.dtype).removeprefix('torch.')} of "
                f"shape {tuple(logits_BC.shape)} for 2 images, expected logits of shape (2, {n_classes})"
            )
    if network.has_step:
        check_steps(place, network.module, input_shape, n_classes)
    network.train()
    return (n_classes,) * len(found)


def _check_weights(network: TorchNetwork, place: str) -> None:
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ValueError(f"network.class: {place} has no weights to train")
    places: dict[int, str] = {}
    for name, tensor in network.module.state_dict().items():
        if tensor.numel() and (other := places.setdefault(tensor.data_ptr(), name)) != name:
            raise ValueError(
                f"network.class: {place}: {other} and {name} share their memory, which checkpoints cannot hold"
            )
