"""What a cluster is, as its machines say themselves: `python -m overthink.execution.ray.look RESOURCES` prints JSON.

A process of its own, as the driver is, and for the same reasons.
"""

import json
import os
import sys
from typing import Any

from overthink.execution.ray.connecting import ClusterError, connected
from overthink.execution.ray.machines import Machine, machines, room
from overthink.execution.resources import Resources, parse_resources
from overthink.running.provenance import surroundings

ANSWER_SECONDS = 60.0
"""A machine that is busy starts a process for the question, and that imports the package."""


def look(resources: Resources) -> dict[str, Any]:
    """Return the machines that are alive, what is free on all of them, and for how many runs there is room."""
    import ray

    found = machines()
    answers = [_asked(machine) for machine in found]
    free = {name.lower(): amount for name, amount in ray.available_resources().items() if name in ("CPU", "GPU")}
    return {
        "machines": [_described(machine, resources, answer) for machine, answer in zip(found, answers, strict=True)],
        "free": free,
        "resources": str(resources),
        "room": room(found, resources),
    }


def asked_there() -> dict[str, Any]:
    """Return what a machine says of itself: runs there."""
    said = surroundings()
    return {"versions": said["versions"], "machine": said["machine"], "data": os.environ.get("OVERTHINK_DATA")}


def _asked(machine: Machine) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(machine.id, soft=False)
    return ray.remote(asked_there).options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote()


def _described(machine: Machine, resources: Resources, answer: Any) -> dict[str, Any]:
    import ray

    said: dict[str, Any] = {}
    problem = ""
    try:
        said = ray.get(answer, timeout=ANSWER_SECONDS)
    except ray.exceptions.GetTimeoutError:
        problem = f"no answer within {ANSWER_SECONDS:.0f} s"
    except ray.exceptions.RayError as error:  # the package is not there, or the machine has just gone
        problem = " ".join(str(error).split())[-200:]
    has = {
        name: amount for name, amount in machine.has.items() if name in ("cpu", "gpu") or name in dict(resources.other)
    }
    return {"address": machine.address, "has": has, "room": resources.room(machine.has), "problem": problem, **said}


def main() -> None:
    """Print what there is to see, or `gone` and why there is nothing."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        with connected():
            seen = look(parse_resources(sys.argv[1]))
    except ClusterError as error:
        seen = {"gone": str(error)}
    answer.write(json.dumps(seen))
    answer.flush()


if __name__ == "__main__":
    main()
