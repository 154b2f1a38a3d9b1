"""What audits and reviews have to find: faults in labels, and failures of simulated networks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.poses.stretches import stretches
from napari_pose3d.core.review.audit.findings import AuditInput, LabelFault
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure

from .network_errors import PredictionTruth
from .scene import Scene, make_scene

Kind = Literal[
    "none", "disagrees", "sides", "views", "duplicate", "off", "everywhere", "unlike", "forgotten"
]
FAULTS: dict[Kind, LabelFault] = {
    "disagrees": LabelFault.DISAGREES,
    "sides": LabelFault.SIDES_EXCHANGED,
    "views": LabelFault.VIEWS_EXCHANGED,
    "duplicate": LabelFault.DUPLICATE,
    "off": LabelFault.ONE_FRAME_OFF,
    "everywhere": LabelFault.SIDES_EXCHANGED_EVERYWHERE,
    "unlike": LabelFault.UNLIKE_OTHERS,
    "forgotten": LabelFault.FORGOTTEN,
}


@dataclass(frozen=True)
class PlantedFault:
    """A fault and where it is; ``moved`` is how far labels one frame off lie away, px."""

    kind: LabelFault
    frame: int
    views: frozenset[str]
    moved: float = np.inf


def labeled_scene(
    kind: Kind, n_cameras: int, seed: int, n_frames: int = 100
) -> tuple[Scene, NDArray[np.int64], np.random.Generator]:
    """What labels are made of: the scene, its labeled frames, and the numbers drawn from there."""
    scene = make_scene(3000, n_cameras, seed, size=(1280, 1024))
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    return scene, np.sort(rng.choice(np.arange(5, 2995), n_frames, replace=False)), rng


def motion(scene: Scene, view: int, frame: int, then: int) -> float:
    """How far the keypoints of a view move between two frames, median, px."""
    return float(np.median(np.linalg.norm(scene.xy[view, then] - scene.xy[view, frame], axis=1)))


def faulty_labels(
    kind: Kind,
    n_cameras: int,
    seed: int,
    *,
    n_frames: int = 100,
    missing: float = 0.15,
    sd: float = 1.5,
    least_motion: float = 0.0,
) -> tuple[AuditInput, list[PlantedFault]]:
    """Labels of one scene, half of whose frames have one fault.

    Parameters
    ----------
    kind : str
        "none": no faults. "off": the labels of a view are those of the frame before or after.
        "everywhere": sides exchanged in all views, of one pair or of all. "unlike": a keypoint
        40 to 80 mm away in all views. "disagrees": one label 20 to 80 px away.
    n_cameras, seed, n_frames : int
        Frames that are labeled, out of 3,000.
    missing : float
        Share of labels that are not there.
    sd : float
        Standard deviation of a click, px, of x and of y.
    least_motion : float
        Only labels that lie so far away are taken one frame off, px (median over the keypoints):
        what moves by less than a click errs cannot be seen by anybody.

    Returns
    -------
    given : AuditInput
        With how the animal truly moves, and a smoothed track that errs as ours do on the sample:
        by a millimetre, and by 20 to 60 mm in 3 % of the points.
    planted : list of PlantedFault
    """
    scene, at, rng = labeled_scene(kind, n_cameras, seed, n_frames)
    n = len(scene.keypoints)
    xy = scene.xy[:, at] + rng.normal(0, sd, (n_cameras, n_frames, n, 2))
    xy[rng.random(xy.shape[:3]) < missing] = np.nan
    pairs = left_right_pairs((), scene.keypoints)
    planted = []
    for i, frame in enumerate(at):
        if kind == "none" or rng.random() < 0.5:
            continue
        seen = np.isfinite(xy[:, i, :, 0])
        v = int(rng.integers(n_cameras))
        views, moved = {v}, np.inf
        if kind == "disagrees":
            good = np.argwhere(seen & (seen.sum(axis=0) >= 2))
            v, k = good[rng.integers(len(good))]
            angle = rng.uniform(0, 2 * np.pi)
            xy[v, i, k] += rng.uniform(20, 80) * np.array([np.cos(angle), np.sin(angle)])
            views = {int(v)}
        elif kind == "sides":
            pair = list(pairs[rng.integers(len(pairs))])
            if not seen[v, pair].any():
                continue
            xy[v, i, pair] = xy[v, i, pair[::-1]]
        elif kind == "views":
            other = (v + 1 + int(rng.integers(n_cameras - 1))) % n_cameras
            xy[[v, other], i] = xy[[other, v], i]
            views = {v, other}
        elif kind == "duplicate":
            a, b = rng.choice(np.flatnonzero(seen[v]), 2, replace=False)
            if seen[:, a].sum() < 2:
                continue
            xy[v, i, a] = xy[v, i, b] + rng.normal(0, 1, 2)
        elif kind == "off":
            then = frame + rng.choice([-1, 1])
            moved = motion(scene, v, frame, then)
            if moved < least_motion:
                continue
            shown = scene.xy[v, then] + rng.normal(0, sd, (n, 2))
            xy[v, i] = np.where(seen[v][:, None], shown, np.nan)
        elif kind == "everywhere":
            chosen = pairs if rng.random() < 0.5 else [pairs[rng.integers(len(pairs))]]
            for left, right in chosen:
                xy[:, i, [left, right]] = xy[:, i, [right, left]]
            views = set()
        elif kind == "unlike":
            k = int(rng.integers(n))
            if seen[:, k].sum() < 2:
                continue
            by = rng.normal(size=3)
            by *= rng.uniform(40, 80) / np.linalg.norm(by)
            there = scene.rig.project(scene.xyz[frame, k] + by) + rng.normal(0, sd, (n_cameras, 2))
            xy[:, i, k] = np.where(seen[:, k, None], there, np.nan)
            views = set()
        elif kind == "forgotten":
            good = np.argwhere(seen & (seen.sum(axis=0) >= 3))
            v, k = good[rng.integers(len(good))]
            xy[v, i, k] = np.nan
            views = {int(v)}
        names = frozenset(scene.rig.names[each] for each in views)
        planted.append(PlantedFault(FAULTS[kind], i, names, moved))
    steps = np.stack([scene.xyz[at - 1] - scene.xyz[at], scene.xyz[at + 1] - scene.xyz[at]])
    track = scene.xyz[at] + rng.normal(0, 0.6, (n_frames, n, 3))
    lost = rng.random((n_frames, n)) < 0.03
    away = rng.normal(size=(n_frames, n, 3))
    away *= (rng.uniform(20, 60, (n_frames, n)) / np.linalg.norm(away, axis=-1))[..., None]
    track = np.where(lost[..., None], track + away, track)
    given = AuditInput(
        "arena",
        np.arange(n_frames),
        scene.rig.names,
        scene.keypoints,
        xy,
        scene.rig,
        pairs,
        steps=steps,
        track=track,
        track_sd=np.full(track.shape[:2], 1.0),
    )
    return given, planted


@dataclass(frozen=True)
class Planted:
    """A stretch that was made wrong: which kinds name it rightly, and where it is."""

    kinds: frozenset[Failure]
    view: str
    keypoints: tuple[str, ...]
    start: int
    end: int

    def touches(self, event: Event) -> bool:
        """Whether an event has a frame and a keypoint of it."""
        return (
            event.start <= self.end
            and event.end >= self.start
            and bool(set(self.keypoints) & set(event.keypoints))
        )


def failures_of(scene: Scene, truth: PredictionTruth) -> list[Planted]:
    """Every stretch of one keypoint and view that was made wrong, and every lost view."""
    views = scene.rig.names
    out = []
    for mask, shared in (
        (truth.outlier, Failure.VIEWS_DISAGREE),
        (truth.swapped, Failure.SWAPPED_SIDES),
    ):
        n_seeds = mask.sum(axis=0)
        for v, k in np.ndindex(n_seeds.shape[0], n_seeds.shape[2]):
            for first, end in stretches(n_seeds[v, :, k] > 0).tolist():
                # A minority of its own opinion leaves the centre where it is.
                few = n_seeds[v, first:end, k].mean() < len(mask) / 2
                kinds = {Failure.SETS_DISAGREE} if few else {shared}
                if shared is Failure.SWAPPED_SIDES:
                    kinds.add(shared)
                name = (scene.keypoints[k],)
                out.append(Planted(frozenset(kinds), views[v], name, first, end - 1))
    for v, view in enumerate(views):
        for first, end in stretches(truth.lost[v]).tolist():
            kinds_lost = frozenset({Failure.LOST_VIEW})
            out.append(Planted(kinds_lost, view, scene.keypoints, first, end - 1))
    return out
