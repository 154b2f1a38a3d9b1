"""The whole chain with the real litpose, where an environment of it is named."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.models.installation.litpose_search import VARIABLE
from napari_pose3d.core.models.listing.model_list import list_networks
from napari_pose3d.core.models.predictions.prediction_record import RECORD
from napari_pose3d.core.models.runs.training_progress import TrainingFollower
from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get(VARIABLE),
        reason=f"{VARIABLE} does not name an environment with litpose",
    ),
]
SMALL = [
    *["--backbone", "resnet18", "--no-pretrained", "--model-type", "heatmap"],
    *["--image-size", "128", "--epochs", "2", "--batch-size", "4", "--workers", "0"],
]


def test_trained_predicted_smoothed_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_sample(
        tmp_path / "sample",
        recipe=SampleRecipe(n_frames=64, size=(320, 240), labeled_frames=8, seeds=1),
    )
    shutil.rmtree(project / "models")
    train = ["models", "train", str(project), "--name", "tiny", "--seeds", "0", "1", "--follow"]
    assert main([*train, *SMALL]) == 0
    networks = list_networks(project)
    assert [each.state.state for each in networks] == [State.DONE, State.DONE]
    for network in networks:
        table = network.error_table("train")
        assert table.shape == (4, 13)
        assert np.isfinite(table).any()
        assert network.changed_settings() == {}
        curves = TrainingFollower(network.folder).look().curves
        assert "val_supervised_rmse" in curves
    assert main(["models", "predict", str(project), "--then", "smooth"]) == 0
    assert "arena_3d.csv" in capsys.readouterr().out
    assert main(["models", "predict", str(project)]) == 0
    assert "nothing to predict" in capsys.readouterr().out
    if importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("onnxruntime is not installed")
    assert main(["models", "export", str(project), "tiny-seed0"]) == 0
    folder = project / "models" / "tiny-seed0"
    (folder / "video_preds").rename(folder / "video_preds_litpose")
    (folder / RECORD).unlink()
    assert main(["models", "predict", str(project), "--models", "tiny-seed0", "--onnx"]) == 0
    for view in networks[0].views:
        expected = read_prediction_csv(folder / "video_preds_litpose" / f"arena_{view}.csv")
        found = read_prediction_csv(folder / "video_preds" / f"arena_{view}.csv")
        # Maps of a hardly trained network are flat, which is the worst case.
        assert np.abs(found.xy - expected.xy).max() < 0.05
        np.testing.assert_allclose(found.likelihood, expected.likelihood, atol=1e-3)
