"""Other programs on corners that ours detected, and measures that treat all rigs alike."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.support.peers import CALISCOPE, peer_python
from benchmarks.support.processes import describe_end, module_command
from napari_pose3d import Rig
from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.observations import BoardObservations
from napari_pose3d.core.calibration.solve.rig_state import RigState
from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate

Float64 = NDArray[np.float64]
_CALISCOPE_COLUMNS = [
    *("sync_index", "cam_id", "object_id", "keypoint_id", "img_loc_x", "img_loc_y"),
    *("obj_loc_x", "obj_loc_y", "obj_loc_z"),
]


def state_of(rig: Rig, n_frames: int) -> RigState:
    """A rig as `measure` takes it."""
    intrinsics = np.zeros((len(rig.cameras), 9))
    for row, camera in zip(intrinsics, rig.cameras, strict=True):
        m = camera.matrix
        row[:4] = m[0, 0], m[1, 1], m[0, 2], m[1, 2]
        row[4 : 4 + len(camera.distortion)] = camera.distortion[:5]
    return RigState(
        np.array([camera.rotation for camera in rig.cameras]),
        np.array([camera.translation for camera in rig.cameras]),
        intrinsics,
        np.zeros(len(rig.cameras)),
        rig.cameras[0].fisheye,
        np.broadcast_to(np.eye(3), (n_frames, 3, 3)),
        np.zeros((n_frames, 3)),
    )


def error_in_space(found: Rig, true: Rig, reach: float = 250.0) -> float:
    """Median distance, mm, of points triangulated with one rig from where another has them."""
    points = np.random.default_rng(0).uniform(-reach, reach, (400, 3))
    return apart(triangulate(found, true.project(points)).xyz, points)


def apart(first: Float64, second: Float64) -> float:
    """Median distance of two sets of points after a rigid alignment."""
    known = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    a, b = first[known] - first[known].mean(axis=0), second[known] - second[known].mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return float(np.median(np.linalg.norm(a @ turn - b, axis=1)))


def aniposelib_rig(observations: BoardObservations) -> Rig:
    """``CameraGroup.calibrate_rows`` on the same corners; it draws random samples, seeded here."""
    from aniposelib.boards import CharucoBoard
    from aniposelib.cameras import Camera as PeerCamera
    from aniposelib.cameras import CameraGroup

    board = observations.board
    peer = CharucoBoard(board.columns, board.rows, board.square, board.marker, 4, 1000)
    group = CameraGroup(
        [
            PeerCamera(name=view, size=size)
            for view, size in zip(observations.views, observations.sizes, strict=True)
        ]
    )
    rows: list[list[dict[str, Any]]] = []
    for xy in observations.xy:
        own = []
        for frame, corners in zip(observations.frames, xy, strict=True):
            ids = np.flatnonzero(np.isfinite(corners).all(axis=1))
            if len(ids) >= 5:
                own.append(
                    {
                        "framenum": (0, int(frame)),
                        "corners": corners[ids][:, None].astype(np.float32),
                        "ids": ids[:, None],
                    }
                )
        rows.append(own)
    np.random.seed(0)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        group.calibrate_rows(rows, peer, verbose=False)
    import cv2

    cameras = []
    for each, view, size in zip(group.cameras, observations.views, observations.sizes, strict=True):
        cameras.append(
            Camera(
                view,
                size,
                np.asarray(each.get_camera_matrix(), float),
                np.asarray(each.get_distortions(), float).ravel()[:5],
                cv2.Rodrigues(np.asarray(each.get_rotation(), float))[0],
                np.asarray(each.get_translation(), float).ravel(),
            )
        )
    return Rig(tuple(cameras))


def aniposelib_from_videos(videos: Sequence[Path], board: Board) -> None:
    """``CameraGroup.calibrate_videos``, with images inverted for it where the board is."""
    from aniposelib.boards import CharucoBoard
    from aniposelib.cameras import CameraGroup

    class Inverted(CharucoBoard):  # type: ignore[misc, unused-ignore]
        def detect_image(self, image: Any, camera: Any = None) -> Any:
            return super().detect_image(255 - image if board.inverted else image, camera)

    peer = Inverted(board.columns, board.rows, board.square, board.marker, 4, 1000)
    group = CameraGroup.from_names([path.stem for path in videos])
    np.random.seed(0)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        group.calibrate_videos([[str(path)] for path in videos], peer, verbose=False)


def caliscope_rig(observations: BoardObservations) -> tuple[Rig, float] | str:
    """caliscope on the same corners, with its seconds of CPU; or why there is none.

    It wants videos for each lens by itself; from these corners it takes what it can use.
    """
    python, words = peer_python(CALISCOPE)
    if python is None:
        return words
    board, places = observations.board, observations.board.points / 1000
    rows = [
        (frame, view, 0, corner, *xy, *places[corner])
        for view, of_view in enumerate(observations.xy)
        for frame, of_frame in zip(observations.frames, of_view, strict=True)
        for corner, xy in enumerate(of_frame)
        if np.isfinite(xy).all()
    ]
    facts = {
        "sizes": dict(enumerate(observations.sizes)),
        "columns": board.columns,
        "rows": board.rows,
        "square_cm": board.square / 10,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pd.DataFrame(rows, columns=_CALISCOPE_COLUMNS).to_csv(folder / "corners.csv", index=False)
        (folder / "board.json").write_text(json.dumps(facts, default=int))
        files = [folder / each for each in ("corners.csv", "board.json", "rig.toml")]
        child = "benchmarks.calibration.child_caliscope"
        command = module_command(child, *files, python=python)
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            return f"caliscope: {describe_end(ended)}"
        seconds = json.loads(ended.stdout.splitlines()[-1])["seconds"]
        return stored_rig(folder / "rig.toml", observations.views), seconds


def stored_rig(path: Path, views: tuple[str, ...]) -> Rig:
    """A stored result of caliscope, in mm."""
    from napari_pose3d.core.formats.calibrations.rig_conversion import read_rig

    return read_rig(path, "caliscope", names=list(views), scale=1000.0)
