"""`overthink cluster`: the machines of a Ray cluster, and how many runs fit on them."""

from typing import TYPE_CHECKING

from overthink.cli import options
from overthink.cli.execution_options import resources_of
from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.cli.output import log, print_grid, print_json
from overthink.report.grids import Grid
from overthink.report.safe_text import print_text

if TYPE_CHECKING:
    from overthink.execution.cluster_state import ClusterState, MachineState

VERSIONS = ("overthink", "torch", "python")


def cluster(
    resources: options.Resources = None,
    as_json: options.Json = False,
) -> int:
    """Show the machines of the Ray cluster this machine is part of, and how many runs fit on them.

    The exit code is 3 where a machine cannot run overthink, and 1 where no machine has enough resources.
    """
    taken = resources_of(resources)
    from overthink.launching.engines import cluster_state

    state = cluster_state(taken)
    if as_json:
        print_json(state.as_plain())
    else:
        _show(state)
    if any(machine.problem for machine in state.machines):
        return SOME_FAILED
    return OK if state.room else FAILURE


def _show(state: "ClusterState") -> None:
    console = log()
    print_grid(Grid(("Machine", "CPUs", "GPUs", "Runs", *VERSIONS), [_row(machine) for machine in state.machines]))
    for machine in state.machines:
        if machine.problem:
            print_text(console, f"{machine.address}: {machine.problem}")
    free = ", ".join(f"{name} {amount:g}" for name, amount in sorted(state.free.items())) or "nothing"
    print_text(console, f"{state.room} runs with {state.resources} fit at once (--resources); free now: {free}.")
    if len({tuple(sorted(machine.versions.items())) for machine in state.machines if machine.versions}) > 1:
        console.print("Versions differ between machines; results may differ in their last bits.", soft_wrap=True)


def _row(machine: "MachineState") -> tuple[str, ...]:
    host = machine.machine.get("host")
    name = f"{host} ({machine.address})" if host else machine.address
    amounts = (f"{machine.has.get(of, 0):g}" for of in ("cpu", "gpu"))
    return (name, *amounts, str(machine.room), *(machine.versions.get(of) or "?" for of in VERSIONS))
