"""What is missing or contradictory in a project, and what videos claim in their headers."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import (
    counted,
    lightning_project,
    put_predictions,
    touch,
    video,
)
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import load_predictions, save_rig
from napari_pose3d.core.projects.project import check_session, open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.summary import describe
from napari_pose3d.core.video.metadata import VideoMetadata, video_metadata
from napari_pose3d.errors import PoseDataError

RIG = ring_rig(3)


# --- what is missing or contradictory ---------------------------------------------------------


def test_missing_views_are_said(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    (folder / "videos" / "day1_side.mp4").unlink()
    (folder / "models" / "net1" / "video_preds" / "day1_top.csv").unlink()
    (session,) = open_project(folder).sessions
    no_video, predictions = session.issues
    assert "no video of view side" in no_video.what
    assert "day1_side.mp4" in no_video.todo
    assert "'net1' has no view top" in predictions.what


def test_videos_that_cannot_be_opened_are_said(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, views=("top", "side", "back"), sessions=("day1",))
    for view in ("top", "side", "back"):
        video(folder / "videos" / f"day1_{view}.mp4")
    (session,) = open_project(folder).sessions
    before = check_session(session)
    assert not [each for each in before if "opened" in each.what]
    (folder / "videos" / "day1_side.mp4").write_bytes(b"")
    os.truncate(folder / "videos" / "day1_back.mp4", 3000)
    said = [each for each in check_session(session) if "opened" in each.what]
    second, first = sorted(said, key=lambda each: each.what)
    assert (
        first.what == "the video of view side cannot be opened: day1_side.mp4: is empty (0 bytes)"
    )
    assert "day1_back.mp4" in second.what
    assert "cut off" in second.what
    assert first.todo
    assert second.todo


@pytest.mark.parametrize("name", ["h264-b-frames.mp4", "h264-b-frames.avi"])
def test_videos_that_were_not_copied_to_their_end_are_said(tmp_path: Path, name: str) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    for view in ("top", "side"):
        (folder / "videos" / f"day1_{view}.mp4").unlink()
        video(folder / "videos" / f"day1_{view}{Path(name).suffix}", name)
    (session,) = open_project(folder).sessions
    assert not [each for each in check_session(session) if "day1_side" in each.what]
    cut = folder / "videos" / f"day1_side{Path(name).suffix}"
    os.truncate(cut, cut.stat().st_size - 200)
    (said,) = [each for each in check_session(session) if "day1_side" in each.what]
    if "opened" in said.what:
        # In an MP4 the index comes last.
        assert said.severity == "error"
        assert "the last 200 bytes are missing" in said.what
        first_to_come(cut)
        (said,) = [each for each in check_session(session) if "day1_side" in each.what]
    assert said.severity == "warning"
    assert "ends early: the last 200 bytes of day1_side" in said.what
    assert "Copy it again" in said.todo


def test_a_size_that_counts_its_own_header_is_no_missing_end(tmp_path: Path) -> None:
    path = video(tmp_path / "day1_side.avi", "h264-b-frames.avi")
    content = bytearray(path.read_bytes())
    content[4:8] = len(content).to_bytes(4, "little")
    path.write_bytes(content)
    assert video_metadata(path).missing_bytes == 0
    os.truncate(path, len(content) - 20)
    assert video_metadata(path).missing_bytes == 28


def first_to_come(path: Path) -> None:
    """Write an MP4 whose index comes first, cut off by 200 bytes."""
    video(path)
    whole = path.read_bytes()
    path.unlink()
    source = path.with_name("whole.mp4")
    source.write_bytes(whole)
    import av

    with (
        av.open(source) as read,
        av.open(path, "w", options={"movflags": "faststart"}) as written,
    ):
        (stream,) = read.streams.video
        made = written.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.dts is not None:
                packet.stream = made
                written.mux(packet)
    source.unlink()
    os.truncate(path, path.stat().st_size - 200)


def test_a_folder_within_a_project_is_described(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1", "day2"))
    videos = describe(folder / "videos").splitlines()
    assert videos[0].endswith(f"part of the Lightning Pose project {folder}")
    assert videos[1:] == ["  day1: 2 videos (top, side)", "  day2: 2 videos (top, side)"]
    assert "found" in describe(folder / "models" / "net1")


def test_names_that_cannot_be_told_apart(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    touch(folder / "videos_old" / "day1_top.mp4")
    (session,) = open_project(folder).sessions
    (problem,) = session.issues
    assert problem.severity == "error"
    assert "cannot be distinguished" in problem.what
    assert session.videos["top"].parent.name == "videos"


def test_two_views_in_one_name(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, views=("cam1", "cam2"), sessions=("day1",))
    touch(folder / "videos" / "x_cam1_cam2_.mp4")
    (problem,) = open_project(folder).issues
    assert "view 'cam1' of session" in problem.what
    assert "view 'cam2' of session" in problem.what
    assert problem.where == "x_cam1_cam2_.mp4"


def test_files_without_a_view(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    touch(folder / "videos" / "day1_botom.mp4")
    (problem,) = open_project(folder).issues
    assert "top, side" in problem.what
    assert "day1_botom.mp4" in problem.what


def test_views_taken_for_sessions_are_suspected(tmp_path: Path) -> None:
    for view in "ABC":
        touch(tmp_path / f"fly_{view}_rot.mp4")
    (problem,) = open_project(tmp_path).issues
    assert "one view only" in problem.what
    assert len(open_project(tmp_path, views=["A", "B", "C"]).sessions) == 1


def test_names_of_views_can_be_kept(tmp_path: Path) -> None:
    for view in "ABC":
        touch(tmp_path / f"fly_Cam-{view}_rot.mp4")
    update_own_project(tmp_path, view_names=["Cam-A", "Cam-B", "Cam-C"])
    (session,) = open_project(tmp_path).sessions
    assert session.views == ("Cam-A", "Cam-B", "Cam-C")


def test_empty_folder_and_no_folder(tmp_path: Path) -> None:
    (problem,) = open_project(tmp_path).issues
    assert problem.severity == "error"
    with pytest.raises(PoseDataError, match="no such"):
        open_project(tmp_path / "nowhere")
    with pytest.raises(PoseDataError, match="no session is called"):
        open_project(tmp_path).session("x")


def test_contents_that_contradict_each_other(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=(), views=("Cam-0", "Cam-1", "Cam-9"))
    video(folder / "videos" / "run_Cam-0.mp4")
    video(folder / "videos" / "run_Cam-1.mp4", "h264-b-frames.mp4")
    video(folder / "videos" / "run_Cam-9.mp4")
    save_rig(RIG, folder / "calibration.toml")
    put_predictions(folder / "models" / "net" / "video_preds" / "run_Cam-0.csv", counted(39))
    (session,) = open_project(folder).sessions
    said = [problem.what for problem in check_session(session)]
    assert any(what.startswith("Cam-9 is not in ") for what in said)
    assert any(what.endswith("it has Cam-0, Cam-1, Cam-2") for what in said)
    assert any("128 x 96" in what and "1280 x 1024" in what for what in said)
    assert any("Cam-0 40, Cam-1 75, Cam-9 40" in what for what in said)
    assert any("Cam-0 has 39 rows for 40 frames" in what for what in said)


def test_a_scale_and_a_crop_are_offered(tmp_path: Path) -> None:
    sizes = ((1280, 960), (640, 480))
    cameras = [
        replace(c, size=s, matrix=np.array([[600, 0, s[0] / 2], [0, 600, s[1] / 2], [0, 0, 1.0]]))
        for c, s in zip(RIG.cameras, sizes, strict=False)
    ]
    folder = lightning_project(tmp_path, sessions=(), views=("Cam-0", "Cam-1"))
    video(folder / "videos" / "run_Cam-0.mp4")
    video(folder / "videos" / "run_Cam-1.mp4")
    box = ",x,y,h,w\n" + "".join(f"{i},30,40,96,128\n" for i in range(40))
    touch(folder / "videos" / "run_Cam-1_bbox.csv", box)
    save_rig(replace(RIG, cameras=tuple(cameras)), folder / "calibration.toml")
    (session,) = open_project(folder).sessions
    smaller, cut = check_session(session)
    assert smaller.offer is not None
    assert cut.offer is not None
    assert smaller.offer[2].scale == (10, 10)
    assert cut.offer[2].crop == (30, 40, 128, 96)
    moving = touch(folder / "videos" / "run_Cam-1_bbox.csv", box.replace("9,30,40", "9,31,40"))
    offer = check_session(session)[1].offer
    assert offer is not None
    assert (offer[2].crop, offer[2].boxes) == (None, moving)
    # Once accepted, it is no problem any more.
    offers = (smaller.offer, cut.offer)
    update_own_project(folder, alignments={(s, v): a for s, v, a in offers})
    assert check_session(open_project(folder).sessions[0]) == ()


def test_a_damaged_calibration_is_said_not_raised(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    touch(folder / "calibration.toml", "[cam_0\n")
    (session,) = open_project(folder).sessions
    (problem,) = [each for each in check_session(session) if "calibration" in each.where]
    assert problem.severity == "error"
    assert "calibration.toml" in problem.where


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h264-b-frames.mp4", VideoMetadata(75, (128, 96), 30)),
        ("h264-444-odd.mp4", VideoMetadata(75, (125, 93), 30)),
        ("h264-rotated-90.mp4", VideoMetadata(75, (96, 128), 30)),
        ("h264-fragments.mp4", VideoMetadata(None, (128, 96), 30)),
        ("h264-b-frames.avi", VideoMetadata(75, (128, 96), 30)),
        ("mjpeg-odd.mov", VideoMetadata(40, (125, 93), 30)),
        ("h264.mkv", VideoMetadata(None, None, 30)),
    ],
)
def test_facts_from_headers(tmp_path: Path, name: str, expected: VideoMetadata) -> None:
    path = video(tmp_path / f"videos/x{Path(name).suffix}", name)
    found = video_metadata(path)
    assert found.frame_rate == pytest.approx(expected.frame_rate, rel=1e-4)
    assert replace(found, frame_rate=expected.frame_rate) == expected
    # However a file is cut off, nothing is raised and nothing is made up.
    content = path.read_bytes()
    for length in (0, 5, 40, 100, 300, len(content) // 2, len(content) - 200):
        path.write_bytes(content[:length])
        facts = video_metadata(path)
        assert facts.n_frames in (None, expected.n_frames)
        assert facts.size in (None, expected.size)
        assert facts.frame_rate in (None, pytest.approx(expected.frame_rate, rel=1e-4))
    assert video_metadata(tmp_path / "nowhere.mp4") == VideoMetadata()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("scorer,net\n", "header row"),
        ("scorer,n\xe4,n\xe4,n\xe4\nbodyparts,a,a,a\ncoords,x,y,likelihood\n", "not in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(tmp_path: Path, text: str, said: str) -> None:
    """As `smooth` refuses it, also where no video lies beside it."""
    for view in ("left", "right"):
        put_predictions(tmp_path / f"day1_{view}.csv", counted(), ("nose", "tail"))
    (tmp_path / "day1_left.csv").write_bytes(text.encode("latin-1"))
    (session,) = open_project(tmp_path).sessions
    (issue,) = [each for each in check_session(session) if each.severity == "error"]
    assert said in issue.what
    assert "day1_left.csv" in issue.where


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are Unicode there")
def test_names_that_are_not_in_utf8_are_pointed_out(tmp_path: Path) -> None:
    for view in ("left", "right"):
        put_predictions(tmp_path / os.fsdecode(b"M\xfcller_%b.csv" % view.encode()), counted())
    project = open_project(tmp_path)
    assert len(project.sessions) == 1
    (issue,) = [each for each in project.issues if "UTF-8" in each.what]
    assert "the names of 2 files" in issue.what


def test_tables_of_other_lengths_than_each_other_and_than_their_videos(tmp_path: Path) -> None:
    for view, n in (("left", 40), ("right", 39)):
        put_predictions(tmp_path / f"day1_{view}.csv", counted(n), ("nose", "tail"))
    (session,) = open_project(tmp_path).sessions
    (issue,) = [each for each in check_session(session) if each.severity == "warning"]
    assert "different numbers of rows: left 40, right 39" in issue.what
    for view in ("left", "right"):
        video(tmp_path / f"day1_{view}.mp4")
        put_predictions(tmp_path / f"day1_{view}.csv", counted(38), ("nose", "tail"))
    stored = load_predictions(tmp_path)
    (note,) = [each for each in stored.warnings if "than the videos have frames" in each]
    assert "left has 38 for 40; right has 38 for 40" in note
    for view in ("left", "right"):
        put_predictions(tmp_path / f"day1_{view}.csv", counted(40), ("nose", "tail"))
    stored = load_predictions(tmp_path)
    assert not stored.warnings
