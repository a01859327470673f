"""From a network to its plan. Each module that can be planned says how, in a method `lower`."""

from typing import Protocol, cast, runtime_checkable

from torch import nn

from overthink.networks.fast.layers import NotPlannableError
from overthink.networks.fast.plan import Maps, Plan
from overthink.networks.fast.plan_builder import PlanBuilder
from overthink.networks.multi_exit import ExitHead, MultiExitNetwork

Scales = tuple[Maps, ...]
"""Maps between blocks, finest scale first; at first the images."""


@runtime_checkable
class Lowers(Protocol):
    """A block, a layer of a block, or the features of an exit, which the fast kernels can compute."""

    def lower(self, plan: PlanBuilder, scales: Scales) -> Scales:
        """Add the module's operations to a plan; return the maps that it makes of those that it reads.

        Features of an exit return the maps that they pool. Raises NotPlannableError where the kernels lack a layer.
        """


def plan_of(network: MultiExitNetwork, image_shape: tuple[int, int, int], equilibrium: bool = False) -> Plan:
    """Return the plan of a network's blocks and the maps of its exits, in the mode that its modules are in.

    Modules in evaluation mode are frozen. Raises NotPlannableError naming a module that cannot be planned.
    """
    if network.obstacle_to_kernels is not None:
        raise NotPlannableError(network.obstacle_to_kernels)
    plan = PlanBuilder(image_shape)
    scales: Scales = (plan.images,)
    for number, (block, head) in enumerate(zip(network.blocks, network.exits, strict=True), 1):
        scales = _lowered(plan, f"blocks.{number - 1}", block, scales)
        read, scales = _balanced(scales, number, network.n_exits) if equilibrium else (scales, scales)
        features = cast(ExitHead, head).features
        *_, maps = _lowered(plan, f"exits.{number - 1}.features", features, read)
        plan.export(maps)
    return plan.plan()


def _lowered(plan: PlanBuilder, name: str, module: nn.Module, scales: Scales) -> Scales:
    if isinstance(module, nn.Sequential) and not isinstance(module, Lowers):
        for child_name, child in module.named_children():
            scales = _lowered(plan, f"{name}.{child_name}", child, scales)
        return scales
    if not isinstance(module, Lowers):
        raise NotPlannableError(f"{name}: {type(module).__name__}")
    try:
        return module.lower(plan, scales)
    except NotPlannableError as error:
        raise NotPlannableError(f"{name}: {error}") from None


def _balanced(scales: Scales, number: int, n_exits: int) -> tuple[Scales, Scales]:
    """Return what exit `number` (from 1) of E reads, and what the next block reads, as gradient equilibrium has it."""
    *finer, coarsest = scales
    left = n_exits - number
    to_exit, to_block = coarsest.gain / (left + 1), coarsest.gain * left / (left + 1)
    return (*finer, coarsest._replace(gain=to_exit)), (*finer, coarsest._replace(gain=to_block))
