"""The parts of the camera views: scene, marks, the controller of the frames, what is remembered."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from tests.support.recordings.scenes import arc_rig
from tests.support.video_recipes import Video, read_number
from tests.support.windows.gui_helpers import VIEWS, make_result
from tests.support.windows.view_helpers import settle

from napari_pose3d.core.video.session_video import SessionVideo
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.camera_views.canvas.layout_state import LayoutState
from napari_pose3d.gui.camera_views.canvas.overlays import Overlays, dots, ellipse
from napari_pose3d.gui.camera_views.canvas.title import Title
from napari_pose3d.gui.camera_views.frames.frame_controller import FrameController
from napari_pose3d.gui.camera_views.frames.player import Player
from napari_pose3d.gui.camera_views.frames.view_source import ViewSource, scene_of
from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.layers.layer_styles import TILES_KEY
from napari_pose3d.gui.layers.recording_layers import result_layers
from napari_pose3d.gui.layers.video_layers import video_layers

N_FRAMES = 60
TIMEOUT = 30_000


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    return {view: Video(f"walk_{view}.mp4", n_frames=N_FRAMES).write(folder) for view in VIEWS}


def layers_of(videos: dict[str, Path], n_frames: int = N_FRAMES) -> list[Layer]:
    """Videos and a result on them, as the plugin makes them."""
    opened = [(path, "walk", view, open_video(path)) for view, path in videos.items()]
    made = video_layers(opened, {}) if opened else []
    placed: dict[str, Any] = {}
    for _, attributes, _ in made:
        placed |= attributes["metadata"].get(TILES_KEY, {})
    made += result_layers(make_result(n_frames), arc_rig(), placed=placed)
    return [Layer.create(*data) for data in made]


# --- without a window -----------------------------------------------------------------------


def test_the_scene_is_found_in_the_layers(videos: dict[str, Path]) -> None:
    scene = scene_of(layers_of(videos), [("kp0", "kp1")])
    assert [source.view for source in scene.views] == list(VIEWS)
    first = scene.views[0]
    assert first.size == (128, 96)
    assert first.video is not None
    assert {poses.stage for poses in first.poses} == {"raw", "smoothed"}
    assert first.best() is not None
    assert first.best().stage == "smoothed"  # type: ignore[union-attr]
    assert scene.space is not None
    assert scene.frusta is not None
    assert scene.n_frames == N_FRAMES
    assert scene.keypoints == ("kp0", "kp1", "kp2")
    assert scene.palette == {"kp0": 0, "kp1": 1, "kp2": 2}


def test_raw_positions_in_space_do_not_take_the_place_of_the_smoothed() -> None:
    result = make_result()
    assert result.poses3d is not None
    raw = result.poses3d.xyz + 0.1
    layers = [Layer.create(*d) for d in result_layers(result, arc_rig(), raw_xyz=raw)]
    for order in (layers, layers[::-1]):
        scene = scene_of(order)
        assert scene.space is not None
        assert scene.space.stage == "smoothed"
        assert scene.raw_space is not None
        assert scene.raw_space.positions is raw


@pytest.mark.gui
def test_raw_and_smoothed_are_switched_in_space(qtbot: Any) -> None:
    from napari_pose3d.gui.camera_views.canvas.space_view import SpaceView

    result = make_result()
    assert result.poses3d is not None
    raw = result.poses3d.xyz + 0.1
    layers = [Layer.create(*d) for d in result_layers(result, arc_rig(), raw_xyz=raw)]
    view = SpaceView(scene_of(layers, [("kp0", "kp1")]), "3-D")
    qtbot.addWidget(view)
    points = view.model.layers["keypoints"]

    def rows(**state: Any) -> tuple[Any, Any]:
        view.show_frame(4, LayoutState(**state), "")
        return view.model.layers["raw"].data, points.data[-3:]

    rings, discs = rows()
    np.testing.assert_allclose(rings, raw[4, :, ::-1], rtol=1e-5)
    np.testing.assert_allclose(discs, result.poses3d.xyz[4, :, ::-1], rtol=1e-5)
    far = np.abs(discs).max() * 100
    rings, discs = rows(hidden_stages=["raw"])
    assert (rings > far).all()
    assert (discs < far).all()
    rings, discs = rows(hidden_stages=["smoothed"], hidden_keypoints=["kp1"])
    assert (rings[[0, 2]] < far).all()
    assert (rings[1] > far).all()
    assert (discs > far).all()
    view.shut_down()


def test_views_without_videos_and_videos_without_points() -> None:
    nothing = scene_of([])
    assert (nothing.views, nothing.space, nothing.n_frames) == ([], None, 0)
    scene = scene_of(layers_of({}))
    assert [source.video for source in scene.views] == [None] * 3
    assert scene.views[0].size == (640, 480)


def test_what_is_remembered_comes_back() -> None:
    state = LayoutState(order=["b", "a"], min_likelihood=0.4, contrast={"": [0.1, 0.9, 1.0]})
    assert LayoutState.from_dict(state.to_dict()) == state
    # Made by hand, or by a later version.
    odd = LayoutState.from_dict({"order": 3, "magnification": 4, "speed": "fast", "new": 1})
    assert odd == LayoutState(magnification=4.0)
    for key, value in (
        *(("order", [3]), ("hidden", [["a"]]), ("magnification", math.inf), ("speed", math.nan)),
        *(("min_likelihood", -3.0), ("sizes", {"a": 3}), ("sizes", {"a": [10**18]})),
        *(("contrast", {"": [0.1, 0.9]}), ("contrast", {"": [0.1, math.nan, 1.0]})),
    ):
        assert LayoutState.from_dict({key: value}) == LayoutState()


def poses(stage: str, xy: np.ndarray, **more: Any) -> LayerPoses:
    names = tuple(f"kp{k}" for k in range(xy.shape[1]))
    return LayerPoses(xy, names, stage, view="A", **more)  # type: ignore[arg-type]


@pytest.fixture
def source() -> ViewSource:
    rng = np.random.default_rng(0)
    raw = rng.uniform(0, 100, (20, 3, 2))
    likelihood = np.full((20, 3), 0.9)
    likelihood[5, 1] = 0.2
    variance = np.full((20, 3, 2), [4.0, 9.0])
    raw[7, 2] = np.nan
    return ViewSource(
        "A",
        (100, 100),
        None,
        [
            poses("raw", raw, confidence=likelihood, variance=variance),
            poses("smoothed", raw + 0.5, confidence=likelihood, variance=variance / 4),
        ],
    )


def drawn(source: ViewSource, frame: int, settings: LayoutState, selected: str = "") -> Overlays:
    overlays = Overlays(ViewerModel(), None, source, [("kp0", "kp2"), ("kp1", "nobody")])
    overlays.show(frame, settings, selected)
    return overlays


def test_marks_lie_where_the_poses_say(source: ViewSource) -> None:
    found = drawn(source, 3, LayoutState()).shown_positions()
    assert len(found) == 6
    np.testing.assert_allclose(found["kp1", "raw"], source.poses[0].positions[3, 1])
    np.testing.assert_allclose(found["kp1", "smoothed"], source.poses[1].positions[3, 1])


def test_what_is_switched_off_is_not_drawn(source: ViewSource) -> None:
    likely = LayoutState(min_likelihood=0.5)
    # A smoothed position does not hang on the likelihood of one frame.
    assert set(drawn(source, 5, likely).shown_positions()) == {
        ("kp0", "raw"),
        ("kp2", "raw"),
        ("kp0", "smoothed"),
        ("kp1", "smoothed"),
        ("kp2", "smoothed"),
    }
    some = LayoutState(hidden_stages=["raw"], hidden_keypoints=["kp0"])
    assert set(drawn(source, 5, some).shown_positions()) == {
        ("kp1", "smoothed"),
        ("kp2", "smoothed"),
    }
    assert ("kp2", "raw") not in drawn(source, 7, LayoutState()).shown_positions()
    assert drawn(source, 99, LayoutState()).shown_positions() == {}


def near(rows: np.ndarray) -> np.ndarray:
    return rows[rows[:, 0] > -1e5]


def test_trails_bones_and_ellipses_have_dots(source: ViewSource) -> None:
    marks = 6
    off = LayoutState(trails=False, skeleton=False)
    only = drawn(source, 19, off)
    assert len(near(only._layer.data)) == marks
    bones = drawn(source, 19, LayoutState(trails=False))
    # One line: the other keypoint of the second is not there.
    assert len(near(bones._layer.data)) == marks + 9
    trails = drawn(source, 5, LayoutState(skeleton=False))
    assert len(near(trails._layer.data)) == marks + 5 * 3
    circled = drawn(source, 19, off, "kp1")
    assert len(near(circled._layer.data)) == marks + 2 * 40


def test_rings_of_swapped_sides_are_filled(source: ViewSource) -> None:
    raw = source.poses[0]
    raw.swapped, raw.counterparts = np.zeros((20, 3), dtype=bool), (1, 0, 2)
    raw.swapped[4, :2] = True
    off = LayoutState(trails=False, skeleton=False)
    assert len(near(drawn(source, 3, off)._layer.data)) == 6
    overlays = drawn(source, 4, off)
    layer = overlays._layer
    rows = layer.data[-9:-6]
    np.testing.assert_allclose(rows[:2, ::-1], raw.positions[4, :2])
    assert (rows[2] < -1e5).all()
    np.testing.assert_array_equal(layer.face_color[-9], layer.face_color[-2])
    hidden = LayoutState(trails=False, skeleton=False, hidden_stages=["raw"])
    assert len(near(drawn(source, 4, hidden)._layer.data)) == 3


def test_dots_lie_on_their_lines() -> None:
    points = np.array([[0.0, 0.0], [10.0, 20.0], [np.nan, 1.0]])
    found = dots(points, np.array([[0, 1], [0, 2]]), 4)
    np.testing.assert_allclose(found[:4], [[2, 4], [4, 8], [6, 12], [8, 16]])
    assert np.isnan(found[4:, 0]).all()


def test_the_ellipse_holds_95_percent() -> None:
    covariance = np.array([[9.0, 3.0], [3.0, 4.0]])
    edge = ellipse(np.array([50.0, 20.0]), covariance)[:, ::-1] - [50, 20]
    inverse = np.linalg.inv(covariance)
    np.testing.assert_allclose(np.einsum("ni,ij,nj->n", edge, inverse, edge), 5.9915, rtol=1e-3)
    sample = np.random.default_rng(0).multivariate_normal([0, 0], covariance, 20_000)
    inside = np.einsum("ni,ij,nj->n", sample, inverse, sample) < 5.9915
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    assert np.isnan(ellipse(np.array([np.nan, 1.0]), covariance)).all()


def test_the_nearest_keypoint_is_found(source: ViewSource) -> None:
    overlays = drawn(source, 3, LayoutState(hidden_stages=["raw"]))
    x, y = source.poses[1].positions[3, 2]
    found = overlays.nearest(x + 0.3, y, 5)
    assert found is not None
    assert found[0] == "kp2"
    assert overlays.nearest(x + 500, y, 5) is None
    assert overlays.position("kp2") == pytest.approx((x, y))


# --- the controller -------------------------------------------------------------------------


class SlowVideo:
    """Images that tell their number; some come late."""

    def __init__(self, slow: dict[int, threading.Event] | None = None) -> None:
        self.slow = slow or {}
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 100

    def frame(self, number: int, wanted: Any = None) -> np.ndarray | None:
        self.asked.append(number)
        if number in self.slow:
            while not self.slow[number].wait(0.01):
                if wanted is not None and not wanted():
                    return None
        if number == 66:
            raise PoseDataError("the video was replaced")
        return np.full((4, 4), number, np.uint8)


@pytest.fixture
def controller(qtbot):
    made = FrameController()
    made.seen = []
    made.ready.connect(lambda frame, images: made.seen.append((frame, images)))
    yield made
    made.close()


@pytest.mark.gui
def test_all_images_come_together(qtbot, controller) -> None:
    gate = threading.Event()
    controller.set_videos({"a": SlowVideo(), "b": SlowVideo({5: gate})})
    controller.request(5)
    with qtbot.waitSignal(controller.late, timeout=TIMEOUT):
        pass
    assert controller.seen == []
    gate.set()
    qtbot.waitUntil(lambda: len(controller.seen) == 1, timeout=TIMEOUT)
    frame, images = controller.seen[0]
    assert frame == 5
    assert {view: int(each.data[0, 0]) for view, each in images.items()} == {"a": 5, "b": 5}


@pytest.mark.gui
def test_the_newest_request_wins(qtbot, controller) -> None:
    video = SlowVideo({5: threading.Event()})
    controller.set_videos({"a": video})
    controller.request(5)
    qtbot.waitUntil(lambda: 5 in video.asked, timeout=TIMEOUT)
    for frame in range(6, 30):
        controller.request(frame)
    qtbot.waitUntil(lambda: bool(controller.seen), timeout=TIMEOUT)
    qtbot.wait(50)
    assert [frame for frame, _ in controller.seen] == [29]
    # Those in between were not decoded for nothing.
    assert len(video.asked) < 6


@pytest.mark.gui
def test_what_has_no_image_says_so(qtbot, controller) -> None:
    images = np.array([*range(50), -1, *range(50, 99)])
    video: Any = SlowVideo()
    video.image_of = lambda number: images[number]
    controller.set_videos({"a": video})
    found = {}
    for frame in (50, 66, 100):
        controller.request(frame)
        qtbot.waitUntil(lambda f=frame: [f] == [each for each, _ in controller.seen[-1:]])
        found[frame] = controller.seen[-1][1]["a"]
    assert [each.data for each in found.values()] == [None] * 3
    assert found[50].problem == "no image"
    assert "the video was replaced" in found[66].problem
    assert "ended" in found[100].problem


@pytest.mark.gui
@pytest.mark.parametrize("error", [RuntimeError("unforeseen"), MemoryError(), AssertionError()])
def test_whatever_ends_the_decoding_is_shown_and_logged(
    qtbot, controller, caplog, error: Exception
) -> None:
    class Failing(SlowVideo):
        def frame(self, number: int, is_wanted: Any = None) -> Any:
            raise error

    controller.set_videos({"a": Failing(), "b": SlowVideo()})
    controller.request(7)
    qtbot.waitUntil(lambda: len(controller.seen) == 1, timeout=TIMEOUT)
    images = controller.seen[0][1]
    assert int(images["b"].data[0, 0]) == 7
    assert images["a"].data is None
    assert images["a"].problem == f"cannot be read: {str(error) or type(error).__name__}"
    assert any("view a" in line.getMessage() for line in caplog.records)


@pytest.mark.gui
def test_without_videos_frames_are_ready_at_once(controller) -> None:
    controller.set_videos({})
    controller.request(3)
    assert controller.seen == [(3, {})]


@pytest.mark.gui
def test_playing_leaves_no_frame_out_and_ends(qtbot) -> None:
    asked: list[int] = []
    waiting = False

    def advance() -> bool:
        nonlocal waiting
        if len(asked) == 5:
            return False
        asked.append(len(asked))
        waiting = True
        return True

    player = Player(advance, lambda: waiting, lambda: 200.0)
    states: list[bool] = []
    player.changed.connect(states.append)
    player.start()
    for n in range(1, 6):
        qtbot.waitUntil(lambda n=n: len(asked) == n, timeout=TIMEOUT)
        qtbot.wait(20)
        assert len(asked) == n, "the one before is still on its way"
        waiting = False
        player.frame_shown()
    qtbot.waitUntil(lambda: states == [True, False], timeout=TIMEOUT)
    assert not player.is_playing


# --- in a window ----------------------------------------------------------------------------


def shown_numbers(panel: Any) -> dict[str, int]:
    """What each image on the screen says it is."""
    return {
        name: read_number(np.asarray(panel.views[name]._image.data))
        for name in panel.grid.seen
        if name in panel.views
    }


@pytest.mark.gui
def test_a_view_that_started_late_has_no_image_at_first(
    make_napari_viewer, qtbot, videos: dict[str, Path]
) -> None:
    from napari_pose3d.gui.camera_views.views_panel import ViewsPanel

    viewer = make_napari_viewer()
    late = SessionVideo(open_video(videos["Cam-B"]), np.arange(N_FRAMES) - 4)
    opened: list[Any] = [
        (videos["Cam-A"], "walk", "Cam-A", open_video(videos["Cam-A"])),
        (videos["Cam-B"], "walk", "Cam-B", late),
    ]
    for data in video_layers(opened, {}):
        viewer.add_layer(Layer.create(*data))
    panel = ViewsPanel(viewer, LayoutState())
    viewer.window.add_dock_widget(panel)
    settle(qtbot, panel, 0)
    assert "no image" in panel.views["Cam-B"].title.text
    panel.go_to(10)
    settle(qtbot, panel, 10)
    assert shown_numbers(panel) == {"Cam-A": 10, "Cam-B": 6}
    assert panel.views["Cam-A"].title.text == "frame 10"
    assert panel.views["Cam-B"].title.text == "frame 10 video frame 6"
    panel.shut_down()


@pytest.mark.gui
def test_a_title_can_become_as_narrow_as_its_number_allows(qtbot: Any) -> None:
    """Or three views in a row would need more than a small window has."""
    title = Title("Cam-A")
    qtbot.addWidget(title)
    title.resize(120, 20)
    title.show()
    title.show_state(1234, "")
    assert title._frame.text() == "1,234"
    narrow = title.minimumSizeHint().width()
    title.resize(400, 20)
    assert title._frame.text() == "frame 1,234"
    assert title.minimumSizeHint().width() == narrow
