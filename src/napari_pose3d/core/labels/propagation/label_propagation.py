"""Labels of a labeling session carried on to the next frames, as proposals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import IsCancelled, Progress

from ..labeling import Labeling
from ..store.label import Label, LabelKey, LabelStatus, Visibility, now
from .point_trackers import PointTracker
from .propagation import Propagation, propagate

Float64 = NDArray[np.float64]


def propagate_labels(
    labeling: Labeling,
    frame: int,
    n_frames: int,
    tracker: PointTracker | None = None,
    *,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Propagation:
    """Carry the labels of a frame on; nothing is changed yet, so that it can run in a thread.

    Parameters
    ----------
    labeling : Labeling
        Labels that a person placed or accepted are carried on; projected ones as well.
    frame : int
        Frame of the session.
    n_frames : int
        How many after it; negative: before it.
    tracker : PointTracker, optional
        From `point_tracker`; not given: Lucas-Kanade.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        The frame has no labels, no view has images, a video cannot be read, or the tracker
        returns something else than it should.
    Cancelled
        `cancelled` returned True.
    """
    session, keypoints = labeling.session, labeling.keypoints
    views = tuple(view for view in labeling.views if view in session.videos)
    rig = labeling.rig
    if rig is not None and not set(views) <= set(rig.names):
        views = tuple(view for view in views if view in rig.names)
    if not views:
        raise PoseDataError("no labeled view has a video", todo="Add the videos of the session")
    labels = np.full((len(views), len(keypoints), 2), np.nan)
    for (view, keypoint), label in labeling.labels(frame).items():
        if view in views and keypoint in keypoints and label.is_kept:
            labels[views.index(view), keypoints.index(keypoint)] = label.position
    videos = session.open_videos()
    # A step asks for the image that it asked for before.
    kept: dict[tuple[str, int], NDArray[Any] | None] = {}

    def find_image(view: str, number: int) -> NDArray[Any] | None:
        if (view, number) not in kept:
            if len(kept) > 4 * len(views):
                del kept[next(iter(kept))]
            video = videos[view]
            at = int(session.to_video(view, number, len(video))) if number >= 0 else -1
            image = video.frame(at) if at >= 0 else None
            kept[view, number] = None if at in video.damaged else image
        return kept[view, number]

    def to_rig(view: str, xy: Float64, number: int) -> Float64:
        at = np.full(len(xy), int(session.to_video(view, number)))
        return session.to_rig_pixels(view, xy, at)

    def to_video(view: str, xy: Float64, number: int) -> Float64:
        at = np.full(len(xy), int(session.to_video(view, number)))
        return session.to_video_pixels(view, xy, at)

    return propagate(
        labels,
        views,
        keypoints,
        frame,
        n_frames,
        find_image,
        rig,
        to_rig=to_rig,
        to_video=to_video,
        tracker=tracker,
        progress=progress,
        cancelled=cancelled,
    )


def propose_propagated(labeling: Labeling, found: Propagation) -> int:
    """Make carried labels proposals of the network's kind, as one step of undo.

    Where a person labeled, or marked a keypoint as occluded, nothing changes.

    Returns
    -------
    int
        How many proposals were made.
    """
    time, n = now(), 0
    with labeling.store.edit(f"carry on the labels of frame {found.start}") as edit:
        for i, frame in enumerate(found.frames):
            proposed = {}
            for v, k in np.argwhere(np.isfinite(found.xy[:, i, :, 0])):
                label_key = LabelKey(found.views[v], found.keypoints[k])
                old = labeling.label(frame, label_key)
                if old.status not in (LabelStatus.EMPTY, LabelStatus.PREDICTED):
                    continue
                if old.visibility == Visibility.OCCLUDED or old.is_declined:
                    continue
                x, y = found.xy[v, i, k].tolist()
                proposed[label_key] = Label(
                    (x, y),
                    LabelStatus.PREDICTED,
                    Visibility.VISIBLE,
                    time=time,
                    likelihood=float(found.likelihood[v, i, k]),
                )
            edit.put_all(labeling.key(frame), proposed)
            n += len(proposed)
    return n
