"""3 x 3 matrices and vectors as tuples: they stay in the processor's registers.

A matrix is its nine numbers row by row; of a symmetric one the upper triangle (xx, xy, xz, yy, yz,
zz) is stored and computed. Importing this module imports numba.
"""

from __future__ import annotations

from typing import Any

import numba

Matrix = tuple[float, float, float, float, float, float, float, float, float]
Symmetric = tuple[float, float, float, float, float, float]
Vector = tuple[float, float, float]

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
    """The upper triangle of ``a b``, where that is symmetric."""
    return (
        a[0] * b[0] + a[1] * b[3] + a[2] * b[6],
        a[0] * b[1] + a[1] * b[4] + a[2] * b[7],
        a[0] * b[2] + a[1] * b[5] + a[2] * b[8],
        a[3] * b[1] + a[4] * b[4] + a[5] * b[7],
        a[3] * b[2] + a[4] * b[5] + a[5] * b[8],
        a[6] * b[2] + a[7] * b[5] + a[8] * b[8],
    )


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
def inverted(a: Matrix) -> tuple[Matrix, float]:
    """Inverse, by cofactors, and determinant."""
    c00 = a[4] * a[8] - a[5] * a[7]
    c01 = a[2] * a[7] - a[1] * a[8]
    c02 = a[1] * a[5] - a[2] * a[4]
    determinant = a[0] * c00 + a[3] * c01 + a[6] * c02
    f = 1.0 / determinant
    inverse = (
        f * c00,
        f * c01,
        f * c02,
        f * (a[5] * a[6] - a[3] * a[8]),
        f * (a[0] * a[8] - a[2] * a[6]),
        f * (a[2] * a[3] - a[0] * a[5]),
        f * (a[3] * a[7] - a[4] * a[6]),
        f * (a[1] * a[6] - a[0] * a[7]),
        f * (a[0] * a[4] - a[1] * a[3]),
    )
    return inverse, determinant
