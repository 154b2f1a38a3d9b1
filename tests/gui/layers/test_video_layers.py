"""Opening videos in napari: where they lie, what they are called, which frame they show."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from npe2 import PluginManager
from tests.support.video_recipes import Video, read_number

from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES
from napari_pose3d.core.video import reader_factory as opening
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.contributions import video_reader
from napari_pose3d.gui.contributions.video_reader import get_reader
from napari_pose3d.gui.layers import pending_videos, video_layers
from napari_pose3d.gui.layers.layer_styles import ROLE_KEY, tiles_of
from napari_pose3d.gui.layers.video_layers import VideoLayerData, name_of


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Videos of two views, and of a third one that is shorter."""
    folder = tmp_path_factory.mktemp("session")
    for view, frames in (("top", 40), ("side", 40), ("back", 33)):
        Video(f"mouse1_{view}.mp4", n_frames=frames).write(folder)
    return folder


@pytest.fixture
def viewer(monkeypatch):
    model = ViewerModel()
    monkeypatch.setattr("napari.current_viewer", lambda: model)
    return model


@pytest.fixture
def warnings(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_warning", said.append)
    return said


def add(viewer, *paths) -> None:
    read = get_reader([str(path) for path in paths])
    assert read is not None
    for data in read([str(path) for path in paths]):
        viewer.add_layer(Layer.create(*data))


def videos_of(viewer):
    return [layer for layer in viewer.layers if layer.metadata.get(ROLE_KEY) == video_layers.VIDEO]


def test_the_axis_without_meaning_is_there_for_any_key(session) -> None:
    video = open_video(session / "mouse1_top.mp4", color="grey")
    whole = np.expand_dims(video[...], 1)
    data = VideoLayerData(video)
    assert data.shape == whole.shape
    assert len(data) == 40
    rng = np.random.default_rng(0)

    def part(n: int):
        if rng.random() < 0.5:
            return int(rng.integers(-n, n))
        start, stop = sorted(rng.integers(0, n + 1, 2).tolist())
        return slice(start, stop)

    for _ in range(60):
        key = tuple(part(n) for n in whole.shape[: rng.integers(1, 5)])
        np.testing.assert_array_equal(data[key], whole[key], err_msg=str(key))
    np.testing.assert_array_equal(data[3, ..., 5], whole[3, ..., 5])
    np.testing.assert_array_equal(data[slice(2, 3), slice(None)], whole[2:3])


def test_every_frame_is_the_one_asked_for(session, viewer, warnings) -> None:
    add(viewer, session / "mouse1_top.mp4")
    (layer,) = videos_of(viewer)
    for frame in (0, 17, 3, 39, 38, 20):
        # As napari asks for what its slider points at.
        shown = layer.data[(slice(frame, frame + 1), slice(0, 1), slice(None), slice(None))]
        assert shown.shape[:2] == (1, 1)
        assert read_number(np.squeeze(shown)) == frame


def test_videos_lie_side_by_side_however_they_are_opened(session, viewer, warnings) -> None:
    paths = [session / f"mouse1_{view}.mp4" for view in ("top", "side", "back")]
    for path in paths:
        add(viewer, path)
    one_by_one = {layer.name: tuple(layer.translate) for layer in videos_of(viewer)}
    assert one_by_one["mouse1 side"][3] >= one_by_one["mouse1 top"][3] + 128
    assert one_by_one["mouse1 back"][3] >= one_by_one["mouse1 side"][3] + 128
    assert set(tiles_of(viewer.layers)) == {"top", "side", "back"}
    viewer.layers.clear()
    add(viewer, *paths)
    assert {layer.name: tuple(layer.translate) for layer in videos_of(viewer)} == one_by_one


def test_the_same_view_of_another_session_has_its_own_place(
    session, viewer, warnings, tmp_path
) -> None:
    other = tmp_path / "mouse2_top.mp4"
    shutil.copy(session / "mouse1_top.mp4", other)
    add(viewer, session / "mouse1_top.mp4")
    add(viewer, other)
    first, second = sorted(layer.translate[3] for layer in videos_of(viewer))
    assert second >= first + 128


def test_napari_finds_the_reader_in_any_letter_case() -> None:
    manager = PluginManager.instance()
    manager.discover()
    for suffix in VIDEO_SUFFIXES:
        for name in (f"video{suffix}", f"VIDEO{suffix.upper()}", f"Video{suffix.title()}"):
            found = manager.iter_compatible_readers([f"/folder/{name}"])
            assert "napari-pose3d" in {each.plugin_name for each in found}, name


def test_the_whole_video_at_once_is_refused(session, viewer, warnings) -> None:
    """Someone who turns the time axis into view and then asks for 3-D."""
    add(viewer, session / "mouse1_top.mp4")
    (layer,) = videos_of(viewer)
    layer.data.video._budget = 10 * 128 * 96
    before = layer.data.video._reader.n_decoded
    viewer.dims.order = (1, 0, 2, 3)
    with pytest.raises(PoseDataError, match="stay in the 2-D display"):
        viewer.dims.ndisplay = 3
    assert layer.data.video._reader.n_decoded - before <= 1


def test_name_and_metadata(session, viewer, warnings) -> None:
    add(viewer, session / "mouse1_top.mp4")
    (layer,) = videos_of(viewer)
    assert layer.name == "mouse1 top"
    assert layer.metadata["frame_rate"] == open_video(session / "mouse1_top.mp4").frame_rate
    assert layer.metadata["view"] == "top"
    assert "40 frames" in layer.metadata["index"]


def test_views_of_different_length_are_told_with_the_numbers(session, viewer, warnings) -> None:
    add(viewer, session / "mouse1_top.mp4")
    assert not warnings
    add(viewer, session / "mouse1_back.mp4")
    assert any("top 40" in text and "back 33" in text for text in warnings)


def test_videos_go_behind_the_points(session, viewer, warnings) -> None:
    viewer.add_points(np.zeros((1, 4)), name="points")
    add(viewer, session / "mouse1_top.mp4")
    names = [layer.name for layer in viewer.layers]
    assert names.index("mouse1 top") < names.index("points")


def test_any_letter_case_and_nothing_else() -> None:
    assert get_reader("a.MP4") is not None
    assert get_reader(["a.avi", "b.MkV"]) is not None
    assert get_reader(["a.avi", "b.csv"]) is None
    assert get_reader("a.txt") is None


def test_views_from_the_project_or_the_viewer(tmp_path) -> None:
    video = tmp_path / "s_Cam-A_crop.mp4"
    video.touch()
    assert name_of(video) == ("s_Cam-A", "crop")
    assert name_of(video, ("Cam-A", "Cam-B")) == ("s_crop", "Cam-A")
    (tmp_path / "project.yaml").write_text("view_names: [Cam-A]\nkeypoint_names: [a]\n")
    assert name_of(video) == ("s_crop", "Cam-A")


# ---------------------------------------------------------------------------- while it is indexed


@pytest.fixture
def slow(monkeypatch, qtbot):
    """Indexing waits until it is told to go on; each video counts as one that takes long."""
    go_on = threading.Event()
    plain = opening.build_index

    def build(path, report=None, **options):
        while not go_on.wait(0.01):
            report(40, 100)
        return plain(path, report, **options)

    monkeypatch.setattr(opening, "build_index", build)
    monkeypatch.setattr(opening, "load_index", lambda path: None)
    monkeypatch.setattr(video_reader, "_AT_ONCE", 0)
    yield go_on
    go_on.set()
    qtbot.waitUntil(lambda: not pending_videos._WAITING)


@pytest.mark.gui
def test_the_first_image_is_there_before_the_index(session, viewer, warnings, slow, qtbot):
    viewer.add_points(np.array([[60.0, 0, 5, 5]]), name="points")
    add(viewer, session / "mouse1_top.mp4", session / "mouse1_back.mp4")
    top, back = (
        layer for view in ("top", "back") for layer in videos_of(viewer) if view in layer.name
    )
    assert top.data.shape == (1, 1, 96, 128)
    assert read_number(np.asarray(top.data[0, 0])) == 0
    assert top.metadata["index"] == "being made"
    # No other number has an image while it is not certain which.
    viewer.dims.set_current_step(0, 17)
    assert not np.any(top._slice.image.view)
    qtbot.waitUntil(lambda: top.name == "mouse1 top (looking for its frames, 40 %)")
    assert not warnings
    slow.set()
    qtbot.waitUntil(lambda: not pending_videos._WAITING)
    assert (top.name, back.name) == ("mouse1 top", "mouse1 back")
    assert (len(top.data), len(back.data)) == (40, 33)
    assert "40 frames" in top.metadata["index"]
    assert read_number(np.squeeze(top.data[17])) == 17
    assert read_number(np.squeeze(top._slice.image.view)) == 17
    assert any("top 40" in text and "back 33" in text for text in warnings)


@pytest.mark.gui
def test_a_video_that_begins_without_colour(viewer, warnings, slow, qtbot, monkeypatch, tmp_path):
    path = Video("mouse1_top.mp4", colour=True).write(tmp_path)
    first = opening.first_image(path, "grey")
    monkeypatch.setattr(opening, "first_image", lambda path: first)
    add(viewer, path)
    (layer,) = videos_of(viewer)
    assert not layer.rgb
    slow.set()
    qtbot.waitUntil(lambda: not pending_videos._WAITING)
    (layer,) = videos_of(viewer)
    assert layer.rgb
    assert layer.name == "mouse1 top"
    assert layer.data.shape == (75, 1, 96, 128, 3)


@pytest.mark.gui
def test_removing_the_layer_stops_the_search(session, viewer, warnings, slow, qtbot):
    add(viewer, session / "mouse1_top.mp4")
    viewer.layers.remove(videos_of(viewer)[0])
    assert not pending_videos._WAITING


@pytest.mark.gui
def test_an_index_that_fails_is_told(session, viewer, warnings, slow, qtbot, monkeypatch):
    said = []
    monkeypatch.setattr(pending_videos, "show_error", said.append)

    def fail(path, report=None, **options):
        slow.wait(5)
        raise PoseDataError("breaks off", file=path)

    monkeypatch.setattr(opening, "build_index", fail)
    add(viewer, session / "mouse1_top.mp4")
    slow.set()
    qtbot.waitUntil(lambda: bool(said))
    assert "breaks off" in said[0]
    (layer,) = videos_of(viewer)
    assert layer.name == "mouse1 top (first image only)"
    assert read_number(np.asarray(layer.data[0, 0])) == 0


# ---------------------------------------------------------------------------- damage


def test_unreadable_frames_are_listed_in_the_metadata(session, viewer, warnings, tmp_path):
    path = tmp_path / "mouse1_top.mp4"
    data = bytearray((session / path.name).read_bytes())
    index = build_index(session / path.name)
    packet = int(index.packet_of[30])
    at = int(index.position[packet])
    data[at : at + int(index.size[packet])] = bytes(int(index.size[packet]))
    path.write_bytes(data)
    add(viewer, path)
    (layer,) = videos_of(viewer)
    assert layer.metadata["damaged"] == []
    _ = layer.data[5]
    assert not warnings
    np.testing.assert_array_equal(
        layer.data[30, 0], layer.data.video._reader.converter.placeholder()
    )
    assert 30 in layer.metadata["damaged"]
    assert layer.metadata["damaged"] == list(layer.data.video.damaged)
    assert len(warnings) == 1
    assert f"Frame {layer.metadata['damaged'][0]} is unreadable" in warnings[0]
