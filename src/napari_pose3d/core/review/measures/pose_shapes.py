"""Postures as a few numbers, so that frames to label can differ from one another.

Notes
-----
A pose is moved and turned onto the mean pose, as for the distance from labeled poses; what is left
is reduced to the principal components of the recording's own poses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Result

from .labeled_poses import centred, turned

Float64 = NDArray[np.float64]

# So many frames show how the animal usually holds itself.
_SAMPLE = 1000
_FEWEST = 3
_ROUNDS = 3
_COMPONENTS = 8
_FRAMES_AT_ONCE = 20_000


class PoseShapes:
    """The postures of a recording, smoothed.

    Parameters
    ----------
    result : Result
        In space, or without a calibration in the views, whose images are turned by themselves.
    """

    def __init__(self, result: Result) -> None:
        space = result.poses3d
        self._poses = list(result.poses2d.xy) if space is None else [space.xyz]
        self._means: list[Float64] = []
        n_frames = len(self._poses[0])
        sample = np.arange(0, n_frames, max(n_frames // _SAMPLE, 1))
        parts = [np.asarray(each[sample], np.float64) for each in self._poses]
        whole = np.all([np.isfinite(each).all(axis=(1, 2)) for each in parts], axis=0)
        self._middle = self._components = np.zeros((0, 0))
        if whole.sum() < _FEWEST or parts[0].shape[1] < _FEWEST:
            return
        for each in parts:
            shapes = centred(each[whole])
            mean = shapes[0]
            for _ in range(_ROUNDS):
                mean = turned(shapes, mean).mean(axis=0)
            self._means.append(mean)
        flat = self._flat([each[whole] for each in parts])
        self._middle = flat.mean(axis=0)
        _, _, components = np.linalg.svd(flat - self._middle, full_matrices=False)
        components = components[:_COMPONENTS]
        spread = np.sqrt(np.square((flat - self._middle) @ components.T).sum(axis=1).mean())
        self._components = components / max(float(spread), 1e-12)

    def at(self, frames: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """The postures in some frames, ``(frame, component)``.

        Their root mean square distance from the mean is 1 over the recording; NaN for frames that
        lack a keypoint or do not exist, without components where too little is known.
        """
        numbers = np.asarray(frames, dtype=np.int64)
        out = np.full((len(numbers), len(self._components)), np.nan, np.float32)
        there = np.flatnonzero((numbers >= 0) & (numbers < len(self._poses[0])))
        for start in range(0, len(there) if self._means else 0, _FRAMES_AT_ONCE):
            part = there[start : start + _FRAMES_AT_ONCE]
            blocks = [np.asarray(each[numbers[part]], np.float64) for each in self._poses]
            good = np.all([np.isfinite(b).all(axis=(1, 2)) for b in blocks], axis=0)
            if good.any():
                flat = self._flat([block[good] for block in blocks])
                out[part[good]] = (flat - self._middle) @ self._components.T
        return out

    def _flat(self, poses: Sequence[Float64]) -> Float64:
        parts = [
            turned(centred(each), mean).reshape(len(each), -1)
            for each, mean in zip(poses, self._means, strict=True)
        ]
        return np.concatenate(parts, axis=1)
