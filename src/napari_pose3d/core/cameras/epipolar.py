"""Epipolar curves: the ray of a pixel in one view, as another view sees it through its lens.

Notes
-----
Without lens distortion the ray is a straight line in the second view; here it is followed point by
point. It ends where the working volume ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.poses.stretches import stretches

from .camera import Camera
from .rig import Rig
from .working_volume import WorkingVolume, field_of_view, image_size, undistort_in

Float64 = NDArray[np.float64]

# Samples along a ray before it is clipped to the image.
_FINE = 512
# No animal sits on the lens: this part of the way to the middle of the volume stays free.
_NEAREST = 1e-3
# A curve goes on for this many px beyond the image.
_BESIDE_IMAGE = 20.0


@dataclass(frozen=True, eq=False)
class Curve:
    """A ray of one view as another view sees it, from its near to its far end.

    Attributes
    ----------
    xy : (point, 2) float64
        Rig px of the other view.
    xyz : (point, 3) float64
        Rig units.
    depth : (point,) float64
        Along the axis of the camera that the ray comes from, rig units; ascending.
    """

    xy: Float64
    xyz: Float64
    depth: Float64

    def __len__(self) -> int:
        return len(self.depth)


NOTHING = Curve(np.empty((0, 2)), np.empty((0, 3)), np.empty(0))


def epipolar_curve(
    rig: Rig,
    view: int,
    xy: ArrayLike,
    other: int,
    volume: WorkingVolume,
    n_points: int = 64,
) -> Curve:
    """Where a point that one view sees at a pixel can be in another view.

    Parameters
    ----------
    rig : Rig
    view : int
        Index of the camera that sees the point.
    xy : (2,)
        Its rig pixel there.
    other : int
        Index of the camera to draw in.
    volume : WorkingVolume
        Where the point can be.
    n_points : int
        At least 2, evenly spaced in the image.

    Returns
    -------
    Curve
        The part in front of both cameras, in the volume, and in the other image or next to it.
        Empty (`NOTHING`) where there is none, or the pixel has no ray. Where the lens bends it out
        of the image and in again, the longest part.
    """
    line = _visible_line(rig, view, np.asarray(xy, dtype=np.float64), other, volume)
    if line is None:
        return NOTHING
    fine = line.at(np.linspace(0.0, 1.0, _FINE))
    pixels = _project(rig, other, line.points(fine))
    run = _longest_run(_near_image(rig.cameras[other], pixels))
    if run is None:
        return NOTHING
    along = np.concatenate([[0.0], np.hypot(*np.diff(pixels[run], axis=0).T).cumsum()])
    depth = np.interp(np.linspace(0.0, along[-1], n_points), along, fine[run])
    xyz = line.points(depth)
    return Curve(_project(rig, other, xyz), xyz, depth)


def likely_part(curve: Curve, xyz: ArrayLike, covariance: ArrayLike, n_sd: float = 3.0) -> Curve:
    """The part of a curve that agrees with a predicted point in space.

    Parameters
    ----------
    curve : Curve
    xyz : (3,)
        The predicted point, rig units.
    covariance : (3, 3)
    n_sd : float
        How far the part goes along the ray.

    Returns
    -------
    Curve
        Empty where the whole curve is further than twice ``n_sd`` standard deviations from the
        prediction: then the pixel contradicts it.
    """
    return _close_part(curve, curve.xyz, np.asarray(xyz), np.asarray(covariance), n_sd)


def likely_part_2d(curve: Curve, xy: ArrayLike, covariance: ArrayLike, n_sd: float = 3.0) -> Curve:
    """The part of a curve that agrees with a prediction in its own view.

    Parameters
    ----------
    curve : Curve
    xy : (2,)
        The predicted position in px.
    covariance : (2, 2), or (2,)
        Covariance in px^2, or only the variances.
    n_sd : float

    Returns
    -------
    Curve
        Empty where the whole curve is further than twice ``n_sd`` standard deviations away.
    """
    spread = np.asarray(covariance, dtype=np.float64)
    if spread.ndim == 1:
        spread = np.diag(spread)
    return _close_part(curve, curve.xy, np.asarray(xy), spread, n_sd)


def nearest_on_curve(curve: Curve, xy: ArrayLike) -> Float64:
    """The position on a curve that is nearest to a pointer, ``(2,)`` px; NaN on an empty curve.

    Parameters
    ----------
    curve : Curve
    xy : (2,)
        Where the pointer is.
    """
    if not len(curve):
        return np.full(2, np.nan)
    at = _nearest(curve.xy - np.asarray(xy, dtype=np.float64))
    return np.asarray(_between(curve.xy, at))


# --- the ray ----------------------------------------------------------------------------------


class _Line(NamedTuple):
    """The visible part of a ray: evenly along it in the undistorted other image."""

    origin: Float64
    direction: Float64  # per unit of depth
    first: float  # depth
    last: float
    first_other: float  # depth in the other camera
    last_other: float

    def at(self, part: Float64) -> Float64:
        """Depth where ``part`` (0 to 1) of the line in the undistorted image is passed."""
        # In a perspective image not depth but its inverse grows linearly.
        a, b = (1 - part) / self.first_other, part / self.last_other
        return (a * self.first + b * self.last) / (a + b)

    def points(self, depth: Float64) -> Float64:
        return self.origin + depth[:, None] * self.direction


def _visible_line(
    rig: Rig, view: int, xy: Float64, other: int, volume: WorkingVolume
) -> _Line | None:
    camera, second = rig.cameras[view], rig.cameras[other]
    ray = undistort_in(rig, view, xy[None])[0]
    if not np.isfinite(ray).all():
        return None
    origin = camera.centre
    direction = camera.rotation.T @ np.array([*ray, 1.0])
    parts = [
        (_NEAREST * float(np.linalg.norm(volume.centre - origin)), np.inf),
        _within_sphere(origin - volume.centre, direction, volume.radius),
        _within_cone(
            second.rotation @ origin + second.translation,
            second.rotation @ direction,
            field_of_view(rig, other),
        ),
    ]
    first = max(part[0] for part in parts)
    last = min(part[1] for part in parts)
    if not first < last:
        return None
    depth = second.rotation[2] @ (origin + np.outer([first, last], direction)).T
    near, far = depth + second.translation[2]
    if not (near > 0 and far > 0):
        return None
    return _Line(origin, direction, first, last, float(near), float(far))


_NOWHERE = (np.inf, -np.inf)


def _within_sphere(start: Float64, direction: Float64, radius: float) -> tuple[float, float]:
    """From where to where a line is less than ``radius`` from zero."""
    length = float(np.linalg.norm(direction))
    unit = direction / length
    middle = -float(start @ unit)
    # Not by the difference of two large squares: a telecentric camera is far away.
    half = radius**2 - float(np.sum((start + middle * unit) ** 2))
    if half <= 0:
        return _NOWHERE
    return (middle - np.sqrt(half)) / length, (middle + np.sqrt(half)) / length


def _within_cone(start: Float64, direction: Float64, tangent: float) -> tuple[float, float]:
    """From where to where a line is in a camera's cone of view, in the camera's coordinates."""
    scaled = np.array([1.0, 1.0, tangent])
    p, d = start * scaled, direction * scaled
    sign = np.array([1.0, 1.0, -1.0])
    a, b, c = float((d * d) @ sign), float((p * d) @ sign), float((p * p) @ sign)
    roots = []
    if b * b > a * c and a != 0.0:
        q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
        roots = sorted({q / a, c / q} if q != 0.0 else {q / a})
    elif a == 0.0 and b != 0.0:
        roots = [-c / (2 * b)]
    # The quadric is a cone on both sides of the camera: each stretch between roots is tried.
    edges = [-np.inf, *roots, np.inf]
    for low, high in pairwise(edges):
        inside = _some_between(low, high)
        at = start + inside * direction
        if at[2] > 0 and np.hypot(at[0], at[1]) <= tangent * at[2]:
            return low, high
    return _NOWHERE


def _some_between(low: float, high: float) -> float:
    if np.isinf(low) and np.isinf(high):
        return 0.0
    if np.isinf(low):
        return high - max(1.0, abs(high))
    if np.isinf(high):
        return low + max(1.0, abs(low))
    return 0.5 * (low + high)


def _project(rig: Rig, view: int, xyz: Float64) -> Float64:
    """Pixels in one view only, ``(point, 3)`` -> ``(point, 2)``."""
    from .projection import project_points

    out = np.empty((1, len(xyz), 2))
    project_points(rig.packed[view : view + 1], xyz, out)
    return out[0]


def _near_image(camera: Camera, xy: Float64) -> NDArray[np.bool_]:
    inside = np.isfinite(xy).all(axis=-1)
    last = np.array(image_size(camera)) + _BESIDE_IMAGE
    inside &= ((xy > -_BESIDE_IMAGE) & (xy < last)).all(axis=-1)
    return np.asarray(inside)


def _longest_run(inside: NDArray[np.bool_]) -> slice | None:
    """The longest stretch of True with at least two entries."""
    starts, stops = stretches(inside).T
    if not len(starts):
        return None
    longest = int(np.argmax(stops - starts))
    run = slice(int(starts[longest]), int(stops[longest]))
    return run if run.stop - run.start >= 2 else None


# --- along a curve ----------------------------------------------------------------------------


def _nearest(path: Float64) -> float:
    """Where a path of straight pieces ``(point, n)`` is nearest to zero: index and part of one."""
    if len(path) == 1:
        return 0.0
    start, step = path[:-1], np.diff(path, axis=0)
    length = np.maximum(np.einsum("ni,ni->n", step, step), 1e-300)
    part = np.clip(-np.einsum("ni,ni->n", start, step) / length, 0.0, 1.0)
    distance = np.linalg.norm(start + part[:, None] * step, axis=-1)
    piece = int(np.argmin(distance))
    return piece + float(part[piece])


def _between(values: Float64, at: float) -> Float64:
    """``values (point, ...)`` at an index that need not be whole."""
    low = min(int(at), len(values) - 1)
    high = min(low + 1, len(values) - 1)
    return np.asarray(values[low] + (at - low) * (values[high] - values[low]))


def _close_part(
    curve: Curve, path: Float64, expected: Float64, covariance: Float64, n_sd: float
) -> Curve:
    """The stretch around the nearest place where a path is ``n_sd`` further than there."""
    if len(curve) < 2 or not (np.isfinite(expected).all() and np.isfinite(covariance).all()):
        return NOTHING
    # In standard deviations of the prediction, so that distances are what they mean.
    values, vectors = np.linalg.eigh(covariance)
    if not values.max() > 0.0:
        return NOTHING
    scale = np.sqrt(np.maximum(values, 1e-12 * values.max()))
    away = (path - expected) @ vectors / scale
    nearest = _nearest(away)
    least = float(np.linalg.norm(_between(away, nearest)))
    if least > 2 * n_sd:
        return NOTHING
    limit = np.hypot(least, n_sd)
    ends = [_crossing(away, nearest, limit, -1), _crossing(away, nearest, limit, 1)]
    inner = np.arange(np.floor(ends[0]) + 1, np.ceil(ends[1]))
    at = np.array([ends[0], *inner, ends[1]])
    xy, xyz = (np.array([_between(path, i) for i in at]) for path in (curve.xy, curve.xyz))
    return Curve(xy, xyz, np.interp(at, np.arange(len(curve)), curve.depth))


def _crossing(away: Float64, nearest: float, limit: float, step: int) -> float:
    """Where a path, followed from ``nearest``, is ``limit`` from zero; its end if nowhere."""
    beyond = np.linalg.norm(away, axis=-1) > limit
    index = np.arange(len(away))
    found = index[beyond & ((index - nearest) * step > 0)]
    if not len(found):
        return float(index[-1] if step > 0 else 0)
    outside = float(found[0] if step > 0 else found[-1])
    inside = max(nearest, outside - 1) if step > 0 else min(nearest, outside + 1)
    # |start + t (stop - start)|^2 = limit^2 has one root between an inner and an outer point.
    start, stop = _between(away, inside), _between(away, outside)
    d = stop - start
    a, b, c = float(d @ d), float(start @ d), float(start @ start) - limit**2
    part = (-b + np.sqrt(max(b * b - a * c, 0.0))) / a
    return float(inside + min(max(part, 0.0), 1.0) * (outside - inside))
