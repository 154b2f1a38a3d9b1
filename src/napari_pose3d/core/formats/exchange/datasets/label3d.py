"""Labels of Label3D and DANNCE: ``*_Label3D_dannce.mat``, and Label3D's own state.

Notes
-----
Cells with an entry for each camera. ``labelData`` has ``data_2d`` (frame, 2 keypoints; the
reprojections of 3-D, counted from 1), ``data_3d`` (frame, 3 keypoints), ``data_frame`` (from 0) and
``data_sampleID``; ``sync`` the same for all frames, of which DANNCE takes the numbers only. What
people clicked is in ``handLabeled2D`` (keypoint, view, 2, frame), counted from 1. Ours adds the
``skeleton`` and the names of session and keypoints, which DANNCE passes over.

References
----------
Label3D ``Label3D.m`` (exportDannce); DANNCE ``dannce/engine/data/io.py``, ``processing.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.formats.calibrations.camera_sections import Given
from napari_pose3d.core.formats.calibrations.mat_files import label3d_cells, read_label3d
from napari_pose3d.core.formats.containers.mat_variables import read_mat
from napari_pose3d.errors import PoseDataError, Remedy

from ..destination import Destination
from ..frame_rows import check_frames, refuse_infinite, refuse_repeated
from ..session_labels import ImageKey, SessionLabels, labels_of

_EXPECTED = "labels of Label3D: labelData or handLabeled2D, with params and camnames"
_FIRST_PIXEL = 1.0
_LARGEST = 256 << 20
_CLICKS = "handLabeled2D"
_LABELED = 2

Float64 = NDArray[np.float64]


def is_label3d(path: Path) -> bool:
    """Whether a ``.mat`` holds labels of Label3D."""
    found = read_mat(path, largest_variable=_LARGEST)
    return "labelData" in found or _CLICKS in found


def write_label3d_labels(labels: SessionLabels, to: Destination) -> list[str]:
    """Write the labels of one session.

    Raises
    ------
    PoseDataError
        There are several sessions, or there is no calibration, or one that Label3D cannot hold.
    """
    from scipy.io import savemat

    if len(labels.sessions) != 1:
        raise PoseDataError(
            f"there are labels of several sessions: {', '.join(labels.sessions)}",
            expected="one: a file of Label3D is for one recording",
            todo="Choose one",
            remedy=Remedy("session"),
        )
    (session,) = labels.sessions
    if session not in labels.rigs:
        raise PoseDataError(
            f"session {session} has no calibration, and Label3D needs one",
            todo="Calibrate the cameras first",
            remedy=Remedy("calibration"),
        )
    rig = labels.rigs[session]
    views = [view for view in rig.names if view in labels.views]
    rig = rig.subset(views)
    cells, lost = label3d_cells(rig)
    xy = labels.xy[[labels.views.index(view) for view in views]]
    points = triangulate(rig, xy).xyz
    frames = np.array([frame for _, frame in labels.frames], dtype=np.float64)
    n_frames = labels.lengths.get(session, int(frames.max()) + 1)
    every = np.arange(n_frames, dtype=np.float64)
    reprojected = rig.project(points)
    label_data, sync = np.empty((len(views), 1), object), np.empty((len(views), 1), object)
    for v in range(len(views)):
        label_data[v, 0] = {
            "data_2d": (reprojected[v] + _FIRST_PIXEL).reshape(len(frames), -1),
            "data_3d": points.reshape(len(frames), -1),
            "data_frame": frames[:, None],
            "data_sampleID": frames[None],
        }
        sync[v, 0] = {
            "data_2d": np.zeros((1, 2 * len(labels.keypoints))),
            "data_3d": np.zeros((1, 3 * len(labels.keypoints))),
            "data_frame": every[:, None],
            "data_sampleID": every[None],
        }
    names = _cell(labels.keypoints)
    at = {name: i + 1 for i, name in enumerate(labels.keypoints)}
    bones = [(at[a], at[b]) for a, b in labels.skeleton if a in at and b in at]
    content: dict[str, Any] = {
        **cells,
        "labelData": label_data,
        "sync": sync,
        _CLICKS: np.transpose(xy, (2, 0, 3, 1)) + _FIRST_PIXEL,
        "skeleton": {
            "joint_names": names,
            "joints_idx": np.array(bones, dtype=np.float64).reshape(-1, 2),
        },
        "session": session,
    }
    sizes = [labels.sizes.get(ImageKey(session, view, labels.frames[0][1])) for view in views]
    if all(size is not None for size in sizes):
        content["imageSize"] = np.array([(h, w) for w, h in filter(None, sizes)], np.float64)
    with to.files.path(to.path).open("wb") as stream:
        savemat(stream, content, long_field_names=True)
    notes = [f"not kept: {each}" for each in lost]
    if session not in labels.lengths:
        notes.append(
            f"how many frames there are is not known; sync ends with the last label, {n_frames}"
        )
    if any(labels.video_frames.get(key, key.frame) != key.frame for key in _keys(labels)):
        notes.append("frames are those of the session; its videos are shifted against each other")
    n_single = int((np.isfinite(xy).all(axis=-1).sum(axis=0) == 1).sum())
    if n_single:
        notes.append(f"{n_single} keypoints in one view only have no 3-D: only {_CLICKS} has them")
    return [*notes, "not kept: occluded or not"]


def _keys(labels: SessionLabels) -> list[ImageKey]:
    return [
        ImageKey(session, view, frame) for session, frame in labels.frames for view in labels.views
    ]


def _cell(texts: tuple[str, ...]) -> Any:
    cell = np.empty((len(texts), 1), object)
    for i, text in enumerate(texts):
        cell[i, 0] = text
    return cell


def read_label3d_labels(path: Path) -> SessionLabels:
    """Read clicks, and reprojections of 3-D where the file has no clicks.

    Raises
    ------
    PoseDataError
        It is no such file, or damaged.
    """
    content = read_mat(path, largest_variable=_LARGEST)
    data = content.get("labelData")
    entries = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    if isinstance(data, dict):
        entries = [data]
    if not entries and not isinstance(content.get(_CLICKS), np.ndarray):
        raise PoseDataError("there are no labels in it", file=path, expected=_EXPECTED)
    rig = read_label3d(path, Given())
    n_views = len(rig.names)
    clicks = _clicks(content, n_views, path)
    notes = []
    if entries:
        frames = check_frames(_column(entries[0], "data_frame", path), path, "data_frame")
        xy = _reprojections(entries, n_views, len(frames), path)
        if clicks is not None and clicks.shape == xy.shape:
            clicked = np.isfinite(clicks).all(axis=-1).any(axis=0).any(axis=-1)
            xy[:, clicked] = clicks[:, clicked]
            if not clicked.all():
                notes.append(
                    f"{int((~clicked).sum())} frames have no clicks: their reprojections are taken"
                )
        else:
            notes.append("the file has no clicks: the reprojections of 3-D are taken")
    else:
        assert clicks is not None
        xy, frames = clicks, _frames_of_state(content, clicks.shape[1], path)
    names, bones = _skeleton(content, xy.shape[2])
    if names is None:
        names = tuple(f"keypoint{k + 1}" for k in range(xy.shape[2]))
        notes.append("the file names no keypoints; they are called keypoint1, keypoint2, ...")
    refuse_repeated(names, path)
    session = content.get("session")
    session = session if isinstance(session, str) and session else path.stem.split("_Label3D")[0]
    cells = {}
    for n, frame in enumerate(frames.tolist()):
        if not np.isfinite(xy[:, n]).any():
            continue
        for v, view in enumerate(rig.names):
            cells[ImageKey(session, view, frame)] = (xy[v, n], np.zeros(len(names), bool))
    if not cells:
        raise PoseDataError("nothing is labeled in it", file=path, expected=_EXPECTED)
    return labels_of(
        cells,
        names,
        rig.names,
        skeleton=bones,
        sizes=_sizes(content, rig, list(cells), path),
        rigs={session: Rig(rig.cameras, None, rig.extra, rig.warnings, rig.units)},
        notes=(*notes, "images are not in the file: they come with the videos"),
    )


def _column(entry: Mapping[str, Any], name: str, path: Path) -> Float64:
    found = entry.get(name)
    if not isinstance(found, np.ndarray) or found.ndim != 2 or min(found.shape) > 1:
        raise PoseDataError(f"{name} is no list of numbers", file=path, expected=_EXPECTED)
    return found.ravel()


def _reprojections(entries: list[Any], n_views: int, n_frames: int, path: Path) -> Float64:
    """``(view, frame, keypoint, 2)`` px, counted from 0."""
    arrays = [each.get("data_2d") for each in entries]
    shapes = {getattr(each, "shape", None) for each in arrays}
    shape: tuple[int, ...] = getattr(arrays[0], "shape", ())
    fits = len(shapes) == 1 and len(shape) == 2 and len(arrays) == n_views
    if not fits or shape[0] != n_frames or shape[1] % 2 or not shape[1]:
        raise PoseDataError(
            "data_2d of the cameras do not fit each other",
            file=path,
            place="labelData",
            expected=f"{n_frames} rows of x and y of each keypoint, for {n_views} cameras",
        )
    xy = np.stack(arrays).reshape(n_views, n_frames, -1, 2) - _FIRST_PIXEL
    refuse_infinite(xy, path)
    return xy


def _clicks(content: Mapping[str, Any], n_views: int, path: Path) -> Float64 | None:
    found = content.get(_CLICKS)
    if not isinstance(found, np.ndarray) or not found.size:
        return None
    # MATLAB drops the last axis of a single frame.
    found = found[..., None] if found.ndim == 3 else found
    if found.ndim != 4 or found.shape[1:3] != (n_views, 2):
        raise PoseDataError(
            f"{_CLICKS} has the shape {found.shape}",
            file=path,
            expected=f"(keypoint, {n_views} views, 2, frame)",
        )
    xy = np.transpose(found, (1, 3, 0, 2)) - _FIRST_PIXEL
    refuse_infinite(xy, path)
    status = content.get("status")
    if isinstance(status, np.ndarray):
        status = status[..., None] if status.ndim == 2 else status
        if status.shape == (xy.shape[2], n_views, xy.shape[1]):
            # What was only proposed is no label.
            xy[np.transpose(status, (1, 2, 0)) != _LABELED] = np.nan
    xy[~np.isfinite(xy).all(axis=-1)] = np.nan
    return xy


def _frames_of_state(content: Mapping[str, Any], n_frames: int, path: Path) -> NDArray[np.int64]:
    """Frames from 0 of Label3D's own state, which counts those to label from 1."""
    given = content.get("framesToLabel")
    if isinstance(given, np.ndarray) and given.size == n_frames:
        return check_frames(given.ravel() - 1, path, "framesToLabel")
    return np.arange(n_frames)


def _skeleton(
    content: Mapping[str, Any], n_keypoints: int
) -> tuple[tuple[str, ...] | None, tuple[tuple[str, str], ...]]:
    found = content.get("skeleton")
    joints = found.get("joint_names") if isinstance(found, dict) else None
    names = tuple(str(each) for each in joints) if isinstance(joints, list) else ()
    if isinstance(joints, str):
        names = (joints,)
    if not isinstance(found, dict) or len(names) != n_keypoints:
        return None, ()
    pairs = found.get("joints_idx")
    if not isinstance(pairs, np.ndarray) or pairs.ndim != 2 or pairs.shape[1] != 2:
        return names, ()
    inside = ((pairs >= 1) & (pairs <= n_keypoints)).all(axis=1)
    return names, tuple(
        (names[a - 1], names[b - 1]) for a, b in pairs[inside].astype(int).tolist() if a != b
    )


def _sizes(
    content: Mapping[str, Any], rig: Rig, keys: list[ImageKey], path: Path
) -> dict[ImageKey, tuple[int, int]]:
    found = content.get("imageSize")
    if not isinstance(found, np.ndarray) or found.shape != (len(rig.names), 2):
        return {}
    if not (np.isfinite(found).all() and (found > 0).all() and (found < 1e6).all()):
        raise PoseDataError(
            "an image has no size",
            file=path,
            place="imageSize",
            expected="height and width of each camera's images, px",
        )
    of_view = {
        view: (int(w), int(h)) for view, (h, w) in zip(rig.names, found.tolist(), strict=True)
    }
    return {key: of_view[key.view] for key in keys}
