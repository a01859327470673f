"""A network with one output as segments: its graph, cut where exits are to read, so that each runs without the next.

Torch's feature extractors run to the deepest node that is asked for; a segment ends at its exit.
"""

import operator
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple, cast

import torch
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import NodePathTracer
from torchvision.ops import StochasticDepth

from overthink.networks.multi_exit import State
from overthink.sentences import cut, listed
from overthink.untrusted import one_line

BATCH = 3
"""Of the images that shapes are found with: no other size of a network is likely to be 3."""


class Segment(nn.Module):
    """Nodes of a graph that are computed between two exits: the state before them -> the state after.

    The exit reads the last tensor of a state; the others are what later segments read besides.
    """

    def __init__(self, part: fx.GraphModule) -> None:
        super().__init__()
        self.part = part

    def forward(self, state: State) -> State:
        """Return the state after."""
        return cast(State, self.part(*state))


class Segments(NamedTuple):
    """A network that ended in a linear layer, without that layer."""

    segments: list[nn.Module]
    shapes: list[tuple[int, ...]]
    """Of what each exit reads, for one image."""
    end: nn.Module | None
    """From the map that the last exit reads to the features of the last layer: (map,) -> (features,); None where it
    reads the features.
    """
    width: int
    """Features of the last layer."""
    last_layer: str
    """Name of the linear layer."""


def segments_of(model: nn.Module, exits: Sequence[str], images_BKHW: Tensor) -> Segments:
    """Cut a network after the named modules or nodes, and before its last linear layer.

    Layers no longer work in place, since exits read what they would change. Raises ValueError for a network that
    cannot be traced, for names that it does not have, and where they are not in the order of its graph.
    """
    graph, paths = _traced(model)
    last = _last_layer(model, graph)
    places = {node: place for place, node in enumerate(graph.nodes)}
    taps = [_node(name, paths) for name in exits]
    features = cast(fx.Node, last.args[0])
    end = _from_last_map(model, features, taps)
    taps.append(end[0] if end else features)
    of_segment: dict[fx.Node, int] = {}
    for number, tap in enumerate(taps):
        if tap in of_segment:
            raise ValueError(
                f"network.exits: {exits[min(number, len(exits) - 1)]} does not come after the exit before it and "
                "before the last layer; name exits in the order of the network"
            )
        for node in _needed(tap, of_segment):
            of_segment[node] = number
    ordered = sorted(of_segment, key=places.__getitem__)
    segments, state = [], [next(node for node in ordered if node.op == "placeholder")]
    for number, tap in enumerate(taps):
        nodes = [node for node in ordered if of_segment[node] == number and node not in state]
        after = [*_live([*state, *nodes], tap, of_segment, number), tap]
        segments.append(Segment(_part(model, state, nodes, after)))
        state = after
    shapes = _shapes(segments, images_BKHW, [*exits, "its last layer"])
    after_last = Segment(_part(model, end[:1], end[1:], end[-1:])) if end else None
    _check_unshared([*segments, *([after_last] if after_last else [])])
    layer = cast(nn.Linear, model.get_submodule(str(last.target)))
    return Segments(cast(list[nn.Module], segments), shapes, after_last, layer.in_features, str(last.target))


def _traced(model: nn.Module) -> tuple[fx.Graph, dict[fx.Node, str]]:
    for module in model.modules():
        if isinstance(getattr(module, "inplace", None), bool):
            module.inplace = False  # type: ignore[assignment]
    texts = []
    for mode in (True, False):
        tracer = NodePathTracer(leaf_modules=[StochasticDepth])
        try:
            graph: fx.Graph = tracer.trace(model.train(mode))
        except Exception as error:  # noqa: BLE001 - whatever torch cannot trace is one sentence
            raise ValueError(f"network.model: it cannot be traced: {cut(one_line(str(error)), 200)}") from None
        texts.append(str(graph))
    if texts[0] != texts[1]:
        raise ValueError("network.model: it computes something else in training than in evaluation, which has no exits")
    for node in graph.nodes:
        if node.target is operator.iadd:
            node.target = operator.add
    return graph, dict(tracer.node_to_qualname)


def _last_layer(model: nn.Module, graph: fx.Graph) -> fx.Node:
    output = next(node for node in graph.nodes if node.op == "output")
    last = output.args[0]
    if not isinstance(last, fx.Node) or last.op != "call_module":
        raise ValueError("network.model: its last layer is not linear, so it has no place for an exit of its own")
    if not isinstance(model.get_submodule(str(last.target)), nn.Linear):
        raise ValueError(f"network.model: its last layer, {last.target}, is not linear")
    return last


def _from_last_map(model: nn.Module, features: fx.Node, taps: Sequence[fx.Node]) -> list[fx.Node]:
    """Return the map that the last features are pooled from, and the nodes from it to them; empty where there is none.

    That is where they follow from the input of an AdaptiveAvgPool2d alone, which no exit before reads.
    """
    nodes = [features]
    while len(nodes[0].all_input_nodes) == 1:
        before = nodes[0].all_input_nodes[0]
        pools = nodes[0].op == "call_module" and isinstance(
            model.get_submodule(str(nodes[0].target)), nn.AdaptiveAvgPool2d
        )
        nodes.insert(0, before)
        if pools:
            return [] if before in taps else nodes
    return []


def _node(name: str, paths: dict[fx.Node, str]) -> fx.Node:
    """Return the node of a name, or the last one of a module."""
    found = [node for node, path in paths.items() if path == name or path.startswith(f"{name}.")]
    if found:
        return found[-1]
    modules = {path.rsplit(".", number)[0] for path in paths.values() for number in range(4)}
    near = get_close_matches(name, sorted(modules), n=3) or sorted({path.partition(".")[0] for path in modules})
    raise ValueError(f"network.exits: no module or node {one_line(name)}; there are {listed(near)}")


def _needed(tap: fx.Node, there: dict[fx.Node, int]) -> Iterable[fx.Node]:
    """Return the nodes that a node is computed from, itself included, without those that are there."""
    found: set[fx.Node] = set()
    waiting = [tap]
    while waiting:
        node = waiting.pop()
        if node not in found and node not in there:
            found.add(node)
            waiting += node.all_input_nodes
    return found


def _live(nodes: Sequence[fx.Node], tap: fx.Node, of_segment: dict[fx.Node, int], number: int) -> list[fx.Node]:
    """Return the nodes, the tap aside, that later segments read."""
    return [
        node
        for node in dict.fromkeys(nodes)
        if node is not tap and any(of_segment.get(user, -1) > number for user in node.users)
    ]


def _part(
    model: nn.Module, before: Sequence[fx.Node], nodes: Sequence[fx.Node], after: Sequence[fx.Node]
) -> fx.GraphModule:
    graph = fx.Graph()
    copies = {node: graph.placeholder(f"state_{number}") for number, node in enumerate(before)}
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(tuple(copies[node] for node in after))
    return fx.GraphModule(model, graph)


def _shapes(segments: Sequence[nn.Module], images_BKHW: Tensor, names: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the shape of what each exit reads; raises ValueError where a state is not of tensors, a row per image."""
    state: State = (images_BKHW.expand(BATCH, *images_BKHW.shape[1:]),)
    shapes = []
    with torch.no_grad():
        for name, segment in zip(names, segments, strict=True):
            try:
                state = segment.eval()(state)
            except Exception as error:  # noqa: BLE001 - whatever images it cannot take
                shape = "x".join(map(str, images_BKHW.shape[1:]))
                raise ValueError(
                    f"network.model: it cannot take images of {shape}: {cut(one_line(str(error)), 200)}"
                ) from None
            segment.train()
            if not all(isinstance(one, Tensor) and one.ndim and len(one) == BATCH for one in state):
                raise ValueError(f"network.exits: {name}: something else than features of images is passed on there")
            shapes.append(tuple(state[-1].shape[1:]))
    return shapes


def _check_unshared(segments: Sequence[nn.Module]) -> None:
    owner: dict[nn.Parameter, int] = {}
    for number, segment in enumerate(segments):
        for name, weight in segment.named_parameters():
            if owner.setdefault(weight, number) != number:
                raise ValueError(f"network.exits: two exits would share {name}, on both sides of the first of them")
