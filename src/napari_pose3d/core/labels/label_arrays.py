"""Labels as arrays: what measures, audits and exports compute with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.projects.session import Session

from .files.label_files import LabelFiles
from .store.label import FrameKey, LabelKey, LabelStatus, Visibility

Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelArrays:
    """The labels of some frames.

    Attributes
    ----------
    frames : tuple of FrameKey
    views, keypoints : tuple of str
    xy : (view, frame, keypoint, 2) float64
        Pixels; NaN where there is no position.
    status : (view, frame, keypoint) uint8
        Values of `LabelStatus`.
    occluded : (view, frame, keypoint) bool
    """

    frames: tuple[FrameKey, ...]
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: Float64
    status: NDArray[np.uint8]
    occluded: NDArray[np.bool_]

    def of_session(self, session: str) -> LabelArrays:
        """Only the frames of one session."""
        chosen = [i for i, key in enumerate(self.frames) if key.session == session]
        return LabelArrays(
            tuple(self.frames[i] for i in chosen),
            self.views,
            self.keypoints,
            self.xy[:, chosen],
            self.status[:, chosen],
            self.occluded[:, chosen],
        )

    def in_order(self, views: Sequence[str], keypoints: Sequence[str]) -> Float64:
        """``xy`` with other orders of views and keypoints; NaN for those without labels."""
        out = np.full((len(views), len(self.frames), len(keypoints), 2), np.nan)
        for v, view in enumerate(views):
            for k, keypoint in enumerate(keypoints):
                if view in self.views and keypoint in self.keypoints:
                    i, j = self.views.index(view), self.keypoints.index(keypoint)
                    out[v, :, k] = self.xy[i, :, j]
        return out

    def in_rig_pixels(self, session: Session) -> LabelArrays:
        """With positions in the rig's image, where the session's videos show a part of it."""
        xy = self.xy.copy()
        numbers = np.array([key.frame for key in self.frames], dtype=np.int64)
        for v, view in enumerate(self.views):
            if view in session.alignments and numbers.size:
                of_video = session.to_video(view, numbers)[:, None]
                at = np.broadcast_to(of_video, xy.shape[1:3])
                xy[v] = session.to_rig_pixels(view, xy[v], at)
        return LabelArrays(self.frames, self.views, self.keypoints, xy, self.status, self.occluded)


def label_arrays(files: LabelFiles, sessions: Collection[str] | None = None) -> LabelArrays:
    """What people labeled, from the label files as they are on disk.

    Proposals of a network that nobody has accepted are left out.

    Parameters
    ----------
    files : LabelFiles
    sessions : collection of str, optional
        Not given: all sessions of the project.
    """
    store = files.new_store()
    frames = tuple(key for key in store.frames if sessions is None or key.session in sessions)
    views, keypoints = files.views, files.keypoints
    shape = (len(views), len(frames), len(keypoints))
    xy = np.full((*shape, 2), np.nan)
    status, occluded = np.zeros(shape, np.uint8), np.zeros(shape, bool)
    for n, frame in enumerate(frames):
        labels = store.labels(frame)
        for v, view in enumerate(views):
            for k, keypoint in enumerate(keypoints):
                label = labels.get(LabelKey(view, keypoint))
                if label is None or label.status == LabelStatus.PREDICTED:
                    continue
                status[v, n, k] = int(label.status)
                occluded[v, n, k] = label.visibility == Visibility.OCCLUDED
                if label.position is not None:
                    xy[v, n, k] = label.position
    return LabelArrays(frames, views, keypoints, xy, status, occluded)
