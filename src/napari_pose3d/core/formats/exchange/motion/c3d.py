"""C3D, the format of motion capture.

Notes
-----
Written and read by ourselves: libraries cut recordings of more than 65,535 frames without a word,
and end the process on damaged files. By the c3d.org guide a residual of -1 means missing, and 0
interpolated; other residuals are whole multiples of the scale, from 1 to 255.

References
----------
"The C3D File Format", c3d.org, 2021: header, parameter section, 3-D data.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import PoseDataError, Remedy

from ..destination import Destination
from ..frame_rows import refuse_infinite, refuse_repeated
from ..session_poses import SessionPoses, poses3d_of
from .c3d_parameters import Parameters, Value, parameter_section

_PROGRAM = "C3D"
_EXPECTED = "a C3D file with points"
MOST_FRAMES = 65_535
_MOST_POINTS = 1000
_BLOCK = 512
_KEY = 0x50
_FRAMES_AT_ONCE = 4096
_LARGEST = 1 << 31
_ORDERS = {84: "<", 86: ">"}


def is_c3d(head: bytes) -> bool:
    """By its second byte, which is the same in every C3D."""
    return len(head) > 1 and head[1] == _KEY


def write_c3d(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions; ``<name>_part1.c3d`` and so on where they are too many to be in one.

    The residual of a measured point is the root of its mean variance in units of the calibration,
    to a 200th of the largest; 0 where it was filled in, -1 where missing.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, no frame rate, or more than 65,535 frames that are not to be
        split.
    """
    space, fps = poses.in_space(_PROGRAM), poses.rate(_PROGRAM)
    n = poses.n_frames
    if n > MOST_FRAMES and not to.settings.split:
        raise PoseDataError(
            f"there are {n:,} frames, and a C3D file has room for {MOST_FRAMES:,}",
            todo="Write several files, or choose another format",
            remedy=Remedy("split"),
        )
    if len(poses.keypoints) > _MOST_POINTS:
        raise PoseDataError(
            f"there are {len(poses.keypoints)} keypoints",
            expected=f"at most {_MOST_POINTS} in a C3D file",
            remedy=Remedy("keypoints"),
        )
    notes = ["not kept: uncertainty, but for one number"]
    if not poses.units:
        notes.append("units: the calibration names none; the file says nothing of them")
    deviation = _deviations(poses)
    largest = float(np.nanmax(deviation, initial=0.0))
    scale = largest / 200 if largest > 0 else 1.0
    starts = range(0, n, MOST_FRAMES)
    for number, start in enumerate(starts, 1):
        stop = min(start + MOST_FRAMES, n)
        target = to.path
        if len(starts) > 1:
            target = to.path.with_name(f"{to.path.stem}_part{number}{to.path.suffix}")
            notes.append(f"{target.name}: frames {start} to {stop - 1}")
        with to.files.path(target).open("wb") as stream:
            stream.write(_head(poses, stop - start, fps, scale))
            for first in range(start, stop, _FRAMES_AT_ONCE):
                to.check_cancelled()
                part = slice(first, min(first + _FRAMES_AT_ONCE, stop))
                block = np.zeros((part.stop - part.start, len(poses.keypoints), 4), "<f4")
                missing = np.asarray(~np.isfinite(space.xyz[part]).all(axis=-1))
                block[..., :3] = np.where(missing[..., None], 0, space.xyz[part])
                units = np.rint(np.nan_to_num(deviation[part] / scale, nan=1.0))
                block[..., 3] = np.clip(units, 1, 255)
                block[..., 3][space.inferred[part]] = 0
                block[..., 3][missing] = -1
                stream.write(block.tobytes())
                to.report(part.stop, n, target)
            stream.write(bytes(-stream.tell() % _BLOCK))
    return notes


def _deviations(poses: SessionPoses) -> NDArray[np.float32]:
    assert poses.poses3d is not None
    trace = np.trace(poses.poses3d.covariance, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        return np.sqrt(trace / 3).astype(np.float32)


def _head(poses: SessionPoses, n_frames: int, fps: float, scale: float) -> bytes:
    names = [name[:127] for name in poses.keypoints]
    point: dict[str, Value] = {
        "USED": len(names),
        "SCALE": -scale,
        "RATE": fps,
        "DATA_START": 0,
        "FRAMES": n_frames,
        "LABELS": names,
        "DESCRIPTIONS": names,
        "UNITS": [poses.units],
        "X_SCREEN": ["+X"],
        "Y_SCREEN": ["+Z"],
    }
    analog: dict[str, Value] = {"USED": 0, "GEN_SCALE": 1.0, "RATE": fps}
    n_blocks = len(parameter_section({"POINT": point, "ANALOG": analog})) // _BLOCK
    point["DATA_START"] = 2 + n_blocks
    header = bytearray(_BLOCK)
    struct.pack_into("<BBHHHHHfHHf", header, 0, 2, _KEY, len(names), 0, 1, n_frames, 0,
                     -scale, 2 + n_blocks, 1, fps)  # fmt: skip
    return bytes(header) + parameter_section({"POINT": point, "ANALOG": analog})


def read_c3d(path: Path) -> SessionPoses:
    """Read the points of a C3D; where some residuals are above 0, the others count as filled in.

    Raises
    ------
    PoseDataError
        It is no C3D, or damaged.
    """
    with (
        open_input(path, largest=_LARGEST, expected=_EXPECTED) as stream,
        input_errors(path, struct.error, LookupError, expected=_EXPECTED),
    ):
        data = stream.read()
        if len(data) < 2 * _BLOCK or not is_c3d(data):
            raise PoseDataError("this is no C3D", file=path, expected=_EXPECTED)
        start = (data[0] - 1) * _BLOCK
        order = _ORDERS.get(data[start + 3]) if start >= 0 else None
        if order is None:
            raise PoseDataError(
                "the numbers are those of a DEC computer, or the file is damaged",
                file=path,
                place="header",
                expected="numbers as Intel or MIPS computers write them",
                todo="Convert the file in the program that wrote it",
            )
        _, n_points, n_analog, first, last, _, scale, block, _, rate = struct.unpack_from(
            f"{order}HHHHHHfHHf", data
        )
        parameters = Parameters(data, start, order)
        points = _points(
            data, (block - 1) * _BLOCK, last - first + 1, n_points, n_analog, scale, order, path
        )
        names = tuple(
            name
            for key in ("LABELS", *(f"LABELS{i}" for i in range(2, 6)))
            for name in parameters.texts("POINT", key)
        )[:n_points]
        units = next(iter(parameters.texts("POINT", "UNITS")), "")
    if len(names) < n_points:
        raise PoseDataError(
            f"there are {n_points} points and {len(names)} labels",
            file=path,
            place="POINT:LABELS",
            expected="a label for each point",
        )
    refuse_repeated(names, path)
    xyz = points[..., :3].astype(np.float64)
    refuse_infinite(xyz, path)
    residual = points[..., 3]
    xyz[~np.isfinite(xyz).all(axis=-1) | ~(residual >= 0)] = np.nan
    known = np.isfinite(xyz[..., 0])
    # The low byte; the high one names cameras.
    low = np.clip(np.where(known, residual, 0), 0, 65_535).astype(np.int64) % 256
    # Many programs write 0 everywhere, and mean nothing by it.
    tells = bool((low[known] > 0).any())
    space = poses3d_of(
        xyz,
        names,
        session=path.stem,
        units=units,
        inferred=(low == 0) & known if tells else None,
    )
    return SessionPoses(space, fps=float(rate) if 0 < rate < np.inf else None)


def _points(
    data: bytes,
    at: int,
    n_frames: int,
    n_points: int,
    n_analog: int,
    scale: float,
    order: str,
    path: Path,
) -> NDArray[np.float32]:
    """``(frame, point, 4)`` of the data section."""
    kind = np.dtype(f"{order}f4" if scale < 0 else f"{order}i2")
    width = 4 * n_points + n_analog
    size = n_frames * width * kind.itemsize
    if n_points < 1 or n_frames < 1 or at < _BLOCK or at + size > len(data):
        raise PoseDataError(
            f"the header claims {n_points} points in {n_frames} frames, and the file is shorter",
            file=path,
            place="header",
            expected=_EXPECTED,
            todo="Copy the file again; it is not complete",
        )
    rows = np.frombuffer(data, kind, n_frames * width, at).reshape(n_frames, width)
    points = rows[:, : 4 * n_points].reshape(n_frames, n_points, 4).astype(np.float32)
    if scale >= 0:
        points[..., :3] *= scale
    return points
