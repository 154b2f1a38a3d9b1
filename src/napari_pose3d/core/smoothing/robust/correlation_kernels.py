"""The compiled loops behind `correlation`. Importing this module imports numba."""

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

# Frames whose numbers stay in the processor's nearest memory.
_AT_ONCE = 256


@_jit
def unexplained(error: Any, jacobian: Any, trust: Any, left: Any, told: Any) -> None:
    """Whitened residuals without what a 3-D point can explain, frame by frame.

    Parameters
    ----------
    error : (frame, view, 2)
    slopes : (frame, view, 2, 3)
    trust : (frame, view)
        Inverse variance; 0 where an observation does not count.
    left : (frame, view, 2)
        Filled; 0 where nothing counts, and in frames with fewer than two views.
    told : (frame)
        Becomes the trace of what the frame tells of its point; NaN with fewer than two views.
    """
    information, inverse = np.empty((3, 3)), np.empty((3, 3))
    pull, fit = np.empty(3), np.empty(3)
    for t in range(trust.shape[0]):
        information[:] = 0.0
        pull[:] = 0.0
        n_views = 0
        for c in range(trust.shape[1]):
            left[t, c, 0] = left[t, c, 1] = 0.0
            w = trust[t, c]
            if not w > 0.0:
                continue
            n_views += 1
            for row in range(2):
                for i in range(3):
                    lever = w * jacobian[t, c, row, i]
                    pull[i] += lever * error[t, c, row]
                    for j in range(3):
                        information[i, j] += lever * jacobian[t, c, row, j]
        told[t] = math.nan
        if n_views < 2:
            continue
        trace = information[0, 0] + information[1, 1] + information[2, 2]
        told[t] = trace
        for i in range(3):
            # A trace of a ridge, for two views that see the point from almost one side.
            information[i, i] += 1e-12 * trace
        if not invert_symmetric(information, inverse):
            continue
        for i in range(3):
            fit[i] = 0.0
            for j in range(3):
                fit[i] += inverse[i, j] * pull[j]
        for c in range(trust.shape[1]):
            if not trust[t, c] > 0.0:
                continue
            root = math.sqrt(trust[t, c])
            for row in range(2):
                rest = error[t, c, row]
                for i in range(3):
                    rest -= jacobian[t, c, row, i] * fit[i]
                left[t, c, row] = root * rest


@_jit
def _add_products(a: Any, b: Any, total: Any) -> None:
    """``total += a b``, in a row without holes, which is what processors are quick at."""
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
def add_covariances(left: Any, trust: Any, products: Any, freedoms: Any) -> None:
    """Add up products of residuals ``lag`` frames apart, and their degrees of freedom.

    ``products (lag)`` and ``freedoms (lag)`` grow; the latter by ``2 n - 3`` for the n views that
    both frames have in common.
    """
    n_frames, n_views = trust.shape
    x, y = np.empty((n_views, n_frames)), np.empty((n_views, n_frames))
    counts = np.empty((n_views, n_frames))
    for t in range(n_frames):
        for c in range(n_views):
            x[c, t], y[c, t] = left[t, c, 0], left[t, c, 1]
            counts[c, t] = 1.0 if trust[t, c] > 0.0 else 0.0
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
