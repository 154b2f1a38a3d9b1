"""From one frame to the next of some kind."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import LabelStatus

Kind = Literal["labeled", "queued", "incomplete"]

KINDS: dict[Kind, str] = {
    "labeled": "labeled frame",
    "queued": "frame in the queue",
    "incomplete": "frame with labels missing",
}
"""What the kinds of frames are called."""


def neighbour(frames: Sequence[int], frame: int, direction: int) -> int | None:
    """The nearest of some frames after (``direction`` 1) or before (-1) a frame.

    Parameters
    ----------
    frames : sequence of int
        In order.
    """
    if direction > 0:
        at = bisect_right(frames, frame)
        return frames[at] if at < len(frames) else None
    at = bisect_left(frames, frame)
    return frames[at - 1] if at > 0 else None


def frames_of_kind(labeling: Labeling, kind: Kind) -> list[int]:
    """Frames of the session of some kind, in order."""
    if kind == "labeled":
        return labeling.labeled_frames
    if kind == "queued":
        return sorted(labeling.queued_frames)
    lacking = (frame for frame in labeling.labeled_frames if completeness(labeling, frame) < 1)
    return sorted({*labeling.queued_frames, *lacking})


def completeness(labeling: Labeling, frame: int) -> float:
    """Part of a frame's labels that are settled, from 0 to 1: placed, projected or declined."""
    n_label_keys = len(labeling.views) * len(labeling.keypoints)
    labels = labeling.labels(frame).values()
    settled = sum(label.status != LabelStatus.PREDICTED for label in labels)
    return min(settled / n_label_keys, 1.0) if n_label_keys else 1.0
