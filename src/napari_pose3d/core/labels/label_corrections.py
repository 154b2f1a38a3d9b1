"""Suggested positions of labels that a person accepts, as one step of undo."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .label_actions import follow
from .labeling import Labeling
from .store.label import EMPTY, Label, LabelKey, LabelStatus, Visibility, now

Place = tuple[float, float]

_SAME_PX = 0.01


def accept_correction(
    labeling: Labeling, frame: int, places: Mapping[tuple[str, str], Place | None], text: str
) -> int:
    """Put labels where a suggestion has them; those that are only projected follow.

    Parameters
    ----------
    labeling : Labeling
    frame : int
        Of the session.
    places : mapping of (view, keypoint) to (x, y) or None
        Px of the rig's image; None takes the label away.
    text : str
        What undo calls it.

    Returns
    -------
    int
        How many labels were changed.
    """
    new: dict[LabelKey, Label] = {}
    for label_key, at in _on_videos(labeling, frame, places).items():
        old = labeling.label(frame, label_key)
        if at is None:
            # Or the other views would bring it back.
            new[label_key] = Label(labeler=labeling.labeler, time=now())
            continue
        occluded = old.visibility == Visibility.OCCLUDED
        new[label_key] = Label(
            at,
            LabelStatus.CONFIRMED,
            Visibility.OCCLUDED if occluded else Visibility.VISIBLE,
            labeling.labeler,
            now(),
        )
    changed = {
        key: label
        for key, label in new.items()
        if labeling.label(frame, key).position != label.position
        or labeling.label(frame, key) == EMPTY
    }
    if not changed:
        return 0
    with labeling.store.edit(text) as edit:
        edit.put_all(labeling.key(frame), changed)
        follow(labeling, edit, frame, list(dict.fromkeys(key.keypoint for key in changed)))
    return len(changed)


def is_accepted(
    labeling: Labeling, frame: int, places: Mapping[tuple[str, str], Place | None]
) -> bool:
    """Whether all labels are where a suggestion has them."""
    for label_key, at in _on_videos(labeling, frame, places).items():
        position = labeling.label(frame, label_key).position
        if (position is None) != (at is None):
            return False
        if position is not None and at is not None and not np.allclose(position, at, atol=_SAME_PX):
            return False
    return True


def _on_videos(
    labeling: Labeling, frame: int, places: Mapping[tuple[str, str], Place | None]
) -> dict[LabelKey, Place | None]:
    """Px of the videos of px of the rig's images."""
    found: dict[LabelKey, Place | None] = {}
    for (view, keypoint), at in places.items():
        place: Place | None = None
        if at is not None:
            video = max(int(labeling.session.to_video(view, frame)), 0)
            x, y = labeling.session.to_video_pixels(view, np.array(at), np.array(video))
            place = (float(x), float(y))
        found[LabelKey(view, keypoint)] = place
    return found
