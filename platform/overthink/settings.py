"""Settings in the environment: seconds, kernels, addresses, the home folder and the cache."""

import math
import os
import re
from pathlib import Path
from typing import Literal, get_args

from overthink.sentences import utf_8

LENT_HOME = "OVERTHINK_LENT_HOME"
"""Set where HOME is not the account's, for the processes that this one starts."""


def home_folder() -> Path:
    """Return the home folder; raises ValueError where the account has none, such as a bare uid in a container."""
    if LENT_HOME in os.environ or lent_home():
        raise ValueError("this account has no home folder; set HOME, or OVERTHINK_DATA to a folder for data sets")
    return Path.home()


def cache_folder() -> Path:
    """Return where what can be had again is kept: in XDG_CACHE_HOME, else `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overthink"


def lent_home() -> dict[str, str]:
    """Return what to set where there is no home folder, which libraries ask for as they are imported.

    It is the working directory. Where there is one, nothing; an empty HOME counts as none.
    """
    if os.environ.get("HOME"):
        return {}
    os.environ.pop("HOME", None)
    try:
        Path.home()
    except RuntimeError:
        return {"HOME": str(Path.cwd()), LENT_HOME: "1"}
    return {}


KernelsAsked = Literal["auto", "torch", "native"]
KERNELS: tuple[KernelsAsked, ...] = get_args(KernelsAsked)


def check_device(called: str, device: str) -> None:
    """Raise ValueError, calling it as it was given, for a device that no run can be trained on."""
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", device):
        raise ValueError(f"{called}: expected auto, cpu, cuda, or cuda:N for one of several GPUs")


def patience_seconds() -> float:
    """Return how long a launch waits at most at its end for an unreachable store: OVERTHINK_PATIENCE."""
    return _seconds("OVERTHINK_PATIENCE", math.inf)


def checkpoint_seconds() -> float:
    """Return the least time between two copies of a checkpoint in the store: OVERTHINK_CHECKPOINT_SECONDS."""
    return _seconds("OVERTHINK_CHECKPOINT_SECONDS", 60.0)


def cuda_graphs() -> bool:
    """Return whether training on a GPU records its step and replays it; OVERTHINK_CUDA_GRAPHS=0: it does not."""
    text = os.environ.get("OVERTHINK_CUDA_GRAPHS", "")
    if text not in ("", "0", "1"):
        raise ValueError(f"OVERTHINK_CUDA_GRAPHS={text}: expected 0 or 1")
    return text != "0"


def default_kernels() -> KernelsAsked:
    """Return the kernels that `auto` means in this environment, OVERTHINK_KERNELS: auto, torch or native."""
    match os.environ.get("OVERTHINK_KERNELS") or "auto":
        case "auto" | "torch" | "native" as found:
            return found
        case other:
            raise ValueError(f"OVERTHINK_KERNELS={other}: expected auto, torch or native")


def ui_url() -> str:
    """Return the address of the MLflow UI where it is not that of the store, OVERTHINK_UI_URL; empty where not set."""
    return _address("OVERTHINK_UI_URL")


def dashboard_url() -> str:
    """Return the address of optuna-dashboard, OVERTHINK_DASHBOARD_URL; empty where not set."""
    return _address("OVERTHINK_DASHBOARD_URL")


def check_settings(data_root: Path | None) -> None:
    """Raise ValueError naming a setting that is not as expected, before anything is begun.

    The same where no `data_root` is given and there is no folder for data sets, and where its path is not UTF-8.
    """
    patience_seconds()
    checkpoint_seconds()
    cuda_graphs()
    default_kernels()
    ui_url()
    dashboard_url()
    root = str(data_root or os.environ.get("OVERTHINK_DATA") or home_folder())
    if root != utf_8(root):
        raise ValueError(f"{root}: not UTF-8 in this locale; use a folder of another name, or set PYTHONUTF8=1")


def _address(name: str) -> str:
    text = os.environ.get(name, "")
    if text and not re.fullmatch(r"https?://[^\s()<>]+", text):
        raise ValueError(f"{name}={text}: expected an address, such as https://mlflow.example.org")
    if "@" in re.split(r"[/?#]", text.partition("://")[2])[0]:
        raise ValueError(f"{name}: it holds a user name or password, which everybody would see; leave them out")
    return text.rstrip("/")


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise ValueError(f"{name}={text}: expected seconds, such as 60")
    return found
