"""Images of frames to be labeled: the exact frame, in every view, under the project's names."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imageio.v3 import imread, imwrite
from tests.support.projects.session_files import touch, video
from tests.support.video_recipes import BY_NAME, folder_of, read_number

from napari_pose3d.core.labels.files.image_extraction import extract_images
from napari_pose3d.core.labels.files.image_names import (
    Naming,
    SessionImages,
    frame_of_image,
    image_path,
)
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.errors import Cancelled, PoseDataError

# Frames 0 to 39 in view top. Of side, image v is frame v + 3 up to 7, and v + 4 from 9 on.
SIDE = ViewAlignment(offset=3, dropped=(5,))


@pytest.fixture
def session(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Two videos of 40 images that carry their numbers; side started late and lost an image."""
    touch(tmp_path / "project.yaml", "view_names: [top, side]\nkeypoint_names: [nose]\n")
    source = BY_NAME["h264-all-intra.mp4"].write(folder_of(tmp_path_factory))
    for view in ("top", "side"):
        shutil.copy(source, touch(tmp_path / "videos" / f"day1_{view}.mp4"))
    found = open_project(tmp_path).session("day1")
    return found.with_alignments({"side": SIDE})


def numbers(session: Session, view: str) -> dict[str, int]:
    """The number drawn into each image of a view, by file name."""
    folder = session.folder / "labeled-data" / f"day1_{view}"
    return {path.name: read_number(imread(path)) for path in sorted(folder.glob("*"))}


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_each_view_gives_the_exact_frame(session: Session) -> None:
    done = extract_images(session, [20, 12, 20])
    assert (done.frames, done.refused) == ((12, 20), ())
    expected = [*range(10, 15), *range(18, 23)]
    assert numbers(session, "top") == {f"img{n:08d}.png": n for n in expected}
    assert numbers(session, "side") == {f"img{n:08d}.png": n - 4 for n in expected}
    assert len(done.written) == 20
    for view in session.views:
        assert session.folder / image_path(session, view, 12) in done.written
    # The session is found again with its images.
    again = open_project(session.folder).session("day1")
    assert {path.name for path in again.images.values()} == {"day1_top", "day1_side"}


def test_videos_with_predicted_images(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = {"top": "h264-b-frames-colour.mp4", "side": "h264-variable-rate.mkv"}
    videos = {view: BY_NAME[n].write(folder_of(tmp_path_factory)) for view, n in names.items()}
    session = Session("day1", tmp_path, tuple(videos), videos, alignments={"side": SIDE})
    extract_images(session, [40, 71, 12, 13])
    expected = [*range(10, 16), *range(38, 43), *range(69, 74)]
    assert list(numbers(session, "top").values()) == expected
    assert list(numbers(session, "side").values()) == [n - 4 for n in expected]


def test_neighbours_without_a_image_are_left_out(session: Session) -> None:
    extract_images(session, [3, 9, 39])
    in_side = [3, 4, 5, 7, 9, 10, 11, *range(37, 42)]
    assert numbers(session, "side") == {
        f"img{n:08d}.png": int(session.to_video("side", n)) for n in in_side
    }
    assert list(numbers(session, "top").values()) == [*range(1, 6), *range(7, 12), 37, 38, 39]


def test_frames_that_a_view_lacks_are_refused(session: Session) -> None:
    done = extract_images(session, [-1, 1, 8, 20, 41, 99], context=0)
    assert done.frames == (20,)
    assert len(done.written) == 2
    reasons = {(each.frame, each.view): each.reason for each in done.refused}
    assert reasons == {
        (-1, "top"): "its first frame is 0",
        (-1, "side"): "its first frame is 3",
        (1, "side"): "its first frame is 3",
        (8, "side"): "its camera lost this frame",
        (41, "top"): "its last frame is 39",
        (99, "top"): "its last frame is 39",
        (99, "side"): "its last frame is 43",
    }
    assert str(done.refused[-1]).startswith("frame 99 has no image in view top: ")
    nothing = extract_images(session, [1])
    assert (nothing.frames, nothing.written) == ((), ())


def test_damaged_frames_are_refused(session: Session) -> None:
    path = session.videos["side"]
    index = build_index(path)
    packet = int(index.packet_of[20])  # session frame 24
    with path.open("r+b") as stream:
        stream.seek(int(index.position[packet]))
        stream.write(np.random.default_rng(0).bytes(int(index.size[packet])))
    done = extract_images(session, [24, 26, 34])
    assert done.frames == (26, 34)
    assert [(each.frame, each.view) for each in done.refused] == [(24, "side")]
    assert "damaged" in done.refused[0].reason
    # As a neighbour it is left out in that view only.
    expected = [*range(24, 29), *range(32, 37)]
    assert list(numbers(session, "top").values()) == expected
    assert list(numbers(session, "side").values()) == [n - 4 for n in expected[1:]]


def test_images_that_are_there_stay_as_they_are(session: Session) -> None:
    first = extract_images(session, [12], context=0)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in first.written}
    done = extract_images(session, [12, 13])
    assert done.frames == (12, 13)
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before}
    assert len(done.written) == 2 * 6 - 2
    assert extract_images(session, [12, 13]).written == ()
    assert extract_images(session, [12, 13]).frames == (12, 13)


def test_images_of_another_video_are_an_error(session: Session) -> None:
    path = session.folder / image_path(session, "side", 12)
    touch(path)
    before = everything(session.folder)
    with pytest.raises(PoseDataError, match="cannot be read as an image"):
        extract_images(session, [20, 12])
    imwrite(path, np.zeros((50, 60), np.uint8))
    with pytest.raises(PoseDataError, match=r"60 x 50 px.*128 x 96 px"):
        extract_images(session, [20, 12])
    assert everything(session.folder) == before
    assert extract_images(session, [20]).frames == (20,)


@pytest.mark.parametrize("name", ["frame000001.png", "img0012.png", "day_3-7.png"])
def test_the_names_of_the_project_are_kept(session: Session, name: str) -> None:
    """Also in a view that has no images yet: Lightning Pose wants one name in all views."""
    old = touch(session.folder / "labeled-data" / "day1_top" / name)
    imwrite(old, np.zeros((96, 128), np.uint8))
    session = replace(
        open_project(session.folder).session("day1"), alignments={"side": ViewAlignment()}
    )
    extract_images(session, [20], context=0)
    new = {"f": "frame000020.png", "i": "img0020.png", "d": "day_3-20.png"}[name[0]]
    assert numbers(session, "side") == {new: 20}
    assert numbers(session, "top")[new] == 20
    assert image_path(session, "side", 20) == f"labeled-data/day1_side/{new}"


def test_the_folder_of_the_project_is_kept(session: Session) -> None:
    touch(session.folder / "labeled-data" / "day1-top" / "img00000002.txt")
    session = open_project(session.folder).session("day1")
    assert image_path(session, "top", 5) == "labeled-data/day1-top/img00000005.png"
    done = extract_images(session, [5], context=0)
    assert {path.parent.name for path in done.written} == {"day1-top", "day1_side"}


def test_jpeg_images_of_other_programs(session: Session) -> None:
    for view in ("top", "side"):
        path = touch(session.folder / "labeled-data" / f"day1_{view}" / "img00000020.jpg")
        imwrite(path, np.zeros((96, 128), np.uint8))
    assert image_path(session, "top", 20) == "labeled-data/day1_top/img00000020.jpg"
    done = extract_images(session, [20, 30], context=0)
    assert done.frames == (20, 30)
    assert {path.name for path in done.written} == {"img00000030.png"}
    path.unlink()
    (refused,) = extract_images(session, [20], context=0).refused
    assert (refused.view, "img00000020.jpg" in refused.reason) == ("side", True)


def test_the_only_view_of_a_project_that_names_none(tmp_path: Path) -> None:
    touch(tmp_path / "project.yaml", "view_names: []\nkeypoint_names: [nose]\n")
    video(tmp_path / "videos" / "day1.mp4")
    session = open_project(tmp_path).session("day1")
    (path,) = extract_images(session, [7], context=0).written
    assert path.relative_to(tmp_path).as_posix() == "labeled-data/day1/img00000007.png"
    assert open_project(tmp_path).session("day1").images == {session.views[0]: path.parent}


def test_cancelling_leaves_nothing(session: Session) -> None:
    before = everything(session.folder)
    stages = []
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 0

    def progress(stage: str, done: int, total: int) -> None:
        stages.append((stage, done, total))

    for n in (0, 1, 8, 20):
        asked = -n
        with pytest.raises(Cancelled):
            extract_images(session, [10, 15, 20], progress=progress, cancelled=cancelled)
        assert everything(session.folder) == before
    extract_images(session, [10, 15, 20], progress=progress)
    assert stages[-1] == ("Writing images", 3, 3)


@pytest.mark.parametrize(
    ("code", "message"), [(errno.ENOSPC, "disk is full"), (errno.EIO, "Input/output")]
)
def test_a_full_disk_leaves_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    before = everything(session.folder)
    write = Path.write_bytes
    n_written = 0

    def fails(path: Path, content: bytes) -> int:
        nonlocal n_written
        n_written += 1
        if n_written > 7:
            raise OSError(code, os.strerror(code))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises((PoseDataError, OSError), match=message):
        extract_images(session, [10, 20])
    assert everything(session.folder) == before


def test_a_folder_that_cannot_be_written_to(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = os.mkdir

    def refuses(path: str, *arguments: int) -> None:
        if "labeled-data" in os.fspath(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        make(path, *arguments)

    monkeypatch.setattr(os, "mkdir", refuses)
    with pytest.raises(PoseDataError, match="cannot be written"):
        extract_images(session, [10])


def test_requests_that_cannot_be_met(session: Session) -> None:
    with pytest.raises(PoseDataError, match="neighbouring"):
        extract_images(session, [10], context=-1)
    with pytest.raises(PoseDataError, match="no videos"):
        extract_images(replace(session, videos={}), [10])
    with pytest.raises(PoseDataError, match="one of top, side"):
        image_path(session, "back", 3)


@pytest.mark.parametrize(
    ("path", "frame"),
    [
        ("labeled-data/day1_top/img00000012.png", 12),
        ("labeled-data\\day1_top\\frame000001.png", 1),
        ("labeled-data/2024_top/cam2_img0047.jpg", 47),
        ("img0012_left.png", 12),
        ("7.png", 7),
        ("labeled-data/day1/img.png", None),
        (f"labeled-data/day1_top/img{'9' * 5000}.png", None),
    ],
)
def test_the_frame_of_a_name(path: str, frame: int | None) -> None:
    assert frame_of_image(path) == frame
    assert frame_of_image(Path(path)) == frame


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "img00000005.png"),
        (["readme.txt", "left.png"], "img00000005.png"),
        (["img012.png", "img1234.png"], "img005.png"),
        (["img9.png", "img12.png"], "img5.png"),
        (["a0001.png", "frame02.png", "frame03.jpg"], "frame05.png"),
    ],
)
def test_the_naming_of_most_files(names: list[str], expected: str) -> None:
    assert Naming.of(names).name(5) == expected


def test_what_is_there(session: Session) -> None:
    extract_images(session, [12], context=1)
    there = SessionImages(session)
    assert there.frames("side") == {11, 12, 13}
    assert there.is_there("top", 11)
    assert not there.is_there("top", 14)
    assert there.path("top", 12).is_file()
    touch(there.path("top", 14).with_name(".img00000014.0123.part.png"))
    assert not SessionImages(session).is_there("top", 14)


def test_a_video_is_read_forward_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_pose3d.core.video.video_array import VideoArray

    asked: dict[str, list[int]] = {}
    frame: Callable[..., object] = VideoArray.frame

    def noted(video: VideoArray, number: int, wanted: object = None) -> object:
        asked.setdefault(video.path.stem, []).append(number)
        return frame(video, number, wanted)

    monkeypatch.setattr(VideoArray, "frame", noted)
    extract_images(session, [30, 11, 10, 12, 31])
    assert asked["day1_top"] == [*range(8, 15), *range(28, 34)]
    assert asked["day1_side"] == [n - 4 for n in (9, *range(10, 15), *range(28, 34))]
