"""What a review finds: planted failures, clean recordings, and the time beside smoothing.

A scene with known truth gets failures: outliers of 20-80 px for 5-40 frames and swaps of left and
right for 10-60 frames, most of them shared by all networks, and a view that is lost for 100
frames. Each planted stretch counts once. Printed are:

- how many are part of an event, with the right view (with two cameras: the pair) and kind;
- how many are shown by 100 frames to label, beside other ways of choosing 100 frames: at random,
  by the lowest likelihood, by the largest spread of the networks, and as Lightning Pose's retired
  first app did (half by motion; half by the number of measures and keypoints that lie more than
  three standard deviations off, then clusters of poses and the worst of each);
- the share of frames in which anything is planted (the base rate: what random choice hits);
- how many frames of recordings without failures are flagged all the same;
- how good the audit of labels is, by kind of fault; for labels that are one frame off beside the
  best that anybody could do who knows the true positions, how labels err and how often;
- how well two corrections heal a lost view of 40 frames; with two cameras beside what remains for
  somebody who knows all that is seen exactly (``lost_view.py``), also with the true bones, and with
  the two frames that are the best of all;
- the time of measuring and of finding events over that of smoothing, in one run.

Scenes up to number 400 were used for development; these are others.

    python -m benchmarks.review.finding [--quick]
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.stats import chi2

from benchmarks.review.lost_view import LostView
from benchmarks.support.report import Table, begin, goal, parser
from benchmarks.support.scenes import GENTLE, HARSH
from napari_pose3d import Ensemble, smooth
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.review.audit.findings import AuditInput, LabelFault, LabelFinding
from napari_pose3d.core.review.audit.label_audit import audit_labels
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.frame_choice import choose_frames
from napari_pose3d.core.review.measures.measures import compute_measures
from napari_pose3d.core.review.session_review import review_result
from napari_pose3d.synthetic.network_errors import simulate_predictions
from napari_pose3d.synthetic.planted_faults import (
    Kind,
    Planted,
    PlantedFault,
    failures_of,
    faulty_labels,
    labeled_scene,
    motion,
)
from napari_pose3d.synthetic.scene import make_scene

PLANTED = replace(HARSH, occluded=0.0, outliers=0.004, swaps=0.003)
LOST = replace(GENTLE, lost_frames=40)
BUDGET = 100
_CLICK_SD = 1.5
_SIZE = (1280, 1024)


def chosen_at_random(n_frames: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).choice(n_frames, BUDGET, replace=False)


def chosen_by_likelihood(ensemble: Ensemble) -> NDArray[np.int64]:
    lowest = ensemble.likelihood.mean(axis=0).min(axis=(0, 2))
    return np.argsort(lowest, kind="stable")[:BUDGET]


def chosen_by_spread(result: Result) -> NDArray[np.int64]:
    variance = result.poses2d.ensemble_variance
    assert variance is not None
    return np.argsort(-variance.sum(axis=-1).max(axis=(0, 2)), kind="stable")[:BUDGET]


def chosen_as_before(ensemble: Ensemble, seed: int) -> NDArray[np.int64]:
    """The recipe of the retired app, on the first network, as its source has it."""
    xy, likelihood = ensemble.xy[0], ensemble.likelihood[0]
    n_frames = xy.shape[1]
    motion = np.zeros(n_frames)
    motion[1:] = np.linalg.norm(np.diff(xy, axis=1), axis=-1).sum(axis=(0, 2))
    moving = np.argsort(-motion, kind="stable")[: n_frames // 2]
    norms = np.linalg.norm(np.diff(xy, axis=1, prepend=xy[:, :1]), axis=-1)
    flags = np.zeros(n_frames)
    for measure in (norms, likelihood):
        z = (measure - measure.mean(axis=1, keepdims=True)) / measure.std(axis=1, keepdims=True)
        flags += (np.abs(z) > 3).sum(axis=(0, 2))
    worst = moving[np.argsort(-flags[moving], kind="stable")][: 10 * BUDGET]
    poses = xy[:, worst].transpose(1, 0, 2, 3).reshape(len(worst), -1).astype(np.float64)
    _, cluster = kmeans2(poses, BUDGET, minit="++", seed=seed)
    return np.array(
        [worst[cluster == c][flags[worst[cluster == c]].argmax()] for c in np.unique(cluster)]
    )


def share_hit(planted: Sequence[Planted], frames: Sequence[int] | NDArray[np.int64]) -> float:
    hit = [any(each.start <= frame <= each.end for frame in frames) for each in planted]
    return float(np.mean(hit))


def find(quick: bool) -> None:
    found = Table(
        "Planted failures: share that is part of an event, its view and kind",
        ("cameras", "scenes", "planted", "found", "view", "kind", "worst on top"),
    )
    choice = Table(
        f"Share of planted failures that {BUDGET} frames show",
        (
            "cameras",
            "ours",
            "of the kind with fewest",
            "frames",
            "random",
            "likelihood",
            "spread",
            "retired app",
            "base rate",
        ),
    )
    n_frames, seeds = (2000, (501,)) if quick else (5000, (501, 502, 503, 504))
    hits = []
    for n_cameras in (2, 3, 4, 6):
        rows: list[tuple[float, ...]] = []
        shares: list[tuple[float, ...]] = []
        for seed in seeds:
            scene = make_scene(n_frames, n_cameras, seed, size=_SIZE)
            ensemble, truth = simulate_predictions(scene, 3, seed=seed, errors=PLANTED)
            result = smooth(ensemble, scene.rig)
            review = review_result(result, scene.rig, scene.skeleton, fps=scene.fps)
            planted = failures_of(scene, truth)
            part = [[e for e in review.events if each.touches(e)] for each in planted]
            named = [
                [e for e in mine if each.view in e.views and len(e.views) <= max(1, 4 - n_cameras)]
                for each, mine in zip(planted, part, strict=True)
            ]
            kind = [
                any(e.kind in each.kinds for e in mine)
                for each, mine in zip(planted, named, strict=True)
            ]
            top = review.events[0].kind is Failure.LOST_VIEW
            rows.append(
                (
                    len(planted),
                    np.mean([bool(p) for p in part]),
                    np.mean([bool(p) for p in named]),
                    np.mean(kind),
                    top,
                )
            )
            chosen = [c.frame for c in choose_frames({"": review.summary()}, BUDGET)]
            bad = truth.lost.any(axis=0) | (truth.outlier | truth.swapped).any(axis=(0, 1, 3))
            shares.append(
                (
                    share_hit(planted, chosen),
                    min(
                        share_hit([each for each in planted if each.kinds == kinds], chosen)
                        for kinds in {each.kinds for each in planted}
                    ),
                    len(chosen),
                    share_hit(planted, chosen_at_random(n_frames, seed)),
                    share_hit(planted, chosen_by_likelihood(ensemble)),
                    share_hit(planted, chosen_by_spread(result)),
                    share_hit(planted, chosen_as_before(ensemble, seed)),
                    float(bad.mean()),
                )
            )
        sums, mean = np.array(rows).sum(axis=0), np.array(rows).mean(axis=0)
        found.add(
            n_cameras, len(seeds), int(sums[0]), *mean[1:4].tolist(), f"{int(sums[4])}/{len(seeds)}"
        )
        averages = np.array(shares).mean(axis=0).tolist()
        choice.add(n_cameras, *averages)
        hits.append((n_cameras, averages[0], averages[1], mean[2], mean[3]))
    found.show()
    choice.show()
    goal("95 % of the planted failures are shown", all(hit >= 0.95 for _, hit, *_ in hits))
    goal("every kind among them", all(fewest > 0 for _, _, fewest, *_ in hits))
    goal("the view is right in 95 %", all(view >= 0.95 for *_, view, _ in hits))
    goal("the kind is right in 90 %", all(kind >= 0.90 for *_, kind in hits))


def stay_quiet(quick: bool) -> None:
    table = Table(
        "Recordings without failures: share of frames flagged",
        ("cameras", "scenes", "mean", "largest", "events"),
    )
    seeds = range(601, 602 if quick else 606)
    met = True
    for n_cameras in (2, 3, 4, 6):
        shares, events = [], 0
        for seed in seeds:
            scene = make_scene(5000, n_cameras, seed, size=_SIZE)
            ensemble, _ = simulate_predictions(scene, 3, seed=seed, errors=GENTLE)
            result = smooth(ensemble, scene.rig)
            review = review_result(result, scene.rig, scene.skeleton, fps=scene.fps)
            shares.append(float(review.flagged.mean()))
            events += len(review.events)
        table.add(n_cameras, len(seeds), float(np.mean(shares)), max(shares), events)
        met = met and (n_cameras < 3 or float(np.mean(shares)) <= 0.001)
    table.show()
    goal("at most 0.1 % of clean frames are flagged with three cameras or more", met)


def audit_faults(quick: bool) -> None:
    """Faults planted in half of 100 labeled frames: clicks of 1.5 px, 15 % of labels missing.

    Where one is forgotten the others are there: else nobody knows that it is.
    """
    kinds: tuple[Kind, ...] = (
        "disagrees",
        "sides",
        "everywhere",
        "views",
        "duplicate",
        "off",
        "unlike",
        "forgotten",
    )
    table = Table(
        "Audit of labels: F1 by kind (another kind, or another view, counts as wrong)",
        ("cameras", *kinds, "false in 1,000 clean labels"),
    )
    best = Table(
        "Labels one frame off: F1 beside that of somebody who knows all true positions",
        (
            "cameras",
            "planted",
            "audit",
            "knowing the truth",
            "moves by less than a click errs",
        ),
    )
    seeds = range(3000, 3001 if quick else 3005)
    goals = []
    for n_cameras in (3, 4, 6):
        row: list[float] = []
        for kind in kinds:
            scores = []
            for seed in seeds:
                least = _CLICK_SD if kind == "off" else 0.0
                missing = 0.0 if kind == "forgotten" else 0.15
                given, planted = faulty_labels(
                    kind, n_cameras, seed, missing=missing, least_motion=least
                )
                scores.append(_f1(planted, audit_labels(given)))
            row.append(float(np.mean(scores)))
        for least, where in ((_CLICK_SD, "where it moves"), (0.0, "anywhere")):
            found = np.array([one_frame_off(n_cameras, seed, least) for seed in seeds])
            best.add(n_cameras, where, *found.mean(axis=0).tolist())
        false = labels = 0
        for seed in seeds:
            given, _ = faulty_labels("none", n_cameras, seed)
            false += len(audit_labels(given))
            labels += int(np.isfinite(given.xy[..., 0]).sum())
        table.add(n_cameras, *row, 1000 * false / labels)
        goals.append((n_cameras, min(row), 1000 * false / labels))
    table.notes.append("off: only where the animal moves by more than a click errs")
    table.show()
    best.show()
    goal("F1 of 0.95 for every kind with 4 cameras", all(f >= 0.95 for n, f, _ in goals if n > 3))
    goal("F1 of 0.85 for every kind with 3 cameras", all(f >= 0.85 for n, f, _ in goals if n == 3))
    goal("at most 1 false finding in 1,000 clean labels", all(f <= 1 for *_, f in goals))


def one_frame_off(n_cameras: int, seed: int, least: float) -> tuple[float, float, float]:
    """F1 of the audit, that of `off_by_truth`, and the share of planted slow frames."""
    given, planted = faulty_labels("off", n_cameras, seed, least_motion=least)
    return (
        _f1(planted, audit_labels(given)),
        _f1(planted, off_by_truth(given, n_cameras, seed, least)),
        float(np.mean([fault.moved < _CLICK_SD for fault in planted])),
    )


def off_by_truth(given: AuditInput, n_cameras: int, seed: int, least: float) -> list[LabelFinding]:
    """Labels one frame off, found with all that there is to know but which they are.

    The true positions in the frame and in those beside it, the noise of a click, and that half of
    the frames have one view off, each view and direction as likely. As in the audit several views
    are named where it is open which, here those that hold 95 % of the probability.
    """
    scene, at, _ = labeled_scene("off", n_cameras, seed)
    moves = np.array(
        [[[motion(scene, v, t, t + by) for t in at] for v in range(n_cameras)] for by in (-1, 1)]
    )
    likelihood = np.stack(
        [-np.nansum((given.xy - scene.xy[:, at + by]) ** 2, axis=(2, 3)) for by in (0, -1, 1)]
    ) / (2 * _CLICK_SD**2)
    # Of each view and direction, beside none.
    odds = likelihood[1:] - likelihood[0] - np.log(2 * n_cameras)
    # What moves too little is not planted: there nothing is off.
    none = np.log1p((moves < least).mean(axis=(0, 1)))
    odds[moves < least] = -np.inf
    # The largest keeps the powers in range.
    most = np.maximum(odds.max(axis=(0, 1)), none)
    powers = np.exp(odds - most).sum(axis=0)
    chance = powers / (np.exp(none - most) + powers.sum(axis=0))
    found = []
    for n in np.flatnonzero(chance.sum(axis=0) > 0.5).tolist():
        order = np.argsort(-chance[:, n])
        held = np.cumsum(chance[order, n]) / chance[:, n].sum()
        views = tuple(given.views[v] for v in order[: int((held < 0.95).sum()) + 1])
        off = LabelFault.ONE_FRAME_OFF
        found.append(LabelFinding(off, given.session, n, views, (), len(views) == 1, "", 0.0))
    return found


def _f1(planted: Sequence[PlantedFault], findings: Sequence[LabelFinding]) -> float:
    open_ones, hits = list(findings), 0
    for fault in planted:
        for finding in open_ones:
            same = finding.frame == fault.frame and finding.kind is fault.kind
            if same and fault.views <= set(finding.views):
                open_ones.remove(finding)
                hits += 1
                break
    return 2 * hits / max(len(planted) + len(findings), 1)


def heal(quick: bool) -> None:
    """Two corrections, or more, of a view that is lost for 40 frames."""
    table = Table(
        "A view lost for 40 frames: 3-D error over that of clean frames",
        (
            "cameras",
            "recordings",
            "corrections",
            "before",
            "after",
            "in 95 %",
            "seen exactly",
            "and bones",
            "best two frames",
        ),
    )
    seeds = range(40, 42 if quick else 52)
    healed = True
    for n_cameras in (2, 3, 4, 6):
        for n_corrections in (2, 3, 4) if n_cameras == 2 else (2,):
            rows = np.array([_healed(n_cameras, seed, n_corrections) for seed in seeds])
            means = rows.mean(axis=0).tolist()
            after = means[1]
            table.add(n_cameras, len(seeds), n_corrections, *means)
            if n_cameras > 2:
                healed = healed and after <= 1.5
    table.show()
    goal("two corrections heal a lost view to 1.5 times, with three cameras or more", healed)


def _healed(n_cameras: int, seed: int, n_corrections: int) -> tuple[float, ...]:
    """Errors before and after, the share in the 95 % ellipsoid, and those of `LostView`."""
    scene = make_scene(800, n_cameras, seed, size=_SIZE)
    ensemble, truth = simulate_predictions(scene, 3, seed=seed, errors=LOST)
    view = int(np.flatnonzero(truth.lost.any(axis=1))[0])
    frames = np.flatnonzero(truth.lost[view])
    first, last = int(frames[0]), int(frames[-1])
    at = np.linspace(first, last, n_corrections + 2)[1:-1].round().astype(int)
    rng, true = np.random.default_rng(0), scene.rig.project(scene.xyz)
    given = {}
    for frame in at.tolist():
        for k, name in enumerate(scene.keypoints):
            x, y = (true[view, frame, k] + rng.normal(0, 1, 2)).tolist()
            given[Cell(scene.rig.names[view], frame, name)] = (x, y)
    before = smooth(ensemble, scene.rig).poses3d
    after = smooth(ensemble, scene.rig, corrections=given).poses3d
    assert before is not None
    assert after is not None
    clean = np.r_[0 : max(first - 20, 0), last + 20 : len(scene.xyz)]
    usual = np.linalg.norm(before.xyz - scene.xyz, axis=-1)[clean].mean()
    stretch = slice(first, last + 1)
    off = (after.xyz - scene.xyz)[stretch]
    squared = np.einsum(
        "tki,tkij,tkj->tk", off, np.linalg.inv(after.covariance[stretch].astype(float)), off
    )
    exactly = bones = best = np.nan
    if n_cameras == 2:
        seen = LostView(scene, 1 - view, first, last)
        exactly, bones = seen.error(at.tolist()), seen.error_with_bones(at.tolist())
        best = seen.best_two_error() if n_corrections == 2 else np.nan
    return (
        np.linalg.norm((before.xyz - scene.xyz)[stretch], axis=-1).mean() / usual,
        np.linalg.norm(off, axis=-1).mean() / usual,
        float((squared < chi2.ppf(0.95, 3)).mean()),
        exactly / usual,
        bones / usual,
        best / usual,
    )


def take_time(quick: bool) -> None:
    n_frames = 20_000 if quick else 100_000
    scene = make_scene(2000, 6, 700, size=_SIZE)
    short, _ = simulate_predictions(scene, 3, seed=700, errors=PLANTED)
    times = n_frames // 2000
    ensemble = replace(
        short,
        xy=np.tile(short.xy, (1, 1, times, 1, 1)),
        likelihood=np.tile(short.likelihood, (1, 1, times, 1)),
    )
    smooth(short, scene.rig)
    review_result(smooth(short, scene.rig), scene.rig, scene.skeleton)

    started = time.perf_counter()
    result = smooth(ensemble, scene.rig)
    smoothing = time.perf_counter() - started
    started = time.perf_counter()
    review_result(result, scene.rig, scene.skeleton)
    events = time.perf_counter() - started
    started = time.perf_counter()
    compute_measures(result, scene.rig)
    measures = time.perf_counter() - started
    table = Table(
        f"Time: {n_frames:,} frames, 6 cameras, {len(scene.keypoints)} keypoints, 3 networks",
        ("what", "seconds", "times smoothing"),
    )
    for what, seconds in (
        ("smoothing", smoothing),
        ("finding events", events),
        ("all measures", measures),
    ):
        table.add(what, seconds, seconds / smoothing)
    table.show()
    goal("all measures within twice the time of smoothing", measures <= 2 * smoothing)


def main() -> None:
    chosen = parser(__doc__).parse_args()
    begin("Review")
    find(chosen.quick)
    stay_quiet(chosen.quick)
    audit_faults(chosen.quick)
    heal(chosen.quick)
    take_time(chosen.quick)


if __name__ == "__main__":
    main()
