"""Poses become layers whose data, features and looks a user can rely on."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.components import ViewerModel
from napari.layers import Layer
from tests.support.recordings.scenes import arc_rig
from tests.support.windows.gui_helpers import SIZE, VIEWS, make_result, make_table

from napari_pose3d.core.cameras.floor import floor_grid, oblique_direction
from napari_pose3d.core.poses.kinematics.measurements import Measurement, measure
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.colours import PALETTE, keypoint_hex, keypoint_rgba
from napari_pose3d.gui.layers.display import Display, fit_again
from napari_pose3d.gui.layers.frame_window import keep_windows
from napari_pose3d.gui.layers.layer_poses import LayerPoses, Measuring, poses_of
from napari_pose3d.gui.layers.layer_styles import space_poses, tiles_of
from napari_pose3d.gui.layers.recording_layers import result_layers, table_layers
from napari_pose3d.gui.layers.view_layout import (
    Tile,
    frusta,
    looking_direction,
    mark_size,
    place_views,
    tile_views,
)


def open_layers(layers) -> ViewerModel:
    viewer = ViewerModel()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in layers:
            viewer.add_layer(Layer.create(*data))
    return viewer


def by_name(layers) -> dict:
    return {attributes["name"]: (data, attributes) for data, attributes, _ in layers}


# --- colours ---------------------------------------------------------------------------------


def _lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = rgb @ to_xyz.T / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


# Machado, Oliveira and Fernandes 2009, full severity, in linear RGB.
_VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("vision", _VISION)
def test_colours_stay_apart_for_every_kind_of_colour_vision(vision: str) -> None:
    rgb = keypoint_rgba(range(40))[:, :3].astype(float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lab = _lab(np.clip(linear @ np.array(_VISION[vision]).T, 0, 1))
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1e3 * np.eye(40)
    # 2.3 is just noticeable; marks are small and far apart, so several times that is wanted.
    assert distance[:12, :12].min() > 15
    assert distance[:24, :24].min() > 10
    assert distance.min() > 6


def test_colours_show_on_black_and_on_white() -> None:
    rgb = keypoint_rgba(range(40))[:, :3].astype(float)
    lightness = _lab(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))[:, 0]
    assert lightness.min() > 35
    assert lightness.max() < 93


def test_a_keypoint_has_one_colour_everywhere() -> None:
    result = make_result(n_keypoints=3)
    everything = ("other", "kp1", "kp2", "kp0")
    layers = by_name(result_layers(result, arc_rig(), all_keypoints=everything))
    for name, part in (("smoothed Cam-B", "face_color"), ("raw Cam-C", "border_color")):
        _, attributes = layers[name]
        for keypoint, place in (("kp0", 3), ("kp1", 1), ("kp2", 2)):
            rows = (attributes["features"]["keypoint"] == keypoint).to_numpy()
            assert np.all(attributes[part][rows] == keypoint_rgba([place]))
    assert keypoint_hex(everything)["kp0"] == PALETTE[3]

    viewer = open_layers(result_layers(result, arc_rig(), all_keypoints=everything))
    tracks = viewer.layers["tracks Cam-A"]
    rows = (tracks.features["keypoint"] == "kp2").to_numpy()
    np.testing.assert_allclose(tracks.track_colors[rows], keypoint_rgba([2] * rows.sum()))


# --- rows ------------------------------------------------------------------------------------


def test_points_of_a_view_are_frame_zero_y_x() -> None:
    result = make_result()
    data, attributes = by_name(result_layers(result, arc_rig()))["smoothed Cam-B"]
    features = attributes["features"]
    row = np.flatnonzero((features["keypoint"] == "kp1") & (features["time"] == 7))
    assert len(row) == 1
    x, y = result.poses2d.xy[1, 7, 1]
    np.testing.assert_allclose(data[row[0]], [7, 0, y, x])
    found = features.iloc[row[0]]
    assert found["individual"] == "individual_0"
    assert found["view"] == "Cam-B"
    assert found["n_views"] == 3
    assert found["confidence"] == result.poses2d.likelihood[1, 7, 1]
    assert found["residual"] == result.poses3d.residuals[1, 7, 1]


def test_points_in_space_are_frame_z_y_x() -> None:
    result = make_result()
    data, attributes = by_name(result_layers(result, arc_rig()))["3-D"]
    features = attributes["features"]
    row = np.flatnonzero((features["keypoint"] == "kp2") & (features["time"] == 3))[0]
    np.testing.assert_allclose(data[row, 1:], result.poses3d.xyz[3, 2, ::-1])
    expected = result.poses3d.residuals[:, 3, 2].mean()
    assert features["residual"][row] == pytest.approx(expected, rel=1e-5)


def test_tracks_have_one_id_per_keypoint_and_numbers_for_text() -> None:
    result = make_result()
    data, attributes = by_name(result_layers(result, arc_rig()))["3-D tracks"]
    assert data.shape == (20 * 3, 5)
    features = attributes["features"]
    assert sorted(set(data[:, 0])) == [0, 1, 2]
    assert {"individual_factorized", "keypoint_factorized"} <= set(features)
    assert np.array_equal(features["keypoint_factorized"], data[:, 0])


def test_what_the_project_measures_is_a_feature_of_points_in_space() -> None:
    result = make_result(30)
    poses = result.poses3d
    assert poses is not None
    body = Measurement("body", "length", ("kp0", "kp2"))
    pace = Measurement("pace", "speed", ("kp1",))
    measuring = Measuring((body, pace, Measurement("ear", "speed", ("ear",))), 50.0)
    layers = result_layers(result, arc_rig(), measuring=measuring)
    found = {each[1]["name"]: each[1]["features"] for each in layers if "features" in each[1]}
    length, speed = measure(poses, body), measure(poses, pace, 50.0)
    for name in ("3-D", "3-D tracks"):
        features = found[name]
        frames = features["time"].to_numpy()
        np.testing.assert_allclose(features["body (mm)"], length.values[frames, 0])
        np.testing.assert_allclose(features["pace sd (mm per s)"], speed.deviations[frames, 0])
        assert not any("ear" in column for column in features)
    assert not any("body" in column for column in found["smoothed Cam-A"])
    # A window looks at the frames beside it: its ends are as in the whole.
    space = replace(space_poses(poses), measuring=measuring, window=(10, 15))
    part = space.table()
    shown = part.features[part.shown]
    np.testing.assert_allclose(shown["pace (mm per s)"], speed.values[shown["time"].to_numpy(), 0])
    assert part.features["pace (mm per s)"][~part.shown].isna().all()


def test_missing_points_are_left_out_and_the_whole_array_stays_in_the_metadata() -> None:
    table = make_table()
    layers = by_name(table_layers([("A", "A", table)]))
    data, attributes = layers["predicted A"]
    features = attributes["features"]
    assert len(data) == 20 * 3 - 1
    assert not ((features["keypoint"] == "kp1") & (features["time"] == 4)).any()
    assert np.isfinite(data).all()
    assert poses_of(attributes["metadata"]).positions is table.xy


def test_hidden_rows_keep_the_range_of_the_slider() -> None:
    table = make_table()
    table.xy[:3] = np.nan
    table.xy[-2:] = np.nan
    viewer = open_layers(table_layers([("A", "A", table)]))
    points = viewer.layers["predicted A"]
    assert viewer.dims.range[0][:2] == (0, 19)
    hidden = ~points.shown
    assert sorted(points.data[hidden, 0]) == [0, 19]
    assert points.features["keypoint"][hidden].isna().all()


def test_a_file_without_any_point_still_opens() -> None:
    table = make_table()
    table.xy[:] = np.nan
    viewer = open_layers(table_layers([("A", "A", table)]))
    assert viewer.dims.range[0][:2] == (0, 19)
    assert not viewer.layers["predicted A"].shown.any()


def test_one_frame_opens() -> None:
    viewer = open_layers(result_layers(make_result(n_frames=1), arc_rig()))
    assert len(viewer.layers["3-D"].data) == 3


def test_filled_in_positions_are_marked() -> None:
    result = make_result()
    result.poses2d.ensemble_median[0, 5, 2] = np.nan
    result.poses3d.inferred[6, 1] = True
    layers = by_name(result_layers(result, arc_rig()))
    for name, frame, keypoint in (("smoothed Cam-A", 5, "kp2"), ("3-D", 6, "kp1")):
        _, attributes = layers[name]
        features = attributes["features"]
        filled = ((features["time"] == frame) & (features["keypoint"] == keypoint)).to_numpy()
        assert np.array_equal(features["inferred"].to_numpy(), filled)
        assert np.all(attributes["face_color"][filled, 3] < 0.5)
        assert np.all(attributes["face_color"][~filled, 3] == 1)


def test_raw_is_hollow_and_smoothed_is_filled() -> None:
    viewer = open_layers(result_layers(make_result(), arc_rig()))
    assert np.all(viewer.layers["raw Cam-A"].face_color[:, 3] == 0)
    assert np.all(viewer.layers["smoothed Cam-A"].face_color[:, 3] == 1)


def test_all_layers_of_a_result_share_one_time_axis() -> None:
    viewer = open_layers(result_layers(make_result(n_frames=30), arc_rig()))
    assert viewer.dims.ndim == 4
    assert viewer.dims.axis_labels == ("frame", "z", "y", "x")
    assert viewer.dims.range[0][:2] == (0, 29)
    names = [f"{kind} {view}" for view in VIEWS for kind in ("raw", "tracks", "smoothed")]
    in_space = {"cameras", "camera names", "floor", "3-D", "3-D tracks"}
    assert {*names, "views", *in_space} == {layer.name for layer in viewer.layers}


def test_without_a_rig_there_is_nothing_in_space() -> None:
    result = replace(make_result(), poses3d=None)
    assert {"3-D", "cameras"}.isdisjoint(by_name(result_layers(result)))


# --- layout ----------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 4000)), min_size=1, max_size=12),
    st.integers(0, 12),
)
def test_views_never_overlap(sizes: list[tuple[int, int]], n_placed: int) -> None:
    named = {f"v{i}": (float(w), float(h)) for i, (w, h) in enumerate(sizes)}
    placed = tile_views(dict(list(named.items())[:n_placed]))
    tiles = list(place_views(named, placed).values())
    for i, a in enumerate(tiles):
        for b in tiles[:i]:
            apart_x = a.x + a.width <= b.x or b.x + b.width <= a.x
            apart_y = a.y + a.height <= b.y or b.y + b.height <= a.y
            assert apart_x or apart_y


def test_views_that_are_open_keep_their_place() -> None:
    placed = {"a": Tile(0, 0, 480, 640)}
    tiles = place_views({"b": (640, 480), "a": (10, 10)}, placed)
    assert tiles["a"] is placed["a"]
    assert tiles["b"].x > 640
    assert list(tiles) == ["b", "a"]


def test_all_layers_of_a_view_lie_in_its_tile() -> None:
    viewer = open_layers(result_layers(make_result(), arc_rig()))
    tile = tiles_of(viewer.layers)["Cam-C"]
    assert (tile.width, tile.height) == SIZE
    for kind in ("raw", "tracks", "smoothed"):
        assert tuple(viewer.layers[f"{kind} Cam-C"].translate) == (0, 0, tile.y, tile.x)
    corners = viewer.layers["views"].data[2]
    np.testing.assert_allclose(corners[0], [tile.y - 0.5, tile.x - 0.5])


def test_marks_follow_the_extent_of_the_animal() -> None:
    points = np.random.default_rng(0).normal(size=(50, 6, 3))
    assert mark_size(1000 * points, 0.05) == pytest.approx(1000 * mark_size(points, 0.05))
    one_keypoint = points[:, :1]
    assert 0 < mark_size(one_keypoint, 0.05) < np.inf
    assert mark_size(np.full((5, 2, 3), np.nan), 0.05) == 1.0


def test_near_cameras_are_drawn_where_they_stand() -> None:
    rig = arc_rig(distance=5)
    xyz = np.random.default_rng(0).uniform(-1, 1, (10, 4, 3))
    for camera, frustum in zip(rig.cameras, frusta(rig, xyz), strict=True):
        assert not frustum.moved
        np.testing.assert_allclose(frustum.apex, camera.centre)
        # It opens towards the scene, and the roof is on the upper side of the image.
        ends = frustum.segments[:4, 1]
        assert np.all((ends - frustum.apex) @ camera.rotation[2] > 0)
        roof = frustum.segments[-1, 0]
        assert (roof - ends.mean(axis=0)) @ -camera.rotation[1] > 0


def test_far_cameras_are_drawn_nearer_on_their_line_of_sight() -> None:
    rig = arc_rig(distance=500)
    xyz = np.random.default_rng(0).uniform(-1, 1, (10, 4, 3))
    middle = (xyz.reshape(-1, 3).min(0) + xyz.reshape(-1, 3).max(0)) / 2
    for camera, frustum in zip(rig.cameras, frusta(rig, xyz), strict=True):
        assert frustum.moved
        true, drawn = camera.centre - middle, frustum.apex - middle
        assert np.linalg.norm(drawn) < 10
        cosine = true @ drawn / np.linalg.norm(true) / np.linalg.norm(drawn)
        assert cosine == pytest.approx(1)
        assert frustum.distance == pytest.approx(np.linalg.norm(true))
    layers = by_name(result_layers(make_result(rig=rig), rig))
    note = layers["cameras"][1]["metadata"]["cameras"]["Cam-A"]
    assert "mm" in note
    assert "nearer" in note


def test_cameras_stand_close_around_an_animal() -> None:
    """At their true distance they would make it a dot."""
    for distance in (5, 500):
        rig, result = arc_rig(distance=distance), make_result()
        layers = by_name(result_layers(result, rig))
        apexes = layers["camera names"][0][:, ::-1]
        flat = result.poses3d.xyz.reshape(-1, 3)
        flat = flat[np.isfinite(flat).all(axis=1)]
        middle = (flat.min(0) + flat.max(0)) / 2
        diagonal = np.linalg.norm(flat.max(0) - flat.min(0))
        for camera, apex in zip(rig.cameras, apexes, strict=True):
            true, drawn = camera.centre - middle, apex - middle
            assert np.linalg.norm(drawn) <= 0.71 * diagonal
            cosine = true @ drawn / np.linalg.norm(true) / np.linalg.norm(drawn)
            assert cosine == pytest.approx(1)


def test_an_animal_on_its_floor_is_seen_from_above() -> None:
    for up in (np.eye(3)[2], -np.eye(3)[1]):
        for along in (None, np.array([0.4, 0.3, -0.8]), up):
            view = oblique_direction(up, along)
            across = np.linalg.norm(view - up * (up @ view))
            assert 0.3 < -(up @ view) / across < 1


# --- what is shown ---------------------------------------------------------------------------


def test_switching_between_views_and_space() -> None:
    rig = arc_rig()
    viewer = open_layers(result_layers(make_result(), rig))
    display = Display(viewer)
    display.show_3d(rig)
    assert viewer.dims.ndisplay == 3
    shown = {layer.name for layer in viewer.layers if layer.visible}
    assert shown == {"3-D", "3-D tracks", "cameras", "camera names", "floor"}

    viewer.scene.camera.zoom = 123.0
    display.show_2d()
    assert viewer.dims.ndisplay == 2
    assert viewer.dims.point[1] == 0
    shown = {layer.name for layer in viewer.layers if layer.visible}
    assert shown == {"views", *(f"{k} {v}" for v in VIEWS for k in ("raw", "tracks", "smoothed"))}

    display.show_3d(rig)
    assert viewer.scene.camera.zoom == 123.0, "each space keeps the user's zoom"


def test_switching_between_raw_and_smoothed() -> None:
    viewer = open_layers(result_layers(make_result(), arc_rig()))
    display = Display(viewer)
    display.show("raw")
    assert viewer.layers["raw Cam-A"].visible
    assert not viewer.layers["smoothed Cam-A"].visible
    display.show("smoothed")
    assert not viewer.layers["raw Cam-A"].visible
    assert viewer.layers["tracks Cam-A"].visible
    assert not viewer.layers["3-D"].visible, "the 2-D views are on the screen"


def test_switching_between_raw_and_smoothed_in_space() -> None:
    rig, result = arc_rig(), make_result(n_frames=30)
    assert result.poses3d is not None
    raw = result.poses3d.xyz + 0.1
    raw[3, 1] += 1000.0
    skeleton = [("kp0", "kp1")]
    viewer = open_layers(result_layers(result, rig, skeleton=skeleton, raw_xyz=raw))
    keep_windows(viewer, pytest.fail)
    display = Display(viewer)

    def shown() -> set[str]:
        scene = {"cameras", "camera names", "floor"}
        return {layer.name for layer in viewer.layers if layer.visible} - scene

    display.show_3d(rig)
    assert shown() == {"3-D", "3-D tracks", "3-D skeleton", "raw 3-D"}
    zoom = viewer.scene.camera.zoom
    display.show("raw")
    assert shown() == {"raw 3-D", "raw 3-D skeleton"}
    viewer.dims.set_point(0, 7)
    start = viewer.layers["raw 3-D skeleton"].data[0, 0]
    np.testing.assert_allclose(start, raw[7, 0, ::-1], rtol=1e-5)
    display.show("smoothed")
    assert shown() == {"3-D", "3-D tracks", "3-D skeleton"}
    display.show_2d()
    assert not shown() & {"3-D", "raw 3-D", "raw 3-D skeleton"}
    # A position that is far away does not make the animal small.
    plain = open_layers(result_layers(result, rig, skeleton=skeleton))
    other = Display(plain)
    other.show_3d(rig)
    assert zoom == pytest.approx(plain.scene.camera.zoom)


def test_the_skeleton_in_space_follows_the_frame() -> None:
    result = make_result(n_frames=30)
    assert result.poses3d is not None
    # A keypoint that is missing takes its bones with it.
    result.poses3d.xyz[7, 1] = np.nan
    skeleton = [("kp0", "kp1"), ("kp0", "kp2"), ("kp0", "nobody")]
    viewer = open_layers(result_layers(result, arc_rig(), skeleton=skeleton))
    keep_windows(viewer, pytest.fail)
    Display(viewer).show_3d(arc_rig())
    layer = viewer.layers["3-D skeleton"]
    assert layer.visible
    for frame in (3, 12, 29):
        viewer.dims.set_current_step(0, frame)
        zyx = result.poses3d.xyz[frame][:, ::-1]
        np.testing.assert_allclose(layer.data[:, 0], zyx[[0, 0]], atol=1e-5)
        np.testing.assert_allclose(layer.data.sum(axis=1), zyx[[1, 2]], atol=1e-5)
    viewer.dims.set_current_step(0, 7)
    assert np.linalg.norm(layer.data[:, 1], axis=1)[0] == 0
    assert np.linalg.norm(layer.data[:, 1], axis=1)[1] > 0


def test_the_floor_lies_below_the_animal_as_the_cameras_see_it() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform((-5, -4, 0), (5, 4, 1), (40, 6, 3))
    for side in (1.0, -1.0):
        cameras = np.array([[9.0, 0, 8 * side], [0, 9, 7 * side], [-9, 0, 9 * side]])
        floor = floor_grid(points, cameras)
        assert floor is not None
        np.testing.assert_array_equal(floor.up, (0, 0, side))
        level = np.percentile(points[..., 2], 1 if side > 0 else 99)
        np.testing.assert_allclose(floor.segments[..., 2], level)
    assert floor_grid(np.full((4, 2, 3), np.nan)) is None


def test_all_cameras_are_inside_the_picture() -> None:
    rig = arc_rig()
    viewer = open_layers(result_layers(make_result(), rig))
    Display(viewer).show_3d(rig)
    camera = viewer.scene.camera
    view, up = np.array(camera.view_direction), np.array(camera.up_direction)
    screen = np.stack([np.cross(view, up), up])
    ends = np.concatenate([viewer.layers["cameras"].data[:, 0], viewer.layers["3-D"].data[:, 1:]])
    places = (ends - camera.center) @ screen.T * camera.zoom
    height, width = viewer.canvas.size
    assert np.abs(places[:, 0]).max() < width / 2
    assert np.abs(places[:, 1]).max() < height / 2


def test_without_the_cameras_the_animal_fills_the_view() -> None:
    rig = arc_rig()
    viewer = open_layers(result_layers(make_result(), rig))
    display = Display(viewer)
    display.show_3d(rig)
    with_cameras = viewer.scene.camera.zoom
    angles = viewer.scene.camera.angles
    display.show_cameras(False)
    assert not viewer.layers["cameras"].visible
    assert not viewer.layers["camera names"].visible
    assert viewer.scene.camera.zoom > 1.1 * with_cameras
    assert viewer.scene.camera.angles == angles, "the user still looks from there"
    display.show_2d()
    display.show_3d(rig)
    assert not viewer.layers["cameras"].visible
    display.show_cameras(True)
    assert viewer.layers["cameras"].visible
    assert viewer.scene.camera.zoom == pytest.approx(with_cameras)


def test_a_canvas_of_another_size_is_filled_again_unless_it_was_moved() -> None:
    viewer = open_layers(result_layers(make_result(), arc_rig()))
    viewer.canvas.size = (1500, 2000)
    Display(viewer).show_2d()
    fitted = viewer.scene.camera.zoom
    viewer.canvas.size = (750, 2000)
    fit_again(viewer)
    assert viewer.scene.camera.zoom == pytest.approx(fitted / 2, rel=0.1)
    viewer.canvas.size = (1500, 2000)
    fit_again(viewer)
    assert viewer.scene.camera.zoom == pytest.approx(fitted)
    viewer.scene.camera.zoom = 2 * fitted
    viewer.canvas.size = (750, 2000)
    fit_again(viewer)
    assert viewer.scene.camera.zoom == 2 * fitted


def test_there_is_no_slider_of_z_in_2d() -> None:
    rig = arc_rig()
    viewer = open_layers(result_layers(make_result(), rig))
    assert viewer.dims.nsteps[1] > 1, "the 3-D layers have an extent in z"
    display = Display(viewer)
    display.show_2d()
    assert viewer.dims.nsteps[1] == 1, "napari shows a slider where there are several steps"
    display.show_3d(rig)
    display.show_2d()
    # napari asks the layers again when one of them changes.
    viewer.layers["smoothed Cam-A"].translate = viewer.layers["smoothed Cam-A"].translate
    viewer.add_points(np.zeros((1, 2)))
    assert viewer.dims.nsteps[1] == 1
    assert viewer.dims.point[1] == 0
    assert len(viewer.layers["smoothed Cam-A"]._view_data), "the views are still there"
    # Somebody else's volume needs it.
    viewer.add_image(np.zeros((5, 6, 7)))
    viewer.dims.set_point(1, viewer.dims.range[1].stop)
    assert viewer.dims.point[1] != 0


def test_space_is_not_shown_as_its_mirror_image() -> None:
    """Seen along a camera, its image's right is right on the screen, its top is on top."""
    rig = arc_rig()
    viewer = open_layers(result_layers(make_result(), rig))
    Display(viewer).show_3d(rig)
    camera = viewer.scene.camera
    assert str(camera.orientation[0]) == "away", "x right, y down, z away is right-handed"
    view, up = np.array(camera.view_direction)[::-1], np.array(camera.up_direction)[::-1]
    middle = rig.cameras[1]
    assert np.cross(view, up) @ middle.rotation[0] > 0.5
    assert up @ -middle.rotation[1] > 0.5
    assert view @ middle.rotation[2] > 0.5


def test_cameras_all_around_give_a_direction_all_the_same() -> None:
    rig = arc_rig()
    opposite = replace(rig.cameras[0], name="back", rotation=rig.cameras[0].rotation * [-1, 1, -1])
    direction, up = looking_direction(replace(rig, cameras=(rig.cameras[0], opposite)))
    assert np.linalg.norm(direction) == pytest.approx(1)
    assert abs(direction @ up) < 0.9


# --- what the user changed -------------------------------------------------------------------


@pytest.fixture
def edited() -> tuple[LayerPoses, np.ndarray, object, np.ndarray]:
    poses = LayerPoses(make_table().xy, ("kp0", "kp1", "kp2"), "predicted", view="A")
    table = poses.table()
    return poses, table.data, table.features, table.shown


def test_unchanged_rows_give_the_array_back(edited) -> None:
    poses, data, features, shown = edited
    positions, changed = poses.collect(data, features, shown)
    np.testing.assert_array_equal(positions, poses.positions)
    assert not changed.any()


def test_moved_points_are_found(edited) -> None:
    poses, data, features, shown = edited
    row = np.flatnonzero((features["keypoint"] == "kp2") & (features["time"] == 9))[0]
    data[row, 2:] = [11, 22]
    positions, changed = poses.collect(data, features, shown)
    np.testing.assert_array_equal(positions[9, 2], [22, 11])
    assert np.argwhere(changed).tolist() == [[9, 2]]


def test_a_keypoint_twice_in_a_frame_is_refused(edited) -> None:
    poses, data, features, shown = edited
    data[1, 0] = data[0, 0]
    with pytest.raises(PoseDataError, match=r"'kp0' twice in frame 0.*Delete one"):
        poses.collect(data, features, shown)


def test_a_point_outside_the_recording_is_refused(edited) -> None:
    poses, data, features, shown = edited
    data[0, 0] = 99
    with pytest.raises(PoseDataError, match="frame 99"):
        poses.collect(data, features, shown)


def test_a_point_without_keypoint_is_refused(edited) -> None:
    poses, data, features, shown = edited
    features = features.astype({"keypoint": object})
    features.loc[3, "keypoint"] = "tail"
    with pytest.raises(PoseDataError, match=r"'tail'.*kp0, kp1, kp2"):
        poses.collect(data, features, shown)


def test_a_new_result_is_brought_into_view() -> None:
    viewer = open_layers(result_layers(make_result(), arc_rig()))
    display = Display(viewer)
    display.show_2d()
    fitted = viewer.scene.camera.zoom
    viewer.scene.camera.zoom = 77.0
    display.forget()
    display.show_2d()
    assert viewer.scene.camera.zoom == pytest.approx(fitted)
