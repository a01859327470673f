"""Is the process that a running run belongs to still there? A killed process leaves its runs RUNNING for ever."""

import os
import socket

import psutil


def this_process() -> str:
    """Name this process so that a later one with the same number is not taken for it: `pid@start`."""
    return f"{os.getpid()}@{psutil.Process().create_time():.2f}"


def this_host() -> str:
    """Name this machine."""
    return socket.gethostname()


def is_gone(host: str, process: str) -> bool:
    """Tell whether a process is known to have ended. One on another machine is never known to."""
    if host != this_host():
        return False
    pid, _, created = process.partition("@")
    try:
        return not pid.isdigit() or abs(psutil.Process(int(pid)).create_time() - float(created)) > 1.0
    except (psutil.NoSuchProcess, ValueError):
        return True
    except psutil.AccessDenied:
        return False
