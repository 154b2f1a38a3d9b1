"""A session's frames and pixels: offsets, drops, crops and scales, and who honours them."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_pose3d import Rig, load_predictions, load_rig, open_inputs, save_rig, smooth
from napari_pose3d.core.adjustments import ViewAdjustment, dropped_from_times, read_times
from napari_pose3d.core.cli import main
from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.formats.own_project import (
    own_project_path,
    read_own_project,
    update_own_project,
)
from napari_pose3d.core.formats.toml_text import toml_text
from napari_pose3d.core.overview import open_project
from napari_pose3d.core.pipeline import triangulate_ensemble
from napari_pose3d.core.settings import ReadingSettings
from scenes import ring_rig, walk
from session_files import KEYPOINTS, counted, lightning_project, put_predictions, touch

# --- which frame is which ---------------------------------------------------------------------


def test_offset() -> None:
    late, early = ViewAdjustment(offset=3), ViewAdjustment(offset=-2)
    assert late.to_session([0, 1, 10]).tolist() == [3, 4, 13]
    assert late.to_video([0, 2, 3, 4]).tolist() == [-1, -1, 0, 1]
    assert early.to_session([0, 1, 2, 3]).tolist() == [-1, -1, 0, 1]
    assert early.to_video([0, 1]).tolist() == [2, 3]
    assert early.to_video([0, 1], n_video_frames=3).tolist() == [2, -1]
    assert (late.n_session_frames(10), early.n_session_frames(10)) == (13, 8)
    assert early.n_session_frames(1) == 0


def test_dropped_frames() -> None:
    adjustment = ViewAdjustment(offset=10, dropped=(7, 2, 3))
    # The camera's own count of the pictures that are there: 0 1 4 5 6 8.
    assert adjustment.to_session(range(6)).tolist() == [10, 11, 14, 15, 16, 18]
    assert adjustment.to_video([11, 12, 13, 14, 17, 18]).tolist() == [1, -1, -1, 2, -1, 5]
    assert ViewAdjustment(dropped=(0,)).to_session([0]).tolist() == [1]


@given(
    st.integers(-20, 20),
    st.sets(st.integers(0, 60), max_size=30),
    st.integers(1, 50),
)
def test_frames_there_and_back(offset: int, dropped: set[int], n: int) -> None:
    adjustment = ViewAdjustment(offset=offset, dropped=tuple(dropped))
    kept = [c for c in range(n + 61) if c not in dropped][:n]
    expected = [c + offset if c + offset >= 0 else -1 for c in kept]
    session = adjustment.to_session(np.arange(n))
    assert session.tolist() == expected
    there = session >= 0
    assert adjustment.to_video(session[there]).tolist() == np.flatnonzero(there).tolist()
    lost = [c + offset for c in dropped if c + offset >= 0]
    assert (adjustment.to_video(np.array(lost, int)) == -1).all()


def test_dropped_frames_from_times() -> None:
    rng = np.random.default_rng(0)
    camera = np.setdiff1d(np.arange(5000), [3, 4, 1000, 4000, 4001, 4002])
    times = 1700.0 + (camera + rng.uniform(-0.2, 0.2, camera.shape)) / 30
    assert dropped_from_times(times).tolist() == [3, 4, 1000, 4000, 4001, 4002]
    # A rate that a clock in ms cannot hold does not add up to drops.
    assert dropped_from_times(np.rint(np.arange(20_000) * 1000 / 30.02)).size == 0
    # One picture was noted late, and none was lost.
    late = np.arange(50.0)
    late[20] += 0.7
    assert dropped_from_times(late).size == 0


def test_files_of_times(tmp_path: Path) -> None:
    path = touch(tmp_path / "t.csv", "frame,time\n0,0.0\n1,0.1\n2,0.2\n3,0.4\n\n")
    assert read_times(path).tolist() == [0.0, 0.1, 0.2, 0.4]
    assert ViewAdjustment(timestamps=path).to_session(range(4)).tolist() == [0, 1, 2, 4]
    for text, message in (
        ("1\nx\n", "not a time"),
        ("2\n1\n", "line 2"),
        ("1\n", "1 times"),
        ("0\n1\n2\n9999\n", "hardly any"),
    ):
        with pytest.raises(PoseDataError, match=message):
            _ = ViewAdjustment(timestamps=touch(path, text)).dropped_frames
    with pytest.raises(PoseDataError, match="cannot be read"):
        _ = ViewAdjustment(timestamps=tmp_path / "none.csv").dropped_frames


# --- which pixel is which ---------------------------------------------------------------------


def test_crop_and_scale() -> None:
    half = ViewAdjustment(scale=(2, 2))
    # A pixel of a film of half the size covers two pixels of the rig's picture.
    assert half.to_rig([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert half.to_rig([[-0.5, 9.5]]).tolist() == [[-0.5, 19.5]]
    cut = ViewAdjustment(crop=(100, 50, 640, 480))
    assert cut.to_rig([3.0, 4.0]).tolist() == [103, 54]
    both = ViewAdjustment(crop=(100, 50, 640, 480), scale=(2, 4))
    xy = np.random.default_rng(0).uniform(0, 300, (5, 3, 2))
    np.testing.assert_allclose(both.to_picture(both.to_rig(xy)), xy)
    assert ViewAdjustment(crop=(0, 0, 64, 48)).is_identity
    assert not both.is_identity


def test_boxes_that_follow_the_animal(tmp_path: Path) -> None:
    path = touch(tmp_path / "b.csv", ",x,y,h,w\n0,10,20,100,200\n1,12,18,100,200\n")
    boxed = ViewAdjustment(boxes=path, scale=(2, 2))
    xy = np.zeros((3, 2, 2))
    moved = boxed.to_rig(xy, np.array([[0], [1], [2]]))
    np.testing.assert_array_equal(moved[:, 0], [[10.5, 20.5], [12.5, 18.5], [np.nan] * 2])
    np.testing.assert_array_equal(boxed.to_picture(moved[:2], [[0], [1]]), xy[:2])
    assert np.isnan(boxed.to_rig([0, 0], -1)).all()
    with pytest.raises(PoseDataError, match="frames have to be given"):
        boxed.to_rig(xy)
    for text, message in (
        ("a,b\n", "columns x, y, h, w"),
        (",x,y,h,w\n", "no boxes"),
        (",x,y,h,w\n0,1,2,3,4\n1,1,2,,4\n", "line 3"),
        (",x,y,h,w\n0,1,2,0,4\n", "above 0"),
    ):
        with pytest.raises(PoseDataError, match=message):
            _ = ViewAdjustment(boxes=touch(path, text)).picture_boxes


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
def test_adjustments_that_cannot_be_meant(values: dict[str, object], message: str) -> None:
    with pytest.raises(PoseDataError, match=message):
        ViewAdjustment(**values)  # type: ignore[arg-type]


# --- loading ----------------------------------------------------------------------------------


def test_predictions_are_read_in_session_frames(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    update_own_project(
        folder,
        adjustments={
            ("day1", "side"): ViewAdjustment(offset=2, dropped=(1,), scale=(2, 2)),
        },
    )
    session = open_project(folder).session("day1")
    ensemble = session.load_predictions()
    assert (ensemble.models, ensemble.views) == (("net0", "net1"), ("top", "side"))
    read = ensemble.in_memory()
    assert read.xy.shape == (2, 2, 13, 2, 2)
    top, side = read.xy[0, :, :, 0, 0]
    np.testing.assert_array_equal(top, [*range(10), *[np.nan] * 3])
    rows = np.array([np.nan, np.nan, 0, np.nan, *range(1, 10)])
    np.testing.assert_array_equal(side, 2 * rows + 0.5)
    assert any("View side" in note and "2 frames later" in note for note in read.warnings)
    # For drawing on the film.
    shown = session.load_predictions("net1", pixels="picture").in_memory()
    np.testing.assert_array_equal(shown.xy[0, 1, :, 0, 0], rows)
    only = session.load_predictions(["net0"], ReadingSettings(views=("side",)))
    assert only.views == ("side",)


def test_our_own_results_are_in_session_frames_already(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    update_own_project(
        folder, adjustments={(None, "side"): ViewAdjustment(offset=2, crop=(100, 0, 9, 9))}
    )
    for view in ("top", "side"):
        place = folder / "napari-pose3d" / "smoothed" / "day1" / f"day1_{view}.csv"
        put_predictions(place, counted(start=100), KEYPOINTS)
    session = open_project(folder).session("day1")
    assert session.prediction_set("smoothed").own
    for pixels, first in (("rig", 100.0), ("picture", 0.0)):
        xy = session.load_predictions("smoothed", pixels=pixels).in_memory().xy  # type: ignore[arg-type]
        assert xy.shape[2] == 10
        assert xy[0, 1, 0, 0, 0] == first
    with pytest.raises(PoseDataError, match="do not make an ensemble"):
        session.load_predictions(["smoothed", "net0"])


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    session = open_project(folder).session("day1")
    with pytest.raises(PoseDataError, match="one of net0, net1"):
        session.load_predictions("net7")
    with pytest.raises(PoseDataError, match="no 3-D"):
        session.load_poses3d("net0")
    assert session.load_rig() is None
    (folder / "models" / "net0" / "video_preds" / "day1_side.csv").unlink()
    session = open_project(folder).session("day1")
    with pytest.raises(PoseDataError, match="not complete"):
        session.load_predictions()
    assert session.load_predictions(settings=ReadingSettings(allow_missing=True)).views


def test_a_film_opens_when_it_is_asked_for(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    films = open_project(folder).session("day1").open_films()
    assert (set(films), len(films)) == ({"top", "side"}, 2)
    with pytest.raises(PoseDataError, match="0 bytes"):
        _ = films["top"]
    films.close()


def test_adjusting_without_writing(tmp_path: Path) -> None:
    session = open_project(lightning_project(tmp_path)).session("day1")
    changed = session.with_adjustments({"top": ViewAdjustment(offset=5)})
    assert changed.to_session("top", [0]).tolist() == [5]
    assert changed.n_frames({"top": 100, "side": 100}) == 105
    assert session.to_session("top", [0]).tolist() == [0]


# --- geometry on adjusted views ---------------------------------------------------------------


def recording(
    folder: Path, rig: Rig, adjustments: dict[str, ViewAdjustment], n_frames: int = 120
) -> Path:
    """The same walk, filmed with cameras that are adjusted as said: a project on disk."""
    rng = np.random.default_rng(1)
    truth = rig.project(walk(n_frames, 2, rng))
    noise = rng.normal(0, 1.0, (2, *truth.shape))
    names = ", ".join(f'"{name}"' for name in rig.names)
    touch(folder / "project.yaml", f"view_names: [{names}]\n")
    save_rig(rig, folder / "calibration.toml")
    for v, view in enumerate(rig.names):
        adjustment = adjustments.get(view, ViewAdjustment())
        if adjustment.boxes is not None:
            corners = np.round(truth[v].mean(axis=1)) - 100
            rows = (f"{i},{x:.0f},{y:.0f},200,200\n" for i, (x, y) in enumerate(corners))
            adjustment = replace(adjustment, boxes=folder / adjustment.boxes)
            assert adjustment.boxes is not None
            touch(adjustment.boxes, f",x,y,h,w\n{''.join(rows)}")
        video = adjustment.to_video(np.arange(n_frames))
        seen = video >= 0
        for m in range(2):
            # Pictures from before the session show something else.
            xy = np.zeros((video.max() + 1, *truth.shape[2:]))
            whole = adjustment.to_picture(truth[v] + noise[m, v], video[:, None])
            xy[video[seen]] = whole[seen]
            put_predictions(folder / "models" / f"net{m}" / "video_preds" / f"w_{view}.csv", xy)
    return folder


@pytest.fixture
def rig() -> Rig:
    return ring_rig(3)


# None of these takes a picture away, so that the observations are equal.
CHANGES = {
    "crop and scale": {
        "Cam-1": ViewAdjustment(crop=(200, 100, 800, 600), scale=(2, 2)),
        "Cam-2": ViewAdjustment(scale=(0.5, 0.25)),
    },
    "moving boxes": {"Cam-1": ViewAdjustment(boxes=Path("boxes.csv"), scale=(0.5, 0.5))},
    "began early": {"Cam-0": ViewAdjustment(offset=-3), "Cam-2": ViewAdjustment(offset=-1)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_results_do_not_depend_on_how_a_view_was_filmed(
    tmp_path: Path, rig: Rig, name: str
) -> None:
    plain = open_inputs(recording(tmp_path / "plain", rig, {}))
    folder = recording(tmp_path / "changed", rig, CHANGES[name])
    update_own_project(
        folder,
        adjustments={
            ("w", v): replace(a, boxes=a.boxes and folder / a.boxes)
            for v, a in CHANGES[name].items()
        },
    )
    changed = open_inputs(folder)
    for compute in (smooth, triangulate_ensemble):
        expected, found = compute(*plain), compute(*changed)  # type: ignore[arg-type]
        assert expected.poses3d is not None
        assert found.poses3d is not None
        # What is left is the rounding to float32 and in the files.
        np.testing.assert_allclose(found.poses3d.xyz, expected.poses3d.xyz, atol=2e-3)
        np.testing.assert_allclose(found.poses2d.xy, expected.poses2d.xy, atol=2e-3)


def test_without_the_crop_the_result_is_wrong(tmp_path: Path, rig: Rig) -> None:
    plain = open_inputs(recording(tmp_path / "plain", rig, {}))
    changed = open_inputs(recording(tmp_path / "changed", rig, CHANGES["crop and scale"]))
    expected, found = triangulate_ensemble(*plain), triangulate_ensemble(*changed)  # type: ignore[arg-type]
    assert expected.poses3d is not None
    assert found.poses3d is not None
    error = np.abs(found.poses3d.xyz - expected.poses3d.xyz)
    assert np.isnan(error).all() or np.nanmedian(error) > 10


def test_a_camera_that_began_late(tmp_path: Path, rig: Rig) -> None:
    changes = {"Cam-1": ViewAdjustment(offset=3, dropped=(50, 51))}
    plain = recording(tmp_path / "plain", rig, {})
    changed = recording(tmp_path / "changed", rig, changes)
    with pytest.raises(PoseDataError, match="numbers of frames differ"):
        smooth(*open_inputs(changed))
    update_own_project(changed, adjustments={("w", v): a for v, a in changes.items()})
    expected, found = smooth(*open_inputs(plain)), smooth(*open_inputs(changed))
    assert expected.poses3d is not None
    assert found.poses3d is not None
    # Where all cameras saw the animal, all is as before; the rest is a little less certain.
    error = np.abs(found.poses3d.xyz - expected.poses3d.xyz).max(axis=(1, 2))
    assert found.poses3d.n_frames == 120
    assert np.median(error) < 0.05
    assert (found.poses3d.n_views[[0, 1, 2, 53, 54]] == 2).all()
    assert any("3 frames later" in note for note in found.report.warnings)
    assert not any("numbers of frames differ" in note for note in found.report.warnings)


def test_the_command_line_honours_adjustments(
    tmp_path: Path, rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recording(tmp_path, rig, {"Cam-1": ViewAdjustment(offset=3)}, 60)
    assert main(["smooth", str(folder)]) == 2
    update_own_project(folder, adjustments={("w", "Cam-1"): ViewAdjustment(offset=3)})
    assert main(["smooth", str(folder)]) == 0
    session = open_project(folder).session("w")
    smoothed = session.load_predictions("smoothed").in_memory()
    assert smoothed.xy.shape[2] == 60
    truth = rig.project(walk(60, 2, np.random.default_rng(1)))
    assert np.median(np.abs(smoothed.xy[0] - truth)) < 1.0
    assert main(["info", str(folder)]) == 0
    assert "starts 3 frames later" in capsys.readouterr().out
    # Our results are not adjusted a second time.
    place = folder / "napari-pose3d" / "smoothed" / "w"
    again = load_predictions(sorted(place.glob("w_Cam-*.csv")))
    np.testing.assert_array_equal(again.xy, smoothed.xy)


def test_sessions_that_are_named_after_their_folders(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        for view in ("left", "right"):
            touch(tmp_path / day / "videos" / f"run_{view}.mp4")
            put_predictions(tmp_path / day / "preds" / f"run_{view}.csv", counted(), KEYPOINTS)
    update_own_project(tmp_path, adjustments={("day2_run", "left"): ViewAdjustment(scale=(10, 10))})
    for day, factor in (("day1", 1), ("day2", 10)):
        session = open_project(tmp_path).session(f"{day}_run")
        for ensemble in (
            session.load_predictions().in_memory(),
            load_predictions(tmp_path / day),
            open_inputs(tmp_path / day)[0].in_memory(),
        ):
            left = ensemble.xy[0, ensemble.views.index("left"), :, 0, 0]
            np.testing.assert_allclose(left, factor * (np.arange(10) + 0.5) - 0.5)


@pytest.mark.realdata
def test_a_shifted_view_of_a_real_recording(tmp_path: Path, shared_data: Path) -> None:
    fly = shared_data / "fly"
    plain = load_predictions(fly, rig=load_rig(fly / "calibration.toml"))
    for path in fly.glob("*rng=0.csv"):
        lines = path.read_text().splitlines()
        if "Cam-B" in path.name:
            # It began three frames late: its film lacks the first three.
            cells = [line.partition(",")[2] for line in lines[6:]]
            lines = lines[:3] + [f"{i},{text}" for i, text in enumerate(cells)]
        touch(tmp_path / path.name, "\n".join(lines) + "\n")
    update_own_project(tmp_path, adjustments={(None, "Cam-B"): ViewAdjustment(offset=3)})
    shifted = load_predictions(tmp_path, views=plain.views)
    b = plain.views.index("Cam-B")
    expected = plain.xy[0].copy()
    expected[b, :3] = np.nan
    np.testing.assert_array_equal(shifted.xy[0], expected)


# --- project.toml -----------------------------------------------------------------------------


def test_project_toml_there_and_back(tmp_path: Path) -> None:
    common = ViewAdjustment(offset=1, crop=(1, 2, 30, 40), scale=(2, 3))
    own = ViewAdjustment(timestamps=tmp_path / "times" / "a.csv", boxes=tmp_path / "b.csv")
    written = update_own_project(
        tmp_path,
        view_names=["top", "side"],
        skeleton=[("nose", "tail"), ("tail", "paw 1")],
        colours={"paw 1": "#12aBcd"},
        films=[tmp_path / "videos", Path("/elsewhere")],
        layout={"columns": 2, "hidden": ["side"], "zoom": {"top": 1.5}},
        adjustments={(None, "top"): common, ("a.b c", "top"): own},
    )
    read = read_own_project(tmp_path)
    assert read == written
    assert read.view_names == ("top", "side")
    assert read.skeleton == (("nose", "tail"), ("tail", "paw 1"))
    assert read.colours == {"paw 1": "#12aBcd"}
    assert read.films == (tmp_path / "videos", Path("/elsewhere"))
    assert read.layout["zoom"] == {"top": 1.5}
    assert read.adjustment("other", "top") == common
    assert read.adjustment("a.b c", "top") == own
    assert read.adjustment("a.b c", "side").is_identity
    assert "times/a.csv" in own_project_path(tmp_path).read_text()


def test_what_others_wrote_into_project_toml_is_kept(tmp_path: Path) -> None:
    text = """
        future = 1979-05-27T07:32:00Z
        mixed = [1, 2.5, "a", [true]]
        skeleton = [["a", "b"]]
        [views.top]
        offset = 4
        lens = "wide"
        [[history]]
        by = "me"
        [[history]]
        by = "you"
        at = { x = 1, y = 2 }
    """
    touch(own_project_path(tmp_path), text)
    before = tomllib.loads(text)
    project = update_own_project(tmp_path, colours={"a": "#000000"})
    after = tomllib.loads(own_project_path(tmp_path).read_text())
    assert after == before | {"schema_version": 1, "colours": {"a": "#000000"}}
    assert project.adjustment("any", "top").offset == 4
    update_own_project(tmp_path, adjustments={(None, "top"): ViewAdjustment()})
    after = tomllib.loads(own_project_path(tmp_path).read_text())
    assert after["views"]["top"] == {"lens": "wide"}


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=12,
    ).map(lambda value: {"key": value})
)
def test_toml_there_and_back(document: dict[str, object]) -> None:
    try:
        text = toml_text(document)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return  # half a character has no place in a file
    assert tomllib.loads(text) == document


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skeleton = [['a', 'b']", "not valid TOML"),
        ("schema_version = 9", "Update napari-pose3d"),
        ("skeleton = [['a', 'a']]", "pairs of two keypoints"),
        ("[colours]\nnose = 'red'", "colour of nose"),
        ("views = 3", "'views' is not a table"),
        ("[views.top]\noffset = 1.5", r"\[views.top\].*whole"),
        ("[views.top]\ncrop = [1, 2]", "x, y, width, height"),
        ("[sessions.day1.top]\nscale = 0", r"\[sessions.day1.top\].*scale"),
        ("[sessions.day1.top]\ndropped = 'all'", "frame numbers"),
        ("view_names = ['a', 'a']", "twice"),
    ],
)
def test_damaged_project_toml(tmp_path: Path, text: str, message: str) -> None:
    path = touch(own_project_path(tmp_path), text)
    with pytest.raises(PoseDataError, match=message) as caught:
        read_own_project(tmp_path)
    assert caught.value.file == str(path)
    # A file that cannot be read is not written over.
    with pytest.raises(PoseDataError):
        update_own_project(tmp_path, layout={})
    assert path.read_text() == text
