"""What a session has to show of a rig in space: images of its cameras, and its animal. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.pipeline.rigs.point_sources import SharedPoints, session_points
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.gui.layers.view_layout import bones_of
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress

Float64 = NDArray[np.float64]

_FRAMES = 100  # of which the keypoints' places are shown
_LIKELY = 0.9
_WIDEST = 320  # px


@dataclass(frozen=True, eq=False)
class SpaceContents:
    """Attributes
    ----------
    images : mapping of view to (height, width) uint8
        Grey, made small.
    points : SharedPoints or None
        Of some frames from all over the session.
    bones : (bone, 2) int
        Pairs of keypoints.
    note : str
        Why something is missing.
    """

    images: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    points: SharedPoints | None = None
    bones: NDArray[np.integer[Any]] = field(default_factory=lambda: np.empty((0, 2), int))
    note: str = ""


@dataclass(frozen=True, eq=False)
class Animal:
    """Attributes
    ----------
    places : (n, 3)
        Where keypoints were in some frames, rig units.
    bones : (bone, 2, 3)
        Its skeleton in a few of these frames.
    """

    places: Float64
    bones: Float64


def space_contents(
    opened: OpenSession, frame: int, progress: Progress, cancelled: IsCancelled
) -> SpaceContents:
    """Read an image of each camera, and the points of the session's predictions or labels.

    What cannot be read is left out, and the note says why.
    """
    session = opened.session
    progress("reading images", 0, 0)
    notes, images = [], {}
    for view, path in session.videos.items():
        if cancelled():
            raise Cancelled
        try:
            image = _image(session, view, frame)
        except PoseDataError as error:
            notes.append(f"{path.name}: {error.problem}")
        else:
            if image is not None:
                images[view] = image
    progress("reading points", 0, 0)
    points = None
    try:
        source = "predictions" if session.ensemble_sets else "labels"
        points = _some(session_points(opened.project, session, source, _LIKELY))
    except PoseDataError as error:
        notes.append(error.problem)
    bones = bones_of(() if points is None else points.keypoints, session.skeleton)
    return SpaceContents(images, points, bones, "; ".join(notes))


def animal_of(rig: Rig, contents: SpaceContents, session: Session | None) -> Animal | None:
    """The animal as a rig puts it into space; None where nothing is known of it."""
    points = contents.points
    if points is None:
        return None
    named = rig if session is None else rig.renamed(session.cameras)
    views = [view for view in points.views if view in named.names]
    if len(views) < 2:
        return None
    xy = points.xy[[points.views.index(view) for view in views]]
    xyz = triangulate(named.subset(views), xy).xyz
    flat = xyz.reshape(-1, 3)
    known = np.isfinite(flat).all(axis=1)
    if not known.any():
        return None
    # Single mistriangulated points may lie anywhere, and would shrink the rest to a dot.
    low, high = np.percentile(flat[known], (2, 98), axis=0)
    room = 0.5 * (high - low)
    inside = known & ((flat >= low - room) & (flat <= high + room)).all(axis=1)
    there = np.where(inside[:, None], flat, np.nan).reshape(xyz.shape)
    lines = there[:: max(1, len(there) // 8)][:, contents.bones].reshape(-1, 2, 3)
    return Animal(flat[inside], lines[np.isfinite(lines).all(axis=(1, 2))])


def _some(points: SharedPoints) -> SharedPoints:
    n = points.xy.shape[1]
    at = np.unique(np.linspace(0, n - 1, min(n, _FRAMES)).astype(int))
    return SharedPoints(points.views, points.keypoints, points.xy[:, at], points.frames[at])


def _image(session: Session, view: str, frame: int) -> NDArray[np.uint8] | None:
    """A view's image of a session frame; its first where it has none then."""
    from napari_pose3d.core.video.video_array import open_video

    with open_video(session.videos[view], color="grey") as video:
        at = int(session.to_video(view, frame, len(video)))
        image = video.frame(max(at, 0))
        if image is None:
            return None
        step = max(1, image.shape[1] // _WIDEST)
        small = image[::step, ::step]
        if small.dtype != np.uint8:
            small = (small >> (video.bits - 8)).astype(np.uint8)
        return np.ascontiguousarray(small)
