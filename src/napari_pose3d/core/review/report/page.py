"""A review as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.video.frame_export import encode_png
from napari_pose3d.errors import PoseDataError

from ..events.events import Event
from ..events.failures import ADVICE, Failure
from ..frame_choice import ChosenFrame
from ..session_review import Mark, SessionSummary

FindImages = Callable[[str, int], Mapping[str, NDArray[Any]]]
"""Images of a frame by view, given session and frame."""

_BINS = 400
_LISTED = 60
_LARGEST_IMAGE = 180  # px
_LEAST_REACH = 40.0  # px


def page_text(
    sessions: Sequence[SessionSummary],
    chosen: Sequence[ChosenFrame],
    failed: Mapping[str, PoseDataError],
    notes: Sequence[str],
    images: FindImages,
) -> str:
    """The report as HTML: figures, a timeline of failures, the worst events with their images.

    Parameters
    ----------
    sessions : sequence of SessionSummary
    chosen : sequence of ChosenFrame
    failed : mapping of session to PoseDataError
        Sessions without a review.
    notes : sequence of str
    images : callable
    """
    from jinja2 import Environment

    template = files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        sessions=[_session(each, images) for each in sessions],
        chosen=chosen,
        failed={name: str(error) for name, error in failed.items()},
        notes=notes,
        n_events=sum(len(each.events) for each in sessions),
        n_frames=sum(each.n_frames for each in sessions),
    )


def _session(session: SessionSummary, images: FindImages) -> dict[str, Any]:
    kinds = [kind for kind in Failure if any(event.kind is kind for event in session.events)]
    return {
        "summary": session,
        "flagged": int(session.flagged.sum()),
        "kinds": [
            {
                "name": kind.value,
                "advice": ADVICE[kind],
                "count": sum(event.kind is kind for event in session.events),
                "spans": _spans(session, kind),
            }
            for kind in kinds
        ],
        "curve": _curve(session.scores),
        "events": session.events[:_LISTED],
        "more": max(len(session.events) - _LISTED, 0),
        "shown": [_shown(session, event, marks, images) for event, marks in session.marks],
    }


def _curve(scores: NDArray[np.float32]) -> list[tuple[float, float]]:
    """The largest score of each stretch of the timeline: place and height, both 0 to 1."""
    if not len(scores):
        return []
    edges = np.linspace(0, len(scores), min(_BINS, len(scores)) + 1).astype(int)
    heights = np.maximum.reduceat(scores, edges[:-1])
    top = max(float(heights.max()), 1e-9)
    places = (edges[:-1] + edges[1:]) / 2 / len(scores)
    return [
        (float(x), float(y)) for x, y in zip(places.tolist(), (heights / top).tolist(), strict=True)
    ]


def _spans(session: SessionSummary, kind: Failure) -> list[tuple[float, float]]:
    """Start and width of each event on the timeline, 0 to 1."""
    n = max(session.n_frames, 1)
    return [
        (event.start / n, max(event.n_frames / n, 1 / _BINS))
        for event in session.events
        if event.kind is kind
    ]


def _shown(
    session: SessionSummary, event: Event, marks: Sequence[Mark], images: FindImages
) -> dict[str, Any]:
    """The worst frame of an event: what each view shows around its keypoints."""
    found = images(session.session, event.peak)
    parts = []
    for view in session.views:
        mine = [mark for mark in marks if mark.view == view]
        if view in found and mine:
            parts.append({"view": view, "named": view in event.views, **_crop(found[view], mine)})
    return {"event": event, "advice": ADVICE[event.kind], "parts": parts}


def _crop(image: NDArray[Any], marks: Sequence[Mark]) -> dict[str, Any]:
    """A part of an image around some marks, small enough for a page, and the marks in it."""
    height, width = image.shape[:2]
    points = np.array([point for mark in marks for point in (mark.raw, mark.smoothed)], float)
    known = points[np.isfinite(points).all(axis=1)]
    known = np.clip(known, 0, (width - 1, height - 1))
    if len(known):
        low, high = known.min(axis=0), known.max(axis=0)
        middle, reach = (low + high) / 2, max(float((high - low).max()) * 0.75, _LEAST_REACH)
    else:
        middle, reach = np.array([width, height]) / 2, max(width, height) / 2
    left, top = (max(int(value - reach), 0) for value in middle)
    right, bottom = min(int(middle[0] + reach) + 1, width), min(int(middle[1] + reach) + 1, height)
    step = max(-(-max(right - left, bottom - top) // _LARGEST_IMAGE), 1)
    part = np.ascontiguousarray(image[top:bottom:step, left:right:step])
    data = base64.b64encode(encode_png(part, _bits(part))).decode("ascii")

    def at(point: tuple[float, float]) -> dict[str, float] | None:
        x, y = (point[0] - left) / step, (point[1] - top) / step
        return {"x": x, "y": y} if np.isfinite(x) and np.isfinite(y) else None

    return {
        "data": data,
        "width": part.shape[1],
        "height": part.shape[0],
        "marks": [
            {"name": mark.keypoint, "raw": at(mark.raw), "smoothed": at(mark.smoothed)}
            for mark in marks
        ],
    }


def _bits(image: NDArray[Any]) -> int:
    return 16 if image.dtype == np.uint16 else 8
