"""Where a rig's world begins and which way is up.

Notes
-----
A calibration finds the cameras relative to each other; the world's origin and axes are a choice.
They come from a board that lies still, from three points, or from a plane through points on the
floor. z points up, to the side that most cameras are on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.cameras.floor import fitted_plane
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.errors import PoseDataError

from .board.observations import BoardObservations

Float64 = NDArray[np.float64]

_STILL = 0.5  # px per frame
_FEWEST_STILL = 10
_MOST_MOTION = 0.05  # of the extent of the points


def moved_rig(rig: Rig, rotation: ArrayLike, origin: ArrayLike) -> Rig:
    """The same cameras in a new world.

    Parameters
    ----------
    rotation : (3, 3)
        Its rows are the new axes in the old world.
    origin : (3,)
        The new origin in the old world, rig units.
    """
    axes, at = np.asarray(rotation, dtype=np.float64), np.asarray(origin, dtype=np.float64)
    cameras = tuple(
        replace(
            camera,
            rotation=camera.rotation @ axes.T,
            translation=camera.rotation @ at + camera.translation,
        )
        for camera in rig.cameras
    )
    return replace(rig, cameras=cameras)


def from_points(rig: Rig, origin: ArrayLike, on_x: ArrayLike, in_plane: ArrayLike) -> Rig:
    """A world with its origin, x axis and floor through three points of the old one.

    Parameters
    ----------
    origin, on_x, in_plane : (3,)
        Rig units. z points to the side that most cameras are on; y completes a right-handed system.

    Raises
    ------
    PoseDataError
        When the points lie on one line.
    """
    start, along, other = (np.asarray(p, dtype=np.float64) for p in (origin, on_x, in_plane))
    x = along - start
    z = np.cross(x, other - start)
    if not np.linalg.norm(z) > 1e-6 * np.linalg.norm(x) * np.linalg.norm(other - start):
        raise PoseDataError("the three points lie on one line", expected="points of a triangle")
    x, z = x / np.linalg.norm(x), z / np.linalg.norm(z)
    if np.median((rig.centres - start) @ z) < 0:
        z = -z
    return moved_rig(rig, np.stack([x, np.cross(z, x), z]), start)


def from_floor(rig: Rig, points: ArrayLike, tolerance: float, seed: int = 0) -> tuple[Rig, Float64]:
    """A world whose z = 0 is the plane that most points lie on.

    Parameters
    ----------
    points : (n, 3)
        Where feet stood, or corners of a board that lay on the floor; rig units. NaN is left out.
    tolerance : float
        How far a point may lie from the floor, rig units.

    Returns
    -------
    rig : Rig
        The origin lies below the middle of the points; x points from there towards the first
        camera.
    distances : (n,)
        Of the points from the floor, above 0 on the cameras' side.

    Raises
    ------
    PoseDataError
        When fewer than three points are there, or they lie on one line.
    """
    everything = np.asarray(points, dtype=np.float64)
    there = everything[np.isfinite(everything).all(axis=1)]
    middle, normal = fitted_plane(there, tolerance, seed)
    if np.median((rig.centres - middle) @ normal) < 0:
        normal = -normal
    towards = rig.centres[0] - middle
    towards -= (towards @ normal) * normal
    if np.linalg.norm(towards) < 1e-9:
        towards = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    x = towards / np.linalg.norm(towards)
    placed = moved_rig(rig, np.stack([x, np.cross(normal, x), normal]), middle)
    return placed, np.asarray((everything - middle) @ normal)


def from_board(rig: Rig, rotation: Float64, translation: Float64, square: float) -> Rig:
    """A world whose floor is a board: the origin at its first inner corner, x along its rows.

    Parameters
    ----------
    rotation : (3, 3), translation : (3,)
        The board's pose in the old world.
    square : float
        Rig units.
    """
    corners = np.array([[0, 0, 0], [square, 0, 0], [0, square, 0]])
    return from_points(rig, *(corners @ rotation.T + translation))


def still_frames(observations: BoardObservations) -> NDArray[np.int64]:
    """The longest run of frames in which the board lies still in all views that see it.

    Returns
    -------
    (n,) int64
        Indices of frames; empty when there is no run of ten.
    """
    change = np.linalg.norm(np.diff(observations.xy, axis=1), axis=-1)
    seen = np.isfinite(change)
    known = seen.any(axis=(0, 2))
    # Of a view the middle of its corners: the largest of many changes is noise.
    typical = np.ma.median(np.ma.masked_array(change, ~seen), axis=2).filled(0.0)
    fastest = typical.max(axis=0)
    steps = np.diff(observations.frames)
    # Where every n-th frame was looked at, those follow one another.
    step = int(steps.min()) if len(steps) else 1
    still = known & (fastest < _STILL * step) & (steps == step)
    best, start = (0, 0), None
    for i, each in enumerate([*still, False]):
        if each and start is None:
            start = i
        elif not each and start is not None:
            best = max(best, (i - start + 1, -start))
            start = None
    if best[0] < _FEWEST_STILL:
        return np.empty(0, np.int64)
    return np.arange(-best[1], -best[1] + best[0])


def points_in_space(rig: Rig, clicks: Mapping[str, Float64]) -> Float64:
    """Points that were clicked in two views or more, in one order.

    Parameters
    ----------
    clicks : mapping of view to (point, 2)
        px of the rig's images; NaN where a view does not show a point.

    Returns
    -------
    (point, 3)
        Rig units; three of them are what `from_points` takes.

    Raises
    ------
    PoseDataError
        When fewer than two views with a camera have clicks, they have not the same number, or a
        point was clicked in one view only.
    """
    views = [view for view in clicks if view in rig.names]
    if len(views) < 2:
        raise PoseDataError(
            f"points were clicked in {len(views)} views that have a camera",
            expected="the same points in two views or more",
        )
    counts = {view: len(clicks[view]) for view in views}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{view} {n}" for view, n in counts.items())
        raise PoseDataError(
            f"the views have different numbers of points: {listed}",
            expected="the same points in each, in the same order",
        )
    xyz = triangulate(rig.subset(views), np.stack([clicks[view] for view in views])).xyz
    lone = [str(i + 1) for i, point in enumerate(xyz) if not np.isfinite(point).all()]
    if lone:
        raise PoseDataError(
            f"point {', '.join(lone)} was clicked in one view only",
            expected="the same points in two views or more",
        )
    return xyz


def fixed_points(xyz: Float64, names: Sequence[str]) -> Float64:
    """Positions of points that do not move, from several frames.

    Parameters
    ----------
    xyz : (frame, point, 3)
        Rig units; NaN where unknown.
    names : sequence of str
        Of the points.

    Returns
    -------
    (point, 3)
        Their medians.

    Raises
    ------
    PoseDataError
        When a point is known in no frame, or moves.
    """
    known = np.asarray(np.isfinite(xyz).all(axis=-1), dtype=bool).reshape(xyz.shape[:2])
    for name, there in zip(names, known.T, strict=True):
        if not there.any():
            raise PoseDataError(
                f"{name} is nowhere seen in two views at once", expected="a point of two views"
            )
    middle = np.nanmedian(np.where(known[..., None], xyz, np.nan), axis=0)
    extent = float(np.linalg.norm(np.ptp(middle, axis=0)))
    for name, there, place, each in zip(
        names, known.T, middle, np.swapaxes(xyz, 0, 1), strict=True
    ):
        away = float(np.median(np.linalg.norm(each[there] - place, axis=-1)))
        if away > _MOST_MOTION * extent:
            raise PoseDataError(
                f"{name} is not at one place: half of its positions are more than {away:.3g} "
                "away from their middle",
                expected="points that stay where they are, such as marks of the arena",
                todo="Say which frame",
            )
    return np.asarray(middle)


def turned_over(rig: Rig) -> Rig:
    """The other orientation: the same origin and x axis, z to the other side."""
    return moved_rig(rig, np.diag([1.0, -1.0, -1.0]), np.zeros(3))


def with_origin(rig: Rig, origin: str) -> Rig:
    """The rig, whose file will say what its world begins at."""
    metadata = rig.extra.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return replace(rig, extra={**rig.extra, "metadata": {**known, "origin": origin}})


def cameras_below(rig: Rig) -> tuple[str, ...]:
    """Names of the cameras below the floor."""
    return tuple(name for name, centre in zip(rig.names, rig.centres, strict=True) if centre[2] < 0)
