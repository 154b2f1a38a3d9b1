"""Predictions and a calibration become part of a project."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.windows.gui_helpers import VIEWS, write_session

from napari_pose3d.core.projects.creation import add_inputs, create_project
from napari_pose3d.errors import PoseDataError


def test_what_is_added_is_found(tmp_path: Path) -> None:
    predictions, rig = write_session(tmp_path / "draft")
    sets = {
        f"seed={seed}": {view: predictions / f"walk_{view}_seed={seed}.csv" for view in VIEWS}
        for seed in range(2)
    }
    folder = tmp_path / "project"
    create_project(folder, VIEWS, ["kp0", "kp1", "kp2"])
    project = add_inputs(folder, "walk", predictions=sets, calibration=rig)
    session = project.session("walk")
    assert session.rig_path == folder / "calibrations" / "walk.toml"
    assert len(session.ensemble_sets) == 2
    assert all(set(each.files) == set(VIEWS) for each in session.ensemble_sets)


def test_nothing_is_replaced(tmp_path: Path) -> None:
    _, rig = write_session(tmp_path / "draft")
    folder = tmp_path / "project"
    create_project(folder, VIEWS, ["kp0"])
    add_inputs(folder, "walk", calibration=rig)
    before = (folder / "calibrations" / "walk.toml").read_bytes()
    rig.write_text(rig.read_text() + "# another\n")
    with pytest.raises(PoseDataError, match=r"walk\.toml"):
        add_inputs(folder, "walk", calibration=rig)
    assert (folder / "calibrations" / "walk.toml").read_bytes() == before
