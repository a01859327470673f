"""The state of a cluster: `python -m overthink.execution.ray.describe RESOURCES` prints it as JSON.

A process of its own, as the driver is, and for the same reasons.
"""

import os
import sys
from typing import Any

from overthink.execution.cluster_state import ClusterState, MachineState
from overthink.execution.driver_messages import Gone, as_line
from overthink.execution.ray.connecting import ClusterError, connected
from overthink.execution.ray.machines import Machine, machines, room
from overthink.execution.resources import Resources, parse_resources
from overthink.running.provenance import surroundings

ANSWER_SECONDS = 60.0
"""A busy machine starts a process to answer, and that imports the package."""


def cluster_state(resources: Resources) -> ClusterState:
    """Return the machines that are alive, what is free on them, and how many runs fit."""
    import ray

    found = machines()
    answers = [_asked(machine) for machine in found]
    return ClusterState(
        machines=tuple(_state(machine, resources, answer) for machine, answer in zip(found, answers, strict=True)),
        free={name.lower(): amount for name, amount in ray.available_resources().items() if name in ("CPU", "GPU")},
        resources=str(resources),
        room=room(found, resources),
    )


def own_facts() -> dict[str, Any]:
    """Return what a machine knows about itself; executed there."""
    here = surroundings()
    return {"versions": here["versions"], "machine": here["machine"], "data": os.environ.get("OVERTHINK_DATA")}


def _asked(machine: Machine) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(machine.id, soft=False)
    return ray.remote(own_facts).options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote()


def _state(machine: Machine, resources: Resources, answer: Any) -> MachineState:
    import ray

    facts: dict[str, Any] = {}
    try:
        facts = ray.get(answer, timeout=ANSWER_SECONDS)
    except ray.exceptions.GetTimeoutError:
        facts["problem"] = f"no answer within {ANSWER_SECONDS:.0f} s"
    except ray.exceptions.RayError as error:  # the package is not installed there, or the machine has just gone
        facts["problem"] = " ".join(str(error).split())[-200:]
    wanted = {"cpu", "gpu", *dict(resources.other)}
    has = {name: amount for name, amount in machine.has.items() if name in wanted}
    return MachineState(address=machine.address, has=has, room=resources.room(machine.has), **facts)


def main() -> None:
    """Print the state, or why there is none."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        with connected():
            answer.write(cluster_state(parse_resources(sys.argv[1])).model_dump_json())
    except ClusterError as error:
        answer.write(as_line(Gone(str(error))))
    answer.flush()


if __name__ == "__main__":
    main()
