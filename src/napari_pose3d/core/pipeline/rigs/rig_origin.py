"""A rig's world placed by points that were labeled, predicted or clicked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.calibration.origin import (
    fixed_points,
    from_floor,
    from_points,
    with_origin,
)
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.errors import PoseDataError

from .point_sources import SharedPoints

Float64 = NDArray[np.float64]

_FLOOR_TOLERANCE = 0.02  # of the points' extent


def placed_by_points(
    rig: Rig, points: SharedPoints, names: Sequence[str], frame: int | None = None
) -> Rig:
    """A world whose origin, x axis and floor go through three points.

    Parameters
    ----------
    names : sequence of str
        Of three keypoints: the origin, one on the x axis, one more on the floor. z points to the
        side that most cameras are on (`turned_over` gives the other orientation).
    frame : int, optional
        The session frame to take them from; not given: their medians over all frames, where they
        stay in place.

    Raises
    ------
    PoseDataError
        When not three are named, one is not among the points or is not seen in two views, they
        move, or they lie on one line.
    """
    if len(names) != 3 or len(set(names)) != 3:
        raise PoseDataError(
            f"{len(set(names))} points were named",
            expected="three: the origin, one along x, one more on the floor",
        )
    xyz = _in_space(rig, points, names, frame)
    placed = from_points(rig, *fixed_points(xyz, names))
    where = "" if frame is None else f" in frame {frame}"
    return with_origin(placed, f"{names[0]}, x through {names[1]}, floor by {names[2]}{where}")


def placed_by_floor(
    rig: Rig, points: SharedPoints, names: Sequence[str], frame: int | None = None
) -> tuple[Rig, float]:
    """A world whose floor is the plane that most positions of some keypoints lie on.

    Parameters
    ----------
    names : sequence of str
        Keypoints that touch the floor, such as feet; raised ones are passed over.
    frame : int, optional
        Not given: all frames.

    Returns
    -------
    rig : Rig
        See `from_floor`.
    share : float
        Of the positions, how many lie within a fiftieth of their extent of the floor.

    Raises
    ------
    PoseDataError
        When a keypoint is not among the points, or fewer than three positions are known.
    """
    xyz = _in_space(rig, points, names, frame).reshape(-1, 3)
    xyz = xyz[np.isfinite(xyz).all(axis=1)]
    # Single mistriangulated points may lie anywhere.
    extent = float(
        np.linalg.norm(np.ptp(np.percentile(xyz, (5, 95), axis=0), axis=0)) if len(xyz) else 0.0
    )
    tolerance = max(_FLOOR_TOLERANCE * extent, 1e-9)
    placed, distances = from_floor(rig, xyz, tolerance)
    named = with_origin(placed, f"a floor through {', '.join(names)}")
    return named, float(np.mean(np.abs(distances) < tolerance))


def clicked_points(path: Path) -> SharedPoints:
    """Points clicked in single images, from a table.

    Parameters
    ----------
    path : Path
        CSV with the columns ``view, point, x, y``: the name of a camera, a name of the point, and
        px of the camera's image.

    Raises
    ------
    PoseDataError
        When it cannot be read, a column is missing, a position is no number, or a point is given
        twice for a view; says in which line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise PoseDataError(
            f"cannot be read ({error.strerror or error})", file=path, todo="Check its permissions"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PoseDataError(
            f"this is not a table ({error})", file=path, expected="columns view, point, x and y"
        ) from None
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            key = str(row["view"]).strip(), str(row["point"]).strip()
            at = float(row["x"]), float(row["y"])
        except (KeyError, TypeError, ValueError):
            raise PoseDataError(
                "this row has no view, point, x and y",
                file=path,
                place=f"line {number}",
                expected="the columns view, point, x, y",
            ) from None
        if key in found:
            raise PoseDataError(
                f"point {key[1]} of view {key[0]} is here a second time",
                file=path,
                place=f"line {number}",
                expected="each point once for each view",
            )
        found[key] = at
    if not found:
        raise PoseDataError("there are no points", file=path, expected="rows of view, point, x, y")
    views = tuple(dict.fromkeys(view for view, _ in found))
    names = tuple(dict.fromkeys(point for _, point in found))
    xy = np.array([[[found.get((v, p), (np.nan, np.nan)) for p in names]] for v in views])
    return SharedPoints(views, names, xy, np.array([-1]))


def _in_space(rig: Rig, points: SharedPoints, names: Sequence[str], frame: int | None) -> Float64:
    """``(frame, name, 3)``, NaN where fewer than two views see a point."""
    strangers = [name for name in names if name not in points.keypoints]
    if strangers:
        raise PoseDataError(
            f"there is no keypoint {', '.join(strangers)}",
            expected=f"names among {', '.join(points.keypoints[:40])}",
        )
    xy = points.xy[:, :, [points.keypoints.index(name) for name in names]]
    if frame is not None:
        chosen = points.frames == frame
        if not chosen.any():
            raise PoseDataError(
                f"there are no points of frame {frame}", expected="a frame that is labeled"
            )
        xy = xy[:, chosen]
    return triangulate(rig.subset(points.views), xy).xyz
