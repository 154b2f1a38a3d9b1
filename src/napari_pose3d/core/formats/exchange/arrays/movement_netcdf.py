"""movement's poses in netCDF.

Notes
-----
Variables ``position (time, space, keypoint, individual)`` and ``confidence``, with ``view`` as the
first dimension for positions in several views. movement 0.17 renamed ``keypoints`` and
``individuals`` to the singular; each of its versions refuses the other's files. Ours adds
``variance`` (like position), ``inferred``, and ``units`` as an attribute of ``position``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.containers.hdf5_files import DAMAGE, refuse_large
from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import check_regular, input_errors
from napari_pose3d.errors import PoseDataError, Remedy

from ..destination import Destination
from ..frame_rows import checked_positions, refuse_repeated
from ..session_poses import SessionPoses, poses3d_of
from ..side_file import parsed_facts

_EXPECTED = "movement's poses: position (time, space, keypoint, individual)"
_SINGULAR = {"keypoints": "keypoint", "individuals": "individual"}
_CHUNK = 4096


def write_movement(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions; with views also ``<name>_views.nc``, or those alone.

    Raises
    ------
    PoseDataError
        xarray or h5netcdf is not installed.
    """
    xarray = library("xarray", "netcdf", to.path)
    library("h5netcdf", "netcdf", to.path)
    notes = []
    plural = to.settings.movement_dims == "plural"
    if not plural:
        notes.append("movement 0.17 and later read it; for 0.15 and 0.16 write plural dimensions")
    if poses.fps is None:
        notes.append("time: the frame rate is not known, so time counts frames")
    target = to.path
    if poses.poses3d is not None:
        space = poses.poses3d
        variance = np.diagonal(space.covariance, axis1=-2, axis2=-1)
        arrays = {
            "position": _moved(space.xyz),
            "confidence": poses.confidence3d()[..., None],
            "variance": _moved(variance),
            "inferred": space.inferred[..., None],
        }
        _save(xarray, poses, arrays, "xyz", (), target, to.files, plural, poses.units)
        target = to.path.with_name(f"{to.path.stem}_views{to.path.suffix}")
    if poses.poses2d is not None:
        of_views = poses.poses2d
        arrays = {
            "position": _moved(of_views.xy),
            "confidence": of_views.likelihood[..., None],
        }
        if of_views.variance is not None:
            arrays["variance"] = _moved(of_views.variance)
        _save(xarray, poses, arrays, "xy", of_views.views, target, to.files, plural, "pixels")
    return notes


def _moved(positions: NDArray[Any]) -> NDArray[Any]:
    """``(..., frame, keypoint, space)`` as ``(..., time, space, keypoint, individual)``."""
    return np.swapaxes(positions, -1, -2)[..., None]


def _save(
    xarray: Any,
    poses: SessionPoses,
    arrays: dict[str, NDArray[Any]],
    axes: str,
    views: tuple[str, ...],
    path: Path,
    files: FileGroup,
    plural: bool,
    units: str,
) -> None:
    keypoint, individual = ("keypoints", "individuals") if plural else ("keypoint", "individual")
    first = ("view",) if views else ()
    cell = (*first, "time", keypoint, individual)
    point = (*first, "time", "space", keypoint, individual)
    fps = poses.fps
    time = np.arange(poses.n_frames) if fps is None else np.arange(poses.n_frames) / fps
    coords: dict[str, Any] = {
        "time": time,
        "space": list(axes),
        keypoint: list(poses.keypoints),
        individual: [poses.individual or "individual_0"],
    }
    if views:
        coords["view"] = list(views)
    attrs: dict[str, Any] = {
        "ds_type": "poses",
        "time_unit": "frames" if fps is None else "seconds",
        "source_software": "napari-pose3d",
        "skeleton": json.dumps([list(pair) for pair in poses.skeleton]),
        "session": poses.session,
    }
    if fps is not None:
        attrs["fps"] = float(fps)
    dataset = xarray.Dataset(
        {
            name: (point if name in ("position", "variance") else cell, array)
            for name, array in arrays.items()
        },
        coords=coords,
        attrs=attrs,
    )
    if units:
        dataset["position"].attrs["units"] = units
    encoding = {
        name: {
            "zlib": True,
            "complevel": 4,
            "chunksizes": tuple(
                min(n, _CHUNK) if dim == "time" else n
                for dim, n in zip(dataset[name].dims, dataset[name].shape, strict=True)
            ),
        }
        for name in arrays
    }
    dataset.to_netcdf(str(files.path(path)), engine="h5netcdf", encoding=encoding)


def read_movement(path: Path, individual: str | None = None) -> SessionPoses:
    """Read poses of either spelling, in space or of views.

    Parameters
    ----------
    individual : str, optional
        Which one, where the file holds several.

    Raises
    ------
    PoseDataError
        It holds no poses of movement, several individuals and none was chosen, is damaged, or a
        library is missing.
    """
    xarray = library("xarray", "netcdf", path)
    library("h5netcdf", "netcdf", path)
    check_regular(path, expected=_EXPECTED)
    with (
        input_errors(path, *DAMAGE, expected=_EXPECTED),
        # Times are numbers here, not dates.
        xarray.open_dataset(
            str(path), engine="h5netcdf", decode_times=False, cache=False
        ) as dataset,
    ):
        dataset = dataset.rename(
            {old: new for old, new in _SINGULAR.items() if old in dataset.dims}
        )
        _check(dataset, path)
        chosen = _place_of(individual, [str(n) for n in dataset["individual"].values], path)
        names = tuple(str(name) for name in dataset["keypoint"].values)
        refuse_repeated(names, path)
        arrays = {
            name: _array(dataset, name, path, chosen)
            for name in ("position", "confidence", "variance", "inferred")
            if name in dataset
        }
        axes = "".join(str(axis) for axis in dataset["space"].values)
        views = tuple(str(v) for v in dataset["view"].values) if "view" in dataset.dims else ()
        individual = str(dataset["individual"].values[chosen])
        units = str(dataset["position"].attrs.get("units", ""))
        attrs = dict(dataset.attrs)
    session = str(attrs.get("session") or path.stem)
    skeleton = parsed_facts(f'{{"skeleton": {attrs.get("skeleton") or "[]"}}}', path).skeleton
    fps = _fps(attrs)
    position = checked_positions(arrays["position"], path)
    confidence = arrays.get("confidence", np.full(position.shape[:-1], np.nan))
    if axes == "xyz" and not views:
        covariance = None
        if "variance" in arrays:
            covariance = np.full((*position.shape, 3), np.nan, np.float32)
            covariance[..., range(3), range(3)] = arrays["variance"]
        inferred = arrays.get("inferred")
        space = poses3d_of(
            position,
            names,
            session=session,
            units=units,
            inferred=None if inferred is None else np.nan_to_num(inferred) > 0,
            covariance=covariance,
        )
        scores = confidence.astype(np.float32)
        return SessionPoses(space, fps=fps, skeleton=skeleton, scores=scores)
    if not views:
        views, position, confidence = ("view",), position[None], confidence[None]
        arrays = {name: array[None] for name, array in arrays.items()}
    if axes != "xy":
        raise PoseDataError(
            f"the space of the views is '{axes}'", file=path, expected="x and y, or x, y and z"
        )
    variance = arrays.get("variance")
    of_views = Poses2D(
        position.astype(np.float32),
        confidence.astype(np.float32),
        views,
        names,
        variance=None if variance is None else variance.astype(np.float32),
        session=session,
        individual=individual,
    )
    return SessionPoses(poses2d=of_views, fps=fps, skeleton=skeleton)


def _check(dataset: Any, path: Path) -> None:
    wanted = {"time", "space", "keypoint", "individual"}
    if "position" not in dataset or not wanted <= set(dataset["position"].dims):
        raise PoseDataError("this holds no poses of movement", file=path, expected=_EXPECTED)
    if 0 in dataset["position"].shape:
        raise PoseDataError("the file holds no positions", file=path, expected=_EXPECTED)


def _place_of(wanted: str | None, individuals: list[str], path: Path) -> int:
    if wanted is None and len(individuals) == 1:
        return 0
    if wanted in individuals:
        return individuals.index(wanted)
    names = ", ".join(individuals)
    raise PoseDataError(
        f"the file holds several individuals: {names}"
        if wanted is None
        else f"no individual is called '{wanted}'",
        file=path,
        expected=f"one of {names}",
        todo="Choose one",
        remedy=Remedy("individual"),
    )


def _array(dataset: Any, name: str, path: Path, individual: int) -> NDArray[np.float64]:
    """A variable of one individual as ``(view, time, keypoint[, space])``."""
    variable = dataset[name].isel(individual=individual)
    order = [dim for dim in ("view", "time", "keypoint", "space") if dim in variable.dims]
    refuse_large(variable.shape, 8, path, name)
    if set(order) != set(variable.dims):
        raise PoseDataError(
            f"{name} has the dimensions {', '.join(map(str, variable.dims))}",
            file=path,
            expected=_EXPECTED,
        )
    return np.array(variable.transpose(*order).values, dtype=np.float64)


def _fps(attrs: dict[str, Any]) -> float | None:
    try:
        fps = float(attrs.get("fps", math.nan))
    except (TypeError, ValueError):
        return None
    return fps if 0 < fps < math.inf else None
