"""Writing a trained network as segments and their description, checked before the folder gets its name."""

from math import inf
from pathlib import Path
from typing import NamedTuple

from overthink.inference.budgeted import LookupTable
from overthink.inference.confidence import criterion_named
from overthink.inference.exiting import check_rule
from overthink.networks.cost import mul_adds
from overthink.running.new_folder import new_folder
from overthink.running.provenance import version_of
from overthink.running.segments.check import MismatchError, check_segments, images_for_check
from overthink.running.segments.description import (
    DESCRIPTION,
    CheckInfo,
    Description,
    ExitInfo,
    budgets_of,
    finite,
    input_info,
    run_info,
)
from overthink.running.segments.files import SegmentFiles, Step
from overthink.running.segments.onnx_files import OnnxFiles
from overthink.running.segments.torch_files import TorchFiles
from overthink.running.segments.trace import traced_segments
from overthink.running.stored_run import check_trained_here, lookup_table_of, network_of
from overthink.running.trained_network import TrainedNetwork
from overthink.store.readable_store import ReadableStore
from overthink.store.stored import StoredRun

PACKAGE = __name__.partition(".")[0]
FORMATS: dict[str, type[SegmentFiles]] = {"onnx": OnnxFiles, "torch": TorchFiles}


class ExitRule(NamedTuple):
    """When images exit."""

    criterion: str
    budget: float | None
    """MUL-ADDs per image, on average over validation data."""


class _Chosen(NamedTuple):
    threshold_E: list[float]
    table: LookupTable | None


def export_segments(
    store: ReadableStore, run: StoredRun, form: str, rule: ExitRule, folder: Path, data_root: Path | None = None
) -> Description:
    """Write the network of a run into a new folder, in the format "onnx" or "torch"; return its description.

    Raises ValueError, and leaves nothing, where the network cannot be computed exit by exit or written in the format,
    where no thresholds fit, or where the files do not compute what the package predicts (MismatchError).
    """
    files, rule = FORMATS[form](), rule._replace(criterion=criterion_named(rule.criterion))
    files.check_installed()
    check_trained_here(run)
    trained = network_of(store, run.run_id, data_root)
    chosen = _chosen(store, run, rule, trained)
    with new_folder(folder) as place:
        exits = _written(trained, files, place)
        checked = _checked([files.read(place / one.file) for one in exits], trained, chosen, rule, run.name, data_root)
        found = Description(
            overthink=version_of(PACKAGE) or "",
            format=form,
            run=run_info(run),
            input=input_info(trained),
            classes=trained.data_info.classes,
            criterion=rule.criterion,
            budget=rule.budget,
            thresholds=finite(chosen.threshold_E),
            exits=exits,
            budgets=() if chosen.table is None else budgets_of(chosen.table),
            checked=checked,
        )
        (place / DESCRIPTION).write_text(found.model_dump_json(indent=2), encoding="utf-8")
    return found


def _checked(
    steps: list[Step], trained: TrainedNetwork, chosen: _Chosen, rule: ExitRule, name: str, data_root: Path | None
) -> CheckInfo:
    given = images_for_check(trained, data_root)
    try:
        return check_segments(steps, trained, chosen.threshold_E, rule.criterion, given)
    except MismatchError as error:
        raise MismatchError(
            f"{name}: the files do not compute what this package predicts of the {given.of}, so none were kept: {error}"
        ) from None


def _chosen(store: ReadableStore, run: StoredRun, rule: ExitRule, trained: TrainedNetwork) -> _Chosen:
    if trained.network.n_exits == 1:
        return _Chosen([-inf], None)
    table, _ = lookup_table_of(store, run, rule.criterion)
    row = table.fitting(inf if rule.budget is None else rule.budget)
    threshold_E = table.threshold_PE[row].tolist()
    check_rule(rule.criterion, threshold_E, trained.network.n_exits)  # of a table that anybody may have stored
    return _Chosen(threshold_E, table)


def _written(trained: TrainedNetwork, files: SegmentFiles, place: Path) -> tuple[ExitInfo, ...]:
    shape = trained.definition.dataset.input_shape
    cost_E, found = mul_adds(trained.network, shape), []
    for segment in traced_segments(trained.network, shape):
        name = f"exit-{segment.number}{files.suffix}"
        files.write(segment, place / name)
        found.append(
            ExitInfo(
                exit=segment.number,
                file=name,
                inputs=segment.inputs,
                outputs=segment.outputs,
                mul_adds=cost_E[segment.number - 1],
            )
        )
    return tuple(found)
