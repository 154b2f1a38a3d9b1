"""Which frame and which pixel of a video is which of its session: offsets, drops, crops, boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.projects.session_files import touch

from napari_pose3d.core.projects.alignment.view_alignment import (
    ViewAlignment,
    dropped_from_times,
    read_times,
)
from napari_pose3d.errors import PoseDataError

# --- which frame is which ---------------------------------------------------------------------


def test_offset() -> None:
    late, early = ViewAlignment(offset=3), ViewAlignment(offset=-2)
    assert late.to_session([0, 1, 10]).tolist() == [3, 4, 13]
    assert late.to_video([0, 2, 3, 4]).tolist() == [-1, -1, 0, 1]
    assert early.to_session([0, 1, 2, 3]).tolist() == [-1, -1, 0, 1]
    assert early.to_video([0, 1]).tolist() == [2, 3]
    assert early.to_video([0, 1], n_video_frames=3).tolist() == [2, -1]
    assert (late.n_session_frames(10), early.n_session_frames(10)) == (13, 8)
    assert early.n_session_frames(1) == 0


def test_dropped_frames() -> None:
    alignment = ViewAlignment(offset=10, dropped=(7, 2, 3))
    # The camera's own count of the images that are there: 0 1 4 5 6 8.
    assert alignment.to_session(range(6)).tolist() == [10, 11, 14, 15, 16, 18]
    assert alignment.to_video([11, 12, 13, 14, 17, 18]).tolist() == [1, -1, -1, 2, -1, 5]
    assert ViewAlignment(dropped=(0,)).to_session([0]).tolist() == [1]


@settings(deadline=None)
@given(
    st.integers(-20, 20),
    st.sets(st.integers(0, 60), max_size=30),
    st.integers(1, 50),
)
def test_frames_there_and_back(offset: int, dropped: set[int], n: int) -> None:
    alignment = ViewAlignment(offset=offset, dropped=tuple(dropped))
    kept = [c for c in range(n + 61) if c not in dropped][:n]
    expected = [c + offset if c + offset >= 0 else -1 for c in kept]
    session = alignment.to_session(np.arange(n))
    assert session.tolist() == expected
    there = session >= 0
    assert alignment.to_video(session[there]).tolist() == np.flatnonzero(there).tolist()
    lost = [c + offset for c in dropped if c + offset >= 0]
    assert (alignment.to_video(np.array(lost, int)) == -1).all()


def test_dropped_frames_from_times() -> None:
    rng = np.random.default_rng(0)
    camera = np.setdiff1d(np.arange(5000), [3, 4, 1000, 4000, 4001, 4002])
    times = 1700.0 + (camera + rng.uniform(-0.2, 0.2, camera.shape)) / 30
    assert dropped_from_times(times).tolist() == [3, 4, 1000, 4000, 4001, 4002]
    # A rate that a clock in ms cannot hold does not add up to drops.
    assert dropped_from_times(np.rint(np.arange(20_000) * 1000 / 30.02)).size == 0
    # One image was noted late, and none was lost.
    late = np.arange(50.0)
    late[20] += 0.7
    assert dropped_from_times(late).size == 0


def test_files_of_times(tmp_path: Path) -> None:
    path = touch(tmp_path / "t.csv", "frame,time\n0,0.0\n1,0.1\n2,0.2\n3,0.4\n\n")
    assert read_times(path).tolist() == [0.0, 0.1, 0.2, 0.4]
    assert ViewAlignment(timestamps=path).to_session(range(4)).tolist() == [0, 1, 2, 4]
    for text in (
        "time,frame\n0.0,0\n0.1,1\n0.2,2\n0.4,3\n",
        "Frame Number;Time Stamp (s)\n0;0.0\n1;0.1\n2;0.2\n3;0.4\n",
        '"timestamps"\n"0.0"\n"0.1"\n"0.2"\n"0.4"\n',
        "0 0.0\n1 0.1\n2 0.2\n3 0.4\n",
    ):
        assert read_times(touch(path, text)).tolist() == [0.0, 0.1, 0.2, 0.4]
    # As Bonsai writes them.
    days = "".join(f"2024-04-11T10:15:{s:010.7f}+02:00,{n}\n" for n, s in enumerate((0, 0.1, 0.4)))
    times = read_times(touch(path, "Timestamp,Frame\n" + days))
    np.testing.assert_allclose(times - times[0], [0, 0.1, 0.4], atol=1e-5)
    np.save(tmp_path / "t.npy", np.array([0, 100, 400], "datetime64[ms]"))
    np.testing.assert_allclose(read_times(tmp_path / "t.npy"), [0, 0.1, 0.4])
    for text, message in (
        ("1\nx\n", "not a time"),
        ("0.0,0\n0.1,1\n0.2,2\n0.4,3\n", "counts frames"),
        ("a\nb\n", "none of its lines ends in a time"),
        ("2\n1\n", "line 2"),
        ("1\n", "1 times"),
        ("0\n1\n2\n9999\n", "hardly any"),
    ):
        with pytest.raises(PoseDataError, match=message):
            _ = ViewAlignment(timestamps=touch(path, text)).dropped_frames
    with pytest.raises(PoseDataError, match="cannot be read"):
        _ = ViewAlignment(timestamps=tmp_path / "none.csv").dropped_frames


# --- which pixel is which ---------------------------------------------------------------------


def test_crop_and_scale() -> None:
    half = ViewAlignment(scale=(2, 2))
    # A pixel of a video of half the size covers two pixels of the rig's image.
    assert half.to_rig_pixels([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert half.to_rig_pixels([[-0.5, 9.5]]).tolist() == [[-0.5, 19.5]]
    cut = ViewAlignment(crop=(100, 50, 640, 480))
    assert cut.to_rig_pixels([3.0, 4.0]).tolist() == [103, 54]
    both = ViewAlignment(crop=(100, 50, 640, 480), scale=(2, 4))
    xy = np.random.default_rng(0).uniform(0, 300, (5, 3, 2))
    np.testing.assert_allclose(both.to_video_pixels(both.to_rig_pixels(xy)), xy)
    assert ViewAlignment(crop=(0, 0, 64, 48)).is_identity
    assert not both.is_identity


def test_boxes_that_follow_the_animal(tmp_path: Path) -> None:
    path = touch(tmp_path / "b.csv", ",x,y,h,w\n0,10,20,100,200\n1,12,18,100,200\n")
    boxed = ViewAlignment(boxes=path, scale=(2, 2))
    xy = np.zeros((3, 2, 2))
    moved = boxed.to_rig_pixels(xy, np.array([[0], [1], [2]]))
    np.testing.assert_array_equal(moved[:, 0], [[10.5, 20.5], [12.5, 18.5], [np.nan] * 2])
    np.testing.assert_array_equal(boxed.to_video_pixels(moved[:2], [[0], [1]]), xy[:2])
    assert np.isnan(boxed.to_rig_pixels([0, 0], -1)).all()
    with pytest.raises(PoseDataError, match="frames have to be given"):
        boxed.to_rig_pixels(xy)
    for text, message in (
        ("a,b\n", "columns x, y, h, w"),
        (",x,y,h,w\n", "no boxes"),
        (",x,y,h,w\n0,1,2,3,4\n1,1,2,,4\n", "line 3"),
        (",x,y,h,w\n0,1,2,0,4\n", "above 0"),
    ):
        with pytest.raises(PoseDataError, match=message):
            _ = ViewAlignment(boxes=touch(path, text)).image_boxes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": (0, 0, 1, 1), "boxes": Path("b")}, "one of them"),
        ({"scale": (0, 1)}, "scale"),
        ({"crop": (0, 0, 0, 10)}, "crop"),
        ({"dropped": (-1,)}, "dropped"),
        ({"dropped": (1,), "timestamps": Path("t")}, "one of them"),
    ],
)
def test_alignments_that_cannot_be_meant(values: dict[str, object], message: str) -> None:
    with pytest.raises(PoseDataError, match=message):
        ViewAlignment(**values)  # type: ignore[arg-type]
