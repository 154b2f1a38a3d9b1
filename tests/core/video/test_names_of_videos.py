"""Which files are videos: the same everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.support.video_recipes import BY_NAME, folder_of

import napari_pose3d
from napari_pose3d.cli import main
from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES
from napari_pose3d.core.projects.project import open_project


def test_napari_is_told_of_those_that_projects_know() -> None:
    manifest = yaml.safe_load((Path(napari_pose3d.__file__).parent / "napari.yaml").read_text())
    patterns = [each["filename_patterns"] for each in manifest["contributions"]["readers"]]
    assert [f"*{suffix}" for suffix in VIDEO_SUFFIXES] in patterns


@pytest.mark.parametrize("suffix", [".ts", ".mts", ".m2ts", ".TS"])
def test_transport_streams_are_found_and_described(
    suffix: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = BY_NAME["mpeg2.ts"].write(folder_of(tmp_path_factory)).read_bytes()
    for view in ("left", "right"):
        (tmp_path / f"run_{view}{suffix}").write_bytes(stream)
    (session,) = open_project(tmp_path).sessions
    assert (session.name, set(session.videos)) == ("run", {"left", "right"})
    assert main(["info", str(tmp_path / f"run_left{suffix}")]) == 0
    assert f"{BY_NAME['mpeg2.ts'].n_frames} frames" in capsys.readouterr().out
