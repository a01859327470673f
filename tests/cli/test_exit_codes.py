import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, time, weakref
from overthink.cli.exit_codes import exit_code_for, exit_on_signals
from overthink.cli.output import log

exit_on_signals()

def interrupt(*_):
    os.kill(os.getpid(), signal.{name})
    for _ in range(1000):  # the exception comes here
        pass

class Destroyed:
    def __del__(self):
        interrupt()

class Thing:
    pass

try:
    if {destructor}:
        Destroyed()
    else:
        thing = Thing()
        reference = weakref.ref(thing, interrupt)
        del thing
    time.sleep(20)
except BaseException as error:
    raise SystemExit(exit_code_for(error, log()))
"""


@pytest.mark.process
@pytest.mark.parametrize("name, code", [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("destructor", [True, False])
def test_a_signal_that_python_cannot_raise_is_not_lost(name: str, code: int, destructor: bool) -> None:
    """A database library's clean-up swallowed a Ctrl-C, and every later one was ignored."""
    script = SCRIPT.format(name=name, destructor=destructor)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "Interrupted. Unfinished runs resume with the same command, without --force.\n"
