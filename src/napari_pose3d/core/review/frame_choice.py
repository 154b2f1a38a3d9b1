"""Which frames to label: few, different from one another, and together touching most failures.

Notes
-----
A budget is shared over the sessions by the root of their events, as many animals with few frames
each train a better network than one with many. Within a session frames are taken one by one, each
time the one that touches the most severe events not yet touched; kinds that have had fewer frames
go first, and what is new counts up to twice as much: a frame of a cluster (k-means over posture and
kind of failure) of which none was chosen yet, and a posture far from all that were chosen or
labeled. A frame touches the events that it is in, and those of the same kind, keypoint and views
within a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.labels.frame_selection.clusters import k_means
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import never_cancelled

from .events.events import Event
from .events.failures import Failure

# No session has more than this part of the budget, as long as others have events.
_LARGEST_PART = 1 / 3
# Frames that show most, among which postures are compared.
_COMPARED = 500
# Two postures of a recording are usually so far apart: each is 1 from the mean.
_APART = 2**0.5
# Events whose postures are clustered, and the most clusters.
_CLUSTERED, _MOST_CLUSTERS = 4000, 100


@dataclass(frozen=True)
class ChosenFrame:
    """A frame to label, and why.

    Attributes
    ----------
    session : str
    frame : int
    score : float
        Severity of the events that it shows.
    events : tuple of Event
        The worst first.
    """

    session: str
    frame: int
    score: float
    events: tuple[Event, ...]

    @property
    def reason(self) -> str:
        """The worst event in words, and how many more there are."""
        worst = self.events[0]
        words = worst.kind.value
        if worst.kind is not Failure.LOST_VIEW:
            words += f" ({', '.join(worst.keypoints[:3])}"
            words += f" and {len(worst.keypoints) - 3} more)" if len(worst.keypoints) > 3 else ")"
        if worst.views:
            words += f" in {', '.join(worst.views)}"
        more = len(self.events) - 1
        return words + (f", and {more} more" if more else "")


class SessionEvents(Protocol):
    """What `choose_frames` wants to know of a session."""

    @property
    def events(self) -> Sequence[Event]: ...
    @property
    def fps(self) -> float:
        """Frames a second; frames within a second of each other are hardly different."""

    @property
    def labeled(self) -> Collection[int]:
        """Frames that have labels or wait for them."""

    def pose_shapes(self, frames: Sequence[int]) -> NDArray[np.float32]:
        """How the animal holds itself in some frames, ``(frame, component)``; NaN if unknown."""


def choose_frames(
    sessions: Mapping[str, SessionEvents], budget: int, seed: int = 0
) -> tuple[ChosenFrame, ...]:
    """Frames to label in one or more sessions; the same for the same input.

    Parameters
    ----------
    sessions : mapping of str to SessionEvents
        By name.
    budget : int
        How many frames at most. There are fewer where all events are touched by fewer.
    seed : int
        Of the clusters: another one gives another choice that is as good.

    Returns
    -------
    tuple of ChosenFrame
        In the order of the sessions, in each the most severe first.

    Raises
    ------
    PoseDataError
        The budget is not positive, or the seed negative.
    """
    if seed < 0:
        raise PoseDataError(f"the seed is {seed}", expected="0 or more")
    if budget < 1:
        raise PoseDataError(f"the number of frames is {budget}", expected="1 or more")
    shares = _shares({name: len(each.events) for name, each in sessions.items()}, budget)
    chosen: list[ChosenFrame] = []
    for name, each in sessions.items():
        chosen += _choose(name, each, shares[name], seed)
    # What some sessions did not need goes to the others.
    rest = budget - len(chosen)
    for name, each in sessions.items():
        if rest <= 0:
            break
        mine = [frame for frame in chosen if frame.session == name]
        more = _choose(name, each, len(mine) + rest, seed)
        if len(more) > len(mine):
            rest -= len(more) - len(mine)
            chosen = [frame for frame in chosen if frame.session != name] + more
    order = {name: i for i, name in enumerate(sessions)}
    return tuple(sorted(chosen, key=lambda f: (order[f.session], -f.score, f.frame)))


def shown_by(events: Sequence[Event], frames: Collection[int]) -> tuple[Event, ...]:
    """Events that labels help against and that go on in one of some frames, which show them."""
    at = np.sort(np.fromiter(frames, np.int64, len(frames)))
    start = np.array([event.start for event in events], np.int64)
    end = np.array([event.end for event in events], np.int64)
    n = np.searchsorted(at, end, "right") - np.searchsorted(at, start, "left")
    shown = (events[i] for i in np.flatnonzero(n > 0).tolist())
    return tuple(event for event in shown if event.kind.is_mended_by_labels)


def _shares(n_events: Mapping[str, int], budget: int) -> dict[str, int]:
    """How many frames each session may have at first."""
    with_events = {name: np.sqrt(n) for name, n in n_events.items() if n}
    shares = dict.fromkeys(n_events, 0)
    total = sum(with_events.values())
    most = budget if len(with_events) < 3 else max(int(budget * _LARGEST_PART), 1)
    left = budget
    for name, weight in sorted(with_events.items(), key=lambda item: (-item[1], item[0])):
        shares[name] = min(max(int(budget * weight / total), 1), most, left)
        left -= shares[name]
    return shares


def _choose(session: str, each: SessionEvents, most: int, seed: int) -> list[ChosenFrame]:
    near = max(round(each.fps), 1)
    taken = sorted(each.labeled)
    events = [event for event in each.events if event.kind.is_mended_by_labels]
    if not events or most < 1:
        return []
    open_events = _Open(events)
    for frame in taken:
        open_events.close(frame)
    known = _Novelty(each, events, taken, most, np.random.default_rng(seed))
    chosen: list[ChosenFrame] = []
    by_kind: Counter[Failure] = Counter()
    while len(chosen) < most and (candidates := open_events.best(by_kind)):
        # Of frames that show much, those that are unlike the chosen ones.
        novelty = known.of([frame for frame, *_ in candidates])
        frame = min(
            (
                (-n_shown * (1 + new), -severity, frame)
                for (frame, n_shown, severity), new in zip(candidates, novelty, strict=True)
            )
        )[2]
        known.add(frame)
        shown = sorted(open_events.close(frame), key=lambda e: -e.severity)
        chosen.append(ChosenFrame(session, frame, sum(e.severity for e in shown), tuple(shown)))
        by_kind.update({event.kind for event in shown})
        open_events.close_alike(shown, frame, near)
    return chosen


class _Open:
    """Events that no chosen frame shows yet; a bad long recording has a hundred thousand."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events
        self._start = np.array([e.start for e in events], np.int64)
        self._end = np.array([e.end for e in events], np.int64)
        self._frame = np.array([e.label_frame for e in events], np.int64)
        self._severity = np.array([e.severity for e in events])
        kinds = list(Failure)
        self._kind = np.array([kinds.index(e.kind) for e in events], np.int64)
        self._open = np.ones(len(events), bool)

    def best(self, by_kind: Counter[Failure]) -> list[tuple[int, int, float]]:
        """Frames of events of the kinds that had fewest, which show most: with how many events.

        Returns
        -------
        list of (frame, number of events, severity)
        """
        of_kind = np.array([by_kind[kind] for kind in Failure])
        mine = np.flatnonzero(self._open)
        if not len(mine):
            return []
        fewest = of_kind[self._kind[mine]].min()
        frames = np.unique(self._frame[mine[of_kind[self._kind[mine]] == fewest]])
        n_shown = self._sum(np.ones(len(mine), np.int64), mine)[frames]
        severity = self._sum(self._severity[mine], mine)[frames]
        order = np.lexsort((frames, -severity, -n_shown))[:_COMPARED]
        return list(
            zip(
                frames[order].tolist(),
                n_shown[order].tolist(),
                severity[order].tolist(),
                strict=True,
            )
        )

    def close(self, frame: int) -> list[Event]:
        """The open events that a frame shows; they are no longer open."""
        shown = self._open & (self._start <= frame) & (frame <= self._end)
        self._open &= ~shown
        return [self._events[i] for i in np.flatnonzero(shown).tolist()]

    def close_alike(self, shown: Sequence[Event], frame: int, near: int) -> None:
        """Events within some frames that are the same failure as one that is shown."""
        around = self._open & (self._start - near <= frame) & (frame <= self._end + near)
        for i in np.flatnonzero(around).tolist():
            if any(_alike(self._events[i], each) for each in shown):
                self._open[i] = False

    def _sum(self, values: NDArray[Any], mine: NDArray[np.int64]) -> NDArray[Any]:
        """Of all events that each frame is in."""
        steps = np.zeros(int(self._end.max()) + 2, values.dtype)
        np.add.at(steps, self._start[mine], values)
        np.subtract.at(steps, self._end[mine] + 1, values)
        return np.cumsum(steps)


class _Novelty:
    """How little frames are like those that are chosen or labeled.

    Half of it is posture: how far it is from the nearest one. The other half is whether another
    frame of the same cluster was chosen; clusters are of posture and kind of failure together.
    """

    def __init__(
        self,
        session: SessionEvents,
        events: Sequence[Event],
        taken: Sequence[int],
        n_clusters: int,
        rng: np.random.Generator,
    ) -> None:
        self._session = session
        self._known: dict[int, NDArray[np.float32]] = {}
        self._chosen = self._postures(taken)
        self._kinds: dict[int, Failure] = {}
        for event in events:
            self._kinds.setdefault(event.label_frame, event.kind)
        some = np.array(sorted(self._kinds))
        if len(some) > _CLUSTERED:
            some = np.sort(rng.choice(some, _CLUSTERED, replace=False))
        points = self._points(some.tolist())
        n = min(n_clusters, _MOST_CLUSTERS, len(np.unique(points, axis=0)))
        _, _, self._centres = k_means(points, n, rng, never_cancelled)
        self._met: set[int] = set()

    def add(self, frame: int) -> None:
        """Another frame was chosen."""
        self._chosen = np.concatenate([self._chosen, self._postures([frame])])
        self._met.update(self._clusters([frame]))

    def of(self, frames: Sequence[int]) -> list[float]:
        """From 0 to 1, of frames to label of the events."""
        met = [cluster in self._met for cluster in self._clusters(frames)]
        return ((self._posture_novelty(frames) + ~np.array(met)) / 2).tolist()

    def _posture_novelty(self, frames: Sequence[int]) -> NDArray[np.float64]:
        if not len(self._chosen) or not self._chosen.shape[1]:
            return np.ones(len(frames))
        apart = np.linalg.norm(self._postures(frames)[:, None] - self._chosen[None], axis=-1)
        nearest = np.fmin.reduce(apart, axis=1)
        return np.nan_to_num(np.minimum(nearest / _APART, 1.0), nan=1.0)

    def _clusters(self, frames: Sequence[int]) -> list[int]:
        points = self._points(frames)
        apart = np.square(points[:, None] - self._centres[None]).sum(axis=-1)
        return np.asarray(apart.argmin(axis=1)).tolist()

    def _points(self, frames: Sequence[int]) -> NDArray[np.float64]:
        """Posture and kind, ``(frame, dimension)``; an unknown posture counts as the mean one."""
        order = list(Failure)
        kinds = np.zeros((len(frames), len(order)))
        kinds[np.arange(len(frames)), [order.index(self._kinds[frame]) for frame in frames]] = 1.0
        return np.concatenate([np.nan_to_num(self._postures(frames)), kinds], axis=1)

    def _postures(self, frames: Sequence[int]) -> NDArray[np.float32]:
        new = [frame for frame in frames if frame not in self._known]
        self._known.update(zip(new, self._session.pose_shapes(new), strict=True))
        if not frames:
            return self._session.pose_shapes([])
        return np.stack([self._known[frame] for frame in frames])


def _alike(a: Event, b: Event) -> bool:
    """Whether the same keypoint fails in the same way in the same views."""
    return a.kind == b.kind and a.views == b.views and bool(set(a.keypoints) & set(b.keypoints))
