"""Whether observations fit a calibration, and whether cameras look exchanged.

Notes
-----
A sample of points is triangulated from all views without outlier rejection. A calibration of
another day, of another image size, or with names exchanged leaves residuals of many px in most of
them; outliers of a network do so in a minority, which does not move a median. Smaller residuals are
the calibration's where all keypoints share them (`shared_residual`). Where residuals are large,
permutations of the cameras are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import IsCancelled

from .rig import Rig
from .shared_residual import residual_parts
from .triangulation.triangulation import triangulate

# Points that are used, and how many are needed.
_POINTS, _MIN_POINTS = 400, 10
# Below this median residual, in px, permutations are not tried.
_SUSPICIOUS = 2.0
# A permutation is reported if it lowers the median residual to this part.
_MUCH_BETTER = 1 / 3
# Permutations whose residuals differ by no more than this factor fit equally well.
_EQUAL = 1.15
# Above the largest of these a calibration does not fit: px, part of the image's diagonal, multiple
# of the ensemble's standard deviation.
_POOR, _POOR_PART, _POOR_SPREADS = 6.0, 0.01, 6.0
# Nor does it above the larger of these, in what keypoints share: px, part of the image's diagonal;
# if that is this part of what they do not share, or more. Few keypoints may agree by accident.
_SHARED, _SHARED_PART, _SHARED_SHARE = 2.0, 0.0025, 0.4
_FEW_KEYPOINTS, _SHARE_OF_FEW = 5, 1.0
# For so many views or more; of two views, the residuals are smaller by the same errors.
_USUAL_VIEWS = 3
# All permutations of so many cameras are tried, of more only exchanges of two.
_FEW = 4


@dataclass(frozen=True)
class CalibrationFit:
    """How well observations fit a calibration.

    Attributes
    ----------
    residuals : dict of str to float
        Median length in px of observation minus reprojection by view, all views used; infinite
        where most points do not lie in front of the camera; NaN where nothing is known.
    poor : bool
        The residuals are larger than a network's errors explain.
    shared : float
        What all keypoints share of them, where that is much; else NaN. Root mean square in px.
    orders : tuple of tuple of str
        Of the permutations that fit much better, and equally well, those that exchange the fewest
        cameras: the camera that each view seems to belong to. Several where the cameras stand
        symmetrically; empty where nothing fits much better.
    better : float
        Median residual of that permutation, px.
    """

    residuals: dict[str, float]
    poor: bool = False
    shared: float = np.nan
    orders: tuple[tuple[str, ...], ...] = ()
    better: float = np.nan

    def warning(self) -> str | None:
        """What to tell the user; None where all is well."""
        if not self.poor and not self.orders:
            return None
        values = ", ".join(
            f"{view} {value:.1f}" if np.isfinite(value) else f"{view} not in view"
            for view, value in self.residuals.items()
        )
        text = f"the calibration does not fit the predictions: median residual in px {values}"
        if np.isfinite(self.shared) and not self.orders:
            text += (
                f"; {self.shared:.1f} px are shared by all keypoints, so they are no errors of a "
                "network"
            )
        if not self.orders:
            return f"{text}. Is it of this recording, and of this image size?"
        causes = ", or ".join(self._described(order) for order in self.orders)
        return (
            f"{text}. {causes} look exchanged: exchanged back, it is {self.better:.1f}. Say which "
            "camera is which view with Map cameras… in the tab Session, or under [cameras] in "
            "napari-pose3d/project.toml"
        )

    def _described(self, order: tuple[str, ...]) -> str:
        moved = [(v, c) for v, c in zip(self.residuals, order, strict=True) if v != c]
        if len(moved) == 2:
            return f"{moved[0][0]} and {moved[1][0]}"
        pairs = ", ".join(f"{view} is called {camera}" for view, camera in moved)
        return f"{len(moved)} cameras ({pairs})"


def calibration_fit(
    rig: Rig, xy: NDArray[np.floating], spread: float, cancelled: IsCancelled
) -> CalibrationFit:
    """Compare observations with a calibration.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views.
    xy : (view, frame, keypoint, 2)
        Observations in px; NaN where missing.
    spread : float
        Typical standard deviation of an observation in the ensemble, px; 0 where unknown.

    Raises
    ------
    Cancelled
        `cancelled` returned True.
    """
    points = _sample(xy)
    nothing = CalibrationFit(dict.fromkeys(rig.names, np.nan))
    if points.shape[1] < _MIN_POINTS:
        return nothing
    overall, by_view = _residuals(rig, points)
    residuals = dict(zip(rig.names, by_view.tolist(), strict=True))
    sizes = [np.hypot(*camera.size) for camera in rig.cameras if camera.size is not None]
    limit = max(_POOR, _POOR_SPREADS * spread, _POOR_PART * float(np.mean(sizes)) if sizes else 0.0)
    # The point gives way: of two views' errors it leaves less as residuals than of three.
    limit *= min(1.0, np.sqrt((2 - 3 / len(points)) / (2 - 3 / _USUAL_VIEWS)))
    if overall <= _SUSPICIOUS:
        return CalibrationFit(residuals)
    values = {}
    for candidate in _orders(rig.names):
        if cancelled():
            raise Cancelled
        values[candidate] = _residuals(rig.subset(candidate), points)[0]
    best = min(values.values(), default=np.inf)
    parts = residual_parts(rig, xy)
    least = max(_SHARED, _SHARED_PART * float(np.mean(sizes)) if sizes else 0.0)
    share = _SHARED_SHARE if parts.n_keypoints >= _FEW_KEYPOINTS else _SHARE_OF_FEW
    is_shared = parts.shared > max(least, share * parts.own)
    shared = parts.shared if is_shared else np.nan
    poor = overall > limit or is_shared
    if best > _MUCH_BETTER * overall or best > limit:
        return CalibrationFit(residuals, poor, shared)
    equal = [order for order, value in values.items() if value <= _EQUAL * best]
    moves = [sum(a != b for a, b in zip(rig.names, order, strict=True)) for order in equal]
    fewest = [order for order, n in zip(equal, moves, strict=True) if n == min(moves)]
    return CalibrationFit(residuals, poor, shared, tuple(fewest), best)


def _sample(xy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points that most views observe, evenly over the recording, ``(view, point, 2)``."""
    n_views = len(xy)
    counts = np.zeros(xy.shape[1:3], np.int64)
    for view in xy:
        counts += np.isfinite(view[..., 0]) & np.isfinite(view[..., 1])
    usable = np.flatnonzero((counts > 1) & (counts >= min(counts.max(initial=0), n_views)))
    chosen = usable[np.linspace(0, len(usable) - 1, min(len(usable), _POINTS)).astype(int)]
    flat = xy.reshape(n_views, -1, 2)
    return np.asarray(flat[:, chosen], dtype=np.float64)


def _residuals(rig: Rig, points: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Median over the points of the root mean square over the views, and medians by view, px."""
    found = triangulate(rig, points, threads=1).residuals
    observed = np.isfinite(points[..., 0])
    # A point behind a camera fits worse than any other.
    lengths = np.where(observed & ~np.isfinite(found), np.inf, found)
    squared = np.where(observed, lengths, 0.0) ** 2
    overall = np.sqrt(squared.sum(axis=0) / observed.sum(axis=0))
    by_view = [
        float(np.median(view[there])) if there.any() else np.nan
        for view, there in zip(lengths, observed, strict=True)
    ]
    return float(np.median(overall)), np.array(by_view)


def _orders(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Other assignments of cameras to views."""
    if len(names) <= _FEW:
        yield from (order for order in permutations(names) if order != names)
        return
    for i, j in combinations(range(len(names)), 2):
        order = list(names)
        order[i], order[j] = names[j], names[i]
        yield tuple(order)
