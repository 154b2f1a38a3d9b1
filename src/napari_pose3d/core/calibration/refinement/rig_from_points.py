"""A rig from nothing but points that its views share, where focal lengths are roughly known.

Notes
-----
The pair of cameras with most points in common and a wide angle between them begins; each further
camera is placed by the points known so far, and all are adjusted together. Points alone do not
tell scale: it comes from a known length, or is arbitrary. The world begins in the first camera.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.errors import PoseDataError

from .agreement import distances
from .camera_selection import CameraFits
from .matched_points import MatchedPoints, split_points
from .point_adjustment import PointViews
from .refinement import FREE, Free
from .two_views import RelativePose, camera_pose, relative_pose

Float64 = NDArray[np.float64]

_TOLERANCE = 8.0  # px from the epipolar line
_FEWEST_INLIERS = 0.5
_WIDEST = np.radians(60)
_LEAST_PERSPECTIVE = 0.5  # times the noise: what depth does to the size of the image
_NO_DISTANCE = 0.01  # times the distance to the points: two cameras at one place


@dataclass(frozen=True)
class KnownLength:
    """A distance that sets the scale.

    Attributes
    ----------
    kind : {"keypoints", "cameras"}
    first, second : int
        Indices of the two keypoints or cameras.
    length : float
    """

    kind: Literal["keypoints", "cameras"]
    first: int
    second: int
    length: float

    @classmethod
    def of(
        cls,
        first: str,
        second: str,
        length: str,
        cameras: Sequence[str],
        keypoints: Sequence[str],
    ) -> KnownLength:
        """From names and a number as text.

        Raises
        ------
        PoseDataError
            When the names are of no two keypoints or cameras, or it is no length.
        """
        try:
            value = float(length)
        except ValueError:
            value = np.nan
        if not 0 < value < np.inf:
            raise PoseDataError(f"'{length}' is no length", expected="a number above 0")
        kind: Literal["keypoints", "cameras"]
        for kind, names in (("keypoints", keypoints), ("cameras", cameras)):
            if first in names and second in names and first != second:
                return cls(kind, names.index(first), names.index(second), value)
        raise PoseDataError(
            f"'{first}' and '{second}' are not two keypoints or two cameras",
            expected=f"two of {', '.join(keypoints)}, or two of {', '.join(cameras)}",
        )


@dataclass(frozen=True, eq=False)
class PointRig:
    """A rig made from points.

    Attributes
    ----------
    rig : Rig
    left_out : mapping of camera to float
        Median distance in px of points left out of the fit from where the other views put them.
    scale : str
        Where the scale comes from.
    n_points, n_left_out : int
    """

    rig: Rig
    left_out: dict[str, float]
    scale: str
    n_points: int
    n_left_out: int

    def __str__(self) -> str:
        listed = ", ".join(f"{name} {value:.2f}" for name, value in self.left_out.items())
        return (
            f"placed {len(self.rig.cameras)} cameras from {self.n_points} points; on "
            f"{self.n_left_out} points left out of the fit (px, median): {listed}; {self.scale}"
        )

    def figures(self) -> dict[str, Any]:
        """All figures, for JSON."""
        return {
            "left_out": {name: {"after_px": value} for name, value in self.left_out.items()},
            "scale": self.scale,
            "n_points": self.n_points,
            "n_points_left_out": self.n_left_out,
        }


def rig_from_points(
    rig: Rig,
    xy: NDArray[np.floating],
    *,
    length: KnownLength | None = None,
    free: Free = "extrinsics",
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> PointRig:
    """Find where cameras are from points that they share.

    Parameters
    ----------
    rig : Rig
        Cameras in the order of the views; only their intrinsics are used.
    xy : (view, frame, keypoint, 2)
        px; NaN where missing.
    length : KnownLength, optional
        Without it, the distance of the first two cameras that are placed is 1.
    free : {"extrinsics", "focal", "all"}
        Whether intrinsics are adjusted in the end as well.
    seed : int
        Of the samples that are tried, and of the frames left out.

    Raises
    ------
    PoseDataError
        When too few points are shared, a camera cannot be placed, two come to lie at one place, the
        points left out do not fit, or the lenses are so long that points do not tell how far away
        they are.
    """
    fitted, judged = split_points(xy, seed=seed)
    placing = _Placing(rig, fitted, np.random.default_rng(seed), check)
    placed = placing.all_cameras()
    unknowns = np.zeros(11, bool)
    for part in FREE[free]:
        unknowns[part] = True
    movable = np.array([i != placing.order[0] for i in range(len(rig.cameras))])
    if free in ("focal", "all"):
        movable[:] = True
    fits = CameraFits(placed, fitted, unknowns, check)
    found = fits.with_all(movable)
    final = replace(placed, cameras=found.state.cameras)
    _refuse_without_perspective(final, found.state.xyz, fitted, fits.noise)
    left_out = [_median(values) for values in distances(final, judged.xy)]
    _refuse_what_does_not_fit(final, found.state.xyz, left_out)
    final, scale = _scaled(final, xy, length, placing.order)
    return PointRig(
        final,
        dict(zip(final.names, left_out, strict=True)),
        scale,
        len(fitted),
        len(judged),
    )


class _Placing:
    """Cameras placed one after the other."""

    def __init__(
        self,
        rig: Rig,
        points: MatchedPoints,
        rng: np.random.Generator,
        check: Callable[[], None],
    ) -> None:
        self.rig, self.points, self.rng, self.check = rig, points, rng, check
        self.rays = rig.undistort(points.xy)
        self.focal = np.array([camera.matrix[0, 0] for camera in rig.cameras])
        self.order: list[int] = []

    def all_cameras(self) -> Rig:
        """The rig with all cameras placed, in the world of the first one."""
        i, j, pose = self._first_pair()
        cameras = list(self.rig.cameras)
        cameras[i] = replace(cameras[i], rotation=np.eye(3), translation=np.zeros(3))
        cameras[j] = replace(cameras[j], rotation=pose.rotation, translation=pose.translation)
        self.order = [i, j]
        rig = self._adjusted(replace(self.rig, cameras=tuple(cameras)))
        while len(self.order) < len(cameras):
            self.check()
            rig = self._adjusted(self._with_next(rig))
        return rig

    def _first_pair(self) -> tuple[int, int, RelativePose]:
        best: tuple[float, int, int, RelativePose] | None = None
        for i, j in combinations(range(len(self.rig.cameras)), 2):
            self.check()
            both = np.isfinite(self.rays[[i, j]]).all(axis=(0, 2))
            tolerance = _TOLERANCE / float(np.sqrt(self.focal[i] * self.focal[j]))
            pose = relative_pose(self.rays[i, both], self.rays[j, both], tolerance, self.rng)
            if pose is None or pose.inliers.mean() < _FEWEST_INLIERS:
                continue
            score = float(pose.inliers.sum()) * min(pose.parallax, _WIDEST)
            if best is None or score > best[0]:
                best = score, i, j, pose
        if best is None:
            raise PoseDataError(
                "no two cameras share enough points that fit one geometry",
                expected="points all over the volume, focal lengths that are about right, and "
                "lenses that show perspective (near things larger than far ones)",
                todo="Give more points, or a calibration that is about right to be refined",
            )
        return best[1:]

    def _with_next(self, rig: Rig) -> Rig:
        """The rig with the camera placed that sees most points known so far."""
        names = [rig.names[i] for i in self.order]
        xyz = triangulate(
            rig.subset(names), self.points.xy[self.order], robust="auto", threads=1
        ).xyz
        known = np.isfinite(xyz).all(axis=1)
        waiting = [i for i in range(len(rig.cameras)) if i not in self.order]
        shared = {i: known & np.isfinite(self.rays[i]).all(axis=1) for i in waiting}
        view = max(waiting, key=lambda i: int(shared[i].sum()))
        at = shared[view]
        tolerance = 2 * _TOLERANCE / float(self.focal[view])
        pose = camera_pose(xyz[at], self.rays[view, at], tolerance, self.rng)
        if pose is None:
            raise PoseDataError(
                f"camera {rig.names[view]} cannot be placed: it shares {int(at.sum())} points with "
                f"two of {', '.join(names)}",
                expected="a dozen or more that fit",
                todo="Give more points that this camera and two others see, or leave it out",
            )
        self.order.append(view)
        cameras = list(rig.cameras)
        cameras[view] = replace(cameras[view], rotation=pose[0], translation=pose[1])
        return replace(rig, cameras=tuple(cameras))

    def _adjusted(self, rig: Rig) -> Rig:
        """Bundle adjustment of the cameras placed so far; the first stays."""
        names = [rig.names[i] for i in self.order]
        used = self.points.views.used[:, self.order]
        enough = used.sum(axis=1) > 1
        views = PointViews(self.points.views.xy[enough][:, self.order], used[enough])
        points = MatchedPoints(views, self.points.keypoint[enough], self.points.block[enough])
        unknowns = np.arange(11) < 6
        fits = CameraFits(rig.subset(names), points, unknowns, self.check)
        found = fits.with_all(np.arange(len(names)) > 0)
        cameras = list(rig.cameras)
        for i, camera in zip(self.order, found.state.cameras, strict=True):
            cameras[i] = camera
        return replace(rig, cameras=tuple(cameras))


def _refuse_without_perspective(
    rig: Rig, xyz: Float64, points: MatchedPoints, noise: float
) -> None:
    """Refuse lenses so long that what is near looks as large as what is far."""
    effects = []
    for i, camera in enumerate(rig.cameras):
        used = points.views.used[:, i]
        depth = xyz[used] @ camera.rotation[2] + camera.translation[2]
        xy = points.views.xy[used, i]
        extent = float(np.linalg.norm(xy - np.median(xy, axis=0), axis=1).std())
        depth_range = float(np.subtract(*np.percentile(depth, [84, 16]))) / 2
        effects.append(extent * depth_range / max(float(np.median(depth)), 1e-300))
    if max(effects) < _LEAST_PERSPECTIVE * noise:
        raise PoseDataError(
            f"the lenses show hardly any perspective ({max(effects):.2f} px, noise {noise:.2f} "
            "px), so that points do not tell where the cameras are",
            expected="shorter lenses, or points in a deeper volume",
            todo="Calibrate with a board, or refine a calibration that is about right",
        )


def _refuse_what_does_not_fit(rig: Rig, xyz: Float64, left_out: Sequence[float]) -> None:
    """Refuse a rig that its own points contradict: a camera was placed wrongly."""
    todo = "Give more points, from more of the volume, or calibrate with a board"
    middle = np.median(xyz[np.isfinite(xyz).all(axis=1)], axis=0)
    away = np.linalg.norm(rig.centres - middle, axis=1)
    for i, j in combinations(range(len(rig.cameras)), 2):
        apart = float(np.linalg.norm(rig.centres[i] - rig.centres[j]))
        if apart < _NO_DISTANCE * float(np.median(away)):
            raise PoseDataError(
                f"cameras {rig.names[i]} and {rig.names[j]} come to lie at one place",
                expected="cameras that look from different places, and points that tell them apart",
                todo=todo,
            )
    worst = int(np.nanargmax(left_out))
    if left_out[worst] > _TOLERANCE:
        raise PoseDataError(
            f"the rig that was found does not fit: in camera {rig.names[worst]} half of the points "
            f"left out of the fit lie more than {left_out[worst]:.1f} px from where it puts them",
            expected=f"at most {_TOLERANCE:g} px",
            todo=todo,
        )


def _scaled(
    rig: Rig, xy: NDArray[np.floating], length: KnownLength | None, order: Sequence[int]
) -> tuple[Rig, str]:
    if length is None:
        first, second = (rig.names[i] for i in order[:2])
        now = float(np.linalg.norm(rig.centres[order[0]] - rig.centres[order[1]]))
        text, wanted = f"scale is arbitrary: cameras {first} and {second} are 1 apart", 1.0
    elif length.kind == "cameras":
        now = float(np.linalg.norm(rig.centres[length.first] - rig.centres[length.second]))
        text, wanted = "scale from the distance of two cameras", length.length
    else:
        pair = np.asarray(xy[:, :, [length.first, length.second]], dtype=np.float64)
        ends = triangulate(rig, pair, robust="auto", threads=1).xyz
        lengths = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
        now, wanted = _median(lengths), length.length
        if not np.isfinite(now):
            raise PoseDataError(
                "the two keypoints of the known length are never seen in two views each",
                expected="frames that show both",
            )
        text = (
            f"scale from the distance of two keypoints in {int(np.isfinite(lengths).sum())} frames"
        )
    factor = wanted / max(now, 1e-300)
    cameras = tuple(
        replace(camera, translation=factor * camera.translation) for camera in rig.cameras
    )
    return replace(rig, cameras=cameras), text


def _median(values: Float64) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
