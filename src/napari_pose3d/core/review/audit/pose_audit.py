"""Faults that single keypoints do not show: sides exchanged in all views, poses unlike all others,
labels that are missing, projections that are out of date.

Notes
-----
Sides exchanged in every view leave all rays meeting. What shows it is the pose (`exchanged_pairs`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.labels.geometry.keypoint_priors import Distances
from napari_pose3d.core.labels.geometry.label_projection import Place as PointPlace
from napari_pose3d.core.labels.geometry.label_projection import Projection
from napari_pose3d.core.poses.arrays import observed_mask

from .expectation import FAR, Expectation
from .findings import AuditInput, LabelFault, LabelFinding

Float64 = NDArray[np.float64]

# Exchanged sides: the pose must be likelier by this much (log). Each sign of a direction counts as
# no more than _MOST_RATIO, and the best planes together as _COUNT_AS of them.
_SIDES_SAVE = 10.0
_DISTANCES_SAVE = 4.0
_FEW_FRAMES = 15
_MOST_WANTED = 14.0
_MOST_RATIO = 8.0
_COUNT_AS = 2.0
_BEST = 7
_LEAST_COSINE_SD = 0.1
_MOST_PAIRS = 8
_FEWEST_POSES = 20
# A keypoint is unlike others when a quarter of its distances to the rest is off by so many
# deviations.
_UNLIKE, _UNLIKE_AND_FAR = 4.5, 3.0
_QUARTER = 75
_FEWEST_DISTANCES = 4
# Nothing of an animal keeps its distance better than to this part.
_STEADY = 0.03
# Labeled in this share of comparable frames: missed where it is not. What is usual elsewhere in the
# session counts as much as so many frames.
_USUALLY = 0.9
_FEWEST_FRAMES = 10
_AS_ELSEWHERE = 20
_STALE_PX = 1.0


def pose_findings(
    given: AuditInput,
    xy: Float64,
    found: Sequence[Projection],
    distances: Distances,
    blamed: Collection[tuple[int, str]],
    expected: Expectation,
) -> list[LabelFinding]:
    """What poses as a whole show.

    Parameters
    ----------
    given : AuditInput
    xy : (view, frame, keypoint, 2)
        The labels with what was found before corrected.
    found : sequence of Projection
        Of each frame.
    distances : Distances
        Between the keypoints of all frames.
    blamed : collection of (int, str)
        Frames and keypoints with a fault already.
    expected : Expectation
        What predictions say.
    """
    if not len(given.frames):
        return []
    sure = np.stack([_sure(each) for each in found])
    xyz = np.where(sure[..., None], np.stack([each.xyz for each in found]), np.nan)
    out = _exchanged_everywhere(given, xy, xyz, distances, expected)
    exchanged = {finding.frame for finding in out}
    variance = np.stack([np.trace(each.covariance, axis1=-2, axis2=-1) / 3 for each in found])
    far = expected.distance(xyz, variance) > FAR
    for n in range(len(found)):
        if int(given.frames[n]) not in exchanged:
            out += _unlike_others(given, n, xyz[n], variance[n], distances, blamed, far[n])
    out += _forgotten(given, xy, found, sure)
    out += _stale(given, found)
    return out


def _sure(found: Projection) -> NDArray[np.bool_]:
    """Keypoints whose labels meet, ``(keypoint,)``."""
    with np.errstate(invalid="ignore"):
        return np.asarray((found.misfit < 3) & np.isfinite(found.xyz).all(axis=-1))


# ---------------------------------------------------------------------- sides in all views


def _exchanged_everywhere(
    given: AuditInput,
    xy: Float64,
    xyz: Float64,
    distances: Distances,
    expected: Expectation,
) -> list[LabelFinding]:
    out = []
    wanted = np.zeros((len(xyz), len(given.pairs)))
    for p, pair in enumerate(given.pairs):
        saved = expected.saved_by_exchange(xy, (pair[0], pair[1])).sum(axis=0) / 2
        wanted[:, p] = np.clip(saved, -_MOST_WANTED, _MOST_WANTED)
    for n, (pairs, gain) in enumerate(exchanged_pairs(xyz, given.pairs, wanted)):
        here = np.isfinite(xyz[n, :, 0])
        some = [pair for pair in given.pairs if here[list(pair)].all()]
        agreed = [wanted[n, list(given.pairs).index(pair)] > _SIDES_SAVE for pair in pairs]
        whole = len(pairs) >= len(some) or all(agreed)
        if not pairs or not _explains(xyz[n], pairs, distances, mirrored=whole):
            continue
        labels = given.xy[:, n]
        correction: dict[tuple[str, str], tuple[float, float] | None] = {}
        for pair in pairs:
            for k, other in (pair, pair[::-1]):
                for v, view in enumerate(given.views):
                    if np.isfinite(labels[v, [k, other]]).any():
                        at = labels[v, other]
                        place = (float(at[0]), float(at[1])) if np.isfinite(at).all() else None
                        correction[(view, given.keypoints[k])] = place
        out.append(
            LabelFinding(
                LabelFault.SIDES_EXCHANGED_EVERYWHERE,
                given.session,
                int(given.frames[n]),
                given.views,
                tuple(given.keypoints[k] for pair in pairs for k in pair),
                True,
                f"the pose is exp({gain:.0f}) times likelier with sides exchanged",
                gain,
                correction,
            )
        )
    return out


def exchanged_pairs(
    xyz: Float64, pairs: Sequence[tuple[int, int]], wanted: Float64 | None = None
) -> list[tuple[tuple[tuple[int, int], ...], float]]:
    """Which pairs of left and right are exchanged in each frame, judged by the usual poses.

    From right to left a pair points to one side of the body, and so do the other pairs. Which side
    that is, is told by planes through what does not depend on sides: keypoints without a
    counterpart, and the middles of pairs.

    Parameters
    ----------
    xyz : (frame, keypoint, 3)
        NaN where unknown.
    pairs : sequence of (int, int)
    wanted : (frame, pair), optional
        How much likelier (log) each exchange is by other evidence.

    Returns
    -------
    list of (pairs, float)
        For each frame those that are exchanged, and by how much likelier (log) the pose is then.
    """
    n_frames, n_pairs = len(xyz), min(len(pairs), _MOST_PAIRS)
    nothing: list[tuple[tuple[tuple[int, int], ...], float]] = [((), 0.0)] * n_frames
    known = wanted is not None and bool(np.any(wanted))
    if not n_pairs or (n_frames < _FEWEST_POSES and not known):
        return nothing
    pairs = list(pairs)[:n_pairs]
    across = np.stack([xyz[:, left] - xyz[:, right] for left, right in pairs], axis=1)
    across = _unit(across)
    sided = {k for pair in pairs for k in pair}
    base = [xyz[:, k] for k in range(xyz.shape[1]) if k not in sided]
    base += [(xyz[:, left] + xyz[:, right]) / 2 for left, right in pairs]
    normals = [
        _unit(np.cross(base[a] - base[b], base[c] - base[b]))
        for a, b, c in combinations(range(len(base)), 3)
    ]
    of_side = np.zeros((n_frames, n_pairs))
    if wanted is not None:
        of_side += wanted[:, :n_pairs]
    for p in range(n_pairs):
        evidence = [log_ratio((across[:, p] * normal).sum(axis=-1)) for normal in normals]
        strong = sorted((e for e in evidence if e is not None), key=lambda e: -e[1])[:_BEST]
        if strong:
            # They all look at the same pose: together they count as a few.
            of_side[:, p] -= _COUNT_AS * _mean([values for values, _ in strong])
    together = np.zeros((n_frames, n_pairs, n_pairs))
    for p, q in combinations(range(n_pairs), 2):
        found = log_ratio((across[:, p] * across[:, q]).sum(axis=-1))
        if found is not None:
            together[:, p, q] = np.nan_to_num(found[0])
    choices = [np.array(flips) for flips in product((False, True), repeat=n_pairs) if any(flips)]
    gains = np.stack(
        [
            of_side[:, flips].sum(axis=1)
            - (together * (flips[:, None] != flips[None, :])).sum(axis=(1, 2))
            for flips in choices
        ]
    )
    best = gains.argmax(axis=0)
    return [
        (
            (tuple(pair for pair, flip in zip(pairs, choices[i], strict=True) if flip), float(g))
            if (g := gains[i, n]) > _SIDES_SAVE
            else ((), 0.0)
        )
        for n, i in enumerate(best.tolist())
    ]


def log_ratio(cosine: Float64) -> tuple[Float64, float] | None:
    """How much likelier (log) each value is than its negative, and how telling that is.

    The values of one quantity over the frames, most of which are of the right sign.
    """
    known = cosine[np.isfinite(cosine)]
    if len(known) < _FEWEST_POSES:
        return None
    middle = np.median(known)
    sd = max(float(np.median(np.abs(known - middle))) * 1.4826, _LEAST_COSINE_SD)
    ratio = np.clip(2 * cosine * middle / sd**2, -_MOST_RATIO, _MOST_RATIO)
    return np.nan_to_num(ratio), float(abs(middle) / sd)


def _mean(values: Sequence[Float64]) -> Float64:
    return np.asarray(np.mean(values, axis=0))


def _unit(vectors: Float64) -> Float64:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 0, vectors / length, np.nan)


# ---------------------------------------------------------------------- single keypoints


def _unlike_others(
    given: AuditInput,
    n: int,
    xyz: Float64,
    variance: Float64,
    distances: Distances,
    blamed: Collection[tuple[int, str]],
    far: NDArray[np.bool_],
) -> list[LabelFinding]:
    # Where predictions have it elsewhere as well, less is needed.
    needed = np.where(far, _UNLIKE_AND_FAR, _UNLIKE)
    out: list[LabelFinding] = []
    xyz = xyz.copy()
    while True:
        off = _unlikeness(xyz, distances, variance)
        worst = int((off / needed).argmax())
        if off[worst] < needed[worst]:
            return out
        name = given.keypoints[worst]
        # The distances of the others are judged without it.
        xyz[worst] = np.nan
        if (int(given.frames[n]), name) in blamed:
            continue
        out.append(
            LabelFinding(
                LabelFault.UNLIKE_OTHERS,
                given.session,
                int(given.frames[n]),
                (),
                (name,),
                True,
                f"a quarter of its distances to the other keypoints is off by {off[worst]:.0f} "
                "deviations or more",
                float(off[worst]),
            )
        )


def _unlikeness(xyz: Float64, distances: Distances, variance: Float64 | None = None) -> Float64:
    """How far a quarter of each keypoint's distances to the rest is off, in deviations.

    Parameters
    ----------
    xyz : (keypoint, 3)
    distances : Distances
    variance : (keypoint,), optional
        Of the positions.
    """
    z = _deviations(xyz, distances, variance)
    known = np.isfinite(z)
    out = np.zeros(len(z))
    for k in np.flatnonzero(known.sum(axis=1) >= _FEWEST_DISTANCES):
        out[k] = np.percentile(z[k, known[k]], _QUARTER)
    return out


def _deviations(xyz: Float64, distances: Distances, variance: Float64 | None = None) -> Float64:
    """How far each distance is from the usual one, in deviations, ``(keypoint, keypoint)``."""
    length = np.linalg.norm(xyz[:, None] - xyz[None], axis=-1)
    squared = np.maximum(distances.sd, _STEADY * distances.median) ** 2
    # What few frames tell of a distance may be far from what is usual.
    squared = squared * (1 + _FEW_FRAMES / np.maximum(distances.n_frames, 1))
    if variance is not None:
        squared = squared + variance[:, None] + variance[None]
    return np.asarray(np.abs(length - distances.median) / np.sqrt(squared))


def _explains(
    xyz: Float64, pairs: Sequence[tuple[int, int]], distances: Distances, *, mirrored: bool
) -> bool:
    """Whether the pose is a usual one once the sides are exchanged, and was none before.

    A paw that crosses the midline points the wrong way as well, but its distances are usual. The
    distances know nothing about all sides exchanged at once: a ``mirrored`` pose keeps them.
    """
    order = np.arange(len(xyz))
    for left, right in pairs:
        order[[left, right]] = right, left
    sided = [k for pair in pairs for k in pair]
    if not (_unlikeness(xyz[order], distances)[sided] < _UNLIKE).all():
        return False
    if mirrored:
        return True
    before, after = _deviations(xyz, distances), _deviations(xyz[order], distances)
    both = np.isfinite(before) & np.isfinite(after)
    saved = np.where(both, np.minimum(before, 5) ** 2 - np.minimum(after, 5) ** 2, 0.0)
    moved = order != np.arange(len(xyz))
    changed = moved[:, None] != moved[None]
    return float(saved[changed].sum()) / 2 > _DISTANCES_SAVE


def _forgotten(
    given: AuditInput,
    xy: Float64,
    found: Sequence[Projection],
    sure: NDArray[np.bool_],
) -> list[LabelFinding]:
    inside = np.stack([each.place == PointPlace.INSIDE for each in found], axis=1)
    labeled = observed_mask(xy)
    # The others put the point there by themselves; else frames with the label would count more.
    inside &= sure[None] & (labeled.sum(axis=0) - labeled > 1)
    if given.projected is not None:
        labeled |= observed_mask(given.projected)
    n_inside, n_labeled = inside.sum(axis=1), (inside & labeled).sum(axis=1)
    out = []
    for v, view in enumerate(given.views):
        for k, keypoint in enumerate(given.keypoints):
            n_frames, n_mine = int(n_inside[v, k]), int(n_labeled[v, k])
            if n_frames < _FEWEST_FRAMES:
                continue
            comparable = inside[v, :, k]
            share = n_mine / n_frames
            n_elsewhere = n_inside.sum() - n_frames
            elsewhere = (n_labeled.sum() - n_mine) / n_elsewhere if n_elsewhere else 0.5
            # Surely so, not by chance (as Agresti & Coull 1998, with the other cells as prior).
            least = (n_mine + _AS_ELSEWHERE * elsewhere) / (n_frames + _AS_ELSEWHERE)
            error = np.sqrt(least * (1 - least) / (n_frames + _AS_ELSEWHERE))
            if least - 2 * error < _USUALLY:
                continue
            for n in np.flatnonzero(comparable & ~labeled[v, :, k]).tolist():
                x, y = found[n].reprojection[v, k]
                out.append(
                    LabelFinding(
                        LabelFault.FORGOTTEN,
                        given.session,
                        int(given.frames[n]),
                        (view,),
                        (keypoint,),
                        True,
                        f"labeled in {share:.0%} of the frames in which it is in the image",
                        float(share),
                        {(view, keypoint): (float(x), float(y))},
                    )
                )
    return out


def _stale(given: AuditInput, found: Sequence[Projection]) -> list[LabelFinding]:
    if given.projected is None:
        return []
    out = []
    for n, each in enumerate(found):
        error = np.linalg.norm(given.projected[:, n] - each.reprojection, axis=-1)
        for v, k in zip(*np.nonzero(error > _STALE_PX), strict=True):
            x, y = each.reprojection[v, k]
            key = (given.views[v], given.keypoints[k])
            out.append(
                LabelFinding(
                    LabelFault.STALE_PROJECTION,
                    given.session,
                    int(given.frames[n]),
                    key[:1],
                    key[1:],
                    True,
                    f"{error[v, k]:.1f} px from where today's labels of the other views put it",
                    float(error[v, k]),
                    {key: (float(x), float(y))},
                )
            )
    return out
