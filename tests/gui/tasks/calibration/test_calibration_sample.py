"""The sample *Calibration recording*, played from the menu to the calibration of the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from tests.support.windows.calibration_window import LEFT, press
from tests.support.windows.label_window import until
from tests.support.windows.view_helpers import on_screen

from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.synthetic.board import board_sample

pytestmark = pytest.mark.gui
RECIPE = board_sample.BoardRecipe(n_cameras=3, size=(320, 240))


def test_the_sample_is_calibrated_placed_and_used(
    make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = board_sample.make_board_sample
    monkeypatch.setattr(
        board_sample,
        "make_board_sample",
        lambda **rest: real(tmp_path / "sample", recipe=RECIPE, **rest),
    )
    viewer = make_napari_viewer(show=True)
    viewer.open_sample("napari-pose3d", "calibration")
    until(lambda: workspace(viewer).is_settled)
    panel = workspace(viewer).find("Calibration")
    assert {"board Cam-A", "board Cam-B"} <= {layer.name for layer in viewer.layers}
    assert panel.make.board.board() == RECIPE.board
    press(panel, panel.make._fit)
    until(lambda: panel.result.history is not None)
    assert all("board in" in caption for caption in panel.make.tiles.captions)
    assert [line.split(":")[0][2:] for line in panel.result_panel.verdicts.lines] == [
        "Cam-A",
        "Cam-B",
        "Cam-C",
        "rig",
    ]
    true = load_rig(tmp_path / "sample" / board_sample.TRUTH)
    place = np.random.default_rng(0).uniform([-50, -50, 0], [50, 50, 60], (50, 3))
    apart = np.linalg.norm(panel.result.rig.project(place) - true.project(place), axis=-1)
    assert np.nanmedian(apart) < 1.0
    assert all(", tilts" in caption for caption in panel.make.tiles.captions)
    look_and_repeat(panel)
    move_the_origin(viewer, panel)
    use_it(panel)


def look_and_repeat(panel: Any) -> None:
    """Figures with explanations, the worst images cut out, and a fit without one of them."""
    panel.result.show_page()
    page = panel.result.page
    assert "Good below 0.05 frame" in page.cameras.help("clock")
    assert len(page._maps.captions) == 3
    page.tabs.setCurrentIndex(1)
    until(lambda: not panel.jobs.is_busy)
    assert len(page.gallery._boxes) == 12
    frame, box = page.gallery._boxes[0]
    box.setChecked(True)
    QTest.mouseClick(page._refit, LEFT)
    until(lambda: not panel.jobs.is_busy)
    assert panel.result.history.now.excluded == (frame,)
    assert page.comparison.texts()[-1][1:] == ["0", "1"]
    page.close()


def move_the_origin(viewer: Any, panel: Any) -> None:
    """Three points are clicked in the camera views, and the world that they give is taken."""
    panel.section("Make").collapse(animate=False)
    panel.section("Origin and axes, 3-D").expand(animate=False)
    origin, page = panel.origin, panel.origin.three
    origin.choose("three")
    press(panel, page.start)
    views = workspace(viewer).find("Camera views").panel
    until(lambda: workspace(viewer).is_settled and views.is_settled and len(page.link.marks) == 3)
    wait_for_zoom(views)
    rig = panel.result.rig
    points = np.array([[0, 0, 0], [70.0, 0, 0], [0, 50.0, 0]])
    pixels = rig.project(points)

    def click(view: int, point: int) -> None:
        shown = views.views[rig.names[view]]
        QTest.mouseClick(shown.native, LEFT, pos=on_screen(shown, *pixels[view, point]))
        QTest.qWait(20)

    for point in range(3):
        assert f"Point {point + 1} of 3" in page.state
        assert not origin.propose_button.isEnabled()
        click(0, point)
        assert "it lies on the curve" in page.state
        # A click beside the point is taken back.
        click(1, (point + 1) % 3)
        press(panel, page.back)
        click(1, point)
        QTest.keyClick(views.views[rig.names[1]].native, Qt.Key.Key_N)
    # Pixels of the screen are no finer.
    assert max(max(each.residuals.values()) for each in page._picks.solved()) < 3
    press(panel, origin.propose_button)
    until(lambda: len(origin.window_3d.canvases) == 2)
    origin.window_3d.seen.setValue(2)
    assert "cubic mm" in origin.window_3d.content
    QTest.mouseClick(origin.window_3d.buttons[0], LEFT)
    assert "three points" in origin.state
    assert not page.link.is_attached
    # The clicked points were nearly where the world was before, and so is the new one.
    assert np.linalg.norm(panel.result.rig.centres - rig.centres, axis=1).max() < 40


def use_it(panel: Any) -> None:
    """The session has the calibration from now on."""
    panel.section("Make").expand(animate=False)
    press(panel, panel.result_panel.button("use"))
    session = panel._current.open.session
    assert session.rig_path.name == f"{session.name}.toml"
    saved = load_rig(session.rig_path)
    assert np.allclose(saved.centres, panel.result.rig.centres)
    assert saved.extra["metadata"]["origin"].startswith("three points")
    assert "session" in panel.shelf.keys


def wait_for_zoom(views: Any) -> None:
    """Views find their size after a while; a click before that lands somewhere else."""
    seen: list[Any] = []
    while len(seen) < 6 or len(set(seen[-6:])) > 1:
        QTest.qWait(80)
        seen.append(tuple((v.native.width(), v.zoom) for v in views.views.values()))
