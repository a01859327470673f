"""A SLURM of a test's own: Debian's programs, two nodes that are this machine, a folder in /tmp, ports on loopback."""

import os
import random
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from support.ports import free_port

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "sinfo", "squeue")
PATH = f"{os.environ['PATH']}:/usr/sbin"
NODES = ("n1", "n2")
CONFIGURATION = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
FirstJobId={first_job}
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n1} CPUs=8 State=UNKNOWN
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={n2} CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
SlurmdParameters=config_overrides
"""


def missing() -> list[str]:
    """Return what it needs and this machine does not have."""
    absent = [name for name in NEEDED if shutil.which(name, path=PATH) is None]
    return absent if absent or os.geteuid() == 0 else ["right to be root"]


class Slurm:
    """A controller and two nodes that live as long as the `with` block."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="ov-slurm-", dir="/tmp"))
        self.folder.chmod(0o755)  # munge insists that others reach its socket
        (self.folder / "state").mkdir()
        places = {"folder": self.folder, "controller": free_port(), "first_job": random.randrange(1_000, 1_000_000)}
        ports = {node: free_port() for node in NODES}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**places, **ports))
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        self._daemons: list[subprocess.Popen[bytes]] = []
        own = {"key-file": key, "socket": self.folder / "munge"}
        own |= {f"{what}-file": self.folder / f"munge.{what}" for what in ("pid", "log", "seed")}
        self._start("munged", "--foreground", *(f"--{option}={place}" for option, place in own.items()))
        self.wait_for((self.folder / "munge").exists)
        self._start("slurmctld", "-D")
        for node in NODES:
            (self.folder / f"spool-{node}").mkdir()
            self._start("slurmd", "-D", "-N", node)
        self.wait_for(lambda: self.call("sinfo", "-h", "-o", "%t %D") == f"idle {len(NODES)}")
        return self

    def submit(self, *words: str, cwd: Path, env: Mapping[str, str]) -> str:
        """Submit a job; return its number."""
        return self.call("sbatch", "--parsable", *words, cwd=cwd, env=env)

    def ended(self, job: str) -> dict[str, str]:
        """Wait for the end of a job; return what SLURM says of it."""
        said: dict[str, str] = {}

        def over() -> bool:
            words = self.call("scontrol", "--oneliner", "show", "job", job).split()
            said.update((name, value) for name, _, value in (word.partition("=") for word in words))
            return said["JobState"] not in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING")

        self.wait_for(over)
        self.wait_for(lambda: not self.call("squeue", "-h", "-j", job))
        return said

    def call(self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """Call a program of SLURM; return what it prints."""
        done = subprocess.run(
            command, cwd=cwd, env=self._environment(env), capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip()

    def wait_for(self, holds: Callable[[], bool], seconds: float = 120.0) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.3)

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.SubprocessError):
            self.call("scancel", "--signal=KILL", "--full", "--user=root")
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(timeout=30)
        shutil.rmtree(self.folder)

    def _environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment in which the programs find this SLURM, and no other one's job around us."""
        here = {name: value for name, value in (env or os.environ).items() if not name.startswith(("SLURM", "SBATCH"))}
        path = f"{here['PATH']}:/usr/sbin"
        return {**here, "PATH": path, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def _start(self, *command: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env=self._environment(),
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
