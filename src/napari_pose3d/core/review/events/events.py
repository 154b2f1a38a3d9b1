"""Events: stretches of frames in which the same thing goes wrong.

Notes
-----
An event starts where a cell is above its bar, and goes on while it stays above half of it, over
gaps of a few frames. Keypoints of one view that fail in the same way in the same frames are one
event, and so are views that fail together in one keypoint: with two views it is open which of them
is wrong, and both are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.stretches import stretches

from .excesses import Bool, Excesses, lost_views
from .failures import Failure

_GAP = 3
_KEYPOINTS_AT_ONCE = 8
_LOWER = 0.5
# A single frame must be so much above the bar.
_LONE = 1.5
# Stretches are of one event when they share this part of the frames of both.
_SHARED = 0.5
# Frames of an event are as telling as its worst above this part of its excess.
_NEAR_PEAK = 0.7
# A flag without a size of its own counts as so many times its bar.
_FLAG = 2.0


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of frames in which the same thing goes wrong.

    Attributes
    ----------
    kind : Failure
    keypoints, views : tuple of str
        Those concerned; no views where the point in space is what is wrong.
    start, end : int
        First and last frame of the session.
    peak : int
        The worst frame.
    excess : float
        Largest excess over the bar (see `Excesses`).
    value : float
        The quantity there, in ``unit``; NaN where the kind has none.
    unit : str
        "px", the rig's unit of length ("length" where it has no name), or empty.
    n_cells : int
        How many cells are above the bar.
    label_frame : int
        A frame near the worst in which the other views see best, so that it can be labeled.
    """

    kind: Failure
    keypoints: tuple[str, ...]
    views: tuple[str, ...]
    start: int
    end: int
    peak: int
    excess: float
    value: float
    unit: str
    n_cells: int
    label_frame: int = -1

    @property
    def severity(self) -> float:
        """Excess times the root of the number of cells: how bad, and how much of it."""
        return float(self.excess * np.sqrt(self.n_cells))

    @property
    def n_frames(self) -> int:
        return self.end - self.start + 1


@dataclass(frozen=True, eq=False, slots=True)
class _Run:
    """A stretch of one series."""

    start: int
    end: int
    peak: int
    excess: float
    n_cells: int


def find_events(
    excesses: Excesses, sensitivity: float = 1.0, units: str = "length"
) -> tuple[Event, ...]:
    """Everything that goes wrong in a session, the worst first.

    Parameters
    ----------
    excesses : Excesses
    sensitivity : float
        Twice as high: bars half as high.
    units : str
        Name of the rig's unit of length.
    """
    lost = lost_views(excesses, sensitivity)
    found = _lost_events(excesses, lost)
    of_kinds: dict[Failure, list[Event]] = {}
    # View by view, and few keypoints at a time: the cells of a long recording are many.
    for v in range(len(excesses.views)):
        of_view: dict[Failure, list[Event]] = {}
        for first in range(0, len(excesses.keypoints), _KEYPOINTS_AT_ONCE):
            part = slice(first, first + _KEYPOINTS_AT_ONCE)
            for kind, strength in _cell_kinds(excesses, lost, sensitivity, v, part):
                mine = _cell_events(excesses, kind, v, part, strength)
                of_view.setdefault(kind, []).extend(mine)
        for kind, events in of_view.items():
            # Hidden keypoints come and go by themselves; the others have one cause in a view.
            joined = events if kind is Failure.HIDDEN else _merged(events, by_views=False)
            of_kinds.setdefault(kind, []).extend(joined)
    for events in of_kinds.values():
        found += _merged(events, by_views=True)
    found += _point_events(excesses, sensitivity, units)
    found.sort(key=lambda e: (-e.severity, e.start, e.kind.value, e.views, e.keypoints))
    # One by one in place: a bad long recording has a hundred thousand.
    for i, each in enumerate(found):
        found[i] = replace(each, label_frame=_label_frame(each, excesses))
    return tuple(found)


def _label_frame(event: Event, excesses: Excesses) -> int:
    keypoints = [excesses.keypoints.index(name) for name in event.keypoints]
    mine = [excesses.views.index(name) for name in event.views]
    others = [v for v in range(len(excesses.views)) if v not in mine]
    if not others or not mine:
        return event.peak
    span = slice(event.start, event.end + 1)

    def doubt(views: list[int]) -> NDArray[np.float32]:
        parts = [
            np.maximum(excesses.correction[v, span], excesses.spread[v, span])[:, keypoints]
            for v in views
        ]
        return np.asarray(np.max(parts, axis=(0, 2)), np.float32)

    strength = doubt(mine)
    hidden = np.stack([excesses.unsure[v, span][:, keypoints] for v in others]).sum(axis=(0, 2))
    good = np.flatnonzero(strength >= _NEAR_PEAK * strength[event.peak - event.start])
    elsewhere = doubt(others) + hidden
    return event.start + int(good[elsewhere[good].argmin()])


def _cell_kinds(
    excesses: Excesses, lost: Bool, sensitivity: float, v: int, part: slice
) -> Iterator[tuple[Failure, NDArray[np.float32]]]:
    """Each kind with the excess of its cells in a view, ``(frame, keypoint)``; 0 elsewhere."""
    # Where views agree with each other, the point in space is what is wrong.
    free = ~lost[v, :, None] & (excesses.leaps[:, part] == 0)
    if len(excesses.views) == 2:
        # The other view is dragged along by the exchange.
        free &= ~excesses.swapped[1 - v][:, part]
    correction = excesses.correction[v][:, part] * sensitivity
    spread = excesses.spread[v][:, part] * sensitivity
    unsure = excesses.unsure[v][:, part]
    flag = np.float32(_FLAG)

    def take(
        kind: Failure, strength: NDArray[Any], where: Bool
    ) -> tuple[Failure, NDArray[np.float32]]:
        nonlocal free
        mine = where & free
        free = free & ~(mine & (strength > _LOWER))
        return kind, np.where(mine, strength, 0).astype(np.float32)

    worst = np.maximum(correction, spread)
    yield take(Failure.SWAPPED_SIDES, np.maximum(worst, flag), excesses.swapped[v][:, part])
    yield take(Failure.FROZEN, np.maximum(correction, flag), excesses.frozen[v][:, part])
    # Where a network only doubts what is right all the same, nothing is wrong.
    yield take(Failure.HIDDEN, correction, unsure)
    # A set of its own opinion drags the centre along: the spread tells, where it is as large.
    apart = (spread > np.maximum(correction / 2, _LOWER)) & ~unsure
    yield take(Failure.SETS_DISAGREE, spread, apart)
    yield take(Failure.VIEWS_DISAGREE, correction, correction > _LOWER)


def _runs(strength: NDArray[np.float32]) -> list[_Run]:
    """Stretches of one series ``(frame,)`` of excesses."""
    out: list[_Run] = []
    low = np.flatnonzero(strength > _LOWER)
    if not low.size or not strength[low].max() > 1:
        return out
    breaks = np.flatnonzero(np.diff(low) > _GAP + 1) + 1
    for part in np.split(low, breaks):
        values = strength[part]
        high = part[values > 1]
        if not high.size:
            continue
        peak = int(part[values.argmax()])
        excess = float(values.max())
        if high.size == 1 and excess < _LONE:
            continue
        # What is between the bar and half of it belongs to the event only around its core.
        first, last = _core(strength, int(high[0]), int(high[-1]))
        out.append(_Run(first, last, peak, excess, int(high.size)))
    return out


def _core(strength: NDArray[np.float32], first: int, last: int) -> tuple[int, int]:
    """The stretch above the bar, widened while it stays above half of it."""
    while first > 0 and strength[first - 1] > _LOWER:
        first -= 1
    while last + 1 < len(strength) and strength[last + 1] > _LOWER:
        last += 1
    return first, last


def _lost_events(excesses: Excesses, lost: Bool) -> list[Event]:
    out: list[Event] = []
    for v, view in enumerate(excesses.views):
        for first, last in _bridged(stretches(lost[v]).tolist()):
            part = excesses.correction[v, first : last + 1]
            part = np.maximum(part, excesses.spread[v, first : last + 1])
            part = np.where(lost[v, first : last + 1, None], part, 0)
            peak = first + int(part.sum(axis=1).argmax())
            t, k = np.unravel_index(part.argmax(), part.shape)
            known = excesses.correction[v, first + t, k] * excesses.correction_px[v, k]
            out.append(
                Event(
                    Failure.LOST_VIEW,
                    tuple(excesses.keypoints),
                    (view,),
                    first,
                    last,
                    peak,
                    max(float(part.max()), _FLAG),
                    float(known) if known > 0 else float("nan"),
                    "px",
                    int(lost[v, first : last + 1].sum()) * len(excesses.keypoints),
                )
            )
    return out


def _bridged(found: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """First and last frame of stretches (first, one past the last), short gaps between closed."""
    out: list[tuple[int, int]] = []
    for first, end in found:
        if out and first - out[-1][1] <= _GAP + 1:
            out[-1] = (out[-1][0], end - 1)
        else:
            out.append((first, end - 1))
    return out


def _cell_events(
    excesses: Excesses, kind: Failure, v: int, part: slice, strength: NDArray[np.float32]
) -> list[Event]:
    """Events of one kind in one view, of each keypoint by itself."""
    spread = kind is Failure.SETS_DISAGREE
    bars = (excesses.spread_px if spread else excesses.correction_px)[v, part]
    values = (excesses.spread if spread else excesses.correction)[v][:, part]
    mine: list[Event] = []
    for k, keypoint in enumerate(excesses.keypoints[part]):
        for run in _runs(strength[:, k]):
            value = float(values[run.peak, k] * bars[k])
            if kind is Failure.SWAPPED_SIDES and not value > 0:
                # Only some of the sets hold the sides the other way round.
                spreads = excesses.spread[v, run.peak, part] * excesses.spread_px[v, part]
                value = float(spreads[k])
            mine.append(_event(kind, (keypoint,), (excesses.views[v],), run, value, "px"))
    return mine


def _point_events(excesses: Excesses, sensitivity: float, units: str) -> list[Event]:
    out: list[Event] = []
    for kind, strength, bars in (
        (Failure.JUMP, _jump_excess(excesses), excesses.jump_bar),
        (Failure.UNCERTAIN, excesses.uncertainty, excesses.uncertainty_bar),
        (Failure.OUTSIDE, excesses.outside, excesses.outside_bar),
    ):
        mine = []
        for k, keypoint in enumerate(excesses.keypoints):
            for run in _runs(strength[:, k] * np.float32(sensitivity)):
                # The excess of a leap is that of its pixels.
                leap = float(excesses.leaps[run.peak, k]) if kind is Failure.JUMP else 0.0
                value = leap or float(strength[run.peak, k] * bars[k])
                mine.append(_event(kind, (keypoint,), (), run, value, units))
        out += _merged(mine, by_views=False)
    for b, bone in enumerate(excesses.bones):
        for run in _runs(excesses.bone[:, b] * np.float32(sensitivity)):
            names = tuple(excesses.keypoints[k] for k in bone)
            value = float(excesses.bone_deviation[run.peak, b])
            out.append(_event(Failure.BONE, names, (), run, value, units))
    return out


def _jump_excess(excesses: Excesses) -> NDArray[np.float32]:
    """Of points that jump, smoothed or as all views put them, ``(frame, keypoint)``."""
    at = np.nonzero(excesses.leaps)
    if not len(at[0]):
        return excesses.jump
    out = excesses.jump.copy()
    out[at] = np.maximum(out[at], np.max([each[at] for each in excesses.correction], axis=0))
    return out


def _event(
    kind: Failure,
    keypoints: tuple[str, ...],
    views: tuple[str, ...],
    run: _Run,
    value: float,
    unit: str,
) -> Event:
    return Event(
        kind,
        keypoints,
        views,
        run.start,
        run.end,
        run.peak,
        run.excess,
        value,
        unit,
        run.n_cells,
    )


def _merged(events: Sequence[Event], *, by_views: bool) -> list[Event]:
    """Join events of one kind that share most of their frames.

    Across keypoints, or ``by_views`` across views for the same keypoints.
    """
    done: list[Event] = []
    open_ones: list[Event] = []
    for event in sorted(events, key=lambda e: (e.start, e.end, e.views, e.keypoints)):
        still = [other for other in open_ones if other.end >= event.start]
        done += [other for other in open_ones if other.end < event.start]
        partner = next(
            (
                other
                for other in still
                if _share(event, other) >= _SHARED
                and (event.keypoints == other.keypoints if by_views else event.views == other.views)
            ),
            None,
        )
        if partner is None:
            still.append(event)
        else:
            still.remove(partner)
            still.append(_joined(partner, event))
        open_ones = still
    return done + open_ones


def _share(a: Event, b: Event) -> float:
    """Frames that both have over frames that one has."""
    both = min(a.end, b.end) - max(a.start, b.start) + 1
    return both / (max(a.end, b.end) - min(a.start, b.start) + 1)


def _joined(a: Event, b: Event) -> Event:
    worse = a if a.excess >= b.excess else b
    return replace(
        worse,
        keypoints=_union(a.keypoints, b.keypoints),
        views=_union(a.views, b.views),
        start=min(a.start, b.start),
        end=max(a.end, b.end),
        n_cells=a.n_cells + b.n_cells,
    )


def _union(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    return a + tuple(name for name in b if name not in a)
