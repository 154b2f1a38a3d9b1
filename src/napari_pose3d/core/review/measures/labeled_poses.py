"""How far poses are from all poses that were labeled.

Notes
-----
A pose is moved and turned onto the mean labeled pose (least squares, without scaling), so that
where the animal is and where it heads does not count; in space by all three angles, in a view's
image by one. The nearest labeled pose is the one with the least sum of squared distances of the
keypoints. Networks are reliable where they have seen the like.

References
----------
Kabsch, "A solution for the best rotation to relate two sets of vectors", Acta Cryst. A32, 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

# Fewer labeled poses say nothing about what is usual.
FEWEST_POSES = 10
# A keypoint is compared when so many labeled poses have it.
_USUAL = 0.7
_ROUNDS = 3
_FRAMES_AT_ONCE = 20_000


def labeled_pose_distances(
    poses: Sequence[NDArray[Any]], labels: Sequence[NDArray[Any]]
) -> NDArray[np.float32] | None:
    """Distance of each keypoint from its place in the nearest labeled pose.

    Parameters
    ----------
    poses : sequence of (frame, keypoint, 3), or of (frame, keypoint, 2)
        In space one array; else one for each view, whose images are turned by themselves.
    labels : the same of (pose, keypoint, ...)
        NaN where not labeled; poses without a keypoint that most have are left out.

    Returns
    -------
    (frame, keypoint) float32 or None
        In the unit of the poses, over views the root of the mean square; NaN for keypoints that
        are not compared and frames that lack one. None with fewer than 10 labeled poses.
    """
    seen = np.all([np.isfinite(each).all(axis=-1) for each in labels], axis=0)
    if not len(seen):
        return None
    keypoints = np.flatnonzero(seen.mean(axis=0) >= _USUAL)
    whole = seen[:, keypoints].all(axis=1)
    if len(keypoints) < 3 or whole.sum() < FEWEST_POSES:
        return None
    references, known = [], []
    for each in labels:
        shapes = centred(np.asarray(each, np.float64)[whole][:, keypoints])
        mean = shapes[0]
        for _ in range(_ROUNDS):
            shapes = turned(shapes, mean)
            mean = shapes.mean(axis=0)
        references.append(mean)
        known.append(turned(shapes, mean))
    n_frames, n = poses[0].shape[:2]
    out = np.full((n_frames, n), np.nan, np.float32)
    for start in range(0, n_frames, _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        blocks = [np.asarray(each[part], np.float64)[:, keypoints] for each in poses]
        good = np.flatnonzero(np.all([np.isfinite(b).all(axis=(1, 2)) for b in blocks], axis=0))
        if not len(good):
            continue
        onto = [
            turned(centred(block[good]), reference)
            for block, reference in zip(blocks, references, strict=True)
        ]
        apart = sum(_squared(a, b) for a, b in zip(onto, known, strict=True))
        nearest = np.asarray(apart).argmin(axis=1)
        squared = np.mean(
            [((a - b[nearest]) ** 2).sum(axis=-1) for a, b in zip(onto, known, strict=True)],
            axis=0,
        )
        out[np.ix_(start + good, keypoints)] = np.sqrt(squared)
    return out


def centred(poses: Float64) -> Float64:
    """Poses ``(pose, keypoint, axis)`` about the middle of their keypoints."""
    return np.asarray(poses - poses.mean(axis=1, keepdims=True))


def turned(poses: Float64, onto: Float64) -> Float64:
    """Centred poses ``(pose, keypoint, axis)`` turned onto another one."""
    u, _, vt = np.linalg.svd(np.einsum("nki,kj->nij", poses, onto))
    # Turned, never mirrored.
    u[..., -1] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return np.asarray(poses @ (u @ vt))


def _squared(a: Float64, b: Float64) -> Float64:
    """Sum of the squared distances of each pose of the one from each of the other."""
    flat_a, flat_b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    square = (flat_a**2).sum(axis=1)[:, None] + (flat_b**2).sum(axis=1) - 2 * flat_a @ flat_b.T
    return np.asarray(np.maximum(square, 0.0))
