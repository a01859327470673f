"""Building a plan layer by layer, and checking it: the kernels check nothing themselves."""

from dataclasses import replace

from torch import nn

from overthink.networks.fast.plan import Buffer, Maps, NotPlannableError, Operation, Part, Plan, Unit


class PlanBuilder:
    """Collects the operations of a network, layer by layer."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        channels, height, width = image_shape
        self.images = Maps(0, 0, channels)
        self._buffers = [Buffer(height, width, channels)]
        self._operations: list[Operation] = []
        self._exports: list[Maps] = []

    def unit(self, source: Maps, *layers: nn.Module, shortcut: Maps | None = None) -> Maps:
        """Return new maps: a unit's output on `source`, with a shortcut added before its ReLU."""
        unit = Unit.of(*layers)
        size = self._size(source, unit)._replace(channels=unit.convolution.out_channels)
        if shortcut is not None and (shortcut.channels, shortcut.gain) != (size.channels, 1):
            raise NotPlannableError("a shortcut of another width, or with gradient equilibrium")
        self._buffers.append(size)
        return self._write(source, unit, Maps(len(self._buffers) - 1, 0, size.channels), shortcut)

    def appended(self, old: Maps, source: Maps, layers: nn.Module) -> Maps:
        """Return the concatenation of `old` and a unit's output on `source`; the gain is that of `old`."""
        unit = Unit.of(layers)
        buffer, size = self._buffers[old.buffer], self._size(source, unit)
        if (old.first, old.channels) != (0, buffer.channels) or size[:2] != buffer[:2]:
            raise NotPlannableError("a concatenation of maps that belong to other concatenations, or of other sizes")
        new = old._replace(first=buffer.channels, channels=unit.convolution.out_channels)
        self._buffers[old.buffer] = buffer._replace(channels=buffer.channels + new.channels)
        self._write(source, unit, new)
        return old._replace(channels=old.channels + new.channels)

    def export(self, maps: Maps) -> None:
        """Hand out maps."""
        if maps.gain != 1:
            raise NotPlannableError("gradient equilibrium on maps that an exit reads without a convolution")
        self._exports.append(maps)

    def plan(self) -> Plan:
        """Return the plan; units that read the same maps in the same way are computed together."""
        together: dict[tuple[object, ...], Operation] = {}
        for number, operation in enumerate(self._operations):
            unit = operation.unit
            alone = unit.geometry[0] > 1  # its own gradients are gathered with its neighbours', which saves more
            key = (operation.reads, unit.geometry, unit.constants, unit.frozen, number if alone else None)
            known = together.get(key)
            together[key] = replace(known, parts=known.parts + operation.parts) if known else operation
        return _checked(Plan(tuple(self._buffers), tuple(together.values()), tuple(self._exports)).without_idle())

    def _write(self, source: Maps, unit: Unit, target: Maps, shortcut: Maps | None = None) -> Maps:
        self._operations.append(Operation(source, (Part(unit, target, shortcut),)))
        return target

    def _size(self, source: Maps, unit: Unit) -> Buffer:
        if unit.convolution.in_channels != source.channels:
            raise NotPlannableError(f"{source.channels} channels lead into {unit.convolution}")
        kernel, stride, padding = unit.geometry
        height, width, _ = self._buffers[source.buffer]
        return Buffer((height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1, 0)


def _checked(plan: Plan) -> Plan:
    """Return a plan whose every index is in bounds, and whose maps are written before they are read."""
    written = [set(range(plan.buffers[0].channels)) if number == 0 else set() for number in range(len(plan.buffers))]
    for operation in plan.operations:
        _check_readable(operation.reads, plan, written)
        for part in operation.parts:
            if part.shortcut is not None:
                _check_shortcut(part, plan, written)
            channels = set(range(part.writes.first, part.writes.first + part.writes.channels))
            assert part.writes.buffer > 0
            assert channels <= set(range(plan.buffers[part.writes.buffer].channels))
            assert not channels & written[part.writes.buffer], "maps are written once"
            written[part.writes.buffer] |= channels
    for maps in plan.exports:
        _check_readable(maps, plan, written)
    return plan


def _check_shortcut(part: Part, plan: Plan, written: list[set[int]]) -> None:
    """Raise where a shortcut is not there yet, is of another size, or is another's, too: its gradient has one place."""
    assert part.shortcut is not None
    _check_readable(part.shortcut, plan, written)
    assert plan.buffers[part.shortcut.buffer][:2] == plan.buffers[part.writes.buffer][:2]
    parts = [one for operation in plan.operations for one in operation.parts if one.shortcut is not None]
    if sum(one.shortcut is not None and one.shortcut.buffer == part.shortcut.buffer for one in parts) > 1:
        raise NotPlannableError("maps that two shortcuts read")


def _check_readable(maps: Maps, plan: Plan, written: list[set[int]]) -> None:
    assert 0 <= maps.buffer < len(plan.buffers)
    assert set(range(maps.first, maps.first + maps.channels)) <= written[maps.buffer], "read before they are written"
