"""How pairs of left and right usually lie, in all views: evidence for exchanged sides.

Notes
-----
What is judged is the difference of a pair, left minus right, in all views together. It is expected
from what does not depend on sides (keypoints without a counterpart and the middles of pairs, in all
views) and from the differences of the other pairs: linearly, since a body that is turned in an
image turns its differences along. What is left over has a covariance between the views, and that
ties them: an exchange in one of them leaves both its pose and what the views share. Every frame is
judged by what all others show, with Student's t distribution, as mistakes are among them.

References
----------
Lange, Little & Taylor, "Robust statistical modeling using the t distribution", JASA 84, 1989
(weights). Cook & Weisberg, "Residuals and Influence in Regression", 1982, 2.2 (leaving each frame
out). Ledoit & Wolf, "Honey, I shrunk the sample covariance matrix", 2004 (shrinkage).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Pair = tuple[int, int]

# Fewer frames with both labels in a view show no usual difference.
_FEWEST = 20
_FREEDOMS = 8.0
_ROUNDS = 4
# Of a frame's difference, px^2: two clicks.
_LEAST_VARIANCE = 2.0
_RIDGES = (1.0, 4.0, 16.0, 64.0)
# So many frames' worth of no covariance between views.
_SHRINKAGE = 1.0
# Of a standardised value's variance, as if it were noise.
_FILLING = 0.1


def side_scores(
    xy: Float64, pairs: Sequence[Pair], exchanges: Sequence[Sequence[int]]
) -> list[Float64]:
    """Log of the probability of each pair's labels if they are exchanged in some views.

    Parameters
    ----------
    xy : (view, frame, keypoint, 2)
        Labels; NaN where there is none.
    pairs : sequence of (int, int)
    exchanges : sequence of sequence of int
        The views, of each hypothesis; none of the first.

    Returns
    -------
    list of (hypothesis, frame) float64
        For each pair, up to a constant of each frame; 0 where nothing is known.
    """
    differences = np.stack([xy[:, :, a] - xy[:, :, b] for a, b in pairs])
    base = _base(xy, pairs)
    out = []
    for p in range(len(pairs)):
        rest = np.delete(differences, p, axis=0)
        regressors = [base, *(each.transpose(1, 0, 2).reshape(len(base), -1) for each in rest)]
        out.append(_pair_scores(differences[p], np.concatenate(regressors, axis=1), exchanges))
    return out


def _base(xy: Float64, pairs: Sequence[Pair]) -> Float64:
    """What does not depend on sides, about its middle in each view, ``(frame, value)``."""
    sided = {k for pair in pairs for k in pair}
    parts = [xy[:, :, k] for k in range(xy.shape[2]) if k not in sided]
    parts += [(xy[:, :, a] + xy[:, :, b]) / 2 for a, b in pairs]
    points = np.stack(parts, axis=2)
    # The usual place of each stands in where it is not labeled.
    centred = points - _mean(points, axis=2)
    return np.asarray(centred.transpose(1, 0, 2, 3).reshape(xy.shape[1], -1))


def _mean(values: Float64, axis: int) -> Float64:
    known = np.isfinite(values)
    count = known.sum(axis=axis, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=axis, keepdims=True)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _pair_scores(
    difference: Float64, regressors: Float64, exchanges: Sequence[Sequence[int]]
) -> Float64:
    """Of one pair; ``difference (view, frame, 2)``."""
    n_views, n_frames = difference.shape[:2]
    values = difference.transpose(1, 0, 2).reshape(n_frames, -1)
    signs = np.ones((len(exchanges), 2 * n_views))
    for h, views in enumerate(exchanges):
        signs[h, [2 * v + axis for v in views for axis in range(2)]] = -1.0
    seen = np.isfinite(values)
    known = np.repeat(seen[:, ::2].sum(axis=0) >= _FEWEST, 2)
    scores = np.zeros((len(exchanges), n_frames))
    if not known.any():
        return scores
    seen &= known
    design = _design(regressors)
    weight = np.ones(n_frames)
    side = np.ones_like(values)
    for _ in range(_ROUNDS):
        # As the likeliest hypothesis has them.
        now = np.where(seen, values * side, 0.0)
        expected, trust, covariance = _expected(now, seen, design, weight)
        squared = np.stack(
            [_squared((values * sign - expected) * trust, seen, covariance) for sign in signs]
        )
        freedoms = np.maximum(seen.sum(axis=1), 1)
        scores = -(_FREEDOMS + freedoms) / 2 * np.log1p(squared / _FREEDOMS)
        best = scores.argmax(axis=0)
        side = signs[best]
        weight = (_FREEDOMS + freedoms) / (_FREEDOMS + squared.min(axis=0))
    return np.where(seen.any(axis=1), scores, 0.0)


def _design(regressors: Float64) -> Float64:
    """Standardised, with a column of ones; what is not known is expected from the rest.

    The expectation under a normal distribution, whose moments follow in turn (Little & Rubin,
    "Statistical Analysis with Missing Data", 2nd ed., 2002, 11.2), shrunk.
    """
    known = np.isfinite(regressors)
    usual = known.sum(axis=0) >= _FEWEST
    regressors, known = regressors[:, usual], known[:, usual]
    off = np.nan_to_num(regressors - _mean(regressors, axis=0))
    sd = np.sqrt((off**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    off, known = off[:, sd > 0] / sd[sd > 0], known[:, sd > 0]
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    for _ in range(_ROUNDS):
        covariance = off.T @ off / len(off) + _FILLING * np.eye(off.shape[1])
        for i, there in enumerate(patterns):
            if there.all() or not there.any():
                continue
            rows = np.flatnonzero(which.ravel() == i)
            slopes = np.linalg.solve(
                covariance[np.ix_(there, there)], covariance[np.ix_(there, ~there)]
            )
            off[np.ix_(rows, np.flatnonzero(~there))] = (
                off[np.ix_(rows, np.flatnonzero(there))] @ slopes
            )
    return np.concatenate([np.ones((len(off), 1)), off], axis=1)


def _expected(
    values: Float64, seen: Bool, design: Float64, weight: Float64
) -> tuple[Float64, Float64, Float64]:
    """What the other frames lead to expect of each, and the covariance of what is left over.

    The latter after multiplication by what comes second: a frame that is unlike the others is
    expected less surely. Ridge regression of each coordinate, by the ridge that predicts best.
    """
    expected, trust = np.zeros_like(values), np.ones_like(values)
    for column in range(values.shape[1]):
        w = np.where(seen[:, column], weight, 0.0)
        if not w.any():
            continue
        best = np.inf
        for ridge in _RIDGES:
            penalty = np.full(design.shape[1], ridge)
            penalty[0] = 1e-6
            inverse = np.linalg.inv((design.T * w) @ design + np.diag(penalty))
            fitted = design @ (inverse @ (design.T @ (w * values[:, column])))
            lever = w * np.einsum("ni,ij,nj->n", design, inverse, design)
            # Without the frame itself.
            left_out = values[:, column] - (values[:, column] - fitted) / (1.0 - lever)
            # What has no label did not take part.
            left_out = np.where(w > 0, left_out, fitted)
            cost = float((w * (values[:, column] - left_out) ** 2).sum())
            if cost < best:
                best, expected[:, column] = cost, left_out
                trust[:, column] = np.sqrt(np.clip(1.0 - lever, 0.0, 1.0))
    rest = np.where(seen, (values - expected) * trust, 0.0) * np.sqrt(weight)[:, None]
    count = seen.T.astype(np.float64) @ seen
    usual = np.diag((rest**2).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
    covariance = (rest.T @ rest + _SHRINKAGE * usual) / (np.maximum(count, 1) + _SHRINKAGE)
    # Of unequal frames for each of its entries, it need not be one.
    values_of, vectors = np.linalg.eigh(covariance)
    covariance = (vectors * np.maximum(values_of, 0.0)) @ vectors.T
    return expected, trust, covariance + _LEAST_VARIANCE * np.eye(len(usual))


def _squared(rest: Float64, seen: Bool, covariance: Float64) -> Float64:
    """Squared deviations of each frame, ``(frame,)``, of the coordinates that it has."""
    out = np.zeros(len(rest))
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    for i, pattern in enumerate(patterns):
        at = np.flatnonzero(which.ravel() == i)
        if pattern.any():
            part = rest[np.ix_(at, np.flatnonzero(pattern))]
            inverse = np.linalg.inv(covariance[np.ix_(pattern, pattern)])
            out[at] = np.einsum("ni,ij,nj->n", part, inverse, part)
    return out
