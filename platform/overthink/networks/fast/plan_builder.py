"""Building a plan layer by layer, and checking it: the kernels check nothing themselves."""

from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from overthink.networks.fast.layers import NotPlannableError, pool_geometry
from overthink.networks.fast.plan import Buffer, Maps, Operation, Part, Plan, Pool, Unit

Geometry = tuple[int, int, int]


class PlanBuilder:
    """Collects the operations of a network, layer by layer."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        channels, height, width = image_shape
        self.images = Maps(0, 0, channels)
        self._buffers = [Buffer(height, width, channels)]
        self._operations: list[Operation | Pool] = []
        self._exports: list[Maps] = []

    def layers(self, source: Maps, *layers: nn.Module) -> Maps:
        """Return new maps: the output of units and poolings on `source`, one after the other."""
        maps = source
        for group in _grouped(layers):
            match group:
                case [nn.MaxPool2d() | nn.AvgPool2d() as layer]:
                    maps = self.pool(maps, layer)
                case _:
                    maps = self.unit(maps, *group)
        return maps

    def pool(self, source: Maps, layer: nn.MaxPool2d | nn.AvgPool2d) -> Maps:
        """Return new maps: a pooling's output on `source`."""
        geometry = pool_geometry(layer)
        _check_no_gain(source, layer)
        self._buffers.append(self._size(source, geometry)._replace(channels=source.channels))
        writes = Maps(len(self._buffers) - 1, 0, source.channels)
        writers = [one for one in self._operations if any(source.holds(target) for target in one.targets)]
        frozen = all(one.frozen for one in writers)
        self._operations.append(Pool(source, writes, geometry, isinstance(layer, nn.AvgPool2d), frozen))
        return writes

    def unit(self, source: Maps, *layers: nn.Module, shortcut: Maps | None = None) -> Maps:
        """Return new maps: a unit's output on `source`, with a shortcut added before its ReLU."""
        unit = Unit.of(*layers)
        size = self._size_of_unit(source, unit)._replace(channels=unit.convolution.out_channels)
        if shortcut is not None and (shortcut.channels, shortcut.gain) != (size.channels, 1):
            raise NotPlannableError("a shortcut of another width, or with gradient equilibrium")
        self._buffers.append(size)
        return self._write(source, unit, Maps(len(self._buffers) - 1, 0, size.channels), shortcut)

    def appended(self, old: Maps, source: Maps, layers: nn.Module) -> Maps:
        """Return the concatenation of `old` and a unit's output on `source`; the gain is that of `old`."""
        unit = Unit.of(layers)
        buffer, size = self._buffers[old.buffer], self._size_of_unit(source, unit)
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
        together: dict[tuple[object, ...], Operation | Pool] = {}
        for number, operation in enumerate(self._operations):
            key: tuple[object, ...] = (number,)
            # Of larger kernels, each one's gradients are gathered with its neighbours', which saves more
            if isinstance(operation, Operation) and operation.unit.geometry[0] == 1 and not operation.unit.depthwise:
                unit = operation.unit
                key = (operation.reads, unit.geometry, unit.constants, unit.frozen)
            known = together.get(key)
            if isinstance(known, Operation):
                together[key] = replace(known, parts=known.parts + operation.parts)
            else:
                together[key] = operation
        return _checked(Plan(tuple(self._buffers), tuple(together.values()), tuple(self._exports)).without_idle())

    def _write(self, source: Maps, unit: Unit, target: Maps, shortcut: Maps | None = None) -> Maps:
        self._operations.append(Operation(source, (Part(unit, target, shortcut),)))
        return target

    def _size_of_unit(self, source: Maps, unit: Unit) -> Buffer:
        if unit.convolution.in_channels != source.channels:
            raise NotPlannableError(f"{source.channels} channels lead into {unit.convolution}")
        if unit.depthwise:
            _check_no_gain(source, unit.convolution)
        return self._size(source, unit.geometry)

    def _size(self, source: Maps, geometry: Geometry) -> Buffer:
        kernel, stride, padding = geometry
        height, width, _ = self._buffers[source.buffer]
        if min(height, width) + 2 * padding < kernel:
            raise NotPlannableError(f"maps of {height}x{width} with a kernel of {kernel}x{kernel}")
        return Buffer((height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1, 0)


def _grouped(layers: tuple[nn.Module, ...]) -> Iterator[list[nn.Module]]:
    """Yield the layers of units and poolings, each of which begins with a convolution or is a pooling."""
    flat = [child for layer in layers for child in (layer if isinstance(layer, nn.Sequential) else (layer,))]
    flat = [child for child in flat if not isinstance(child, nn.Identity)]
    if any(isinstance(child, nn.Sequential) for child in flat):
        yield from _grouped(tuple(flat))
        return
    group: list[nn.Module] = []
    for layer in flat:
        if group and isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            yield group
            group = []
        group.append(layer)
    if group:
        yield group


def _check_no_gain(source: Maps, layer: nn.Module) -> None:
    if source.gain != 1:
        raise NotPlannableError(f"gradient equilibrium on maps that {layer} reads")


def _checked(plan: Plan) -> Plan:
    """Return a plan whose every index is in bounds, and whose maps are written before they are read."""
    written = [set(range(plan.buffers[0].channels)) if number == 0 else set() for number in range(len(plan.buffers))]
    for operation in plan.operations:
        _check_readable(operation.reads, plan, written)
        for part in operation.parts:
            if part.shortcut is not None:
                _check_shortcut(part, plan, written)
        for target in operation.targets:
            _check_size(operation, target, plan)
            channels = set(range(target.first, target.first + target.channels))
            assert target.buffer > 0
            assert channels <= set(range(plan.buffers[target.buffer].channels))
            assert not channels & written[target.buffer], "maps are written once"
            written[target.buffer] |= channels
    for maps in plan.exports:
        _check_readable(maps, plan, written)
    _check_readers(plan)
    if not plan.operations:
        raise NotPlannableError("a network without convolutions")
    return plan


def _check_readers(plan: Plan) -> None:
    """Raise where a convolution reads some channels of a unit or pooling alone, or ends gradients that go on."""
    units = [one for one in plan.operations if isinstance(one, Operation)]
    for operation in plan.operations:
        for target in operation.targets:
            for reader in units:
                holds, overlaps = reader.reads.holds(target), reader.reads.overlaps(target)
                if overlaps and not holds and not reader.unit.depthwise:
                    raise NotPlannableError(f"a convolution of some of the channels of a layer: {reader.reads}")
                if overlaps and reader.frozen and not operation.frozen:
                    raise NotPlannableError("a frozen convolution after layers that learn")


def _check_size(operation: Operation | Pool, target: Maps, plan: Plan) -> None:
    kernel, stride, padding = operation.geometry
    read, written = plan.buffers[operation.reads.buffer], plan.buffers[target.buffer]
    assert tuple((side + 2 * padding - kernel) // stride + 1 for side in read[:2]) == written[:2]
    assert min(written) > 0
    if isinstance(operation, Pool) or operation.unit.depthwise:
        assert operation.reads.channels == target.channels
        assert len(operation.targets) == 1


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
