"""One axis of time for cameras that each have their own frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.errors import PoseDataError

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Index = NDArray[np.intp]

# Instants nearer than this part of the shortest frame interval are one: clocks are not so precise.
_SAME = 1e-3
# Views that are at most half a frame apart observe the same moment; text files round.
_HALF = 0.5 + 1e-6
# Between frames further apart than so many of a camera's intervals it observed nothing.
_NEIGHBOURS = 1.5
# More instants than any recording has: the unit of time is another one.
_MOST = 1e8


@dataclass(frozen=True, eq=False)
class CameraTimes:
    """When the frames of each view were taken, and at which instants results are wanted.

    Attributes
    ----------
    views : tuple of (frame,) float64
        Rising, by one clock, in any unit.
    wanted : (output,) float64
        Rising, by the same clock.
    """

    views: tuple[Float64, ...]
    wanted: Float64

    @cached_property
    def intervals(self) -> Float64:
        """Median frame interval of each view, ``(view,)``, in the unit of the times."""
        return np.array([float(np.median(np.diff(times))) for times in self.views])

    @property
    def slowest(self) -> int:
        """The view with the longest frame interval; the first of several."""
        return int(np.argmax(self.intervals > 0.999 * self.intervals.max()))


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """All frames of all views, and all instants at which results are wanted, in order.

    A *row* is an instant of it. Times are counted in *frames*: the median frame interval of the
    slowest camera, from the first row on. Its own frames, continued at their rate where it has
    none, are the *frames of the axis*, at which views are compared.

    Attributes
    ----------
    times : (row,) float64
        Rising.
    rows : tuple of (frame,) int
        The row of each of a view's own frames.
    wanted : (output,) int
        Rows at which results are wanted.
    frames : (frame,) float64
        Times of the frames of the axis.
    intervals : (view,) float64
        Of the views, in frames; at most 1.
    """

    times: Float64
    rows: tuple[Index, ...]
    wanted: Index
    frames: Float64
    intervals: Float64

    @property
    def per_frame(self) -> Float64:
        """How many of a view's own frames there are in one frame, ``(view,)``; at least 1."""
        n = 1.0 / self.intervals
        # A thousandth more or less is the clock.
        return np.where(np.abs(n - np.rint(n)) < 1e-3, np.rint(n), n)

    @cached_property
    def nearest(self) -> Index:
        """The frame of the axis that is nearest to each row, ``(row,)``."""
        return _nearest(self.frames, self.times)

    @cached_property
    def nearest_wanted(self) -> Index:
        """The place among the wanted rows that is nearest to each row, ``(row,)``."""
        return _nearest(self.times[self.wanted], self.times)

    @cached_property
    def pairs(self) -> Index:
        """The row of the own frame nearest to each frame of the axis, ``(frame, view)``; -1: none.

        None is nearer than half a frame then.
        """
        return self.own_rows(self.frames)

    def own_rows(self, times: Float64) -> Index:
        """The row of each view's own frame nearest to each time, ``(time, view)``; -1: none."""
        found = np.full((len(times), len(self.rows)), -1, dtype=np.intp)
        for view, rows in enumerate(self.rows):
            own = rows[_nearest(self.times[rows], times)]
            near = np.abs(self.times[own] - times) <= _HALF
            found[:, view] = np.where(near, own, -1)
        return found

    @cached_property
    def has_frame(self) -> Bool:
        """Whether a view has a frame in a row, ``(view, row)``."""
        found = np.zeros((len(self.rows), len(self.times)), dtype=bool)
        for view, rows in enumerate(self.rows):
            found[view, rows] = True
        return found

    @cached_property
    def _window(self) -> tuple[Index, Index]:
        """The first row at most half a frame away from each, and the one behind the last."""
        first = np.searchsorted(self.times, self.times - _HALF, side="left")
        return first, np.searchsorted(self.times, self.times + _HALF, side="right")

    def near(self, mask: Bool) -> Bool:
        """Whether the mask is true at most half a frame away, ``(row, view)`` -> the same."""
        before = np.zeros((len(mask) + 1, mask.shape[1]), dtype=np.int64)
        np.cumsum(mask, axis=0, out=before[1:])
        first, behind = self._window
        return np.asarray(before[behind] > before[first])

    def paired(self, values: NDArray[Any], missing: float = np.nan) -> NDArray[Any]:
        """Values ``(row, view, ...)`` of each view's nearest own frame, ``(frame, view, ...)``."""
        return picked(values, self.pairs, missing)

    def scattered(self, values: NDArray[Any], missing: float = np.nan) -> NDArray[Any]:
        """Values by own frame, ``(view, frame, ...)``, in their rows, ``(view, row, ...)``."""
        out = np.full((len(values), len(self.times), *values.shape[2:]), missing, values.dtype)
        for view, rows in enumerate(self.rows):
            out[view, rows] = values[view, : len(rows)]
        return out

    def at_frames(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values ``(view, row, ...)`` interpolated to the frames of the axis.

        Linearly between a view's own frames; NaN where it observed nothing in one of them, or lost
        those between.

        Returns
        -------
        (view, frame, ...)
        """
        out = np.full((len(values), len(self.frames), *values.shape[2:]), np.nan, values.dtype)
        for view, rows in enumerate(self.rows):
            own = self.times[rows]
            after = np.clip(np.searchsorted(own, self.frames), 1, len(own) - 1)
            span = own[after] - own[after - 1]
            part = (self.frames - own[after - 1]) / span
            # At a frame of its own the view needs no other.
            at_one, at_other = np.abs(part) < _SAME, np.abs(part - 1) < _SAME
            inside = (part > 0) & (part < 1) & (span <= _NEIGHBOURS * self.intervals[view])
            shape = (-1, *(1,) * (values.ndim - 2))
            one, other = values[view, rows[after - 1]], values[view, rows[after]]
            weight = part.reshape(shape).astype(values.dtype)
            between = np.where(inside.reshape(shape), (1 - weight) * one + weight * other, np.nan)
            found = np.where(at_other.reshape(shape), other, between)
            out[view] = np.where(at_one.reshape(shape), one, found)
        return out


def camera_times(
    times: Mapping[str, ArrayLike], views: Sequence[str], wanted: str | float | ArrayLike = ""
) -> CameraTimes:
    """Times by view, in the order of ``views``.

    Parameters
    ----------
    times : mapping of view to (frame,)
    views : sequence of str
    wanted : str, float or (output,)
        The name of a view, or "" for the slowest one: at its frames; a number, also as a text: so
        many per unit of time; or the instants themselves.

    Raises
    ------
    PoseDataError
        A view has no times, or ``wanted`` is neither a view nor a rate.
    """
    if missing := [view for view in views if view not in times]:
        raise PoseDataError(
            f"there are no times of the frames of {', '.join(missing)}",
            expected=f"those of {', '.join(views)}",
        )
    by_view = tuple(np.atleast_1d(np.asarray(times[view], np.float64)) for view in views)
    found = CameraTimes(by_view, np.empty(0))
    if isinstance(wanted, str | int | float):
        return replace(found, wanted=_wanted(found, views, str(wanted).strip()))
    return replace(found, wanted=np.atleast_1d(np.asarray(wanted, np.float64)))


def _wanted(times: CameraTimes, views: Sequence[str], name: str) -> Float64:
    if not name:
        return times.views[times.slowest]
    if name in views:
        return times.views[list(views).index(name)]
    try:
        rate = float(name)
    except ValueError:
        rate = np.nan
    if not (np.isfinite(rate) and rate > 0):
        raise PoseDataError(
            f"results are wanted at the times of '{name}'",
            expected=f"one of {', '.join(views)}, or a number of frames per unit of time above 0",
        )
    start, end = min(t[0] for t in times.views), max(t[-1] for t in times.views)
    if rate * (end - start) > _MOST:
        raise PoseDataError(
            f"{rate:g} frames per unit of time, from {start:g} to {end:g}, are too many",
            expected="frames per unit of the cameras' timestamps",
        )
    return start + np.arange(int((end - start) * rate + 1e-6) + 1) / rate


def time_axis(times: CameraTimes) -> TimeAxis:
    """The axis of cameras and of the instants at which results are wanted.

    Raises
    ------
    PoseDataError
        A view has fewer than two frames, times do not rise, or no results are wanted within the
        recording.
    """
    for each in (*times.views, times.wanted):
        if len(each) < 2 or not np.isfinite(each).all() or not (np.diff(each) > 0).all():
            raise PoseDataError(
                f"there are {len(each)} times, or they do not rise",
                expected="two or more, each later than the one before",
            )
    starts, ends = [t[0] for t in times.views], [t[-1] for t in times.views]
    frame = float(times.intervals.max())
    if min(ends) < max(starts):
        raise PoseDataError(
            "the times of the cameras do not overlap: "
            + ", ".join(f"{a:g} to {b:g}" for a, b in zip(starts, ends, strict=True)),
            expected="times by one clock, in the same unit",
        )
    if times.wanted[-1] < min(starts) - frame or times.wanted[0] > max(ends) + frame:
        raise PoseDataError(
            f"results are wanted at {times.wanted[0]:g} to {times.wanted[-1]:g}, but the cameras "
            f"recorded at {min(starts):g} to {max(ends):g}",
            expected="times by the clock of the cameras",
        )
    slowest = times.views[times.slowest]
    start, same = min(*starts, float(times.wanted[0])), _SAME * float(times.intervals.min())
    # The slowest camera's are taken exactly; others that are the same instant come to them.
    everything = np.sort(np.concatenate([*times.views, times.wanted]))
    first = np.concatenate([[True], np.diff(everything) > same])
    instants = everything[first]
    places = [_nearest(instants, each) for each in (*times.views, times.wanted)]
    for row, time in zip(places[times.slowest], slowest, strict=True):
        instants[row] = time
    in_frames = (instants - start) / frame
    # What is a whole number but for rounding is one: then a step of a frame is exactly that.
    whole = np.rint(in_frames)
    in_frames = np.where(np.abs(in_frames - whole) < 1e-9 * np.maximum(whole, 1), whole, in_frames)
    return TimeAxis(
        in_frames,
        tuple(places[:-1]),
        places[-1],
        _continued(in_frames[places[times.slowest]], in_frames[-1]),
        times.intervals / frame,
    )


def picked(values: NDArray[Any], rows: Index, missing: float = np.nan) -> NDArray[Any]:
    """Values ``(row, view, ...)`` in rows ``(n, view)``; ``missing`` where a row is -1."""
    out = values[rows, np.arange(values.shape[1])]
    out[rows < 0] = missing
    return np.asarray(out)


def _continued(own: Float64, end: float) -> Float64:
    """The frames of a camera, in frames, continued where it has none, from 0 to the end."""
    before = own[0] - np.arange(int(own[0] + 1e-9), 0, -1)
    behind = own[-1] + np.arange(1, int(end - own[-1] + 1e-9) + 1)
    pieces = [before, own, behind]
    for i in np.flatnonzero(np.diff(own) > _NEIGHBOURS):
        n = round(float(own[i + 1] - own[i]))
        pieces.append(np.linspace(own[i], own[i + 1], n + 1)[1:-1])
    return np.sort(np.concatenate(pieces))


def _nearest(sorted_times: Float64, times: Float64) -> Index:
    """The place of the nearest of ``sorted_times`` (two or more); the earlier of two."""
    after = np.clip(np.searchsorted(sorted_times, times), 1, len(sorted_times) - 1)
    earlier = times - sorted_times[after - 1] <= sorted_times[after] - times
    return np.asarray(after - earlier, dtype=np.intp)
