"""What two cameras can tell while one of them is lost, by somebody who knows all the rest.

Known are the rays of the other camera, the positions before and after and in the corrected frames,
how much each keypoint accelerates and, with bones, every distance that never changes: all exactly.
Only how far away the keypoints are in the other frames is estimated, as what is likeliest. No
smoother knows as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix

from napari_pose3d.synthetic.scene import Scene

Float64 = NDArray[np.float64]

_AROUND = 8  # frames before and after that are known
_STEADY = 0.05  # mm, of a bone
# Every second frame is tried, and frames further apart than this.
_STEP, _LEAST_APART = 2, 4


class LostView:
    """A stretch ``first`` to ``last`` in which only the view ``seen``, by index, is of use."""

    def __init__(self, scene: Scene, seen: int, first: int, last: int) -> None:
        self._scene = scene
        self._frames = np.arange(first - _AROUND, last + _AROUND + 1)
        self._lost = (self._frames >= first) & (self._frames <= last)
        self._centre = scene.rig.centres[seen]
        self._xyz = scene.xyz[self._frames]
        self._distance = np.linalg.norm(self._xyz - self._centre, axis=-1)
        self._rays = (self._xyz - self._centre) / self._distance[..., None]
        n = len(self._frames)
        self._second = np.zeros((n - 2, n))
        for i in range(n - 2):
            self._second[i, i : i + 3] = 1, -2, 1
        # The camera's centre has no acceleration: linear in the distances.
        parts = self._second[:, :, None, None] * self._rays
        self._normal = np.einsum("atki,auki->ktu", parts, parts)

    def distances(self, at: Sequence[int]) -> Float64:
        """Likeliest distances ``(frame, keypoint)`` with corrections in some frames."""
        free = self._unknown(at)
        out = self._distance.copy()
        for k, normal in enumerate(self._normal):
            towards = normal[np.ix_(free, ~free)] @ self._distance[~free, k]
            out[free, k] = np.linalg.solve(normal[np.ix_(free, free)], -towards)
        return out

    def error(self, at: Sequence[int]) -> float:
        """Mean error in the stretch, mm."""
        return float(np.abs(self.distances(at) - self._distance)[self._lost].mean())

    def best_two_error(self) -> float:
        """That of the two frames that are the best of all, which only the truth tells."""
        frames = self._frames[self._lost][1:-1:_STEP].tolist()
        pairs = [p for p in combinations(frames, 2) if p[1] - p[0] > _LEAST_APART]
        return min(self.error(pair) for pair in pairs)

    def error_with_bones(self, at: Sequence[int]) -> float:
        """The same as `error` with the distances that never change, found by least squares."""
        scene, free = self._scene, np.flatnonzero(self._unknown(at))
        n_keypoints = len(scene.keypoints)
        ends = np.array([[scene.keypoints.index(n) for n in pair] for pair in scene.rigid_pairs])
        a, b = ends.T
        lengths = np.linalg.norm(scene.xyz[:, a] - scene.xyz[:, b], axis=-1).mean(axis=0)
        usual = np.sqrt(np.square(np.diff(scene.xyz, n=2, axis=0)).mean(axis=(0, 2)))
        start = self.distances(at)

        def points(values: Float64) -> Float64:
            distance = start.copy()
            distance[free] = values.reshape(-1, n_keypoints)
            return np.asarray(self._centre + distance[..., None] * self._rays)

        def misfit(values: Float64) -> Float64:
            xyz = points(values)
            bent = np.diff(xyz, n=2, axis=0) / usual[:, None]
            longer = np.linalg.norm(xyz[free][:, a] - xyz[free][:, b], axis=-1) - lengths
            return np.concatenate([bent.ravel(), (longer / _STEADY).ravel()])

        n_bent = len(self._second) * n_keypoints * 3
        pattern = lil_matrix((n_bent + len(free) * len(ends), len(free) * n_keypoints), dtype=int)
        for i, t in enumerate(free.tolist()):
            for row in range(max(t - 2, 0), min(t, len(self._second) - 1) + 1):
                for k in range(n_keypoints):
                    first = (row * n_keypoints + k) * 3
                    pattern[first : first + 3, i * n_keypoints + k] = 1
            for bone, pair in enumerate(ends):
                pattern[n_bent + i * len(ends) + bone, i * n_keypoints + pair] = 1
        found = least_squares(misfit, start[free].ravel(), jac_sparsity=pattern, max_nfev=60)
        off = np.linalg.norm(points(found.x) - self._xyz, axis=-1)
        return float(off[self._lost].mean())

    def _unknown(self, at: Sequence[int]) -> NDArray[np.bool_]:
        return np.asarray(self._lost & ~np.isin(self._frames, at))
