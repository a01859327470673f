"""Weights of networks that were trained elsewhere, under other names, in files that are not to be trusted."""

import re
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from overthink.networks.size_limit import check_size
from overthink.sentences import cut, listed
from overthink.untrusted import name_of, one_line

WITHIN = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts save the weights beside an optimizer and an epoch."""
COUNTER = "num_batches_tracked"
"""Of a BatchNorm: old files do not have it, and nothing depends on it here."""


def load_foreign(
    path: Path, network: nn.Module, names: str | Mapping[str, str], draw_missing: bool, ignore_superfluous: bool
) -> None:
    """Put the weights of a file into a network; raises ValueError, and leaves it as it was, where they do not fit."""
    where, own = one_line(str(path)), network.state_dict()
    found = renamed(tensors_in(path, own), names, where)
    missing = [name for name in own if name not in found and not name.endswith(COUNTER)]
    superfluous = [name for name in found if name not in own]
    _refuse(where, () if draw_missing else missing, () if ignore_superfluous else superfluous)
    fitting = {name: tensor for name, tensor in found.items() if name in own}
    if not fitting:
        raise ValueError(f"{where}: it has none of the network's weights")
    for name, tensor in fitting.items():
        if tensor.shape != own[name].shape:
            raise ValueError(
                f"{where}: {name} has shape {tuple(tensor.shape)}, but the network's has {tuple(own[name].shape)}"
            )
        fitting[name] = _as_own(where, name, tensor, own[name].dtype)
    network.load_state_dict(own | fitting)


def _as_own(where: str, name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor of a file in the network's own type; raises ValueError where it would be other numbers in it."""
    is_plain = tensor.layout == torch.strided and not tensor.is_quantized and tensor.device.type == "cpu"
    if not is_plain or tensor.is_complex() or tensor.is_floating_point() != dtype.is_floating_point:
        kind = "" if is_plain else " quantised, sparse or without values"
        raise ValueError(
            f"{where}: {name} is{kind} {_type(tensor.dtype)}, and the network's own weights are {_type(dtype)}"
        )
    cast = tensor.to(dtype)
    if not cast.isfinite().all():
        raise ValueError(f"{where}: {name} has values that are no numbers in {_type(dtype)}")
    return cast


def _type(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def renamed(weights: Mapping[str, Tensor], names: str | Mapping[str, str], where: str = "weights") -> dict[str, Tensor]:
    """Return weights under the names that they have here; raises ValueError where two get the same one.

    >>> sorted(renamed({"module.fc.bias": torch.zeros(1), "x": torch.zeros(1)}, {"module.": "", "module.fc.": "last."}))
    ['last.bias', 'x']
    """
    rename = NAMINGS[names](weights) if isinstance(names, str) else _by_prefix(names)
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if (new := rename(name)) in found:
            raise ValueError(f"{where}: two of its weights are named {name_of(new)} here; check weights.names")
        found[new] = tensor
    return found


def _by_prefix(names: Mapping[str, str]) -> Callable[[str], str]:
    longest_first = sorted(names, key=len, reverse=True)

    def rename(name: str) -> str:
        prefix = next((one for one in longest_first if name.startswith(one)), "")
        return names.get(prefix, prefix) + name[len(prefix) :]

    return rename


def of_msdnet_pytorch(names: Collection[str]) -> Callable[[str], str]:
    """Return what renames weights of networks of MSDNet-PyTorch (models/msdnet.py), with `module.` before them or not.

    There, a layer has a list of scales, each with `conv_normal`, and `conv_down` where a finer scale is read: by all
    but the first one, and by that, too, where a scale is dropped. A list of convolution, BatchNorm and ReLU is numbered
    through; here, these three are a unit. Its ImageNet networks are not meant: their exits are wider.
    """
    plain = {name.removeprefix("module.") for name in names}

    def rename(name: str) -> str:
        name = name.removeprefix("module.")
        if found := re.fullmatch(r"(blocks\.\d+\.\d+)\.layers\.(\d+)\.conv_(normal|down)\.net\.(\d+)\.(\w+)", name):
            layer, scale, kind, place, rest = found.groups()
            first_reads_finer = f"{layer}.layers.0.conv_down.net.0.weight" in plain
            number = int(scale) - (kind == "down" and not first_reads_finer)
            return f"{layer}.{kind}.{number}.{int(place) // 3}.{int(place) % 3}.{rest}"
        if found := re.fullmatch(r"(blocks\.\d+\.\d+)\.(?:layers|m)\.(\d+)\.net\.(\d+\.\w+)", name):
            return "{}.scales.{}.{}".format(*found.groups())
        if found := re.fullmatch(r"classifier\.(\d+)\.m\.(\d+)\.net\.(\d+\.\w+)", name):
            return "exits.{}.features.convolutions.{}.{}".format(*found.groups())
        if found := re.fullmatch(r"classifier\.(\d+)\.linear\.(\w+)", name):
            return "exits.{}.classify.{}".format(*found.groups())
        return name

    return rename


NAMINGS: dict[str, Callable[[Collection[str]], Callable[[str], str]]] = {"msdnet-pytorch": of_msdnet_pytorch}


def tensors_in(path: Path, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a file of about a network's size, unpickling nothing; raises ValueError naming the file."""
    where = one_line(str(path))
    try:
        check_size(_bytes_held(path), own.values())
        found = _from_safetensors(path) if path.suffix == ".safetensors" else _from_torch(path)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{where}: it cannot be read: {cut(one_line(str(error)), 200)}") from None
    except Exception as error:  # noqa: BLE001 - whatever torch makes of a damaged file
        raise ValueError(f"{where}: it is no file of weights alone: {_first_sentence(error)}") from None
    return found


def _bytes_held(path: Path) -> int:
    """Return the size of a file; of an archive, as torch writes it, that of what it holds: it may be compressed."""
    if not zipfile.is_zipfile(path):
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _from_safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def _from_torch(path: Path) -> dict[str, Tensor]:
    held = torch.load(path, map_location="cpu", weights_only=True)
    for key in WITHIN:
        if isinstance(held, dict) and isinstance(held.get(key), dict):
            held = held[key]
    if not _is_state(held):
        raise ValueError(f"it has no weights by name, alone or under {listed(WITHIN)}")
    return dict(held)


def _is_state(held: Any) -> bool:
    return (
        isinstance(held, dict)
        and bool(held)
        and all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in held.items())
    )


def _refuse(where: str, missing: Sequence[str], superfluous: Sequence[str]) -> None:
    parts = []
    if missing:
        parts.append(f"it lacks {_named(missing)} (missing: draw draws them)")
    if superfluous:
        parts.append(f"the network lacks its {_named(superfluous)} (superfluous: ignore leaves them out)")
    if parts:
        raise ValueError(f"{where}: {'; '.join(parts)}; weights.names can give others")


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} weights {listed([cut(name_of(name), 60) for name in names], most=4)}"


def _first_sentence(error: Exception) -> str:
    text = one_line(str(error)).split(". ")[0]
    return cut(f"{type(error).__name__}: {text}", 200)
