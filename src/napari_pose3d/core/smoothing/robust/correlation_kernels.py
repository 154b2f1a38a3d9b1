"""The compiled loops behind `error_correlation`. Importing this module imports numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from napari_pose3d.core.cameras.triangulation.triangulation_kernels import (
    invert_symmetric,
)

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")
# The order of a sum may change: several of its terms are added at once.
_sum = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})

# Frames at once; their arrays fit into the first-level cache.
_AT_ONCE = 256


@_jit
def whiten_residuals(error: Any, jacobian: Any, precision: Any, whitened: Any, traces: Any) -> None:
    """Whitened residuals after a least-squares fit of one 3-D point to each frame.

    Parameters
    ----------
    error : (frame, view, 2)
        Observation minus reprojection, px.
    jacobian : (frame, view, 2, 3)
        Derivative of the projection, px per rig unit.
    precision : (frame, view)
        Inverse variance of each observation, px^-2; 0: not used.
    whitened : (frame, view, 2)
        Filled; 0 where an observation is not used, and in frames with fewer than two views.
    traces : (frame,)
        Filled with the trace of the information matrix of the frame's point, in inverse squared
        rig units; NaN with fewer than two views.
    """
    matrix, inverse = np.empty((3, 3)), np.empty((3, 3))
    vector, fit = np.empty(3), np.empty(3)
    for t in range(precision.shape[0]):
        matrix[:] = 0.0
        vector[:] = 0.0
        n_views = 0
        for c in range(precision.shape[1]):
            whitened[t, c, 0] = whitened[t, c, 1] = 0.0
            w = precision[t, c]
            if not w > 0.0:
                continue
            n_views += 1
            for row in range(2):
                for i in range(3):
                    weighted = w * jacobian[t, c, row, i]
                    vector[i] += weighted * error[t, c, row]
                    for j in range(3):
                        matrix[i, j] += weighted * jacobian[t, c, row, j]
        traces[t] = math.nan
        if n_views < 2:
            continue
        trace = matrix[0, 0] + matrix[1, 1] + matrix[2, 2]
        traces[t] = trace
        for i in range(3):
            # A tiny ridge, for two views with nearly parallel rays.
            matrix[i, i] += 1e-12 * trace
        if not invert_symmetric(matrix, inverse):
            continue
        for i in range(3):
            fit[i] = 0.0
            for j in range(3):
                fit[i] += inverse[i, j] * vector[j]
        for c in range(precision.shape[1]):
            if not precision[t, c] > 0.0:
                continue
            root = math.sqrt(precision[t, c])
            for row in range(2):
                rest = error[t, c, row]
                for i in range(3):
                    rest -= jacobian[t, c, row, i] * fit[i]
                whitened[t, c, row] = root * rest


@_jit
def _add_products(a: Any, b: Any, total: Any) -> None:
    """``total += a b``, on contiguous arrays, so that the loop is vectorised."""
    for t in range(total.shape[0]):
        total[t] += a[t] * b[t]


@_sum
def _summed(common: Any, product: Any) -> tuple[float, float]:
    """Sums of products and of degrees of freedom, over frames with two views or more in common."""
    products = freedoms = 0.0
    for t in range(common.shape[0]):
        counts = 1.0 if common[t] > 1.0 else 0.0
        products += counts * product[t]
        freedoms += counts * (2.0 * common[t] - 3.0)
    return products, freedoms


@_jit
def add_covariances(whitened: Any, precision: Any, products: Any, freedoms: Any) -> None:
    """Add up products of residuals ``lag`` frames apart, and their degrees of freedom.

    Parameters
    ----------
    whitened, precision : (frame, view, 2), (frame, view)
        As in `whiten_residuals`.
    products, freedoms : (lag,)
        Added to; the latter by ``2 n - 3`` for the n views that both frames have in common.
    """
    n_frames, n_views = precision.shape
    x, y = np.empty((n_views, n_frames)), np.empty((n_views, n_frames))
    counts = np.empty((n_views, n_frames))
    for t in range(n_frames):
        for c in range(n_views):
            x[c, t], y[c, t] = whitened[t, c, 0], whitened[t, c, 1]
            counts[c, t] = 1.0 if precision[t, c] > 0.0 else 0.0
    common, product = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    for start in range(0, n_frames, _AT_ONCE):
        for lag in range(products.shape[0]):
            n = min(_AT_ONCE, n_frames - lag - start)
            if n <= 0:
                break
            common[:n] = 0.0
            product[:n] = 0.0
            stop, later = start + n, start + lag
            for c in range(n_views):
                # Rows first: only a piece of a row is known to have no holes.
                row, xs, ys = counts[c], x[c], y[c]
                _add_products(row[start:stop], row[later : later + n], common[:n])
                _add_products(xs[start:stop], xs[later : later + n], product[:n])
                _add_products(ys[start:stop], ys[later : later + n], product[:n])
            covered, degrees = _summed(common[:n], product[:n])
            products[lag] += covered
            freedoms[lag] += degrees
