"""Labels proposed by an exported network: chosen in Models, asked for in Label."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from tests.support.litpose.exported_networks import exported_project
from tests.support.projects.session_files import touch
from tests.support.windows.label_window import go, open_widget, press, until
from tests.support.windows.models_panel import models_panel, open_section

from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv
from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus
from napari_pose3d.core.models.proposals import exported_network
from napari_pose3d.gui.session.proposal_network import proposal_network

pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(
        importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed"
    ),
]


@pytest.fixture
def labeling(shared_viewer: Any, tmp_path: Path, shared_data: Path) -> Iterator[Any]:
    """The panel Label over the recorded session."""
    folder = tmp_path / "lab"
    exported_project(folder, shared_data)
    shared_viewer.window._qt_window.resize(1200, 760)
    widget = open_widget(shared_viewer, folder, "arena")
    yield widget
    widget.shut_down()
    proposal_network(shared_viewer).choose(None)
    shared_viewer.window.remove_dock_widget("all")
    shared_viewer.layers.clear()


def proposed(widget: Any) -> str:
    press(widget, Qt.Key.Key_M)
    until(lambda: not widget.proposer.is_busy)
    return str(widget.board.message.message)


def test_a_frame_is_proposed_and_taken_back_as_one_step(labeling: Any, shared_data: Path) -> None:
    control = labeling.control
    go(labeling, 4)
    name = control.labeling.keypoints[0]
    actions.place(control.labeling, 4, LabelKey("Cam-A", name), (30.0, 40.0))
    assert "proposed by net" in proposed(labeling)
    # Where a person labeled nothing changes; elsewhere it is what litpose predicts.
    mine = control.label(LabelKey("Cam-A", name))
    assert (mine.status, mine.position) == (LabelStatus.CLICKED, (30.0, 40.0))
    table = read_prediction_csv(
        shared_data / "litpose_run" / "onnx" / "video_preds" / "arena_Cam-B.csv"
    )
    seen = 0
    for k, keypoint in enumerate(table.keypoints):
        label = control.label(LabelKey("Cam-B", keypoint))
        if label.position is not None:
            seen += 1
            assert label.status is LabelStatus.PREDICTED
            np.testing.assert_allclose(label.position, table.xy[4, k], atol=0.02)
            assert label.likelihood == pytest.approx(table.likelihood[4, k], abs=1e-3)
    assert seen > 0
    press(labeling, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert all(
        control.label(LabelKey("Cam-B", keypoint)).position is None for keypoint in table.keypoints
    )
    assert control.label(LabelKey("Cam-A", name)).position == (30.0, 40.0)
    # The answer belongs to the frame that it was asked of.
    press(labeling, Qt.Key.Key_M)
    control.panel.go_to(6)
    until(lambda: not labeling.proposer.is_busy)
    statuses = [label.status for label in control.labeling.labels(4).values()]
    assert LabelStatus.PREDICTED in statuses
    assert not control.labeling.labels(6)


def test_without_a_network_or_its_package_the_user_reads_what_to_do(
    labeling: Any, shared_viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(labeling, 2)
    folder = labeling.labeling.session.folder
    widget = models_panel(shared_viewer, qtbot)
    open_section(widget, "Propose")
    assert widget.proposals.networks.currentText() == "net"
    assert "M proposes" in widget.proposals.text.message
    find = importlib.util.find_spec
    with monkeypatch.context() as without:
        without.setattr(
            exported_network.importlib.util,
            "find_spec",
            lambda name, *more: None if name == "onnxruntime" else find(name, *more),
        )
        assert 'pip install "napari-pose3d[onnx]"' in proposed(labeling)
        widget.proposals.show_networks()
        assert "onnxruntime" in widget.proposals.problem.message
    exports = folder / "models" / "net" / "exports_onnx"
    weights = next(exports.glob("*.data"))
    weights.rename(weights.with_suffix(".moved"))
    assert "which may hold its weights, is missing" in proposed(labeling)
    shutil.rmtree(exports)
    assert "No exported network" in proposed(labeling)
    widget.proposals.show_networks()
    assert "no exported network" in widget.proposals.text.message
    assert not widget.proposals.label.isEnabled()
    # A network of other views cannot be used.
    other = folder / "elsewhere" / "net_fp32.onnx"
    touch(other, "no network")
    touch(other.parent / "config.yaml", "data: {}\ntraining: {}\nmodel: {model_type: regression}\n")
    proposal_network(shared_viewer).choose(other)
    assert "type regression cannot be used" in proposed(labeling)
