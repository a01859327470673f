"""`overthink plugins`: networks, data sets, losses, metrics and exit policies beyond those of the package."""

from overthink.cli import options
from overthink.cli.exit_codes import OK
from overthink.cli.output import log, print_grid, print_json
from overthink.report.grids import Grid


def plugins(as_json: options.Json = False) -> int:
    """List the plug-ins of installed packages, and those of modules named with --plugin."""
    from overthink.data.catalogue import DATASETS
    from overthink.exit_policies.catalogue import plugged
    from overthink.metrics.catalogue import plugged_metrics
    from overthink.networks.catalogue import NETWORKS
    from overthink.plugins.modules import installed, place_of
    from overthink.training.losses import LOSSES

    found = [(kinds.group, *one) for kinds in (NETWORKS, DATASETS, LOSSES) for one in kinds.plugged()]
    of_packages = [(one.name, place_of(one)) for one in installed("metrics")]
    found += [("metrics", name, "a plug-in") for name in plugged_metrics()] if not of_packages else []
    found += [("metrics", *one) for one in of_packages]
    found += [("exit_policies", policy.name, place) for place, policy in plugged()]
    if as_json:
        print_json([{"group": group, "name": name, "place": place} for group, name, place in found])
    elif found:
        print_grid(Grid(("Group", "Name", "Place"), found, words=3))
    else:
        log().print("There are no plug-ins: no installed package has any, and no module was named with --plugin.")
    return OK
