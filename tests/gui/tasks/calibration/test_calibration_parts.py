"""What the calibration widget computes without a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.calibration.origin import moved_rig
from napari_pose3d.core.calibration.session_rig import (
    offsets_of_clocks,
    rig_place,
    shifted,
    use_for_session,
)
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.tasks.calibration.make.calibration_job import _around
from napari_pose3d.gui.tasks.calibration.make.detection_feed import DetectionFeed
from napari_pose3d.gui.tasks.calibration.result.result_tables import clock_text, excluded_text
from napari_pose3d.gui.tasks.calibration.world.rig_scene import rig_scene, seen_surface
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras


def session(folder: Path, *views: str):
    (folder / "videos").mkdir()
    for view in views:
        (folder / "videos" / f"walk_{view}.mp4").touch()
    project = open_project(folder)
    return project, project.sessions[0]


def test_a_clock_is_told_in_frames_and_ms() -> None:
    assert clock_text(0.0, np.nan, 30.0, True) == "reference"
    assert clock_text(0.74, 0.012, 6.0, False) == "+0.740 ± 0.012 frames, +123.3 ms"
    assert clock_text(0.4, 0.0002, None, False) == "+0.4000 ± 0.0002 frames"
    assert clock_text(0.0, np.nan, None, False) == "not estimated"
    assert excluded_text((7, 3)) == "Taken out: frames 3, 7."


def test_offsets_follow_the_clocks_from_where_the_first_view_is(tmp_path: Path) -> None:
    _, walk = session(tmp_path, "a", "b", "c")
    walk = walk.with_alignments({"a": ViewAlignment(offset=5), "c": ViewAlignment(offset=8)})
    changes = offsets_of_clocks(walk, {"a": 0.0, "b": 2.9, "c": -3.1, "elsewhere": 9.0})
    # A camera that lags shows earlier instants: its frames lie earlier in the session.
    assert {view: each.offset for view, each in changes.items()} == {"b": 2}
    assert shifted(walk, "c", -2)["c"].offset == 6
    # What is left with these offsets, of a board recorded in the same way.
    clocks = {"a": 0.0, "b": 0.3, "c": -1.1}
    left = offsets_of_clocks(walk, clocks, aligned=walk)
    assert {view: each.offset for view, each in left.items()} == {"c": 9}
    # Taken over once, they are not added a second time.
    later = walk.with_alignments({**walk.alignments, **left})
    assert offsets_of_clocks(later, clocks, aligned=walk) == {}
    assert offsets_of_clocks(walk, {"elsewhere": 1.0}) == {}


def test_a_rig_that_lacks_a_view_is_not_taken(tmp_path: Path) -> None:
    project, walk = session(tmp_path, "cam0", "cam9")
    with pytest.raises(PoseDataError, match="no camera for the view cam9"):
        use_for_session(ring_of_cameras(3), project, walk)
    assert not rig_place(project, walk).exists()


def test_a_picture_of_the_board_is_cut_out_around_it() -> None:
    image = np.zeros((1000, 2000), np.uint8)
    image[500, 1500] = 255
    corners = np.array([[1480.0, 480.0], [1520.0, 520.0], [1500.0, 500.0], [np.nan, np.nan]])
    cut, moved = _around(image, corners)
    assert len(moved) == 3
    assert cut.shape[1] < 100
    x, y = moved[2].astype(int)
    assert cut[y, x] == 255
    # Without corners, and wider than is shown: the whole image, made small.
    cut, moved = _around(image, np.full((3, 2), np.nan))
    assert cut.shape[1] <= 420
    assert len(moved) == 0


def test_an_origin_far_away_is_not_drawn() -> None:
    rig = ring_of_cameras(4)
    scene = rig_scene(rig)
    assert len(scene.axes) == 3
    assert len(scene.floor)
    far = rig_scene(moved_rig(rig, np.eye(3), np.array([0.0, 0.0, 1e5])))
    assert len(far.axes) == len(far.floor) == 0
    assert len(far.cameras) == len(scene.cameras)
    # More cameras see less of the space.
    contents = [seen_surface(scene, n)[2] for n in (2, 3, 4)]
    assert contents == sorted(contents, reverse=True)
    assert contents[0] > 0


@pytest.mark.gui
def test_the_feed_counts_every_image_and_shows_few(qapp) -> None:
    feed = DetectionFeed()
    shown = []
    feed.seen.connect(lambda view, seen: shown.append((view, seen)))
    image = np.zeros((240, 640), np.uint8)
    for frame in range(20):
        feed.look("left", frame, image, np.array([[639.0, 0.0]]))
    assert 1 <= len(shown) < 20
    view, seen = shown[0]
    assert view == "left"
    assert seen.cells[0, 4]
    assert seen.cells.sum() == 1
    assert seen.image.shape == (120, 320)
    assert seen.corners[0] == pytest.approx([319.5, 0.0])
    assert (feed._looked["left"], feed._found["left"]) == (20, 20)
