"""The panel Export: what is offered, what is written, what is said; and imports."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QFileDialog
from tests.support.projects.batch_projects import batch_project
from tests.support.projects.labeled_projects import labeled_project
from tests.support.recordings.exchange_poses import KEYPOINTS, poses_of
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, open_in

from napari_pose3d import read_poses, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.poses3d_csv import write_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.gui.tasks.export.export_widget import IMPORT, ExportWidget

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of three views, 3-D positions and a calibration."""
    folder = tmp_path_factory.mktemp("export") / "recording"
    folder.mkdir()
    poses = poses_of(40)
    assert poses.poses2d is not None
    assert poses.poses3d is not None
    assert poses.rig is not None
    for view in poses.views:
        plain = replace(poses.poses2d, variance=None)
        write_prediction_csv(folder / f"day1_{view}.csv", plain, view=view)
    write_poses3d_csv(folder / "day1_3d.csv", poses.poses3d)
    save_rig(poses.rig, folder / "calibration.toml")
    return folder


def choose(panel: ExportWidget, source: str, key: str, folder: Path) -> None:
    titles = [panel.sources.itemText(i) for i in range(panel.sources.count())]
    panel.sources.setCurrentIndex(next(i for i, t in enumerate(titles) if t.startswith(source)))
    panel.format.choose(key)
    panel.place.edit.setText(str(folder))


def run(panel: ExportWidget) -> None:
    click(panel.button)
    until(lambda: not panel.jobs.is_busy)


def test_without_a_session_it_says_what_to_do(panel: ExportWidget) -> None:
    assert not panel.button.isEnabled()
    assert "Open a session first" in panel.hint.message
    assert not panel.imports.button.isEnabled()


def test_3d_of_the_open_session_is_written_with_its_options(
    panel: ExportWidget, shared_viewer: Any, recording: Path, tmp_path: Path
) -> None:
    open_in(shared_viewer, recording)
    assert panel.place.folder == recording / "exported"
    choose(panel, "3-d", "trc", tmp_path / "out")
    assert "Not kept: 2-D, confidence, uncertainty" in panel.format.about.message
    assert panel.place.target.endswith("out/trc/day1.trc")
    run(panel)
    assert "needs the frame rate" in panel.jobs.status, "no video states it"
    assert not (tmp_path / "out").exists()
    panel.format.fps.setText("many")
    click(panel.button)
    assert "'many' is no number" in panel.jobs.status
    panel.format.fps.setText("50")
    panel.format.units.setText("mm")
    run(panel)
    assert "Exported 2 files" in panel.jobs.status
    assert "day1.trc" in panel.outcome.files.text()
    assert panel.outcome.isVisible()
    written = read_poses(tmp_path / "out" / "trc" / "day1.trc")
    assert written.fps == 50
    assert written.units == "mm"
    assert written.keypoints == KEYPOINTS
    # Nothing is replaced without being asked for.
    run(panel)
    assert "exists already" in panel.jobs.status
    panel.place.replace.setChecked(True)
    run(panel)
    assert "Exported" in panel.jobs.status


def test_predictions_without_3d_are_for_formats_of_views(
    panel: ExportWidget, shared_viewer: Any, recording: Path, tmp_path: Path
) -> None:
    open_in(shared_viewer, recording)
    choose(panel, "Predictions", "c3d", tmp_path)
    assert not panel.button.isEnabled()
    assert "smooth or triangulate first" in panel.hint.message
    panel.format.choose("tidy-csv")
    assert panel.button.isEnabled()
    run(panel)
    again = read_poses(next((tmp_path / "tidy-csv").glob("*.csv")))
    assert again.keypoints == KEYPOINTS


def test_smoothed_views_without_3d_are_for_formats_of_views(
    panel: ExportWidget, shared_viewer: Any, tmp_path: Path
) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    assert main(["smooth", str(folder), "--mode", "linear"]) == 0
    open_in(shared_viewer, folder)
    choose(panel, "Smoothed", "c3d", tmp_path)
    assert not panel.button.isEnabled()
    panel.format.choose("tidy-csv")
    assert panel.button.isEnabled()


def test_a_missing_library_is_named_with_its_command(
    panel: ExportWidget,
    shared_viewer: Any,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    open_in(shared_viewer, recording)
    choose(panel, "3-d", "tidy-parquet", tmp_path)
    assert "pip install 'napari-pose3d[parquet]'" in panel.format.missing.message
    assert panel.format.missing.isVisible()
    assert not panel.button.isEnabled()
    panel.format.choose("anipose")
    assert not panel.format.missing.isVisible()
    assert panel.button.isEnabled()


def test_labels_become_a_data_set_and_come_back(
    panel: ExportWidget,
    shared_viewer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_in(shared_viewer, labeled_project(tmp_path / "project"))
    choose(panel, "Labels of day1", "jarvis", tmp_path / "out")
    assert "images" in panel.format.about.message
    run(panel)
    panel.outcome.notes.show_all()
    assert "3 frames for training, 1 for validation" in panel.outcome.notes.text()
    target = tmp_path / "out" / "day1_jarvis"
    assert (target / "annotations" / "instances_train.json").is_file()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(target))
    panel.section(IMPORT).unfold()
    panel.imports.source.setText(str(target))
    click(panel.imports.button)
    until(lambda: not panel.jobs.is_busy)
    assert "looked through; nothing was written" in panel.jobs.status
    assert "Cam-A: 12 positions" in panel.outcome.lint.text()
    assert "residual 0.00 px" in panel.outcome.lint.text()
    panel.imports.out.setText(str(tmp_path / "new"))
    click(panel.imports.button)
    until(lambda: not panel.jobs.is_busy)
    assert (tmp_path / "new" / "project.yaml").is_file()
    assert "Imported JARVIS data set" in panel.jobs.status


def test_an_import_that_fails_says_why_and_writes_nothing(
    panel: ExportWidget, tmp_path: Path
) -> None:
    odd = tmp_path / "notes.txt"
    odd.write_text("nothing of ours", encoding="utf-8")
    panel.section(IMPORT).unfold()
    panel.imports.source.setText(str(odd))
    panel.imports.out.setText(str(tmp_path / "new"))
    click(panel.imports.button)
    until(lambda: not panel.jobs.is_busy)
    assert "no known format" in panel.jobs.status
    assert not (tmp_path / "new").exists()
    assert not panel.outcome.isVisible()


def test_a_cancelled_export_writes_nothing(
    panel: ExportWidget,
    shared_viewer: Any,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import threading

    from napari_pose3d.errors import Cancelled
    from napari_pose3d.gui.tasks.export import exchange_job

    goes_on = threading.Event()

    def waits(choice: Any, progress: Any, cancelled: Any) -> None:
        while not cancelled():
            goes_on.wait(0.01)
        raise Cancelled

    monkeypatch.setattr(exchange_job, "run_export", waits)
    open_in(shared_viewer, recording)
    choose(panel, "3-d", "anipose", tmp_path / "out")
    click(panel.button)
    assert panel.jobs.is_busy
    assert not panel.button.isEnabled()
    panel.jobs.cancel()
    until(lambda: not panel.jobs.is_busy)
    assert panel.jobs.status == "Cancelled; nothing was changed."
    assert panel.button.isEnabled()


def test_another_session_takes_the_result_away(
    panel: ExportWidget, shared_viewer: Any, recording: Path, tmp_path: Path
) -> None:
    open_in(shared_viewer, recording)
    choose(panel, "3-d", "anipose", tmp_path / "out")
    run(panel)
    assert panel.outcome.isVisible()
    open_in(shared_viewer, labeled_project(tmp_path / "other"))
    assert not panel.outcome.isVisible()
    assert panel.source is not None
    assert panel.source.content == "labels"
    # What was saved meanwhile is offered when asked for.
    poses = poses_of(20)
    assert poses.poses2d is not None
    folder = tmp_path / "other" / "models" / "net" / "video_preds"
    folder.mkdir(parents=True)
    for view in poses.views:
        plain = replace(poses.poses2d, variance=None)
        write_prediction_csv(folder / f"day1_{view}.csv", plain, view=view)
    click(panel.again)
    until(lambda: not panel.jobs.is_busy)
    assert any(panel.sources.itemText(i).startswith("Predictions") for i in range(3))
