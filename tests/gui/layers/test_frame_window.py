"""Long recordings: a window is drawn, and nobody notices but the clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from tests.support.recordings.scenes import arc_rig
from tests.support.windows.gui_helpers import make_result, make_table

from napari_pose3d.gui.layers.frame_window import (
    keep_windows,
    keep_windows_of_new_layers,
    renew,
)
from napari_pose3d.gui.layers.layer_poses import WHOLE_ROWS, poses_of
from napari_pose3d.gui.layers.layer_styles import view_poses
from napari_pose3d.gui.layers.recording_layers import result_layers, table_layers

N_FRAMES, N_KEYPOINTS = 9000, 6
RIG = arc_rig(views=("Cam-A", "Cam-B"))
MESSAGES: list[str] = []


@pytest.fixture(scope="module")
def long_result():
    assert N_FRAMES * N_KEYPOINTS > WHOLE_ROWS
    return make_result(N_FRAMES, N_KEYPOINTS, RIG)


@pytest.fixture
def viewer(long_result) -> ViewerModel:
    model = ViewerModel()
    for data in result_layers(long_result, RIG):
        model.add_layer(Layer.create(*data))
    MESSAGES.clear()
    keep_windows(model, MESSAGES.append)
    return model


def visible_rows(points) -> tuple[np.ndarray, list[str]]:
    """Positions (x, y) and keypoints that napari shows in the current frame."""
    now = np.round(points.data[:, 0]) == FRAME[0]
    rows = now & points.shown
    return points.data[rows][:, [3, 2]], list(points.features["keypoint"][rows])


FRAME = [0]


def go_to(viewer: ViewerModel, frame: int) -> None:
    FRAME[0] = frame
    viewer.dims.set_point(0, frame)


def test_short_recordings_are_drawn_whole() -> None:
    layers = result_layers(make_result(100, 4), arc_rig())
    for _, attributes, kind in layers:
        poses = poses_of(attributes["metadata"])
        assert poses is None or poses.window is None, kind


def test_every_frame_shows_what_it_should_wherever_the_user_goes(viewer, long_result) -> None:
    points = viewer.layers["smoothed Cam-B"]
    truth = long_result.poses2d.xy[1]
    # Steps, jumps, the ends, and back again.
    for frame in [0, 1, 2, 4500, *range(4501, 5300, 53), 8999, 8998, 0, 8999, 10]:
        go_to(viewer, frame)
        xy, keypoints = visible_rows(points)
        assert keypoints == [f"kp{i}" for i in range(N_KEYPOINTS)]
        np.testing.assert_allclose(xy, truth[frame])
        np.testing.assert_array_equal(points.face_color[:, 3], 1)


def test_what_is_drawn_stays_small_and_the_slider_long(viewer) -> None:
    extent = viewer.layers.extent.world.copy()
    for frame in (0, 4000, 8999):
        go_to(viewer, frame)
        for layer in viewer.layers:
            assert len(layer.data) < 6000, layer.name
        assert viewer.dims.range[0][:2] == (0, N_FRAMES - 1)
        np.testing.assert_allclose(viewer.layers.extent.world, extent)


def test_neighbouring_steps_do_not_refill(viewer) -> None:
    points = viewer.layers["smoothed Cam-B"]
    go_to(viewer, 4000)
    before = points.data
    go_to(viewer, 4010)
    go_to(viewer, 3990)
    assert points.data is before


def test_tracks_keep_their_tail(viewer) -> None:
    tracks = viewer.layers["tracks Cam-A"]
    go_to(viewer, 5000)
    tracks.tail_length = 1500
    assert tracks.data[tracks.data[:, 0] == 0][:, 1].min() <= 3500
    assert tracks.color_by == "keypoint_colour"


def test_hidden_layers_wait_until_they_are_shown(viewer) -> None:
    points = viewer.layers["raw Cam-A"]
    points.visible = False
    before = points.data
    go_to(viewer, 7000)
    assert points.data is before
    points.visible = True
    assert len(visible_rows(points)[0]) == N_KEYPOINTS


def test_the_whole_result_is_in_the_metadata(viewer, long_result) -> None:
    go_to(viewer, 7000)
    for name, array in (
        ("smoothed Cam-A", long_result.poses2d.xy[0]),
        ("3-D", long_result.poses3d.xyz),
    ):
        np.testing.assert_array_equal(poses_of(viewer.layers[name].metadata).positions, array)


def test_edited_points_survive_a_refill(viewer, long_result) -> None:
    points = viewer.layers["smoothed Cam-A"]
    go_to(viewer, 3000)
    row = int(
        np.flatnonzero((points.data[:, 0] == 3000) & (points.features["keypoint"] == "kp2"))[0]
    )
    data = points.data.copy()
    data[row, 2:] = [33, 44]
    points.data = data
    go_to(viewer, 8000)
    go_to(viewer, 3000)
    xy, _ = visible_rows(points)
    np.testing.assert_allclose(xy[2], [44, 33])
    assert poses_of(points.metadata).confidence[3000, 2] == 1
    assert long_result.poses2d.xy[0, 3000, 2, 0] != 44, "the result itself is not touched"


def test_points_that_cannot_be_taken_over_are_kept_and_reported(viewer) -> None:
    points = viewer.layers["smoothed Cam-A"]
    go_to(viewer, 3000)
    data = points.data.copy()
    data[1, 0] = data[0, 0]
    points.data = data
    go_to(viewer, 8000)
    assert "twice" in MESSAGES[0]
    assert data.shape == points.data.shape
    np.testing.assert_array_equal(points.data[:2], data[:2])


def test_a_removed_layer_is_left_alone(viewer) -> None:
    points = viewer.layers["smoothed Cam-A"]
    viewer.layers.remove(points)
    before = points.data
    go_to(viewer, 8000)
    assert points.data is before
    assert poses_of(points.metadata).keeper is None
    viewer.layers.clear()


def test_layers_that_napari_adds_are_kept_filled() -> None:
    table = make_table(N_FRAMES, N_KEYPOINTS)
    model = ViewerModel()
    keep_windows_of_new_layers(model)
    keep_windows_of_new_layers(model)
    for data in table_layers([("A", "A", table)]):
        model.add_layer(Layer.create(*data))
    go_to(model, 8500)
    assert len(visible_rows(model.layers["predicted A"])[0]) == N_KEYPOINTS


def test_a_renewed_layer_shows_the_other_recording(viewer) -> None:
    points = viewer.layers["smoothed Cam-A"]
    go_to(viewer, 3000)
    data = points.data.copy()
    data[0, 2:] = 1
    points.data = data
    other = make_result(N_FRAMES + 500, N_KEYPOINTS, RIG)
    for name in ("smoothed Cam-A", "tracks Cam-A"):
        poses = view_poses(other.poses2d, 0, "smoothed")
        renew(viewer.layers[name], replace(poses, window=poses.window_around(0)))
    for frame in (3000, N_FRAMES + 499):
        go_to(viewer, frame)
        np.testing.assert_allclose(visible_rows(points)[0], other.poses2d.xy[0, frame])
    assert viewer.dims.range[0].stop == N_FRAMES + 499
    np.testing.assert_array_equal(poses_of(points.metadata).positions, other.poses2d.xy[0])
