"""Which frames to label: few, different from one another, and together touching most failures.

Notes
-----
A budget is shared over the sessions by the root of their events, as many animals with few frames
each train a better network than one with many. Within a session frames are taken one by one, each
time the one that touches the most severe events not yet touched; kinds that have had fewer frames
go first. A frame touches the events that it is in, and those of the same kind, keypoint and views
within a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from napari_pose3d.errors import PoseDataError

from .events import Event
from .failure_flags import Failure

# No session has more than this part of the budget, as long as others have events.
_LARGEST_PART = 1 / 3


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


def choose_frames(sessions: Mapping[str, SessionEvents], budget: int) -> tuple[ChosenFrame, ...]:
    """Frames to label in one or more sessions; the same for the same input.

    Parameters
    ----------
    sessions : mapping of str to SessionEvents
        By name.
    budget : int
        How many frames at most. There are fewer where all events are touched by fewer.

    Returns
    -------
    tuple of ChosenFrame
        In the order of the sessions, in each the most severe first.

    Raises
    ------
    PoseDataError
        The budget is not positive.
    """
    if budget < 1:
        raise PoseDataError(f"the number of frames is {budget}", expected="1 or more")
    shares = _shares({name: len(each.events) for name, each in sessions.items()}, budget)
    chosen: list[ChosenFrame] = []
    for name, each in sessions.items():
        chosen += _choose(name, each, shares[name])
    # What some sessions did not need goes to the others.
    rest = budget - len(chosen)
    for name, each in sessions.items():
        if rest <= 0:
            break
        mine = [frame for frame in chosen if frame.session == name]
        more = _choose(name, each, len(mine) + rest)
        if len(more) > len(mine):
            rest -= len(more) - len(mine)
            chosen = [frame for frame in chosen if frame.session != name] + more
    order = {name: i for i, name in enumerate(sessions)}
    return tuple(sorted(chosen, key=lambda f: (order[f.session], -f.score, f.frame)))


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


def _choose(session: str, each: SessionEvents, most: int) -> list[ChosenFrame]:
    near = max(round(each.fps), 1)
    taken = sorted(each.labeled)
    open_events = [
        event
        for event in each.events
        if event.kind.is_mended_by_labels and not _is_touched(event, taken)
    ]
    chosen: list[ChosenFrame] = []
    by_kind: Counter[Failure] = Counter()
    while open_events and len(chosen) < most:
        fewest = min(by_kind[event.kind] for event in open_events)
        worth = {}
        for event in open_events:
            if by_kind[event.kind] == fewest:
                frame = event.label_frame
                shown = [e for e in open_events if e.start <= frame <= e.end]
                worth[frame] = sum(e.severity for e in shown), len(shown)
        frame = min(worth, key=lambda f: (-worth[f][1], -worth[f][0], f))
        shown = [e for e in open_events if e.start <= frame <= e.end]
        shown.sort(key=lambda e: -e.severity)
        chosen.append(ChosenFrame(session, frame, worth[frame][0], tuple(shown)))
        by_kind.update({event.kind for event in shown})
        open_events = [
            e
            for e in open_events
            if not _is_touched(e, [frame], near if any(_alike(e, s) for s in shown) else 0)
        ]
    return chosen


def _alike(a: Event, b: Event) -> bool:
    """Whether the same keypoint fails in the same way in the same views."""
    return a.kind == b.kind and a.views == b.views and bool(set(a.keypoints) & set(b.keypoints))


def _is_touched(event: Event, frames: Sequence[int], near: int = 0) -> bool:
    """Whether one of the frames is in the event, or so near to it."""
    return any(event.start - near <= frame <= event.end + near for frame in frames)
