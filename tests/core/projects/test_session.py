"""A session's predictions, and geometry on views that are shifted, cropped and scaled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import (
    KEYPOINTS,
    counted,
    lightning_project,
    put_predictions,
    touch,
)
from tests.support.recordings.scenes import ring_rig, walk

from napari_pose3d import Rig, load_predictions, load_rig, open_inputs, save_rig, smooth
from napari_pose3d.cli import main
from napari_pose3d.core.pipeline.triangulation_run import triangulate_ensemble
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings

# --- loading ----------------------------------------------------------------------------------


def test_predictions_are_read_in_session_frames(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    update_own_project(
        folder,
        alignments={
            ("day1", "side"): ViewAlignment(offset=2, dropped=(1,), scale=(2, 2)),
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
    # For drawing on the video.
    shown = session.load_predictions("net1", pixels="image").in_memory()
    np.testing.assert_array_equal(shown.xy[0, 1, :, 0, 0], rows)
    only = session.load_predictions(["net0"], ReadingSettings(views=("side",)))
    assert only.views == ("side",)


def test_our_own_results_are_in_session_frames_already(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    update_own_project(
        folder, alignments={(None, "side"): ViewAlignment(offset=2, crop=(100, 0, 9, 9))}
    )
    for view in ("top", "side"):
        place = folder / "napari-pose3d" / "smoothed" / "day1" / f"day1_{view}.csv"
        put_predictions(place, counted(start=100), KEYPOINTS)
    session = open_project(folder).session("day1")
    assert session.prediction_set("smoothed").own
    for pixels, first in (("rig", 100.0), ("image", 0.0)):
        xy = session.load_predictions("smoothed", pixels=pixels).in_memory().xy  # type: ignore[arg-type]
        assert xy.shape[2] == 10
        assert xy[0, 1, 0, 0, 0] == first
    with pytest.raises(PoseDataError, match="do not make an ensemble"):
        session.load_predictions(["smoothed", "net0"])


def test_positions_of_anipose_are_turned_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    xyz = rng.normal(0, 50, (4, 2, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    centre = np.array([1.0, -2.0, 30.0])
    names = [f"{k}_{c}" for k in KEYPOINTS for c in ("x", "y", "z", "error", "ncams", "score")]
    names += [f"M_{i}{j}" for i in range(3) for j in range(3)]
    names += [f"center_{i}" for i in range(3)]
    lines = [",".join([*names, "fnum"])]
    for frame, points in zip((0, 1, 2, 4), xyz, strict=True):
        cells = [c for p in points @ turn.T - centre for c in (*p, 1.5, 2.0, 0.9)]
        cells += [*turn.ravel(), *centre]
        lines.append(",".join([*map(repr, map(float, cells)), str(frame)]))
    touch(tmp_path / "videos-raw" / "walk_A.avi")
    path = touch(tmp_path / "pose-3d" / "walk.csv", "\n".join(lines) + "\n")
    session = open_project(tmp_path).session("walk")
    table = session.load_poses3d("pose-3d")
    assert table.keypoints == KEYPOINTS
    np.testing.assert_allclose(table.xyz[[0, 1, 2, 4]], xyz)
    assert np.isnan(table.xyz[3]).all()
    for text in (lines[0] + "\nx\n", "\n".join([lines[0], lines[4], lines[1]])):
        touch(path, text)
        with pytest.raises(PoseDataError, match=r"walk\.csv"):
            session.load_poses3d("pose-3d")


def test_results_beside_the_videos(tmp_path: Path) -> None:
    for view in ("left", "right"):
        touch(tmp_path / f"run_{view}.mp4")
        put_predictions(tmp_path / f"run_{view}.csv", counted(), KEYPOINTS)
        put_predictions(tmp_path / "run_smoothed" / f"run_{view}.csv", counted(), KEYPOINTS)
    touch(tmp_path / "run_smoothed" / "run_run.json", "{}")
    touch(tmp_path / "run_smoothed" / "run_3d.csv")
    (session,) = open_project(tmp_path).sessions
    assert [(each.name, each.kind, each.own) for each in session.sets] == [
        ("predictions", "predictions", False),
        ("run_smoothed", "smoothed", True),
        ("run_smoothed 3-D", "3d", True),
    ]


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


def test_a_video_opens_when_it_is_asked_for(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path, sessions=("day1",))
    videos = open_project(folder).session("day1").open_videos()
    assert (set(videos), len(videos)) == ({"top", "side"}, 2)
    with pytest.raises(PoseDataError, match="0 bytes"):
        _ = videos["top"]
    videos.close()


def test_adjusting_without_writing(tmp_path: Path) -> None:
    session = open_project(lightning_project(tmp_path)).session("day1")
    changed = session.with_alignments({"top": ViewAlignment(offset=5)})
    assert changed.to_session("top", [0]).tolist() == [5]
    assert changed.n_frames({"top": 100, "side": 100}) == 105
    assert session.to_session("top", [0]).tolist() == [0]


# --- geometry on adjusted views ---------------------------------------------------------------


def recording(
    folder: Path, rig: Rig, alignments: dict[str, ViewAlignment], n_frames: int = 120
) -> Path:
    """The same walk, filmed with cameras that are adjusted as said: a project on disk."""
    rng = np.random.default_rng(1)
    truth = rig.project(walk(n_frames, 2, rng))
    noise = rng.normal(0, 1.0, (2, *truth.shape))
    names = ", ".join(f'"{name}"' for name in rig.names)
    touch(folder / "project.yaml", f"view_names: [{names}]\n")
    save_rig(rig, folder / "calibration.toml")
    for v, view in enumerate(rig.names):
        alignment = alignments.get(view, ViewAlignment())
        if alignment.boxes is not None:
            corners = np.round(truth[v].mean(axis=1)) - 100
            rows = (f"{i},{x:.0f},{y:.0f},200,200\n" for i, (x, y) in enumerate(corners))
            alignment = replace(alignment, boxes=folder / alignment.boxes)
            assert alignment.boxes is not None
            touch(alignment.boxes, f",x,y,h,w\n{''.join(rows)}")
        video = alignment.to_video(np.arange(n_frames))
        seen = video >= 0
        for m in range(2):
            # Images from before the session show something else.
            xy = np.zeros((video.max() + 1, *truth.shape[2:]))
            whole = alignment.to_video_pixels(truth[v] + noise[m, v], video[:, None])
            xy[video[seen]] = whole[seen]
            put_predictions(folder / "models" / f"net{m}" / "video_preds" / f"w_{view}.csv", xy)
    return folder


@pytest.fixture
def rig() -> Rig:
    return ring_rig(3)


# None of these takes an image away, so that the observations are equal.
CHANGES = {
    "crop and scale": {
        "Cam-1": ViewAlignment(crop=(200, 100, 800, 600), scale=(2, 2)),
        "Cam-2": ViewAlignment(scale=(0.5, 0.25)),
    },
    "moving boxes": {"Cam-1": ViewAlignment(boxes=Path("boxes.csv"), scale=(0.5, 0.5))},
    "began early": {"Cam-0": ViewAlignment(offset=-3), "Cam-2": ViewAlignment(offset=-1)},
}


@pytest.mark.parametrize("name", CHANGES)
def test_results_do_not_depend_on_how_a_view_was_filmed(
    tmp_path: Path, rig: Rig, name: str
) -> None:
    plain = open_inputs(recording(tmp_path / "plain", rig, {}))
    folder = recording(tmp_path / "changed", rig, CHANGES[name])
    update_own_project(
        folder,
        alignments={
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
    changes = {"Cam-1": ViewAlignment(offset=3, dropped=(50, 51))}
    plain = recording(tmp_path / "plain", rig, {})
    changed = recording(tmp_path / "changed", rig, changes)
    with pytest.raises(PoseDataError, match="numbers of frames differ"):
        smooth(*open_inputs(changed))
    update_own_project(changed, alignments={("w", v): a for v, a in changes.items()})
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


def test_the_command_line_honours_alignments(
    tmp_path: Path, rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recording(tmp_path, rig, {"Cam-1": ViewAlignment(offset=3)}, 60)
    assert main(["smooth", str(folder)]) == 2
    update_own_project(folder, alignments={("w", "Cam-1"): ViewAlignment(offset=3)})
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
    update_own_project(tmp_path, alignments={("day2_run", "left"): ViewAlignment(scale=(10, 10))})
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
            # It began three frames late: its video lacks the first three.
            cells = [line.partition(",")[2] for line in lines[6:]]
            lines = lines[:3] + [f"{i},{text}" for i, text in enumerate(cells)]
        touch(tmp_path / path.name, "\n".join(lines) + "\n")
    update_own_project(tmp_path, alignments={(None, "Cam-B"): ViewAlignment(offset=3)})
    shifted = load_predictions(tmp_path, views=plain.views)
    b = plain.views.index("Cam-B")
    expected = plain.xy[0].copy()
    expected[b, :3] = np.nan
    np.testing.assert_array_equal(shifted.xy[0], expected)
