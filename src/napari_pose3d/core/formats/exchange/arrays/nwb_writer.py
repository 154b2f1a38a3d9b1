"""NWB with ndx-pose: an archive of poses, cameras, what was filled in and what was measured.

Notes
-----
The container is called ``PoseEstimation``: movement looks for that name. keypoint-moseq accepts
no other one of poses, hence the single form. Whether a point was measured is the native
``control`` of a series. Beside it lie time series that NWB has no poses for: ``covariance`` of the
3-D positions, and ``kinematics`` with what the project measures.

References
----------
ndx-pose 0.4, pynwb 4.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from napari_pose3d._version import __version__
from napari_pose3d.core.formats.containers.hdf5_files import DAMAGE
from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.storage.input_files import input_errors
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import ExportSettings

from ..destination import Destination
from ..keypoint_names import notes_of, with_readable_names
from ..session_poses import SessionPoses
from .nwb_names import (
    CONTAINER,
    COVARIANCE,
    FILLED,
    MEASURED,
    MISSING,
    NO_UNIT,
    PAIRS,
    STATES,
    UNITS,
)

_NEEDED = ("subject_id", "species", "sex", "age")
_KNOWN = (*_NEEDED, "session_start", "experimenter", "institution", "description")


def write_nwb(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions and, in the form "multi", the views and the cameras.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, no frame rate, something about the subject is not understood,
        or a library is not installed.
    """
    pynwb, ndx = library("pynwb", "nwb", to.path), library("ndx_pose", "nwb", to.path)
    poses.in_space("NWB")
    rate = poses.rate("NWB")
    about, notes = _about(to.settings)
    named, changed = with_readable_names(poses, r"[/:]")
    start = about.get("session_start")
    file = pynwb.NWBFile(
        session_description=about.get("description") or f"poses of session {poses.session}",
        identifier=f"{poses.session or 'recording'}-napari-pose3d",
        session_start_time=start,
        experimenter=[about["experimenter"]] if "experimenter" in about else None,
        institution=about.get("institution"),
        subject=pynwb.file.Subject(**{key: about[key] for key in _NEEDED if key in about})
        if any(key in about for key in _NEEDED)
        else None,
    )
    behavior = file.create_processing_module("behavior", "poses of the animal")
    skeleton = ndx.Skeleton(
        name="skeleton",
        nodes=list(named.keypoints),
        edges=named.bone_indices().astype(np.uint8),
        subject=file.subject,
    )
    behavior.add(ndx.Skeletons(skeletons=[skeleton]))
    facts = {
        "units": poses.units,
        "session": poses.session,
        "keypoints": list(named.keypoints),
        "views": list(poses.views),
        "renamed": changed,
    }
    series = _space_series(ndx, named, rate)
    common = {
        "scorer": "napari-pose3d",
        "source_software": "napari-pose3d",
        "source_software_version": __version__,
        "skeleton": skeleton,
    }
    if to.settings.nwb == "single" or named.poses2d is None:
        behavior.add(
            ndx.PoseEstimation(
                pose_estimation_series=series,
                name=CONTAINER,
                description=json.dumps(facts),
                **common,
            )
        )
    else:
        cameras = _cameras(ndx, named)
        for camera in cameras.values():
            file.add_device(camera)
        views = [
            ndx.PoseEstimation(
                pose_estimation_series=_view_series(ndx, named, v, rate),
                name=_without_slashes(view),
                description=f"view {view}",
                device=cameras.get(view),
                **common,
            )
            for v, view in enumerate(named.views)
        ]
        behavior.add(
            ndx.MultiCameraPoseEstimation(
                name=CONTAINER,
                description=json.dumps(facts),
                pose_estimation_series=series,
                pose_estimations=views,
                **common,
            )
        )
        notes.append("keypoint-moseq reads the single form only")
    assert named.poses3d is not None
    if np.isfinite(named.poses3d.covariance).any():
        behavior.add(_covariances(pynwb, named, rate))
    if named.measured:
        _refuse_same_names(named)
        behavior.add(_measurements(pynwb, named, rate))
    target = to.files.path(to.path)
    target.unlink()
    with input_errors(to.path, *DAMAGE), pynwb.NWBHDF5IO(str(target), "w") as io:
        io.write(file)
    return [*notes_of(changed), *notes]


def _about(settings: ExportSettings) -> tuple[dict[str, Any], list[str]]:
    """What is known about subject and session, and notes on what an archive will ask for."""
    about: dict[str, Any] = dict(settings.subject)
    unknown = sorted(set(about) - set(_KNOWN))
    if unknown:
        raise PoseDataError(
            f"NWB has no place for {', '.join(unknown)}",
            expected=f"some of {', '.join(_KNOWN)}",
            remedy=Remedy("subject"),
        )
    notes = []
    absent = [key for key in _NEEDED if key not in about]
    if absent:
        notes.append(f"archives such as DANDI will ask for the subject's {', '.join(absent)}")
    if "session_start" in about:
        try:
            start = datetime.fromisoformat(about["session_start"])
        except ValueError:
            start = None
        if start is None or start.tzinfo is None:
            raise PoseDataError(
                f"'{about['session_start']}' is no time with a time zone",
                expected="such as 2026-11-28T10:30:00+01:00",
                remedy=Remedy("subject"),
            )
        about["session_start"] = start
    else:
        about["session_start"] = datetime(1970, 1, 1, tzinfo=UTC)
        notes.append("session_start is not given, and 1970 is in its place")
    return about, notes


def _space_series(ndx: Any, poses: SessionPoses, rate: float) -> list[Any]:
    space = poses.poses3d
    assert space is not None
    confidence = poses.confidence3d()
    states = np.full(space.xyz.shape[:2], MEASURED, np.uint8)
    states[space.inferred] = FILLED
    states[~np.isfinite(space.xyz).all(axis=-1)] = MISSING
    return [
        ndx.PoseEstimationSeries(
            name=name,
            description=f"position of {name} in space",
            data=np.ascontiguousarray(space.xyz[:, k]),
            unit=_unit(poses),
            reference_frame=poses.reference,
            rate=rate,
            starting_time=0.0,
            confidence=np.ascontiguousarray(confidence[:, k], dtype=np.float64),
            confidence_definition="smallest likelihood of the views that observed it",
            control=np.ascontiguousarray(states[:, k]),
            control_description=STATES,
        )
        for k, name in enumerate(poses.keypoints)
    ]


def _unit(poses: SessionPoses) -> str:
    return UNITS.get(poses.units, poses.units) or NO_UNIT


def _view_series(ndx: Any, poses: SessionPoses, v: int, rate: float) -> list[Any]:
    of_views = poses.poses2d
    assert of_views is not None
    return [
        ndx.PoseEstimationSeries(
            name=name,
            description=f"position of {name} in the image",
            data=np.ascontiguousarray(of_views.xy[v, :, k], dtype=np.float64),
            unit="pixels",
            reference_frame="(0, 0) is the centre of the top left pixel; x right, y down",
            rate=rate,
            starting_time=0.0,
            confidence=np.ascontiguousarray(of_views.likelihood[v, :, k], dtype=np.float64),
            confidence_definition="likelihood of the network",
        )
        for k, name in enumerate(poses.keypoints)
    ]


def _covariances(pynwb: Any, poses: SessionPoses, rate: float) -> Any:
    """Those of the 3-D positions, a time series for each keypoint."""
    space = poses.poses3d
    assert space is not None
    rows, columns = zip(*PAIRS.values(), strict=True)
    return pynwb.behavior.BehavioralTimeSeries(
        name=COVARIANCE,
        time_series=[
            pynwb.TimeSeries(
                name=name,
                description=f"covariance of the position of {name}: {', '.join(PAIRS)}",
                data=np.ascontiguousarray(space.covariance[:, k][:, rows, columns], np.float32),
                unit=f"{_unit(poses)} squared",
                rate=rate,
                starting_time=0.0,
            )
            for k, name in enumerate(poses.keypoints)
        ],
    )


def _measurements(pynwb: Any, poses: SessionPoses, rate: float) -> Any:
    """What the project measures: values and standard deviations, side by side."""
    return pynwb.behavior.BehavioralTimeSeries(
        name="kinematics",
        time_series=[
            pynwb.TimeSeries(
                name=_without_slashes(each.measurement.name),
                description=f"{each.measurement.kind} of {', '.join(each.measurement.keypoints)}; "
                f"columns: {', '.join(each.columns())}",
                data=np.stack(list(each.columns().values()), axis=1),
                unit=each.unit or "1",
                rate=rate,
                starting_time=0.0,
            )
            for each in poses.measured
        ],
    )


def _refuse_same_names(poses: SessionPoses) -> None:
    owners: dict[str, str] = {}
    for each in poses.measured:
        name = each.measurement.name
        other = owners.setdefault(_without_slashes(name), name)
        if other != name:
            raise PoseDataError(
                f"the measurements '{other}' and '{name}' would have one name in NWB",
                place=f"measurement {name}",
                expected="names that differ in more than / and :",
                todo="Rename one of them in napari-pose3d/project.toml",
            )


def _cameras(ndx: Any, poses: SessionPoses) -> dict[str, Any]:
    found = {}
    for camera in () if poses.rig is None else poses.rig.cameras:
        model = {
            "model": "opencv fisheye" if camera.fisheye else "opencv",
            "size": camera.size,
            "units": poses.units,
        }
        found[camera.name] = ndx.CalibratedCamera(
            name=_without_slashes(f"camera {camera.name}"),
            description=json.dumps(model),
            intrinsic_matrix=camera.matrix,
            rotation_matrix=camera.rotation,
            translation_vector=camera.translation,
            distortion_coefficients=camera.distortion,
        )
    return found


def _without_slashes(name: str) -> str:
    return name.replace("/", "_").replace(":", "_")
