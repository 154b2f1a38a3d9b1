"""SLEAP's ``.slp`` with a session of several calibrated cameras, through sleap-io.

Notes
-----
Labels are instances of the user, ``Instance``; predictions would be ``PredictedInstance``. A
``RecordingSession`` holds cameras with exactly five coefficients, and groups the instances of a
frame with their 3-D. Name and units lie in its metadata. Videos are named, not opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.formats.calibrations.camera_sections import (
    camera_section,
    reduced_coefficients,
    refuse_fisheye,
    rig_of,
)
from napari_pose3d.core.formats.containers.hdf5_files import DAMAGE
from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.storage.input_files import check_regular, input_errors
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..frame_rows import refuse_infinite, refuse_repeated
from ..session_labels import Cells, ImageKey, SessionLabels, labels_of, session_and_view

_EXPECTED = "labels of SLEAP (.slp)"
_COEFFICIENTS = 5
_SESSION, _UNITS = "session", "units"


def write_sleap(labels: SessionLabels, to: Destination) -> list[str]:
    """Write all labels; a session with a calibration becomes a multi-view session.

    Raises
    ------
    PoseDataError
        A lens is a fisheye, or sleap-io is not installed.
    """
    sio = library("sleap_io", "sleap", to.path)
    model = library("sleap_io.model.camera", "sleap", to.path)
    skeleton = sio.Skeleton(
        nodes=list(labels.keypoints),
        edges=[pair for pair in labels.skeleton if set(pair) <= set(labels.keypoints)],
        name="animal",
    )
    notes: list[str] = []
    videos = {
        (session, view): _video(sio, labels, session, view, notes)
        for session in labels.sessions
        for view in labels.views
    }
    frames: dict[ImageKey, Any] = {}
    for n, (session, frame) in enumerate(labels.frames):
        for v, view in enumerate(labels.views):
            key = ImageKey(session, view, frame)
            number = labels.video_frames.get(key, frame)
            if number < 0 or not np.isfinite(labels.xy[v, n]).all(axis=-1).any():
                continue
            points = labels.xy[v, n].copy()
            points[~np.isfinite(points).all(axis=-1)] = np.nan
            instance = sio.Instance.from_numpy(points, skeleton=skeleton)
            frames[key] = sio.LabeledFrame(
                video=videos[session, view], frame_idx=int(number), instances=[instance]
            )
    sessions = []
    for session in labels.sessions:
        if session not in labels.rigs:
            notes.append(f"session {session} has no calibration, so that the file has no cameras")
            continue
        made, lost = _recording(model, labels, session, videos, frames, skeleton)
        sessions.append(made)
        notes += [f"not kept: {each}" for each in lost]
    content = sio.Labels(
        labeled_frames=list(frames.values()),
        videos=list(videos.values()),
        skeletons=[skeleton],
        sessions=sessions,
    )
    target = to.files.path(to.path)
    target.unlink()
    with input_errors(to.path, *DAMAGE):
        sio.save_slp(content, str(target), embed=False, verbose=False)
    return [
        *dict.fromkeys(notes),
        "images are not in the file: videos are named in it",
        "movement reads the first video only",
        "not kept: occluded or not",
    ]


def _video(sio: Any, labels: SessionLabels, session: str, view: str, notes: list[str]) -> Any:
    name = labels.videos.get((session, view))
    if name is None:
        notes.append("videos that are not there are called <session>_<view>.mp4")
    mine = [frame for each, frame in labels.frames if each == session]
    size = next(
        (
            labels.sizes[key]
            for frame in mine
            if (key := ImageKey(session, view, frame)) in labels.sizes
        ),
        None,
    )
    about = {}
    if size is not None:
        length = labels.lengths.get(session, max(mine) + 1)
        about["shape"] = (length, size[1], size[0], 3)
    return sio.Video(
        filename=f"{session}_{view}.mp4" if name is None else name.as_posix(),
        open_backend=False,
        backend_metadata=about,
    )


def _recording(
    model: Any,
    labels: SessionLabels,
    session: str,
    videos: Mapping[tuple[str, str], Any],
    frames: Mapping[ImageKey, Any],
    skeleton: Any,
) -> tuple[Any, list[str]]:
    """The session with its cameras and 3-D, and what was left out of the lenses."""
    instance_module = library("sleap_io.model.instance", "sleap")
    rig = labels.rigs[session]
    refuse_fisheye(rig, "SLEAP")
    rig = rig.subset([view for view in rig.names if view in labels.views])
    cameras, lost = {}, []
    for camera in rig.cameras:
        distortion, left_out = reduced_coefficients(camera, _COEFFICIENTS)
        lost += left_out
        made = model.Camera(
            matrix=camera.matrix,
            dist=np.asarray(distortion, np.float64),
            size=camera.size,
            name=camera.name,
        )
        extrinsic = np.eye(4)
        extrinsic[:3, :3], extrinsic[:3, 3] = camera.rotation, camera.translation
        made.extrinsic_matrix = extrinsic
        cameras[camera.name] = made
    recording = model.RecordingSession(
        camera_group=model.CameraGroup(cameras=list(cameras.values())),
        metadata={_SESSION: session, _UNITS: rig.units},
    )
    for view, camera in cameras.items():
        recording.add_video(videos[session, view], camera)
    rows = [n for n, (name, _) in enumerate(labels.frames) if name == session]
    at = [labels.views.index(view) for view in rig.names]
    points = triangulate(rig, labels.xy[at][:, rows]).xyz if len(rig.names) > 1 else None
    for i, n in enumerate(rows):
        frame = labels.frames[n][1]
        keys = {view: ImageKey(session, view, frame) for view in rig.names}
        seen = {cameras[view]: frames[key] for view, key in keys.items() if key in frames}
        if not seen:
            continue
        space = None
        if points is not None and np.isfinite(points[i]).all(axis=-1).any():
            space = instance_module.Instance3D(points=points[i], skeleton=skeleton)
        group = model.InstanceGroup(
            instance_by_camera={camera: each.instances[0] for camera, each in seen.items()},
            instance_3d=space,
        )
        recording.frame_groups[frame] = model.FrameGroup(
            frame_idx=frame, instance_groups=[group], labeled_frame_by_camera=seen
        )
    return recording, lost


def read_sleap(path: Path) -> SessionLabels:
    """Read what a user labeled; predictions are passed over.

    A view is the camera of a video, else what follows the last ``_`` in the video's name.

    Raises
    ------
    PoseDataError
        It is no such file, is damaged, holds several animals or no labels, or sleap-io is not
        installed.
    """
    sio = library("sleap_io", "sleap", path)
    check_regular(path, expected=_EXPECTED)
    with input_errors(path, *DAMAGE, AssertionError, expected=_EXPECTED):
        content = sio.load_slp(str(path), open_videos=False)
        if len(content.skeletons) != 1:
            raise PoseDataError(
                f"it has {len(content.skeletons)} skeletons", file=path, expected="one"
            )
        skeleton = content.skeletons[0]
        names = tuple(str(name) for name in skeleton.node_names)
        refuse_repeated(names, path)
        bones = tuple((str(a), str(b)) for a, b in skeleton.edge_names)
        places, group_frames, rigs = _sessions(content, path)
        for video in content.videos:
            if id(video) not in places:
                places[id(video)] = _place_by_name(video)
        cells: dict[ImageKey, Cells] = {}
        sizes: dict[ImageKey, tuple[int, int]] = {}
        videos: dict[tuple[str, str], Path] = {}
        n_predicted = 0
        for each in content.labeled_frames:
            mine = [i for i in each.instances if type(i).__name__ == "Instance"]
            n_predicted += len(each.instances) - len(mine)
            if not mine:
                continue
            session, view = places[id(each.video)]
            key = ImageKey(session, view, group_frames.get(id(each), int(each.frame_idx)))
            if len(mine) > 1 or key in cells:
                raise PoseDataError(
                    f"there are several animals in frame {key.frame} of {view}",
                    file=path,
                    expected="one in each image",
                )
            xy = np.asarray(mine[0].numpy(), np.float64).reshape(len(names), -1)[:, :2]
            refuse_infinite(xy, path)
            cells[key] = xy.copy(), np.zeros(len(names), bool)
            shape = each.video.backend_metadata.get("shape")
            if shape is not None and len(shape) == 4 and min(shape[1:3]) > 0:
                sizes[key] = (int(shape[2]), int(shape[1]))
            if isinstance(each.video.filename, str):
                videos[session, view] = Path(each.video.filename)
    if not cells:
        raise PoseDataError(
            f"it has no labels of a user, but {n_predicted} predictions",
            file=path,
            expected=_EXPECTED,
            todo="For predictions, export an analysis HDF5 or CSV in SLEAP" if n_predicted else "",
        )
    notes = ["images are not in the file: they come with the videos"]
    if n_predicted:
        notes.append(f"{n_predicted} predictions are left out: only labels of a user are read")
    return labels_of(
        cells,
        names,
        tuple(dict.fromkeys(view for rig in rigs.values() for view in rig.names)),
        skeleton=bones,
        sizes=sizes,
        rigs=rigs,
        videos=videos,
        notes=tuple(notes),
    )


def _sessions(
    content: Any, path: Path
) -> tuple[dict[int, tuple[str, str]], dict[int, int], dict[str, Rig]]:
    """Session and view of each video, the session's frame of labeled frames, and the cameras."""
    places: dict[int, tuple[str, str]] = {}
    group_frames: dict[int, int] = {}
    rigs: dict[str, Rig] = {}
    for i, each in enumerate(content.sessions):
        name = str(each.metadata.get(_SESSION) or "")
        if not name or name in rigs:
            name = path.stem if len(content.sessions) == 1 else f"{path.stem}{i + 1}"
        sections = [
            camera_section(
                str(camera.name or f"Camera{c + 1}"),
                size=camera.size,
                matrix=np.asarray(camera.matrix),
                distortion=np.asarray(camera.dist),
                rotation=np.asarray(camera.extrinsic_matrix)[:3, :3],
                translation=np.asarray(camera.extrinsic_matrix)[:3, 3],
            )
            for c, camera in enumerate(each.cameras)
        ]
        rig = rig_of(path, sections, str(each.metadata.get(_UNITS) or ""))
        rigs[name] = Rig(rig.cameras, None, rig.extra, rig.warnings, rig.units)
        for camera, view in zip(each.cameras, rig.names, strict=True):
            video = each.get_video(camera)
            if video is not None:
                places[id(video)] = (name, view)
        for frame, group in each.frame_groups.items():
            for labeled in group.labeled_frames:
                group_frames[id(labeled)] = int(frame)
    return places, group_frames, rigs


def _place_by_name(video: Any) -> tuple[str, str]:
    name = video.filename if isinstance(video.filename, str) else video.filename[0]
    stem = PurePosixPath(str(name).replace("\\", "/")).stem
    return session_and_view(stem or "video")
