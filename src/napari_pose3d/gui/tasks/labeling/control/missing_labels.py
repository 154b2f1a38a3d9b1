"""Which keypoint is labeled next: the first that lacks a label where one is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from napari_pose3d.core.labels.geometry.label_projection import Place
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store.label import LabelKey, LabelStatus


def is_missing(labeling: Labeling, frame: int, label_key: LabelKey) -> bool:
    """Whether a label is wanted and not there: not declined, and in reach of the camera."""
    label = labeling.label(frame, label_key)
    if not label.is_empty or label.is_declined:
        return False
    geometry = labeling.geometry(frame)
    return geometry is None or geometry.place(label_key) not in (Place.OUTSIDE, Place.BEHIND)


def missing_keypoint(
    labeling: Labeling, frame: int, keypoints: Sequence[str], views: Sequence[str]
) -> str | None:
    """The first of some keypoints that misses a label in one of the views; None of none."""
    return next(
        (
            name
            for name in keypoints
            if any(is_missing(labeling, frame, LabelKey(view, name)) for view in views)
        ),
        None,
    )


def first_keypoint(labeling: Labeling, frame: int, views: Sequence[str]) -> str:
    """Where labeling a frame begins: the first keypoint without a label, else the first that is
    only predicted, else the first of all."""
    names = labeling.keypoints
    missing = missing_keypoint(labeling, frame, names, views)
    if missing is not None:
        return missing
    labels = labeling.labels(frame).items()
    predicted = {key.keypoint for key, each in labels if each.status == LabelStatus.PREDICTED}
    return next((name for name in names if name in predicted), names[0])
