"""Rotations in bulk: exponential, logarithm and cross-product matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def cross_matrix(vectors: Float64) -> Float64:
    """The matrices ``[v]x`` with ``[v]x w = v x w``: ``(..., 3)`` to ``(..., 3, 3)``."""
    out = np.zeros((*vectors.shape, 3))
    out[..., 0, 1], out[..., 0, 2] = -vectors[..., 2], vectors[..., 1]
    out[..., 1, 0], out[..., 1, 2] = vectors[..., 2], -vectors[..., 0]
    out[..., 2, 0], out[..., 2, 1] = -vectors[..., 1], vectors[..., 0]
    return out


def rotation_of(vectors: Float64) -> Float64:
    """Rotation matrices of rotation vectors (Rodrigues), ``(..., 3)`` rad to ``(..., 3, 3)``."""
    squared = np.square(vectors).sum(axis=-1)
    angle = np.sqrt(squared)
    small = squared < 1e-12
    safe = np.where(small, 1.0, angle)
    a = np.where(small, 1 - squared / 6, np.sin(angle) / safe)
    b = np.where(small, 0.5 - squared / 24, (1 - np.cos(angle)) / safe**2)
    skew = cross_matrix(vectors)
    eye = np.broadcast_to(np.eye(3), skew.shape)
    return np.asarray(eye + a[..., None, None] * skew + b[..., None, None] * (skew @ skew))


def vector_of(rotations: Float64) -> Float64:
    """Rotation vectors, at most pi long, of matrices: ``(..., 3, 3)`` to ``(..., 3)`` rad."""
    from scipy.spatial.transform import Rotation

    flat = rotations.reshape(-1, 3, 3)
    if not len(flat):
        return np.zeros(rotations.shape[:-1])
    return np.asarray(Rotation.from_matrix(flat).as_rotvec()).reshape(rotations.shape[:-1])


def angle_between(first: Float64, second: Float64) -> Float64:
    """Angles between rotations in rad; broadcasts over leading axes."""
    trace = np.einsum("...ij,...ij->...", first, second)
    return np.asarray(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def nearest_rotation(matrices: Float64) -> Float64:
    """The rotations nearest to matrices in the Frobenius norm, ``(..., 3, 3)``."""
    u, _, vt = np.linalg.svd(matrices)
    sign = np.linalg.det(u @ vt)
    u = u.copy()
    u[..., :, 2] *= sign[..., None]
    return np.asarray(u @ vt)
