"""The README's tour, step by step, with a mouse and napari's menus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.qt import QtViewer
from qtpy.QtCore import QPointF, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox
from tests.support.label_window import click, until
from tests.support.napari_window import Window
from tests.support.view_helpers import LEFT, drag, move_mouse

from napari_pose3d.gui.tasks.smooth.save_dialog import SaveDialog
from napari_pose3d.synthetic import sample

pytestmark = pytest.mark.gui

RECIPE = sample.SampleRecipe(n_frames=80, n_cameras=3, size=(128, 96), seeds=2, labeled_frames=1)


@pytest.fixture
def window(
    make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Window]:
    real = sample.make_sample
    monkeypatch.setattr(
        sample, "make_sample", lambda **rest: real(tmp_path / "sample", recipe=RECIPE, **rest)
    )
    made = Window(make_napari_viewer(show=True))
    made.main.resize(1280, 800)
    yield made
    made.viewer = made.main = made.places = None


def test_the_tour(window: Window, tmp_path: Path) -> None:
    viewer = window.viewer
    # 1. The sample opens, and the Smooth panel beside it, on the session that is open.
    viewer.open_sample("napari-pose3d", "session")
    window.settle()
    smooth = window.places.find("Smooth and triangulate")
    assert window.dock("Smooth and triangulate").isVisible()
    until(lambda: smooth.bar.is_ready)
    assert smooth.inputs.followed
    # 2. What was found.
    assert len(smooth.matches.table.views) == 3
    assert len(smooth.matches.table.models) == 2
    # 3. Run.
    QTest.mouseClick(smooth.bar._run, LEFT)
    until(lambda: not smooth.bar.is_busy and smooth.bar.status == "Done.")
    window.settle()
    assert viewer.layers["smoothed Cam-A"].visible
    assert "✓" in window.dock("Smooth and triangulate").windowTitle()
    assert smooth.results.isVisible()
    assert not smooth.results.visibleRegion().isEmpty()
    assert smooth.smoothing.isEnabled()
    # 4. 3-D, and back.
    QTest.mouseClick(smooth.results._spaces["3-D"], LEFT)
    assert viewer.dims.ndisplay == 3
    QTest.mouseClick(smooth.results._spaces["2-D"], LEFT)
    assert viewer.dims.ndisplay == 2
    # 5. Save.
    target = tmp_path / "out"

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, SaveDialog)
        dialog._edit.setText(str(target))
        buttons = dialog.findChild(QDialogButtonBox)
        QTest.mouseClick(buttons.button(QDialogButtonBox.StandardButton.Save), LEFT)

    QTimer.singleShot(300, answer)
    QTest.mouseClick(smooth.results._save, LEFT)
    until(lambda: not smooth.bar.is_busy)
    assert len(list(target.glob("*.csv"))) == 4
    # 6. Camera views.
    window.choose("Camera views")
    views = window.places.find("Camera views")
    until(lambda: views.panel.is_settled and len(views.panel.views) == 3)
    views.panel.go_to(10)
    until(lambda: views.panel.frame == 10)
    assert int(viewer.dims.current_step[0]) == 10
    # Run once more: the result is seen in the camera views, and the canvas stays away.
    window.places.open("Smooth and triangulate")
    smooth.keep_layers.setChecked(True)
    QTest.mouseClick(smooth.bar._run, LEFT)
    until(lambda: smooth.bar.is_busy)
    until(lambda: not smooth.bar.is_busy)
    window.settle()
    QTest.qWait(200)
    window.settle()
    assert not any(layer.visible for layer in viewer.layers if layer.name.startswith("smoothed"))
    assert not window.main.centralWidget().findChild(QtViewer).isVisible()
    # 3-D is a view among the others now; napari's canvas stays away all the same.
    for space in ("2-D", "3-D"):
        QTest.mouseClick(smooth.results._spaces[space], LEFT)
        QTest.qWait(200)
        window.settle()
        assert views.panel.state.space == (space == "3-D")
        assert not window.main.centralWidget().findChild(QtViewer).isVisible()
    # 7. Label: seen although Smooth is open; two clicks fill the third view.
    window.choose("Label")
    label = window.places.find("Label")
    until(lambda: label.control is not None)
    assert not window.dock("Label").visibleRegion().isEmpty()
    assert window.images() > 0.5
    label.control.panel.go_to(20)
    until(lambda: label.control.panel.is_settled and label.control.panel.frame == 20)
    window.settle()
    QTest.qWait(500)
    keypoint = label.control.keypoint
    result = smooth._finished.result.poses2d
    k = result.keypoints.index(keypoint)
    for view in result.views[:2]:
        label.control.choose(keypoint)
        click(label, view, np.asarray(result.xy[result.views.index(view), 20, k]))
    until(
        lambda: (
            {key.view for key in label.labeling.labels(20) if key.keypoint == keypoint}
            == set(result.views)
        )
    )
    # 8. Traces: the red line moves all views.
    window.choose("Traces")
    traces = window.places.find("Traces")
    assert not window.dock("Traces").visibleRegion().isEmpty()
    until(lambda: bool(traces.plot.names))
    plot, box = traces.plot.plot, traces.plot.plot.getViewBox()
    middle = box.viewRect().center().y()

    def at(frame: float) -> Any:
        return plot.mapFromScene(box.mapViewToScene(QPointF(frame, middle)))

    move_mouse(plot.viewport(), at(20))
    drag(plot.viewport(), at(20), at(40))
    assert abs(int(viewer.dims.current_step[0]) - 40) <= 2
    until(lambda: abs(label.control.panel.frame - 40) <= 2)
