"""How far observations lie from the epipolar curves of other views."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .rig import Rig

Float64 = NDArray[np.float64]


def epipolar_distances(rig: Rig, xy: Float64) -> Float64:
    """How far each observation lies from the epipolar curves of the other views.

    Parameters
    ----------
    rig : Rig
    xy : (view, frame, 2)
        Pixels.

    Returns
    -------
    (view, frame) float64
        Pixels: the median over the other views, with three views the smaller of two (of which one
        may be wrong). The distance is that to the image of the nearest point of the straight line
        that the curve is without the lens.
    """
    n = len(rig.cameras)
    rays = rig.undistort(xy)
    distances = np.full((n, n, xy.shape[1]), np.nan)
    for v, camera in enumerate(rig.cameras):
        to_world = camera.rotation.T
        alone = rig.subset((camera.name,))
        focal = float(np.mean(np.diag(camera.matrix)[:2]))
        for u, other in enumerate(rig.cameras):
            if u == v:
                continue
            turn = camera.rotation @ other.rotation.T
            shift = camera.translation - turn @ other.translation
            essential = np.cross(shift, turn.T).T
            x, y = rays[u, :, 0], rays[u, :, 1]
            line = np.stack([x, y, np.ones_like(x)], axis=1) @ essential.T
            at = rays[v]
            off = (line[:, :2] * at).sum(axis=1) + line[:, 2]
            square = (line[:, :2] ** 2).sum(axis=1)
            foot = at - line[:, :2] * (off / np.where(square > 0, square, np.nan))[:, None]
            seen = np.concatenate([foot, np.ones((len(foot), 1))], axis=1) - camera.translation
            image = alone.project(seen @ to_world.T)[0]
            in_image = np.hypot(*(image - xy[v]).T)
            # Far beyond the image the lens folds back: there the distance is that without it.
            straight = np.abs(off) / np.sqrt(np.where(square > 0, square, np.nan)) * focal
            distances[v, u] = np.where(np.isfinite(in_image), in_image, straight)
    return _over_others(distances)


def _over_others(distances: Float64) -> Float64:
    n = len(distances)
    known = np.isfinite(distances)
    out = np.full((n, distances.shape[2]), np.nan)
    for v in range(n):
        some = known[v].any(axis=0)
        values = distances[v][:, some]
        out[v, some] = np.nanmin(values, axis=0) if n <= 3 else np.nanmedian(values, axis=0)
    return out
