"""Every kind of failure that a review names, planted in one recording: found, named, shown.

Gentle networks (jitter and bias only) on scenes of 5,000 frames at 100 a second get, one after the
other and never two at a time:

- views disagree: a keypoint 20-80 px off in one view, in all networks, for 5-40 frames;
- swapped sides: left and right exchanged in one view, for 10-60 frames, where they are apart;
- seeds disagree: one network of three 30-80 px off in one view, for 10-40 frames;
- hidden: likelihood 0.1-0.4 and 25-60 px off in one view, for 10-60 frames;
- frozen point: one view stays where it was for 30-80 frames, while the point moves by 25 px;
- lost view: all keypoints of a view unsure and scattered, for 60-100 frames;
- impossible bone: all views put the end of a bone that keeps its length 15-25 mm further out, for
  20-50 frames;
- jump: all views put a keypoint 30-50 mm away, for 2-5 frames;
- unlike labeled poses: the tail stands upright, its length kept, for 20-50 frames, after 60 frames
  without such were labeled.

A planted stretch is *found* when an event has a frame and a keypoint of it; its view is right when
the event names it alone (with two cameras the pair; of a point in space none), its kind when the
worst such event has it. F1 is of the kind: an event of another kind, or where nothing is planted,
counts as wrong. Cameras that move are in `mending_rigs.py`.

Scenes up to number 400 were used for development; these are others.

    python -m benchmarks.review.kinds [--quick]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.report import Table, begin, goal, parser
from benchmarks.support.scenes import GENTLE
from napari_pose3d import Ensemble, smooth
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.review.events.events import Event
from napari_pose3d.core.review.events.failures import Failure
from napari_pose3d.core.review.frame_choice import choose_frames
from napari_pose3d.core.review.measures.labeled_poses import labeled_pose_distances
from napari_pose3d.core.review.session_review import review_result
from napari_pose3d.synthetic.network_errors import simulate_predictions
from napari_pose3d.synthetic.planted_faults import Planted
from napari_pose3d.synthetic.scene import Scene, make_scene

BUDGET = 100
_SIZE = (1280, 1024)
_N_EACH = 5
_FEWEST_FRAMES_BETWEEN = 40
_RAMP = 8
_LABELED = 60
# Of what is planted: which kinds name it rightly, and for how many frames it lasts. A point that
# leaps away in all views breaks its bones as well.
KINDS: dict[str, tuple[frozenset[Failure], tuple[int, int]]] = {
    "views disagree": (frozenset({Failure.VIEWS_DISAGREE}), (5, 40)),
    "swapped sides": (frozenset({Failure.SWAPPED_SIDES}), (10, 60)),
    "seeds disagree": (frozenset({Failure.SETS_DISAGREE}), (10, 40)),
    "hidden": (frozenset({Failure.HIDDEN}), (10, 60)),
    "frozen point": (frozenset({Failure.FROZEN}), (30, 80)),
    "lost view": (frozenset({Failure.LOST_VIEW}), (60, 100)),
    "impossible bone": (frozenset({Failure.BONE}), (20, 50)),
    "jump": (frozenset({Failure.JUMP, Failure.BONE}), (2, 5)),
    "unlike labeled poses": (frozenset({Failure.OUTSIDE}), (20, 50)),
}
# Bones that keep their length: that of neck and forepaw changes by a third as the animal walks.
_RIGID = (("knee_left", "hindpaw_left"), ("knee_right", "hindpaw_right"), ("tail_base", "tail_mid"))


@dataclass
class Recording:
    """Predictions into which failures are planted; arrays are changed in place.

    Attributes
    ----------
    xy : (seed, view, frame, keypoint, 2)
    likelihood : (seed, view, frame, keypoint)
    planted : list of (name of the kind, Planted)
    """

    scene: Scene
    xy: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    rng: np.random.Generator
    planted: list[tuple[str, Planted]]

    @property
    def n_views(self) -> int:
        return self.xy.shape[1]

    def cell(self) -> tuple[int, int]:
        """Any view, any keypoint."""
        return int(self.rng.integers(self.n_views)), int(self.rng.integers(self.xy.shape[3]))

    def away(self, low: float, high: float, n: int = 2) -> NDArray[np.float64]:
        """A step of such a length, in any direction."""
        way = self.rng.normal(size=n)
        return np.asarray(way / np.linalg.norm(way) * self.rng.uniform(low, high))

    def note(self, name: str, view: int | None, keypoints: tuple[int, ...], at: slice) -> None:
        names = tuple(self.scene.keypoints[k] for k in keypoints)
        where = "" if view is None else self.scene.rig.names[view]
        kinds = KINDS[name][0]
        self.planted.append((name, Planted(kinds, where, names, at.start, at.stop - 1)))

    def move_in_space(self, keypoint: int, at: slice, by: NDArray[np.float64]) -> None:
        """All views see the keypoint elsewhere; ``by`` is ``(frame, 3)`` mm."""
        xyz = self.scene.xyz[at, keypoint]
        rig = self.scene.rig
        shift = rig.project((xyz + by)[:, None]) - rig.project(xyz[:, None])
        self.xy[:, :, at, keypoint] += shift[:, :, 0].astype(np.float32)


def _ramp(n: int) -> NDArray[np.float64]:
    """From 0 to 1 and back, so that nothing leaps."""
    steps = np.arange(n) + 1
    return np.clip(np.minimum(steps, steps[::-1]) / _RAMP, 0, 1)[:, None]


def _disagree(made: Recording, at: slice) -> None:
    view, keypoint = made.cell()
    made.xy[:, view, at, keypoint] += made.away(20, 80).astype(np.float32)
    made.note("views disagree", view, (keypoint,), at)


def _swap(made: Recording, at: slice) -> None:
    pairs = left_right_pairs((), made.scene.keypoints)
    apart = {
        (v, a, b): float(np.median(np.linalg.norm(xy[at, a] - xy[at, b], axis=-1)))
        for v, xy in enumerate(made.scene.xy)
        for a, b in pairs
    }
    far = [cell for cell, distance in apart.items() if distance >= 20]
    if not far:
        return
    view, a, b = far[int(made.rng.integers(len(far)))]
    for array in (made.xy, made.likelihood):
        array[:, view, at, [a, b]] = array[:, view, at, [b, a]]
    made.note("swapped sides", view, (a, b), at)


def _one_seed(made: Recording, at: slice) -> None:
    view, keypoint = made.cell()
    seed = int(made.rng.integers(len(made.xy)))
    made.xy[seed, view, at, keypoint] += made.away(30, 80).astype(np.float32)
    made.note("seeds disagree", view, (keypoint,), at)


def _hide(made: Recording, at: slice) -> None:
    view, keypoint = made.cell()
    made.xy[:, view, at, keypoint] += made.away(25, 60).astype(np.float32)
    n = at.stop - at.start
    low = made.rng.uniform(0.1, 0.4, (len(made.xy), n))
    made.likelihood[:, view, at, keypoint] = low.astype(np.float32)
    made.note("hidden", view, (keypoint,), at)


def _freeze(made: Recording, at: slice) -> None:
    moved = np.linalg.norm(
        made.scene.xy[:, at] - made.scene.xy[:, at.start : at.start + 1], axis=-1
    )
    far = np.argwhere(moved.max(axis=1) >= 25)
    if not len(far):
        return
    view, keypoint = (int(i) for i in far[made.rng.integers(len(far))])
    made.xy[:, view, at, keypoint] = made.xy[:, view, at.start, keypoint][:, None]
    made.note("frozen point", view, (keypoint,), at)


def _lose(made: Recording, at: slice) -> None:
    view = int(made.rng.integers(made.n_views))
    part = made.xy[:, view, at]
    made.xy[:, view, at] = part + made.rng.normal(0, 60, part.shape).astype(np.float32)
    low = made.rng.uniform(0.02, 0.3, part.shape[:-1])
    made.likelihood[:, view, at] = low.astype(np.float32)
    made.note("lost view", view, tuple(range(part.shape[2])), at)


def _stretch(made: Recording, at: slice) -> None:
    names = made.scene.keypoints
    inner, outer = _RIGID[int(made.rng.integers(len(_RIGID)))]
    keypoint = names.index(outer)
    bone = made.scene.xyz[at, keypoint] - made.scene.xyz[at, names.index(inner)]
    way = bone / np.linalg.norm(bone, axis=-1, keepdims=True)
    by = way * made.rng.uniform(15, 25) * _ramp(len(bone))
    made.move_in_space(keypoint, at, by)
    made.note("impossible bone", None, (keypoint,), at)


def _leap(made: Recording, at: slice) -> None:
    _, keypoint = made.cell()
    by = np.repeat(made.away(30, 50, 3)[None], at.stop - at.start, axis=0)
    made.move_in_space(keypoint, at, by)
    made.note("jump", None, (keypoint,), at)


def _raise_tail(made: Recording, at: slice) -> None:
    names = made.scene.keypoints
    tip, base = names.index("tail_mid"), names.index("tail_base")
    tail = made.scene.xyz[at, tip] - made.scene.xyz[at, base]
    length = np.linalg.norm(tail, axis=-1, keepdims=True)
    upright = (1 - _ramp(len(tail))) * tail + _ramp(len(tail)) * length * np.array([0.0, 0.0, 1.0])
    upright *= length / np.linalg.norm(upright, axis=-1, keepdims=True)
    made.move_in_space(tip, at, upright - tail)
    made.note("unlike labeled poses", None, (tip,), at)


PLANT: dict[str, Callable[[Recording, slice], None]] = {
    "views disagree": _disagree,
    "swapped sides": _swap,
    "seeds disagree": _one_seed,
    "hidden": _hide,
    "frozen point": _freeze,
    "lost view": _lose,
    "impossible bone": _stretch,
    "jump": _leap,
    "unlike labeled poses": _raise_tail,
}


def recording(n_frames: int, n_cameras: int, seed: int) -> tuple[Recording, Ensemble]:
    """A gentle recording with failures of all kinds, in any order."""
    scene = make_scene(n_frames, n_cameras, seed, size=_SIZE)
    ensemble, _ = simulate_predictions(scene, 3, seed=seed, errors=GENTLE)
    rng = np.random.default_rng(seed)
    made = Recording(scene, ensemble.xy.copy(), ensemble.likelihood.copy(), rng, [])
    names = [name for name in KINDS for _ in range(2 if name == "lost view" else _N_EACH)]
    # What fails in the same way within a second is shown once.
    while any(a == b for a, b in pairwise(names)):
        rng.shuffle(names)
    lengths = [int(rng.integers(low, high + 1)) for low, high in (KINDS[n][1] for n in names)]
    spare = n_frames - sum(lengths) - _FEWEST_FRAMES_BETWEEN * (len(names) + 1)
    gaps = rng.multinomial(spare, np.full(len(names) + 1, 1 / (len(names) + 1)))
    start = 0
    for name, length, gap in zip(names, lengths, gaps, strict=False):
        start += int(gap) + _FEWEST_FRAMES_BETWEEN
        PLANT[name](made, slice(start, start + length))
        start += length
    return made, replace(ensemble, xy=made.xy, likelihood=made.likelihood)


@dataclass
class Score:
    """Of one kind, over all scenes."""

    planted: int = 0
    found: int = 0
    view: int = 0
    kind: int = 0
    shown: int = 0
    events: int = 0
    right_events: int = 0

    @property
    def f1(self) -> float:
        return 2 * self.kind / max(self.planted + self.kind + self.events - self.right_events, 1)


def names_view(event: Event, planted: Planted, n_cameras: int) -> bool:
    """Whether an event names the view, and no other; of a point in space none."""
    if not planted.view:
        return not event.views
    return planted.view in event.views and len(event.views) <= max(1, 4 - n_cameras)


def review_one(n_cameras: int, seed: int, n_frames: int, scores: dict[str, Score]) -> Counter[str]:
    """Add up one scene; how often something else was named, and events of nothing."""
    made, ensemble = recording(n_frames, n_cameras, seed)
    scene = made.scene
    result = smooth(ensemble, scene.rig)
    assert result.poses3d is not None
    wrong = np.zeros(n_frames, bool)
    for _, each in made.planted:
        wrong[max(each.start - 5, 0) : each.end + 6] = True
    labeled = made.rng.choice(np.flatnonzero(~wrong), _LABELED, replace=False)
    distance = labeled_pose_distances([result.poses3d.xyz], [scene.xyz[labeled]])
    review = review_result(
        result,
        scene.rig,
        scene.skeleton,
        fps=scene.fps,
        labeled=labeled.tolist(),
        labeled_distance=distance,
    )
    events = [event for event in review.events if event.kind.is_mended_by_labels]
    frames = [choice.frame for choice in choose_frames({"": review.summary()}, BUDGET)]
    other: Counter[str] = Counter()
    for name, each in made.planted:
        score = scores[name]
        mine = sorted((e for e in events if each.touches(e)), key=lambda e: -e.severity)
        score.planted += 1
        score.found += bool(mine)
        score.view += any(names_view(event, each, n_cameras) for event in mine)
        right = bool(mine) and mine[0].kind in each.kinds
        score.kind += right
        score.shown += any(each.start <= frame <= each.end for frame in frames)
        if not right:
            other[f"{name} as {mine[0].kind.value if mine else 'nothing'}"] += 1
    for event in events:
        touched = [(name, each) for name, each in made.planted if each.touches(event)]
        if not touched:
            other[f"nothing as {event.kind.value}"] += 1
        for name, (kinds, _) in KINDS.items():
            if event.kind in kinds and not (name == "jump" and event.kind is Failure.BONE):
                scores[name].events += 1
                # A point that all views put elsewhere is unlike what was labeled, too.
                scores[name].right_events += any(
                    event.kind in each.kinds or not (event.views or each.view)
                    for _, each in touched
                )
    return other


def main() -> None:
    """Print the tables."""
    quick = parser(__doc__).parse_args().quick
    begin("Kinds of failure in a review")
    table = Table(
        f"Planted kinds: found, named, and shown by {BUDGET} frames",
        ("cameras", "kind", "planted", "found", "view", "kind right", "F1", "shown"),
    )
    sums = Table(
        "All kinds together", ("cameras", "planted", "found", "view", "kind right", "shown")
    )
    met = []
    for n_cameras in (3,) if quick else (2, 3, 4, 6):
        scores = {name: Score() for name in KINDS}
        other: Counter[str] = Counter()
        for seed in range(701, 702 if quick else 705):
            other += review_one(n_cameras, seed, 5000, scores)
        for name, s in scores.items():
            n = max(s.planted, 1)
            shares = (s.found / n, s.view / n, s.kind / n, s.f1, s.shown / n)
            table.add(n_cameras, name, s.planted, *shares)
        total = sum(s.planted for s in scores.values())
        all_of = [
            sum(getattr(s, part) for s in scores.values()) / total
            for part in ("found", "view", "kind", "shown")
        ]
        sums.add(n_cameras, total, *all_of)
        met.append((all_of, min(s.shown for s in scores.values())))
        named = ", ".join(f"{what} ({n})" for what, n in other.most_common())
        table.notes.append(f"{n_cameras} cameras: {named or 'nothing else'}")
    table.show()
    sums.show()
    goal("95 % of the planted failures are shown", all(part[3] >= 0.95 for part, _ in met))
    goal("every kind among them", all(fewest > 0 for _, fewest in met))
    goal("the view is right in 95 %", all(part[1] >= 0.95 for part, _ in met))
    goal("the kind is right in 90 %", all(part[2] >= 0.9 for part, _ in met))


if __name__ == "__main__":
    main()
