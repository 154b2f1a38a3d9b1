"""The sample *Calibration recording* in a window of its own: opened, calibrated, looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.calibration_window import press
from tests.support.label_window import until

from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.synthetic.board import board_sample

pytestmark = pytest.mark.gui
RECIPE = board_sample.BoardRecipe(n_cameras=3, size=(320, 240))


def test_the_sample_is_calibrated_by_one_click(
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
    ]
    true = load_rig(tmp_path / "sample" / board_sample.TRUTH)
    place = np.random.default_rng(0).uniform([-50, -50, 0], [50, 50, 60], (50, 3))
    apart = np.linalg.norm(panel.result.rig.project(place) - true.project(place), axis=-1)
    assert np.nanmedian(apart) < 1.0
    # The worst images are cut out when they are looked at.
    panel.result.show_page()
    panel.result.page.tabs.setCurrentIndex(1)
    until(lambda: not panel.jobs.is_busy)
    assert len(panel.result.page.gallery._boxes) == 12
    panel.result.page.close()
