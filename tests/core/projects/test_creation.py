"""Making a project and adding recordings to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.support.projects.session_files import lightning_project, touch

from napari_pose3d import Cancelled
from napari_pose3d.core.projects.creation import Mode, add_sessions, create_project
from napari_pose3d.errors import PoseDataError

VIEWS, KEYPOINTS = ("top", "side"), ("nose", "tail")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two recordings of two views; one is named as Lightning Pose wants it, one by its folder."""
    folder = tmp_path / "raw"
    for view in VIEWS:
        touch(folder / f"day1_{view}.mp4", f"1{view}")
        touch(folder / "day2" / f"{view}.mp4", f"2{view}")
    return folder


def below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


@pytest.mark.parametrize("mode", ["leave", "link", "copy"])
def test_a_new_project(tmp_path: Path, videos: Path, mode: Mode) -> None:
    before = below(videos)
    folder = tmp_path / "new" / "project"
    project = create_project(
        folder,
        VIEWS,
        KEYPOINTS,
        skeleton=[KEYPOINTS],
        colours={"nose": "#00ff00"},
        videos=videos,
        mode=mode,
    )
    content = yaml.safe_load((folder / "project.yaml").read_text())
    assert content == {
        "view_names": list(VIEWS),
        "keypoint_names": list(KEYPOINTS),
        "schema_version": 1,
    }
    assert (project.kind, project.views, project.keypoints) == ("lightning-pose", VIEWS, KEYPOINTS)
    assert (project.skeleton, project.colours) == ((KEYPOINTS,), {"nose": "#00ff00"})
    assert project.all_issues == ()
    for session, day in zip(project.sessions, "12", strict=True):
        assert session.name == f"day{day}"
        assert session.views == VIEWS
        assert {view: path.read_text() for view, path in session.videos.items()} == {
            view: f"{day}{view}" for view in VIEWS
        }
    own = ["napari-pose3d/project.toml", "project.yaml"]
    names = [f"videos/day{day}_{view}.mp4" for day in "12" for view in sorted(VIEWS)]
    assert below(folder) == own + (names if mode != "leave" else [])
    assert (folder / "videos" / "day1_top.mp4").is_symlink() == (mode == "link")
    assert below(videos) == before


def test_a_folder_becomes_a_project(tmp_path: Path) -> None:
    for view in VIEWS:
        touch(tmp_path / "videos" / f"day1_{view}.mp4")
        touch(tmp_path / "later" / f"day2_{view}.mp4")
    project = create_project(tmp_path, VIEWS, KEYPOINTS, videos=tmp_path)
    assert [each.name for each in project.sessions] == ["day1", "day2"]
    text = (tmp_path / "napari-pose3d" / "project.toml").read_text()
    assert '"later/day2_top.mp4"' in text
    assert "day1" not in text


@pytest.mark.parametrize("mode", ["leave", "link", "copy"])
def test_sessions_are_added(tmp_path: Path, videos: Path, mode: Mode) -> None:
    folder = lightning_project(tmp_path / "project", sessions=("day0",))
    yaml_before = (folder / "project.yaml").read_text()
    project = add_sessions(folder, [videos / "day1_top.mp4", videos / "day1_side.mp4"], mode)
    assert [each.name for each in project.sessions] == ["day0", "day1"]
    project = add_sessions(project, videos / "day2", mode)
    assert [each.name for each in project.sessions] == ["day0", "day1", "day2"]
    assert project.all_issues == ()
    assert (folder / "project.yaml").read_text() == yaml_before
    with pytest.raises(PoseDataError, match="already"):
        add_sessions(project, videos / "day1_top.mp4", mode)


def test_what_cannot_be_made(tmp_path: Path, videos: Path) -> None:
    target = tmp_path / "project"
    bad: list[tuple[dict[str, object], str]] = [
        ({"views": []}, "no view"),
        ({"views": ["top", "top"]}, "twice"),
        ({"views": ["a/b"]}, "name of a file"),
        ({"keypoints": [" nose"]}, "no name of a keypoint"),
        ({"skeleton": [("nose", "wing")]}, "wing"),
        ({"colours": {"nose": "green"}}, "colour of nose"),
        ({"views": ["top", "bottom"], "videos": videos}, "day1_side.mp4"),
        ({"videos": tmp_path / "nowhere"}, "no such video"),
        ({"videos": videos, "mode": "move"}, "leave, link or copy"),
    ]
    for changes, message in bad:
        arguments = {"views": VIEWS, "keypoints": KEYPOINTS} | changes
        with pytest.raises(PoseDataError, match=message):
            create_project(target, **arguments)  # type: ignore[arg-type]
        assert not target.exists()
    create_project(target, VIEWS, KEYPOINTS)
    with pytest.raises(PoseDataError, match="already"):
        create_project(target, VIEWS, KEYPOINTS)
    with pytest.raises(PoseDataError, match="no videos"):
        add_sessions(target, [])
    with pytest.raises(PoseDataError, match=r"no project\.yaml"):
        add_sessions(videos, videos)


def test_two_videos_of_one_view_are_refused(tmp_path: Path, videos: Path) -> None:
    touch(videos / "day1_top.avi")
    with pytest.raises(PoseDataError, match="cannot be distinguished"):
        create_project(tmp_path / "project", VIEWS, KEYPOINTS, videos=videos)


def test_a_cancelled_copy_leaves_nothing(tmp_path: Path, videos: Path) -> None:
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        create_project(
            tmp_path / "project", VIEWS, KEYPOINTS, videos=videos, mode="copy", cancelled=cancelled
        )
    assert not (tmp_path / "project").exists()


def test_links_are_taken_back_when_one_fails(
    tmp_path: Path, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.symlink_to

    def fails_at_side(self: Path, target: Path) -> None:
        if "day2_side" in self.name:
            raise OSError(1, "Operation not permitted")
        really(self, target)

    monkeypatch.setattr(Path, "symlink_to", fails_at_side)
    with pytest.raises(PoseDataError, match="cannot be linked"):
        create_project(tmp_path / "project", VIEWS, KEYPOINTS, videos=videos, mode="link")
    assert not (tmp_path / "project").exists()
