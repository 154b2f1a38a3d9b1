"""Results that were saved: which positions in space belong to which views."""

from __future__ import annotations

from pathlib import Path

from tests.support.projects.batch_projects import batch_project

from napari_pose3d import open_project
from napari_pose3d.cli import main
from napari_pose3d.core.pipeline.results.saved_results import load_result, space_of


def test_smoothed_views_have_3d_only_where_it_was_written(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"])
    for session, mode in (("day1", "calibrated"), ("day2", "linear")):
        assert main(["smooth", str(folder), "--session", session, "--mode", mode]) == 0
    project = open_project(folder)
    for name, in_space in (("day1", True), ("day2", False)):
        session = project.session(name)
        (smoothed,) = (each for each in session.sets if each.kind == "smoothed")
        assert (space_of(session, smoothed) is not None) == in_space
        assert (load_result(session, smoothed).poses3d is not None) == in_space
