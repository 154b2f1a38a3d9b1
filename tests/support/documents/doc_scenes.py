"""What the commands of the documentation are run on: small recordings with a known truth.

A page is run in a copy of `put_example`; a block below ``<!-- scene: NAME -->`` in a folder of its
own, which the function of that name in `SCENES` fills. Blocks of one page with one scene share it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d import Rig, save_rig
from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.synthetic.board.board_video import BoardVideo
from napari_pose3d.synthetic.render import write_video
from napari_pose3d.synthetic.sample import SampleRecipe, make_sample
from napari_pose3d.synthetic.scene import make_ring
from napari_pose3d.synthetic.shared_points import turned
from tests.support.projects.label_projects import header
from tests.support.projects.session_files import put_predictions, touch, video
from tests.support.recordings.clocks import clocks
from tests.support.recordings.paws import paws, write_paws
from tests.support.recordings.pupils import POINTS, pupil
from tests.support.recordings.scenes import arc_rig

VIEWS = ("top", "side", "front")
KEYPOINTS = ("nose", "neck", "tail")
N_FRAMES, SIZE = 40, (128, 96)
SMALL_SAMPLE = SampleRecipe(80, 3, SIZE, seeds=2, labeled_frames=2)

Float64 = NDArray[np.float64]
Names = dict[str, object]


def example_rig() -> Rig:
    """Three cameras on an arc, with images as small as the videos."""
    return arc_rig(VIEWS, size=SIZE, focal=100.0)


def put_project(folder: Path, keypoints: Sequence[str], views: Sequence[str] = VIEWS) -> Path:
    """The ``project.yaml`` of a Lightning Pose project."""
    text = f"view_names: [{', '.join(views)}]\nkeypoint_names: [{', '.join(keypoints)}]\n"
    touch(folder / "project.yaml", text)
    return folder


def put_recording(
    folder: Path,
    session: str,
    xyz: Float64,
    keypoints: Sequence[str],
    rig: Rig,
    *,
    noise: float,
    rng: np.random.Generator,
) -> None:
    """Predictions of two networks in all views, ``net0/video_preds/<session>_<view>.csv`` ..."""
    for view, xy in zip(rig.names, rig.project(xyz), strict=True):
        for i in range(2):
            noisy = xy + rng.normal(0, noise, xy.shape)
            path = folder / f"net{i}" / "video_preds" / f"{session}_{view}.csv"
            put_predictions(path, noisy, keypoints)


def put_labels(
    project: Path, xyz: Mapping[str, Float64], keypoints: Sequence[str], rig: Rig, every: int
) -> None:
    """Exact labels of every n-th frame of some sessions, by the names of their images."""
    for view, camera in zip(rig.names, rig.cameras, strict=True):
        lines = [header(keypoints)]
        for session, points in xyz.items():
            xy = Rig((camera,)).project(points[::every])[0]
            for n, row in enumerate(xy):
                cells = ",".join(f"{x:.3f},{y:.3f}" for x, y in row)
                lines.append(f"labeled-data/{session}_{view}/img{n * every:08d}.png,{cells}\n")
        touch(project / f"CollectedData_{view}.csv", "".join(lines))


def put_example(folder: Path) -> None:
    """What the pages call my_project, recording, calibration.toml and session_top.mp4."""
    rig, rng = example_rig(), np.random.default_rng(0)
    t = np.arange(N_FRAMES) / 8
    curve = np.stack([np.sin(t), np.cos(t), 0.2 * np.sin(2 * t)], axis=-1)
    xyz = curve[:, None] + np.array([[1.0, 0, 0], [0, 0, 0], [-1.0, 0.3, 0]])
    project = put_project(folder / "my_project", KEYPOINTS)
    for session in ("mouse1", "mouse2"):
        put_recording(project / "models", session, xyz, KEYPOINTS, rig, noise=0.5, rng=rng)
        for view in VIEWS:
            video(project / "videos" / f"{session}_{view}.mp4")
    save_rig(rig, project / "calibration.toml")
    save_rig(rig, folder / "calibration.toml")
    models = folder / "recording" / "models"
    put_recording(models, "walk", xyz, KEYPOINTS, rig, noise=0.5, rng=rng)
    video(folder / "session_top.mp4")
    for month, session in (("new_videos", "mouse8"), ("more_videos", "mouse9")):
        for view in VIEWS:
            video(folder / month / f"{session}_{view}.mp4")


def _ring(size: tuple[int, int]) -> Rig:
    """The views in a ring about an arena, in mm; the floor is at z = 0."""
    ring = make_ring(len(VIEWS), size)
    named = zip(VIEWS, ring.cameras, strict=True)
    return replace(ring, cameras=tuple(replace(camera, name=view) for view, camera in named))


def put_board(folder: Path) -> Names:
    """Three videos of a ChArUco board."""
    board = Board(5, 7, 30.0, marker=22.0)
    for i, camera in enumerate(_ring((320, 240)).cameras):
        images = BoardVideo(camera, board, 80, seed=(0, i))
        write_video(images, folder / f"board_{camera.name}.mp4", lambda frame: None)
    return {}


PAWS = ("paw_left", "paw_right")
CORNERS = {"corner_a": (-120, -120, 0), "corner_b": (120, -120, 0), "corner_c": (-120, 120, 0)}


def put_arena(folder: Path, *, bumped: bool = False) -> Names:
    """Keypoints that walk over a floor, two of which touch it by turns, and three that stay.

    Labels and predictions of a project, and predictions of another recording.

    Parameters
    ----------
    bumped : bool
        Whether the calibrations are of before a camera was turned by a degree.
    """
    rig, rng = _ring((640, 480)), np.random.default_rng(2)
    t = np.arange(120)[:, None] / 15
    middle = 70 * np.concatenate([np.sin(t), np.cos(0.7 * t), 0 * t], axis=-1)[:, None]
    body = middle + np.array([[30, 0, 30], [10, 5, 40], [-30, -5, 20]]) + rng.normal(0, 3, (3, 3))
    lift = np.clip(20 * np.sin(3 * t + np.array([0, np.pi])), 0, None)
    paws_xyz = middle + np.array([[15, 12, 0], [15, -12, 0]]) + lift[..., None] * [0, 0, 1]
    corners = np.broadcast_to(np.array([*CORNERS.values()]), (len(t), 3, 3))
    xyz = np.concatenate([body, paws_xyz, corners], axis=1)
    names = (*KEYPOINTS, *PAWS, *CORNERS)
    known = turned(rig, 1, 1.0) if bumped else rig
    project = put_project(folder / "my_project", names)
    put_labels(project, {"day1": xyz, "day2": xyz}, names, rig, 4)
    for day in ("day1", "day2"):
        put_recording(project / "models", day, xyz, names, rig, noise=0.7, rng=rng)
        (project / "calibrations").mkdir(exist_ok=True)
        save_rig(known, project / "calibrations" / f"{day}.toml")
    put_recording(folder / "recording" / "models", "walk", xyz, names, rig, noise=0.7, rng=rng)
    save_rig(known, folder / "calibration.toml")
    return {}


def put_bumped(folder: Path) -> Names:
    """An arena whose calibrations do not fit."""
    return put_arena(folder, bumped=True)


def put_eye(folder: Path) -> Names:
    """Three networks' predictions of points on a pupil, by three kinds of names."""
    xy, _, _ = pupil(60)
    names = (*POINTS, "top", "bottom", "right", "left", "a", "b", "c", "d")
    right, bottom, left, top = (xy[:, :, k] for k in (2, 1, 3, 0))
    points = np.stack([top, bottom, right, left] * 2 + [right, bottom, left, top], axis=2)
    for i, each in enumerate(points):
        put_predictions(folder / "eye_predictions" / f"mouse1_seed={i}_eye.csv", each, names)
    return {}


def put_paws(folder: Path) -> Names:
    """Two recordings of two paws from both sides, with other names of views and keypoints."""
    xy, times, _ = paws(60)
    (folder / "recording").mkdir()
    write_paws(folder / "recording", xy, times)
    reach = folder / "reaching"
    for view, old in (("near", "left"), ("far", "right")):
        for i, points in enumerate(xy[old]):
            put_predictions(reach / f"reach_seed={i}_{view}.csv", points, ("hand_l", "hand_r"))
        np.save(reach / f"reach.timestamps.{view}.npy", times[old])
    return {}


def put_clocks(folder: Path) -> Names:
    """A project whose cameras have times of their own, and the same in Python's arrays."""
    scene = clocks(seconds=3, n_keypoints=1)
    old = scene.rig.names
    views = ("left", "side", "top")
    cameras = tuple(replace(c, name=v) for c, v in zip(scene.rig.cameras, views, strict=True))
    rig = replace(scene.rig, cameras=cameras)
    project = put_project(folder / "my_project", scene.ensemble.keypoints, views)
    save_rig(rig, project / "calibration.toml")
    alignments = {}
    for v, (view, name) in enumerate(zip(views, old, strict=True)):
        times = scene.times[name]
        for m in range(2):
            path = project / "models" / f"net{m}" / "video_preds" / f"run_{view}.csv"
            put_predictions(path, scene.ensemble.xy[m, v, : len(times)], scene.ensemble.keypoints)
        lines = [f"{i},{time:.6f}\n" for i, time in enumerate(times)]
        path = touch(project / "times" / f"{view}.csv", "".join(lines))
        alignments["run", view] = ViewAlignment(timestamps=path)
    update_own_project(project, alignments=alignments)
    ensemble = replace(scene.ensemble, views=views)
    times = {f"{view}_times": scene.times[name] for view, name in zip(views, old, strict=True)}
    return {"rig": rig, "ensemble": ensemble, **times}


def put_labeled(folder: Path) -> Names:
    """A project with labels that fit each other and their images."""
    make_sample(folder / "my_project", recipe=SMALL_SAMPLE)
    return {}


SCENES: Mapping[str, Callable[[Path], Names]] = {
    "arena": put_arena,
    "board": put_board,
    "bumped": put_bumped,
    "clocks": put_clocks,
    "eye": put_eye,
    "labeled": put_labeled,
    "paws": put_paws,
}
"""By the names in the documentation; each returns what Python's blocks know by name."""
