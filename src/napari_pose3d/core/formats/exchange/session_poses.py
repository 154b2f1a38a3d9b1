"""The poses of a recording and what files of other programs say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.poses.arrays import Poses2D, Poses3D
from napari_pose3d.core.poses.kinematics.body_frame import BodyFrameEntry
from napari_pose3d.core.poses.kinematics.measurements import Measured, Measurement
from napari_pose3d.errors import PoseDataError, Remedy

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SessionPoses:
    """The poses of one individual in one recording: what is exported, and what an import gives.

    Attributes
    ----------
    poses3d : Poses3D or None
    poses2d : Poses2D or None
        One of the two is there, and both have the same keypoints and frames.
    fps : float or None
        Frames a second; None where unknown.
    skeleton : tuple of (str, str)
    rig : Rig or None
    videos : mapping of view to Path
    scores : (frame, keypoint) float32 or None
        Confidence of the 3-D positions from 0 to 1, where a file gives it; else see
        `confidence3d`.
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.
    measurements : tuple of Measurement
        What the session's project measures.
    body_frame : BodyFrameEntry or None
        The frame of the animal that the session's project gives.
    measured : tuple of Measured
        The same in every frame, for formats that have a place for it.
    reference : str
        What the 3-D positions are relative to, in words.
    notes : tuple of str
        What a reader assumed or left out.
    sources : tuple of Path
        Files of the session that nothing may be written over: videos, predictions, calibration.
    """

    poses3d: Poses3D | None = None
    poses2d: Poses2D | None = None
    fps: float | None = None
    skeleton: tuple[tuple[str, str], ...] = ()
    rig: Rig | None = None
    videos: Mapping[str, Path] = field(default_factory=dict)
    scores: Float32 | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    body_frame: BodyFrameEntry | None = None
    measured: tuple[Measured, ...] = ()
    reference: str = "world of the calibration"
    notes: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()

    @property
    def _any(self) -> Poses2D | Poses3D:
        found = self.poses3d if self.poses3d is not None else self.poses2d
        assert found is not None
        return found

    @property
    def keypoints(self) -> tuple[str, ...]:
        return self._any.keypoints

    @property
    def n_frames(self) -> int:
        return self._any.n_frames

    @property
    def session(self) -> str:
        return self._any.session

    @property
    def individual(self) -> str | None:
        return None if self.poses2d is None else self.poses2d.individual

    @property
    def views(self) -> tuple[str, ...]:
        return () if self.poses2d is None else self.poses2d.views

    @property
    def units(self) -> str:
        """Of lengths in space; "" where unknown."""
        own = "" if self.poses3d is None else self.poses3d.units
        return own or ("" if self.rig is None else self.rig.units)

    def in_space(self, program: str) -> Poses3D:
        """The 3-D positions.

        Raises
        ------
        PoseDataError
            There are none, and the format of `program` holds nothing else.
        """
        if self.poses3d is None:
            raise PoseDataError(
                f"there are no 3-D positions, and {program} holds nothing else",
                todo="Smooth or triangulate the session with a calibration first",
                remedy=Remedy("calibration"),
            )
        return self.poses3d

    def in_views(self, program: str) -> Poses2D:
        """The positions in the views; refused as `in_space` where there are none."""
        if self.poses2d is None:
            raise PoseDataError(
                f"there are no positions in the views, and {program} needs them",
                todo="Choose predictions or smoothed results of the views",
            )
        return self.poses2d

    def rate(self, program: str) -> float:
        """Frames a second.

        Raises
        ------
        PoseDataError
            The rate is not known.
        """
        if self.fps is None:
            raise PoseDataError(
                f"{program} needs the frame rate, and no video of the session states it",
                todo="Say how many frames a second were recorded",
                remedy=Remedy("fps"),
            )
        return self.fps

    def measured_only(self) -> SessionPoses:
        """Without positions that were filled in: they are missing."""
        if self.poses3d is None:
            return self
        xyz = np.where(self.poses3d.inferred[..., None], np.nan, self.poses3d.xyz)
        return replace(self, poses3d=replace(self.poses3d, xyz=xyz))

    def renamed(self, names: Mapping[str, str]) -> SessionPoses:
        """With other names of keypoints, ``{old: new}``; those that are not in it keep theirs."""
        new = tuple(names.get(name, name) for name in self.keypoints)
        changes: dict[str, Any] = {
            "skeleton": tuple((names.get(a, a), names.get(b, b)) for a, b in self.skeleton)
        }
        for part in ("poses2d", "poses3d"):
            poses = getattr(self, part)
            changes[part] = None if poses is None else replace(poses, keypoints=new)
        return replace(self, **changes)

    def subset(self, keypoints: Sequence[str]) -> SessionPoses:
        """With only the named keypoints, in the order given.

        Raises
        ------
        PoseDataError
            There is no such keypoint.
        """
        absent = [name for name in keypoints if name not in self.keypoints]
        if absent:
            raise PoseDataError(
                f"no keypoint is called {', '.join(absent)}",
                expected=f"some of {', '.join(self.keypoints)}",
                remedy=Remedy("keypoints"),
            )
        k = [self.keypoints.index(name) for name in keypoints]
        space, of_views = self.poses3d, self.poses2d
        if space is not None:
            space = replace(
                space,
                xyz=space.xyz[:, k],
                covariance=space.covariance[:, k],
                n_views=space.n_views[:, k],
                residuals=space.residuals[:, :, k],
                inferred=space.inferred[:, k],
                displacement_covariance=None
                if space.displacement_covariance is None
                else space.displacement_covariance[:, k],
                keypoints=tuple(keypoints),
            )
        if of_views is not None:
            arrays: dict[str, Any] = {
                name: None if (array := getattr(of_views, name)) is None else array[:, :, k]
                for name in ("variance", "ensemble_median", "ensemble_variance")
            }
            of_views = replace(
                of_views,
                xy=of_views.xy[:, :, k],
                likelihood=of_views.likelihood[:, :, k],
                keypoints=tuple(keypoints),
                **arrays,
            )
        return replace(
            self,
            poses3d=space,
            poses2d=of_views,
            skeleton=tuple(b for b in self.skeleton if set(b) <= set(keypoints)),
            scores=None if self.scores is None else self.scores[:, k],
        )

    def bone_indices(self) -> NDArray[np.int64]:
        """The skeleton as pairs of indices of keypoints, ``(bone, 2)``."""
        at = {name: i for i, name in enumerate(self.keypoints)}
        pairs = [(at[a], at[b]) for a, b in self.skeleton if a in at and b in at]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def confidence3d(self) -> Float32:
        """Confidence of the 3-D positions, ``(frame, keypoint)``.

        The smallest likelihood of the views that observed a keypoint; NaN where fewer than two
        did, or where no likelihood is known.
        """
        if self.scores is not None:
            return self.scores
        assert self.poses3d is not None
        lowest = np.full(self.poses3d.xyz.shape[:2], np.nan, np.float32)
        if self.poses2d is not None:
            for v, view in enumerate(self.poses2d.views):
                if view not in self.poses3d.views:
                    continue
                observed = np.isfinite(self.poses3d.residuals[self.poses3d.views.index(view)])
                likelihood = np.where(observed, self.poses2d.likelihood[v], np.nan)
                np.fmin(lowest, likelihood.astype(np.float32), out=lowest)
        lowest[(self.poses3d.n_views < 2) | self.poses3d.inferred] = np.nan
        return lowest

    def mean_residual(self) -> Float32:
        """Mean over the views of the residuals in px, ``(frame, keypoint)``; NaN where none."""
        assert self.poses3d is not None
        total = np.zeros(self.poses3d.xyz.shape[:2])
        count = np.zeros(total.shape, np.int64)
        for residuals in self.poses3d.residuals:
            known = np.isfinite(residuals)
            total[known] += residuals[known]
            count += known
        mean = np.full(total.shape, np.nan, np.float32)
        np.divide(total, count, out=mean, where=count > 0, casting="same_kind")
        return mean


def poses3d_of(
    xyz: NDArray[np.floating[Any]],
    keypoints: tuple[str, ...],
    *,
    session: str = "",
    units: str = "",
    n_views: NDArray[Any] | None = None,
    residual: NDArray[Any] | None = None,
    inferred: Bool | None = None,
    covariance: NDArray[Any] | None = None,
) -> Poses3D:
    """3-D positions of another program, which tells less than ours.

    Parameters
    ----------
    xyz : (frame, keypoint, 3)
    n_views, residual, inferred : (frame, keypoint), optional
        Not given: 0, none, and nothing is filled in.
    covariance : (frame, keypoint, 3, 3), optional
        Not given: NaN.
    """
    shape = xyz.shape[:2]
    unknown = np.broadcast_to(np.float32(np.nan), (*shape, 3, 3))
    return Poses3D(
        np.asarray(xyz, np.float64),
        unknown if covariance is None else covariance,
        np.broadcast_to(np.int16(0), shape) if n_views is None else n_views.astype(np.int16),
        np.empty((0, *shape), np.float32)
        if residual is None
        else np.asarray(residual, np.float32)[None],
        np.zeros(shape, bool) if inferred is None else inferred,
        () if residual is None else ("all",),
        keypoints,
        session,
        units,
    )
