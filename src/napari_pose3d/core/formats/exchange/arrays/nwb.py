"""NWB with ndx-pose: an archive of poses, cameras and what was filled in.

Notes
-----
The container is called ``PoseEstimation``: movement looks for that name. keypoint-moseq accepts
nothing beside it, hence the single form. Whether a point was measured is the native ``control`` of
a series. References: ndx-pose 0.4, pynwb 4.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d._version import __version__
from napari_pose3d.core.formats.containers.hdf5_files import DAMAGE, numbers_of, open_hdf5
from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.storage.input_files import input_errors
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import ExportSettings

from ..destination import Destination
from ..frame_rows import refuse_infinite
from ..keypoint_names import notes_of, with_readable_names
from ..session_poses import SessionPoses, poses3d_of
from ..side_file import parsed_facts

_EXPECTED = "NWB with a PoseEstimation of ndx-pose in processing/behavior"
_CONTAINER = "PoseEstimation"
# NWB wants one.
_NO_UNIT = "unknown"
_MEASURED, _FILLED, _MISSING = 0, 1, 2
_STATES = ["measured", "filled in", "missing"]
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
                name=_CONTAINER,
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
                name=_CONTAINER,
                description=json.dumps(facts),
                pose_estimation_series=series,
                pose_estimations=views,
                **common,
            )
        )
        notes.append("keypoint-moseq reads the single form only")
    target = to.files.path(to.path)
    target.unlink()
    with input_errors(to.path, *DAMAGE), pynwb.NWBHDF5IO(str(target), "w") as io:
        io.write(file)
    return [*notes_of(changed), *notes, "not kept: uncertainty"]


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
    states = np.full(space.xyz.shape[:2], _MEASURED, np.uint8)
    states[space.inferred] = _FILLED
    states[~np.isfinite(space.xyz).all(axis=-1)] = _MISSING
    return [
        ndx.PoseEstimationSeries(
            name=name,
            description=f"position of {name} in space",
            data=np.ascontiguousarray(space.xyz[:, k]),
            unit=poses.units or _NO_UNIT,
            reference_frame="world of the calibration",
            rate=rate,
            starting_time=0.0,
            confidence=np.ascontiguousarray(confidence[:, k], dtype=np.float64),
            confidence_definition="smallest likelihood of the views that observed it",
            control=np.ascontiguousarray(states[:, k]),
            control_description=_STATES,
        )
        for k, name in enumerate(poses.keypoints)
    ]


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


def read_nwb(path: Path) -> SessionPoses:
    """Read poses in space, and those of views, of one animal; without pynwb.

    Raises
    ------
    PoseDataError
        It holds no poses of ndx-pose, is damaged, or h5py is not installed.
    """
    with open_hdf5(path, "nwb", _EXPECTED) as file:
        behavior = file.get("processing/behavior")
        if behavior is None:
            raise PoseDataError("it has no processing/behavior", file=path, expected=_EXPECTED)
        kinds = {name: str(each.attrs.get("neurodata_type", "")) for name, each in behavior.items()}
        found = [n for n, kind in kinds.items() if kind.endswith(_CONTAINER)]
        if len(found) != 1:
            raise PoseDataError(
                f"there are {len(found)} containers of poses", file=path, expected=_EXPECTED
            )
        container = behavior[found[0]]
        facts = parsed_facts(_text(container, "description"), path)
        spaces = _series(container, path)
        views = {
            name: _series(each, path)
            for name, each in container.items()
            if str(each.attrs.get("neurodata_type", "")) == _CONTAINER
        }
    return _poses_of(spaces, views, facts, path)


_Series = dict[str, dict[str, Any]]


def _series(group: Any, path: Path) -> _Series:
    out: _Series = {}
    for name, each in group.items():
        if str(each.attrs.get("neurodata_type", "")) != "PoseEstimationSeries":
            continue
        data = numbers_of(each, "data", path, 2).astype(np.float64)
        refuse_infinite(data, path)
        values: dict[str, Any] = {"data": data, "unit": str(each["data"].attrs.get("unit", ""))}
        for key in ("confidence", "control"):
            if key in each:
                values[key] = numbers_of(each, key, path, 1)
                if len(values[key]) != len(data):
                    raise PoseDataError(
                        f"{key} of {name} has {len(values[key])} values",
                        file=path,
                        expected=f"{len(data)}, one for each frame",
                    )
        if "starting_time" in each:
            values["fps"] = float(each["starting_time"].attrs.get("rate", math.nan))
        out[name] = values
    return out


def _text(group: Any, name: str) -> str:
    value = group[name][()] if name in group else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _poses_of(spaces: _Series, views: dict[str, _Series], facts: Any, path: Path) -> SessionPoses:
    all_series = [*spaces.items(), *(pair for each in views.values() for pair in each.items())]
    if not all_series:
        raise PoseDataError("there are no series of positions", file=path, expected=_EXPECTED)
    lengths = {len(values["data"]) for _, values in all_series}
    if len(lengths) > 1 or 0 in lengths:
        raise PoseDataError(
            f"the series have {', '.join(map(str, sorted(lengths)))} frames",
            file=path,
            expected="as many each",
        )
    names = {name for name, _ in all_series}
    # Containers come by the alphabet; the order is in the description.
    keypoints = facts.keypoints if set(facts.keypoints) == names else tuple(sorted(names))
    order = tuple(v for v in facts.views if v in views) if set(facts.views) == set(views) else ()
    order = order or tuple(views)
    fps = next((v["fps"] for _, v in all_series if 0 < v.get("fps", 0) < math.inf), None)
    widths = {values["data"].shape[1] for values in spaces.values()}
    if widths == {2} and not views:
        views, order, spaces = {"view": spaces}, ("view",), {}
    elif widths - {3} or any(v["data"].shape[1] != 2 for s in views.values() for v in s.values()):
        raise PoseDataError("positions have neither 2 nor 3 numbers", file=path, expected=_EXPECTED)
    (n,) = lengths
    session = facts.session or path.stem

    def column(series: _Series, key: str, width: int) -> NDArray[Any]:
        out = np.full((n, len(keypoints), width), np.nan)
        for k, name in enumerate(keypoints):
            if name in series and key in series[name]:
                out[:, k] = series[name][key].reshape(n, width)
        return out

    space, of_views, scores = None, None, None
    if spaces:
        stated = next(iter(spaces.values()))["unit"]
        units = facts.units or ("" if stated == _NO_UNIT else stated)
        scores = column(spaces, "confidence", 1)[..., 0].astype(np.float32)
        space = poses3d_of(
            column(spaces, "data", 3),
            keypoints,
            session=session,
            units=units,
            inferred=column(spaces, "control", 1)[..., 0] == _FILLED,
        )
    if views:
        of_views = Poses2D(
            np.stack([column(views[view], "data", 2) for view in order]).astype(np.float32),
            np.stack([column(views[view], "confidence", 1)[..., 0] for view in order]).astype(
                np.float32
            ),
            order,
            keypoints,
            session=session,
        )
    return SessionPoses(space, of_views, fps=fps, scores=scores).renamed(facts.renamed)
