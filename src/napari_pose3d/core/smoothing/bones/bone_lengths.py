"""Bone lengths as a soft prior for keypoints that fewer than two views observe.

Notes
-----
Mean and variance of each bone's length are estimated from the frames in which two or more views
observed both of its ends. A point that one view or none observed is updated by the length as by an
observation of the distance to its neighbour; its prior is the smoother's posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError

from ..result_builder import ResultBuilder

# Fewer frames than this do not determine a length.
_MIN_FRAMES = 20


@dataclass(frozen=True, eq=False)
class Bones:
    """Bones of known length: ends ``(bone, 2)``, lengths and variances ``(bone,)`` in rig units."""

    ends: NDArray[np.int64]
    lengths: NDArray[np.float64]
    variances: NDArray[np.float64]


def bone_ends(named: Sequence[Sequence[str]], keypoints: Sequence[str]) -> list[tuple[int, int]]:
    """Indices of the keypoints at the two ends of each bone.

    Raises
    ------
    PoseDataError
        A bone has not two ends, or a name is unknown.
    """
    ends = []
    for names in named:
        if len(set(names)) != 2:
            raise PoseDataError(
                f"{', '.join(names)} is no bone", expected="two different keypoints each"
            )
        for name in names:
            if name not in keypoints:
                raise PoseDataError(
                    f"no keypoint is called {name}, in a bone",
                    expected=f"some of {', '.join(keypoints)}",
                )
        ends.append((keypoints.index(names[0]), keypoints.index(names[1])))
    return ends


def learn_bones(
    xyz: NDArray[np.float64], n_views: NDArray[np.integer], ends: Sequence[tuple[int, int]]
) -> Bones:
    """Bone lengths from frames with both ends observed; bones without enough of them are left out.

    Parameters
    ----------
    xyz : (frame, keypoint, 3)
        Rig units.
    n_views : (frame, keypoint)
    ends : sequence of (int, int)
    """
    kept, lengths, variances = [], [], []
    for a, b in ends:
        sure = (n_views[:, a] > 1) & (n_views[:, b] > 1)
        if sure.sum() < _MIN_FRAMES:
            continue
        length = np.linalg.norm(xyz[sure, a] - xyz[sure, b], axis=-1)
        typical = float(np.median(length))
        spread = 1.4826 * float(np.median(np.abs(length - typical)))
        kept.append((a, b))
        lengths.append(typical)
        variances.append(max(spread, 1e-6 * typical) ** 2)
    ends_kept = np.array(kept, dtype=np.int64).reshape(-1, 2)
    return Bones(ends_kept, np.array(lengths), np.array(variances))


def apply_bones(found: ResultBuilder, rig: Rig, ends: Sequence[tuple[int, int]]) -> int:
    """Update the points that fewer than two views observed, in place; returns how many.

    They are marked as inferred. Points that are left missing stay so.
    """
    from .bone_kernels import pull

    space = found.space
    xyz, covariance, n_views = space["xyz"], space["covariance"], space["n_views"]
    bones = learn_bones(xyz, n_views, ends)
    weak = (n_views < 2) & np.isfinite(xyz[..., 0])
    weak[:, ~np.isin(np.arange(weak.shape[1]), bones.ends)] = False
    touched = np.flatnonzero(weak.any(axis=0)).tolist()
    before = {k: _in_views(rig, found, weak[:, k], k)[1] for k in touched}
    moved = np.zeros(weak.shape, dtype=bool)
    pull(xyz, covariance, n_views, bones.ends, bones.lengths, bones.variances, moved)
    for k, spread_before in before.items():
        xy, spread = _in_views(rig, found, weak[:, k], k)
        did = moved[weak[:, k], k]
        change = (spread - spread_before)[:, did]
        found.move(k, np.flatnonzero(moved[:, k]), xy[:, did], change)
    return int(moved.sum())


def _in_views(
    rig: Rig, found: ResultBuilder, frames: NDArray[np.bool_], k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels of a keypoint's points and their variance, ``(view, frame, 2)`` each."""
    from ..kalman.kalman_kernels import project_moments

    xyz = np.ascontiguousarray(found.space["xyz"][frames, k])
    covariance = np.ascontiguousarray(found.space["covariance"][frames, k])
    xy = np.empty((len(rig.cameras), len(xyz), 2))
    spread = np.empty_like(xy)
    project_moments(rig.packed, xyz, covariance, xy, spread)
    return xy, spread
