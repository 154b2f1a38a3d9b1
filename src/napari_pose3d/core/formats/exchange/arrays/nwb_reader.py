"""Poses of ndx-pose out of an NWB file, with h5py alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.hdf5_files import numbers_of, open_hdf5
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.errors import PoseDataError

from ..frame_rows import refuse_infinite
from ..session_poses import SessionPoses, poses3d_of
from ..side_file import parsed_facts
from .nwb_names import CONTAINER, COVARIANCE, FILLED, NO_UNITS, PAIRS

_EXPECTED = "NWB with a PoseEstimation of ndx-pose in processing/behavior"


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
        found = [n for n, kind in kinds.items() if kind.endswith(CONTAINER)]
        if len(found) != 1:
            raise PoseDataError(
                f"there are {len(found)} containers of poses", file=path, expected=_EXPECTED
            )
        container = behavior[found[0]]
        facts = parsed_facts(_text(container, "description"), path)
        spaces = _series(container, path)
        covariances = _covariances(behavior.get(COVARIANCE), path)
        views = {
            name: _series(each, path)
            for name, each in container.items()
            if str(each.attrs.get("neurodata_type", "")) == CONTAINER
        }
    return _poses_of(spaces, views, covariances, facts, path)


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


def _covariances(group: Any, path: Path) -> dict[str, NDArray[np.float32]]:
    """By keypoint, ``(frame, 6)``; empty where the file has none of ours."""
    found = {}
    for name, each in () if group is None else group.items():
        if str(each.attrs.get("neurodata_type", "")) == "TimeSeries":
            data = numbers_of(each, "data", path, 2).astype(np.float32)
            if data.shape[1] == len(PAIRS):
                found[name] = data
    return found


def _text(group: Any, name: str) -> str:
    value = group[name][()] if name in group else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _poses_of(
    spaces: _Series,
    views: dict[str, _Series],
    covariances: dict[str, NDArray[np.float32]],
    facts: Any,
    path: Path,
) -> SessionPoses:
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
        units = facts.units or ("" if stated in NO_UNITS else stated)
        scores = column(spaces, "confidence", 1)[..., 0].astype(np.float32)
        space = poses3d_of(
            column(spaces, "data", 3),
            keypoints,
            session=session,
            units=units,
            inferred=column(spaces, "control", 1)[..., 0] == FILLED,
            covariance=_matrices(covariances, keypoints, n),
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


def _matrices(
    covariances: dict[str, NDArray[np.float32]], keypoints: tuple[str, ...], n_frames: int
) -> NDArray[np.float32] | None:
    """``(frame, keypoint, 3, 3)``; None where none is known."""
    known = {k: v for k, v in covariances.items() if k in keypoints and len(v) == n_frames}
    if not known:
        return None
    out = np.full((n_frames, len(keypoints), 3, 3), np.nan, np.float32)
    for name, values in known.items():
        for (i, j), column in zip(PAIRS.values(), values.T, strict=True):
            out[:, keypoints.index(name), i, j] = out[:, keypoints.index(name), j, i] = column
    return out
