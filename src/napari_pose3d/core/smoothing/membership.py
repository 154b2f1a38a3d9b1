"""How probable each observation is to be the keypoint, judged without the observation itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..settings import Robust

Float64 = NDArray[np.float64]

# An observation belongs to the keypoint with this prior probability, else anywhere in the picture.
_BELONGS = 0.98
_PICTURE = 1e6


def membership(
    error: Float64,
    state: Float64,
    noise: Float64,
    weights: Float64,
    new_noise: Float64,
    usable: NDArray[np.bool_],
    robust: Robust,
) -> Float64:
    """Probability that each observation is the keypoint, ``(frame, view)``.

    From its innovation given everything but itself, in closed form. With the observation's part
    in the smoothed state ``A = H V H^T`` and ``r`` its effective variance, leaving it out turns the
    residual e into ``r (r - A)^-1 e`` and A into ``r^2 (r - A)^-1 - r``.

    Parameters
    ----------
    error : (frame, view, 2)
        Observation minus reprojection of the smoothed track, px.
    state : (frame, view, 2, 2)
        Covariance of the smoothed track in the picture, ``H V H^T``.
    noise, weights : (frame, view)
        Variance (px^2) and weight that the track was smoothed with.
    new_noise : (frame, view)
        Variance to judge the innovation by.
    usable : (frame, view) bool
        Observations that are there, in view of their camera.
    robust : "auto", "off" or float
        "off": every usable observation is the keypoint. A number: those are whose innovation is
        not longer than so many px.
    """
    if robust == "off":
        return usable.astype(np.float64)
    identity = np.eye(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(weights > 0, noise / weights, 1.0)
    counted = (usable & (weights > 0))[..., None, None]
    rI = r[..., None, None] * identity
    rest = rI - state
    # Rounding, or a track that moved since, can leave nothing to take out.
    determinant = rest[..., 0, 0] * rest[..., 1, 1] - rest[..., 0, 1] * rest[..., 1, 0]
    counted &= ((determinant > 0) & (rest[..., 0, 0] > 0))[..., None, None]
    B = _inverse2(np.where(counted, rest, identity))
    without = np.where(counted, r[..., None, None] ** 2 * B - rI, state)
    shifted = np.where(counted[..., 0], r[..., None] * np.einsum("tcab,tcb->tca", B, error), error)
    if not isinstance(robust, str):
        near = np.linalg.norm(np.where(usable[..., None], shifted, np.inf), axis=-1) <= robust
        return near.astype(np.float64)
    S = without + np.where(usable, new_noise, 1.0)[..., None, None] * identity
    S = np.where(usable[..., None, None], S, identity)
    shifted = np.where(usable[..., None], shifted, 0.0)
    d2 = np.einsum("tca,tcab,tcb->tc", shifted, _inverse2(S), shifted, optimize=True)
    determinant = S[..., 0, 0] * S[..., 1, 1] - S[..., 0, 1] * S[..., 1, 0]
    density = _BELONGS * np.exp(-0.5 * d2) / (2 * np.pi * np.sqrt(np.maximum(determinant, 1e-300)))
    probability = density / (density + (1 - _BELONGS) / _PICTURE)
    probability[~usable | (probability < 1e-4)] = 0.0
    return probability


def _inverse2(matrices: Float64) -> Float64:
    """Inverse of 2 x 2 matrices."""
    a, b = matrices[..., 0, 0], matrices[..., 0, 1]
    c, d = matrices[..., 1, 0], matrices[..., 1, 1]
    out = np.empty_like(matrices)
    out[..., 0, 0], out[..., 0, 1], out[..., 1, 0], out[..., 1, 1] = d, -b, -c, a
    return np.asarray(out / (a * d - b * c)[..., None, None])
