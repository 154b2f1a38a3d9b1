"""The whole chain with the real litpose, which is installed into an environment of its own."""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support.litpose.real_litpose import real_litpose, tiny_transformer

from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.models.installation.litpose_search import VARIABLE
from napari_pose3d.core.models.listing.model_list import Network, list_networks
from napari_pose3d.core.models.predictions.prediction_record import RECORD
from napari_pose3d.core.models.proposals.exported_network import ExportedNetwork
from napari_pose3d.core.models.proposals.frame_proposal import propose_frame
from napari_pose3d.core.models.runs.training_progress import TrainingFollower
from napari_pose3d.core.models.runs.training_state import State, training_state
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample

pytestmark = pytest.mark.slow

SMALL = ["--image-size", "128", "--batch-size", "4", "--workers", "0"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample with fewer frames; ``litpose`` at hand, offline and on one thread."""
    environment = real_litpose()
    tiny_transformer(environment, tmp_path / "cache")
    values = {
        VARIABLE: str(environment),
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    folder = make_sample(tmp_path / "sample", recipe=SampleRecipe(n_frames=100, seeds=1))
    shutil.rmtree(folder / "models")
    return folder


def predictions(folder: Path, views: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Positions and likelihoods of all views in a network's folder of predictions."""
    found = [read_prediction_csv(folder / f"arena_{view}.csv") for view in views]
    return np.stack([each.xy for each in found]), np.stack([each.likelihood for each in found])


def without_litpose(project: Path, name: str, precision: str) -> tuple[np.ndarray, np.ndarray]:
    """What the network exported in a precision predicts, by the command."""
    folder = project / "models" / name
    shutil.rmtree(folder / "exports_onnx", ignore_errors=True)
    assert main(["models", "export", str(project), name, "--precision", precision]) == 0
    shutil.rmtree(folder / "video_preds")
    (folder / RECORD).unlink()
    assert main(["models", "predict", str(project), "--models", name, "--onnx"]) == 0
    network = ExportedNetwork(folder)
    assert network.precision == precision
    return predictions(folder / "video_preds", network.views)


def report(**figures: float) -> None:
    """Figures for docs/models.md; shown with ``-s``."""
    print("FIGURES", {name: float(f"{value:.3g}") for name, value in figures.items()})


def check_networks(networks: tuple[Network, ...], names: list[str]) -> None:
    assert [each.name for each in networks] == names
    for network in networks:
        assert network.state.state is State.DONE
        for which in ("train", "validation"):
            table = network.error_table(which)
            assert table.shape == (4, 13)
            assert np.isfinite(table).any()
        assert network.changed_settings() == ()
        curves = TrainingFollower(network.folder).look().curves
        assert {"train_supervised_rmse", "val_supervised_rmse"} <= curves.keys()


def check_exports(project: Path, name: str, precisions: tuple[str, ...]) -> None:
    """Proposals and predictions of the exports are those of litpose, frame by frame."""
    folder = project / "models" / name
    views = tuple(list_networks(project)[0].views)
    expected, likelihood = predictions(folder / "video_preds", views)
    report(positions=likelihood.size, likely=(likelihood > 0.5).sum())
    for precision in precisions:
        found = without_litpose(project, name, precision)
        wrong = np.abs(found[0] - expected)
        report(bits=int(precision[2:]), most=wrong.max(), median=np.median(wrong))
        assert wrong.max() <= {"fp32": 0.01, "fp16": 0.3}[precision]
        if precision == "fp32":
            np.testing.assert_allclose(found[1], likelihood, atol=1e-3)
            check_proposals(project, ExportedNetwork(folder), expected)


def check_proposals(project: Path, network: ExportedNetwork, expected: np.ndarray) -> None:
    session = open_project(project).session("arena")
    for n in (0, 57):
        images = {}
        for view in network.views:
            video = open_video(session.videos[view], color="rgb")
            images[view] = np.asarray(video[n])
            video.close()
        proposal = propose_frame(network, images, least_likelihood=0)
        np.testing.assert_allclose(proposal.xy, expected[:, n], atol=0.01)


def test_a_convolutional_network(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--model-type", "heatmap", "--backbone", "resnet18", "--no-pretrained", *SMALL]
    given += ["--epochs", "4"]
    assert main(["models", "doctor"]) == 0
    assert "lightning-pose 2.4.3" in capsys.readouterr().out
    assert main(["models", "check", str(project), *given]) == 0
    begun = time.monotonic()
    train = ["models", "train", str(project), "--name", "tiny", "--seeds", "0", "1", "--follow"]
    assert main([*train, *given]) == 0
    trained = time.monotonic()
    check_networks(list_networks(project), ["tiny-seed0", "tiny-seed1"])
    assert main(["models", "predict", str(project), "--then", "smooth"]) == 0
    with capsys.disabled():
        report(two_trainings=trained - begun, predict_and_smooth=time.monotonic() - trained)
    assert "arena_3d.csv" in capsys.readouterr().out
    assert main(["models", "predict", str(project)]) == 0
    assert "nothing to predict" in capsys.readouterr().out
    with capsys.disabled():
        check_exports(project, "tiny-seed0", ("fp16", "fp32"))


def test_a_transformer(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A view of a frame is not labeled, which ends litpose by itself.
    view = open_project(project).views[1]
    labels = project / f"CollectedData_{view}.csv"
    rows = list(csv.reader(labels.open(newline="")))
    rows[7][1:] = [""] * len(rows[7][1:])
    with labels.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)
    given = [*SMALL, "--epochs", "4"]
    assert main(["models", "check", str(project), *given]) == 0
    assert main(["models", "train", str(project), "--trial", *given]) == 0
    assert "one step:" in capsys.readouterr().out
    train = ["models", "train", str(project), "--follow"]
    assert main([*train, "--name", "tiny", "--seeds", "0", "1", *given]) == 0
    assert "1 view of a frame has projected positions" in capsys.readouterr().out
    check_networks(list_networks(project), ["tiny-seed0", "tiny-seed1"])
    assert main(["models", "predict", str(project), "--then", "smooth"]) == 0
    with capsys.disabled():
        check_exports(project, "tiny-seed1", ("fp32",))
    # One network learns what both knew.
    distill = ["models", "distill", str(project), "--name", "set", "--certainty", "1e4"]
    assert main([*distill, "--budget", "8"]) == 0
    more = ["--distilled", "set", "--name", "pupil", *given]
    assert main([*train, *more]) == 0
    capsys.readouterr()
    assert main(["models", "list", str(project), "--errors", "held-out"]) == 0
    said = capsys.readouterr().out
    assert "of the distilled set set" in said
    assert "median error in px, 4 held-out frames" in said


def test_a_training_is_stopped_and_gone_on_with(project: Path) -> None:
    train = ["models", "train", str(project), "--name", "long", "--seeds", "3"]
    assert main([*train, "--epochs", "300", *SMALL]) == 0
    folder = project / "models" / "long-seed3"
    limit = time.monotonic() + 600
    while training_state(folder).checkpoint is None and time.monotonic() < limit:
        assert not training_state(folder).state.is_over, training_state(folder).describe()
        time.sleep(0.5)
    assert main(["models", "train", str(project), "--stop", "long-seed3"]) == 0
    stopped = training_state(folder)
    assert stopped.state is State.STOPPED
    assert stopped.checkpoint is not None
    go_on = ["--continue", "long-seed3", "--name", "more", "--epochs", "3", "--follow"]
    assert main(["models", "train", str(project), *go_on]) == 0
    assert training_state(project / "models" / "more-seed3").state is State.DONE
