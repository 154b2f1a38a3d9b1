"""Left and right exchanged in labels without a calibration.

Notes
-----
Two things show it. In each view the pose: from right to left a pair points to one side of lines
through the body, frame for frame the same. And between views a plane: to a good approximation the
four pixels of one point in two views obey one linear equation, whichever keypoint it is (the
affine epipolar constraint), which is learned from the labels themselves. For each pair and frame
the hypotheses are that nothing is exchanged, one view, or all; with two views the equation cannot
tell which, and the pose does, or both are named. A second opinion is what the difference of a pair
usually is, given everything else in all views (`side_differences`); the logarithms of both odds are
averaged, since neither is right in all recordings: where the animal turns freely, the second is
too sure of itself, where it always heads one way, the first sees too little.

References
----------
Shapiro, Zisserman & Brady, "3D motion recovery via affine epipolar geometry", IJCV 16, 1995.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import observed_mask

from .findings import LabelFault, LabelFinding, Place
from .pose_audit import log_ratio
from .side_differences import side_scores

Float64 = NDArray[np.float64]
Pair = tuple[int, int]

# Labels of one keypoint in both views that it takes to learn their equation.
_FEWEST_ROWS = 40
_ROUNDS = 10
# A residual counts as no more than this many squared deviations; the least deviation, px.
_MOST, _LEAST_SD = 16.0, 1.0
# How much likelier (log) an exchange must be than none, and than the next best explanation.
_NEEDED, _CLEARLY = 5.0, 2.0
# What lines and equations say counts so much where the usual differences say nothing.
_ALONE = 0.7
# The lines of a pose all look at the same body: the best of them count as a few.
_BEST, _COUNT_AS = 5, 1.5


def exchanged_sides_without_rig(
    session: str,
    frames: NDArray[np.integer],
    views: Sequence[str],
    keypoints: Sequence[str],
    xy: Float64,
    pairs: Sequence[Pair],
) -> list[LabelFinding]:
    """Find pairs of keypoints in each other's place.

    Parameters
    ----------
    session : str
    frames : (frame,) int
    views, keypoints : sequence of str
    xy : (view, frame, keypoint, 2)
        Labels in px of the videos; NaN where there is none.
    pairs : sequence of (int, int)
        Left and right.

    Returns
    -------
    list of LabelFinding
        By frame.
    """
    n_views = len(views)
    out: list[LabelFinding] = []
    if not len(frames) or not pairs:
        return out
    equations = {
        (a, b): found
        for a, b in combinations(range(n_views), 2)
        if (found := _equation(xy[a], xy[b])) is not None
    }
    pose = np.stack([_side_evidence(xy[v], pairs) for v in range(n_views)])
    hypotheses: list[tuple[int, ...]] = [(), *((v,) for v in range(n_views))]
    if n_views > 1:
        hypotheses.append(tuple(range(n_views)))
    usual = side_scores(xy, pairs, hypotheses)
    for p, pair in enumerate(pairs):
        both = list(pair)
        part = xy[:, :, both]
        labeled = observed_mask(part)
        seen = np.asarray(labeled.any(axis=2))
        scores = np.stack([_score(part, h, equations, pose[:, :, p]) for h in hypotheses])
        # A label by itself has no difference. Both kinds of evidence are of the same labels: they
        # count as one.
        whole = (labeled.all(axis=2) | ~seen).all(axis=0) & usual[p].any(axis=0)
        scores -= scores[0]
        both_say = (scores + usual[p] - usual[p][0]) / 2
        scores = np.where(whole, both_say, _ALONE * scores)
        for i, h in enumerate(hypotheses):
            # What has no labels cannot be exchanged.
            scores[i, ~seen[list(h)].all(axis=0)] = -np.inf
        best = scores.argmax(axis=0)
        for n in np.flatnonzero(best > 0):
            gain = float(scores[best[n], n] - scores[0, n])
            if gain < _NEEDED:
                continue
            near = [
                h
                for i, h in enumerate(hypotheses)
                if h and scores[best[n], n] - scores[i, n] < _CLEARLY
            ]
            out.append(
                _finding(session, int(frames[n]), views, keypoints, xy[:, n], pair, near, gain)
            )
    return sorted(out, key=lambda f: (f.frame, f.keypoints))


def _finding(
    session: str,
    frame: int,
    views: Sequence[str],
    keypoints: Sequence[str],
    labels: Float64,
    pair: Pair,
    near: Sequence[tuple[int, ...]],
    gain: float,
) -> LabelFinding:
    certain = len(near) == 1
    concerned = sorted({v for h in near for v in h})
    everywhere = certain and len(near[0]) > 1
    correction: dict[tuple[str, str], Place | None] = {}
    if certain:
        for v in concerned:
            for k, other in (pair, pair[::-1]):
                x, y = labels[v, other].tolist()
                at = (x, y) if np.isfinite([x, y]).all() else None
                correction[views[v], keypoints[k]] = at
    return LabelFinding(
        LabelFault.SIDES_EXCHANGED_EVERYWHERE if everywhere else LabelFault.SIDES_EXCHANGED,
        session,
        frame,
        tuple(views[v] for v in concerned),
        tuple(keypoints[k] for k in pair),
        certain,
        f"exp({gain:.0f}) times likelier with sides exchanged",
        gain,
        correction,
    )


def _score(
    part: Float64,
    exchanged: Sequence[int],
    equations: dict[Pair, tuple[Float64, Float64]],
    pose: Float64,
) -> Float64:
    """Log of the probability of a pair's labels ``(view, frame, 2, 2)``, up to a constant."""
    labels = part.copy()
    labels[list(exchanged)] = part[list(exchanged)][:, :, ::-1]
    score = np.zeros(part.shape[1])
    for (a, b), (normal, sd) in equations.items():
        rows = np.concatenate([labels[a], labels[b]], axis=-1)
        squared = ((rows @ normal[:4] + normal[4]) / sd) ** 2
        score -= np.nan_to_num(np.minimum(squared, _MOST)).sum(axis=-1) / 2
    # All views look at the same pose: together they count as two.
    share = min(1.0, 2 / max(len(exchanged), 1))
    for v in exchanged:
        score -= share * pose[v]
    return score


def _equation(first: Float64, second: Float64) -> tuple[Float64, Float64] | None:
    """The linear equation of two views' labels ``(frame, keypoint, 2)``; None for too few.

    Its five coefficients, four of length 1 and a constant, and the standard deviation of what it
    leaves over, px; fitted by total least squares with weights that set mistakes aside.
    """
    rows = np.concatenate([first, second], axis=-1).reshape(-1, 4)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) < _FEWEST_ROWS:
        return None
    weight = np.ones(len(rows))
    normal, sd = np.zeros(5), 1.0
    for _ in range(_ROUNDS):
        share = weight / weight.sum()
        mean = share @ rows
        centred = rows - mean
        _, vectors = np.linalg.eigh((centred * share[:, None]).T @ centred)
        off = centred @ vectors[:, 0]
        sd = max(1.4826 * float(np.median(np.abs(off))), _LEAST_SD)
        weight = 1.0 / (1.0 + (off / (2 * sd)) ** 2)
        normal = np.append(vectors[:, 0], -vectors[:, 0] @ mean)
    return normal, np.array(sd)


def _side_evidence(xy: Float64, pairs: Sequence[Pair]) -> Float64:
    """How much likelier (log) each pair is as labeled than exchanged, by one view's pose.

    Parameters
    ----------
    xy : (frame, keypoint, 2)

    Returns
    -------
    (frame, pair)
    """
    out = np.zeros((len(xy), len(pairs)))
    across = [_unit(xy[:, left] - xy[:, right]) for left, right in pairs]
    sided = {k for pair in pairs for k in pair}
    base = [xy[:, k] for k in range(xy.shape[1]) if k not in sided]
    base += [(xy[:, left] + xy[:, right]) / 2 for left, right in pairs]
    lines = [_unit(b - a) for a, b in combinations(base, 2)]
    normals = [np.stack([-line[:, 1], line[:, 0]], axis=1) for line in lines]
    for p in range(len(pairs)):
        directions = [*normals, *lines, *(a for q, a in enumerate(across) if q != p)]
        found = [log_ratio((across[p] * each).sum(axis=-1)) for each in directions]
        strong = sorted((each for each in found if each is not None), key=lambda e: -e[1])[:_BEST]
        if strong:
            out[:, p] = _COUNT_AS * np.mean([values for values, _ in strong], axis=0)
    return out


def _unit(vectors: Float64) -> Float64:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 0, vectors / length, np.nan)
