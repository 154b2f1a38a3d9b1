"""3 x 3 matrices and vectors as tuples: they stay in the processor's registers.

A matrix is its nine numbers row by row; of a symmetric one the upper triangle (xx, xy, xz, yy, yz,
zz) is stored and computed. Importing this module imports numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba

Matrix = tuple[float, float, float, float, float, float, float, float, float]
Symmetric = tuple[float, float, float, float, float, float]
Vector = tuple[float, float, float]

_TINY = 1e-300

_inline = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_inline
def symmetric(a: Any, at: int) -> Symmetric:
    """The symmetric matrix that is stored in ``a`` from ``at`` on."""
    return a[at], a[at + 1], a[at + 2], a[at + 3], a[at + 4], a[at + 5]


@_inline
def matrix(a: Any, at: int) -> Matrix:
    """The matrix that is stored in ``a`` from ``at`` on."""
    return (
        a[at],
        a[at + 1],
        a[at + 2],
        a[at + 3],
        a[at + 4],
        a[at + 5],
        a[at + 6],
        a[at + 7],
        a[at + 8],
    )


@_inline
def store(values: Any, a: Any, at: int) -> None:
    """Store the numbers in ``a`` from ``at`` on."""
    for i in range(len(values)):
        a[at + i] = values[i]


@_inline
def full(s: Symmetric) -> Matrix:
    """All nine numbers of a symmetric matrix."""
    return s[0], s[1], s[2], s[1], s[3], s[4], s[2], s[4], s[5]


@_inline
def upper(a: Matrix) -> Symmetric:
    """The upper triangle of a matrix that is symmetric but for rounding."""
    return a[0], a[1], a[2], a[4], a[5], a[8]


@_inline
def transposed(a: Matrix) -> Matrix:
    return a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]


@_inline
def times(a: Matrix, b: Matrix) -> Matrix:
    """``a b``."""
    return (
        a[0] * b[0] + a[1] * b[3] + a[2] * b[6],
        a[0] * b[1] + a[1] * b[4] + a[2] * b[7],
        a[0] * b[2] + a[1] * b[5] + a[2] * b[8],
        a[3] * b[0] + a[4] * b[3] + a[5] * b[6],
        a[3] * b[1] + a[4] * b[4] + a[5] * b[7],
        a[3] * b[2] + a[4] * b[5] + a[5] * b[8],
        a[6] * b[0] + a[7] * b[3] + a[8] * b[6],
        a[6] * b[1] + a[7] * b[4] + a[8] * b[7],
        a[6] * b[2] + a[7] * b[5] + a[8] * b[8],
    )


@_inline
def times_upper(a: Matrix, b: Matrix) -> Symmetric:
    """The upper triangle of ``a b``, where that is symmetric; the rest is not computed."""
    return upper(times(a, b))


@_inline
def times_vector(a: Matrix, v: Vector) -> Vector:
    """``a v``."""
    return (
        a[0] * v[0] + a[1] * v[1] + a[2] * v[2],
        a[3] * v[0] + a[4] * v[1] + a[5] * v[2],
        a[6] * v[0] + a[7] * v[1] + a[8] * v[2],
    )


@_inline
def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@_inline
def added(a: Matrix, b: Matrix) -> Matrix:
    return (
        a[0] + b[0],
        a[1] + b[1],
        a[2] + b[2],
        a[3] + b[3],
        a[4] + b[4],
        a[5] + b[5],
        a[6] + b[6],
        a[7] + b[7],
        a[8] + b[8],
    )


@_inline
def added_upper(a: Symmetric, b: Symmetric) -> Symmetric:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5]


@_inline
def scaled(factor: float, a: Matrix) -> Matrix:
    return (
        factor * a[0],
        factor * a[1],
        factor * a[2],
        factor * a[3],
        factor * a[4],
        factor * a[5],
        factor * a[6],
        factor * a[7],
        factor * a[8],
    )


@_inline
def scaled_upper(factor: float, a: Symmetric) -> Symmetric:
    return (
        factor * a[0],
        factor * a[1],
        factor * a[2],
        factor * a[3],
        factor * a[4],
        factor * a[5],
    )


@_inline
def with_diagonal(a: Matrix, value: float) -> Matrix:
    """``a + value I``."""
    return a[0] + value, a[1], a[2], a[3], a[4] + value, a[5], a[6], a[7], a[8] + value


@_inline
def with_diagonal_upper(a: Symmetric, value: float) -> Symmetric:
    """``a + value I``."""
    return a[0] + value, a[1], a[2], a[3] + value, a[4], a[5] + value


@_inline
def root(s: Symmetric) -> Matrix:
    """Lower triangular L with ``L L^T = s`` (Cholesky), for a positive definite matrix.

    A pivot that lost all its digits becomes a small one, so that nothing is divided by zero.
    """
    l00 = math.sqrt(max(s[0], _TINY))
    l10, l20 = s[1] / l00, s[2] / l00
    l11 = math.sqrt(max(s[3] - l10 * l10, 1e-16 * s[3], _TINY))
    l21 = (s[4] - l20 * l10) / l11
    l22 = math.sqrt(max(s[5] - l20 * l20 - l21 * l21, 1e-16 * s[5], _TINY))
    return l00, 0.0, 0.0, l10, l11, 0.0, l20, l21, l22


@_inline
def root_solved(low: Matrix, b: Matrix) -> Matrix:
    """``L^-1 b``."""
    i0, i1, i2 = 1.0 / low[0], 1.0 / low[4], 1.0 / low[8]
    x0, x1, x2 = b[0] * i0, b[1] * i0, b[2] * i0
    y0, y1, y2 = (
        (b[3] - low[3] * x0) * i1,
        (b[4] - low[3] * x1) * i1,
        (b[5] - low[3] * x2) * i1,
    )
    return (
        x0,
        x1,
        x2,
        y0,
        y1,
        y2,
        (b[6] - low[6] * x0 - low[7] * y0) * i2,
        (b[7] - low[6] * x1 - low[7] * y1) * i2,
        (b[8] - low[6] * x2 - low[7] * y2) * i2,
    )


@_inline
def root_solved_back(low: Matrix, b: Matrix) -> Matrix:
    """``L^-T b``."""
    i0, i1, i2 = 1.0 / low[0], 1.0 / low[4], 1.0 / low[8]
    z0, z1, z2 = b[6] * i2, b[7] * i2, b[8] * i2
    y0, y1, y2 = (
        (b[3] - low[7] * z0) * i1,
        (b[4] - low[7] * z1) * i1,
        (b[5] - low[7] * z2) * i1,
    )
    return (
        (b[0] - low[3] * y0 - low[6] * z0) * i0,
        (b[1] - low[3] * y1 - low[6] * z1) * i0,
        (b[2] - low[3] * y2 - low[6] * z2) * i0,
        y0,
        y1,
        y2,
        z0,
        z1,
        z2,
    )
