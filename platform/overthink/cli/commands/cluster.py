"""`overthink cluster`: the machines of a Ray cluster, and how many runs they have room for."""

import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console

from overthink.cli.commands.placed import taken_by
from overthink.cli.exit_codes import FAILURE, OK, SOME_FAILED
from overthink.launching.engines import cluster_seen
from overthink.report.grids import Grid, as_rich
from overthink.report.safe_text import print_text

SHOWN = ("overthink", "torch", "python")


def cluster(resources: str, as_json: bool, console: Console) -> int:
    """Show what there is; 3 where a machine cannot run anything of ours, 1 where none has room."""
    seen = cluster_seen(taken_by(resources))
    if as_json:
        typer.echo(json.dumps(seen, indent=2))
    else:
        _show(seen, console)
    if any(machine["problem"] for machine in seen["machines"]):
        return SOME_FAILED
    return OK if seen["room"] else FAILURE


def _show(seen: Mapping[str, Any], console: Console) -> None:
    rows = [_row(machine) for machine in seen["machines"]]
    Console(highlight=False).print(as_rich(Grid(("Machine", "CPUs", "GPUs", "Runs", *SHOWN), rows)))
    for machine in seen["machines"]:
        if machine["problem"]:
            print_text(console, f"{machine['address']}: {machine['problem']}")
    free = ", ".join(f"{name} {amount:g}" for name, amount in sorted(seen["free"].items())) or "nothing"
    print_text(console, f"Room for {seen['room']} runs of {seen['resources']} at once (--resources); free now: {free}.")
    said = {json.dumps(machine["versions"], sort_keys=True) for machine in seen["machines"] if "versions" in machine}
    if len(said) > 1:
        console.print("Versions differ between machines: results may differ in their last bits.", soft_wrap=True)


def _row(machine: Mapping[str, Any]) -> tuple[str, ...]:
    versions = machine.get("versions", {})
    host = machine.get("machine", {}).get("host")
    name = f"{host} ({machine['address']})" if host else machine["address"]
    amounts = (f"{machine['has'].get(of, 0):g}" for of in ("cpu", "gpu"))
    return (name, *amounts, str(machine["room"]), *(str(versions.get(of) or "?") for of in SHOWN))
