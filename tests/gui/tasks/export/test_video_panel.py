"""The section *Video of this session* of the panel Export: its choices, and the file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, open_in

from napari_pose3d import open_video
from napari_pose3d.cli import main
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.tasks.export.export_widget import VIDEO, ExportWidget
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def smoothed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = SampleRecipe(n_frames=80, n_cameras=3, size=(160, 120), seeds=2, labeled_frames=1)
    folder = make_sample(tmp_path_factory.mktemp("video") / "sample", recipe=recipe)
    assert main(["smooth", str(folder)]) == 0
    return folder


@pytest.fixture(autouse=True)
def unfolded(panel: ExportWidget) -> None:
    panel.section(VIDEO).unfold()


def test_without_a_session_or_videos_it_says_why(
    panel: ExportWidget, shared_viewer: Any, smoothed: Path, tmp_path: Path
) -> None:
    assert not panel.video.button.isEnabled()
    assert "Open a session first" in panel.video.hint.message
    shutil.copytree(smoothed, tmp_path / "bare", ignore=shutil.ignore_patterns("*.mp4"))
    open_in(shared_viewer, tmp_path / "bare")
    assert "no videos" in panel.video.hint.message
    assert not panel.video.button.isEnabled()


def test_a_part_of_the_session_is_rendered_as_chosen(
    panel: ExportWidget, shared_viewer: Any, smoothed: Path, tmp_path: Path
) -> None:
    open_in(shared_viewer, smoothed)
    video = panel.video
    session = open_project(smoothed).sessions[0]
    assert Path(video.out.text()).is_relative_to(smoothed / "napari-pose3d" / "rendered")
    assert video.sources.currentText() == "Smoothed"
    out = tmp_path / "some.mp4"
    video.out.setText(str(out))
    video.form.widget("views").value = session.views[0]
    video.form.widget("space").value = False
    video.form.widget("scale").value = "0.5"
    video.frames.setText("ten")
    click(video.button)
    assert "the field 'Frames'" in panel.jobs.status
    video.frames.setText("10:25")
    click(video.button)
    until(lambda: not panel.jobs.is_busy)
    assert "Rendered 15 frames" in panel.jobs.status
    assert "some.mp4" in panel.outcome.files.text()
    written = open_video(out)
    assert len(written) == 15
    assert written.shape[2] == 80
    # Nothing is replaced without being asked for.
    before = out.read_bytes()
    click(video.button)
    until(lambda: not panel.jobs.is_busy)
    assert "exists already" in panel.jobs.status
    assert out.read_bytes() == before
    video.replace.setChecked(True)
    video.frames.setText("500:")
    click(video.button)
    until(lambda: not panel.jobs.is_busy)
    assert "has 80 frames" in panel.jobs.status
    assert out.read_bytes() == before


def test_cancelled_it_leaves_nothing_and_the_project_as_it_was(
    panel: ExportWidget, shared_viewer: Any, smoothed: Path
) -> None:
    open_in(shared_viewer, smoothed)
    video = panel.video
    video.form.widget("scale").value = "6"
    click(video.button)
    until(lambda: panel.jobs.stage.startswith("Rendering"))
    panel.jobs.cancel()
    until(lambda: not panel.jobs.is_busy)
    assert panel.jobs.status == "Cancelled; nothing was written."
    assert not (smoothed / "napari-pose3d" / "rendered").exists()
    video.form.widget("scale").value = ""
    click(video.button)
    until(lambda: not panel.jobs.is_busy)
    assert "Rendered 80 frames" in panel.jobs.status
    assert len(open_project(smoothed).sessions) == 1
