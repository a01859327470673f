"""Files of segments: read again, they compute the same; they hold no pickle, and no name of this machine's folders."""

import importlib.util
import zipfile
from pathlib import Path

import pytest
import torch

import overthink
from overthink.inference.exiting import EarlyExit, exited
from overthink.running.segments.files import SegmentFiles, SegmentPassage
from overthink.running.segments.onnx_files import OnnxFiles
from overthink.running.segments.torch_files import TorchFiles, pickles_in
from overthink.running.segments.trace import traced_segments
from support.trained_networks import SHAPE, images, settled

HERE = str(Path(overthink.__file__).parent).encode()


def written(files: SegmentFiles, connection: str | None, folder: Path) -> list[Path]:
    paths = []
    for segment in traced_segments(settled(connection, blocks=2), SHAPE):
        paths.append(folder / f"{segment.number}{files.suffix}")
        files.write(segment, paths[-1])
    return paths


@pytest.mark.parametrize("files", [TorchFiles(), OnnxFiles()], ids=["torch", "onnx"])
@pytest.mark.parametrize("connection", [None, "convolution"])
def test_images_exit_where_they_do_in_the_network(files: SegmentFiles, connection: str | None, tmp_path: Path) -> None:
    paths = written(files, connection, tmp_path)
    steps = [files.read(path) for path in paths]
    network, given = settled(connection, blocks=2), images(40)
    with torch.no_grad():
        sure_B = network(given)[0].softmax(dim=1).amax(dim=1).sort().values
    limits = [float(sure_B[19] + sure_B[20]) / 2, -torch.inf]
    expected = EarlyExit(network, limits)(given)
    found = exited(SegmentPassage(steps, given), len(given), limits, "max-softmax")
    assert found.exit_B.tolist() == expected.exit_B.tolist()
    assert int(found.exit_B.sum()) == 20
    torch.testing.assert_close(found.logits_BC, expected.logits_BC, atol=1e-4, rtol=1e-4)
    alone = exited(SegmentPassage(steps, given[:1]), 1, limits, "max-softmax")
    torch.testing.assert_close(alone.logits_BC, expected.logits_BC[:1], atol=1e-4, rtol=1e-4)
    for path in paths:
        assert HERE not in path.read_bytes()
        if path.suffix == ".pt2":
            with zipfile.ZipFile(path) as archive:
                assert not [name for name in archive.namelist() if HERE in archive.read(name)]
            assert pickles_in(path) == []


def test_onnx_names_its_tensors_as_described(tmp_path: Path) -> None:
    import onnxruntime

    first, second = (onnxruntime.InferenceSession(path) for path in written(OnnxFiles(), "linear", tmp_path))
    after = [one.name for one in first.get_outputs()]
    assert [one.name for one in first.get_inputs()] == ["images"]
    assert after[0] == "logits"
    assert [one.name for one in second.get_inputs()] == after[1:]
    assert [one.name for one in second.get_outputs()] == ["logits"]
    assert first.get_inputs()[0].shape[1:] == list(SHAPE)


def test_a_program_with_pickle_is_noticed(tmp_path: Path) -> None:
    segment = next(traced_segments(settled(blocks=2), SHAPE))
    segment.program.example_inputs = ((images(2),), {})
    torch.export.save(segment.program, tmp_path / "pickled.pt2")
    assert pickles_in(tmp_path / "pickled.pt2") == ["data/sample_inputs/model.pt"]
    with pytest.raises(ValueError, match=r"torch would pickle data/sample_inputs/model\.pt of exit 1"):
        TorchFiles().write(segment, tmp_path / "refused.pt2")


def test_missing_packages_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(
        "overthink.running.segments.onnx_files.find_spec",
        lambda name: None if name == "onnxruntime" else there(name),
    )
    with pytest.raises(ValueError, match=r"ONNX files need onnxruntime, which .* pip install 'overthink\[onnx\]'"):
        OnnxFiles().check_installed()
