"""The specification of weights that were trained elsewhere; only `load_into` and `check` import torch."""

import hashlib
import stat
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field

from overthink.networks.network_spec import AbstractNetworkSpec
from overthink.spec import Spec
from overthink.untrusted import one_line

if TYPE_CHECKING:
    from overthink.networks.multi_exit import MultiExitNetwork

Prefix = Annotated[str, Field(max_length=200)]


class WeightsSpec(Spec):
    """A file of weights that training starts from: `.safetensors`, or `.pt`, `.pth` and `.tar` as torch saves them.

    Nothing is unpickled: of torch's files, only tensors and plain values are read.
    """

    file: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\.(safetensors|pt|pth|tar)$")]
    """Relative to the working directory. It does not count in keys."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """Of the file; found out when the definition is read. It counts in keys: a changed file is another run."""
    names: Literal["msdnet-pytorch"] | dict[Prefix, Prefix] = Field(default_factory=dict)
    """Beginning of a name in the file -> what it is here, the longest that fits; or a naming that is known."""
    missing: Literal["refuse", "draw"] = "refuse"
    """Weights of the network that the file lacks: an error, or drawn from the run's seed."""
    superfluous: Literal["refuse", "ignore"] = "refuse"
    """Weights in the file that the network lacks: an error, or not used."""

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.file).expanduser()

    def resolved(self) -> Self:
        """Return the specification with the file's SHA-256; raises ValueError where that is not as written."""
        if self.sha256 is not None and not self._is_here():
            return self  # the key is known, and a run refuses to start
        return self.model_copy(update={"sha256": self.checked()})

    def checked(self) -> str:
        """Return the file's SHA-256; raises ValueError where there is no file, or another one than was written."""
        try:
            found = _sha256(self.path)
        except (OSError, RuntimeError) as error:
            what = getattr(error, "strerror", None) or error
            raise ValueError(f"weights.file: {one_line(self.file)} cannot be read: {what}") from None
        if self.sha256 not in (None, found):
            raise ValueError(
                f"weights.sha256: {one_line(self.file)} has SHA-256 {found}, not {self.sha256}; it is another file"
            )
        return found

    def check(self, of: AbstractNetworkSpec, input_shape: tuple[int, int, int], n_classes: int) -> None:
        """Raise ValueError where the file, if it is here, does not fit a network for images (K, H, W)."""
        if self._is_here():
            _check(type(of), of.model_dump_json(), self.model_dump_json(), input_shape, n_classes)

    def _is_here(self) -> bool:
        try:
            return self.path.is_file()
        except (OSError, RuntimeError):  # a name that is too long, or of a user that is not known
            return False

    def load_into(self, network: "MultiExitNetwork") -> None:
        """Put the weights of the file into a network.

        Raises ValueError, in one sentence naming the file, where it is another one than the definition's, cannot be
        read, or does not fit the network; the network is then as it was.
        """
        from overthink.networks.foreign_weights import load_foreign

        self.checked()
        load_foreign(self.path, network, self.names, self.missing == "draw", self.superfluous == "ignore")


@lru_cache(maxsize=64)
def _check(
    kind: type[AbstractNetworkSpec], network: str, weights: str, input_shape: tuple[int, int, int], n_classes: int
) -> None:
    import torch

    from overthink.networks.size_limit import limited_size

    with limited_size():
        built = kind.model_validate_json(network).build(input_shape, n_classes, torch.Generator())
    try:
        WeightsSpec.model_validate_json(weights).load_into(built)
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith("weights.") else f"weights.file: {text}") from None


def _sha256(path: Path) -> str:
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe waits for its other end
        raise OSError("it is no file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
