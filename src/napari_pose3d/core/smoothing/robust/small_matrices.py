"""3 x 3 matrices and vectors as tuples, which the compiler keeps in registers.

A matrix is its nine numbers row by row; of a symmetric one the upper triangle (xx, xy, xz, yy, yz,
zz) is stored and computed. Importing this module imports numba.
"""

from __future__ import annotations

from typing import Any

import numba

Matrix = tuple[float, float, float, float, float, float, float, float, float]
Symmetric = tuple[float, float, float, float, float, float]
Vector = tuple[float, float, float]
# Of L, whose diagonal is 1, what lies below it (10, 20, 21); the pivots D, and one over each.
Factors = tuple[float, float, float, float, float, float, float, float, float]

_TINY = 1e-300

_inline = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


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
def positive(s: Symmetric) -> bool:
    """Whether a symmetric matrix is positive definite."""
    d1 = s[0] * s[3] - s[1] * s[1]
    rest = s[0] * s[4] - s[1] * s[2]
    # The pivots, each with those before it as a factor.
    return s[0] > 0.0 and d1 > 0.0 and (s[0] * s[5] - s[2] * s[2]) * d1 > rest * rest


@_inline
def factored(s: Symmetric) -> Factors:
    """``s = L D L^T`` (Cholesky without roots), for a positive definite matrix.

    A pivot that lost all its digits becomes a small one, so that nothing is divided by zero.
    """
    d0 = max(s[0], _TINY)
    i0 = 1.0 / d0
    l10, l20 = s[1] * i0, s[2] * i0
    d1 = max(s[3] - l10 * s[1], 1e-16 * s[3], _TINY)
    i1 = 1.0 / d1
    rest = s[4] - l20 * s[1]
    l21 = rest * i1
    d2 = max(s[5] - l20 * s[2] - l21 * rest, 1e-16 * s[5], _TINY)
    return l10, l20, l21, d0, d1, d2, i0, i1, 1.0 / d2


@_inline
def between(f: Factors, s: Symmetric) -> Symmetric:
    """``L^T s L``."""
    l10, l20, l21 = f[0], f[1], f[2]
    p = s[0] + l10 * s[1] + l20 * s[2]
    q = s[1] + l10 * s[3] + l20 * s[4]
    r = s[2] + l10 * s[4] + l20 * s[5]
    b = s[3] + l21 * s[4]
    c = s[4] + l21 * s[5]
    return p + l10 * q + l20 * r, q + l21 * r, r, b + l21 * c, c, s[5]


@_inline
def solved_lower(f: Factors, b: Matrix) -> Matrix:
    """``L^-1 b``."""
    l10, l20, l21 = f[0], f[1], f[2]
    y0, y1, y2 = b[3] - l10 * b[0], b[4] - l10 * b[1], b[5] - l10 * b[2]
    return (
        b[0],
        b[1],
        b[2],
        y0,
        y1,
        y2,
        b[6] - l20 * b[0] - l21 * y0,
        b[7] - l20 * b[1] - l21 * y1,
        b[8] - l20 * b[2] - l21 * y2,
    )


@_inline
def divided(f: Factors, b: Matrix) -> Matrix:
    """``D^-1 b``."""
    return (
        b[0] * f[6],
        b[1] * f[6],
        b[2] * f[6],
        b[3] * f[7],
        b[4] * f[7],
        b[5] * f[7],
        b[6] * f[8],
        b[7] * f[8],
        b[8] * f[8],
    )


@_inline
def solved_upper(f: Factors, b: Matrix) -> Matrix:
    """``L^-T D^-1 b``."""
    l10, l20, l21 = f[0], f[1], f[2]
    a = divided(f, b)
    z0, z1, z2 = a[6], a[7], a[8]
    y0, y1, y2 = a[3] - l21 * z0, a[4] - l21 * z1, a[5] - l21 * z2
    return (
        a[0] - l10 * y0 - l20 * z0,
        a[1] - l10 * y1 - l20 * z1,
        a[2] - l10 * y2 - l20 * z2,
        y0,
        y1,
        y2,
        z0,
        z1,
        z2,
    )


@_inline
def lower_transposed(f: Factors) -> Matrix:
    """``L^T``."""
    return 1.0, f[0], f[1], 0.0, 1.0, f[2], 0.0, 0.0, 1.0
