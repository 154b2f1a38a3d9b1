"""What a person can do to labels: each action is one step of undo.

Whatever a person places or accepts moves the labels that are only projected, in the same step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from napari_pose3d.wording import counted

from .geometry.frame_geometry import FrameGeometry, labeled_pixels
from .geometry.label_projection import Place
from .labeling import Labeling
from .store.label import EMPTY, FrameKey, Label, LabelKey, LabelStatus, Visibility, now
from .store.label_store import Edit

XY = tuple[float, float]

_OUTSIDE = {
    Place.OUTSIDE: "outside the image",
    Place.BEHIND: "behind the camera",
}


@dataclass(frozen=True)
class Projected:
    """What `project` did.

    Attributes
    ----------
    filled : tuple of LabelKey
    refused : mapping of LabelKey to str
        Why a view was left empty.
    lacking : tuple of str
        Keypoints with too few labels.
    """

    filled: tuple[LabelKey, ...]
    refused: Mapping[LabelKey, str]
    lacking: tuple[str, ...]

    def describe(self) -> str:
        """In one line."""
        parts = [f"{counted(len(self.filled), 'label')} projected"]
        for reason in dict.fromkeys(self.refused.values()):
            label_keys = [s for s, why in self.refused.items() if why == reason]
            named = ", ".join(f"{s.keypoint} in {s.view}" for s in label_keys[:3])
            parts.append(f"{named}{' …' if len(label_keys) > 3 else ''}: {reason}, left empty")
        if self.lacking:
            parts.append(f"too few labels of {', '.join(self.lacking[:5])}")
        return "; ".join(parts)


class Move:
    """A label that follows the mouse; the whole way is one step of undo.

    Parameters
    ----------
    labeling : Labeling
    frame : int
    label_key : LabelKey
    text : str, optional
        What undo calls it.
    """

    def __init__(self, labeling: Labeling, frame: int, label_key: LabelKey, text: str = "") -> None:
        self._labeling, self.frame, self.label_key = labeling, frame, label_key
        self._edit = labeling.store.begin(text or f"move {label_key.keypoint} in {label_key.view}")

    def to(self, at: XY) -> None:
        """Put the label somewhere; what is projected from it follows."""
        _click(self._labeling, self._edit, self.frame, self.label_key, at)
        follow(self._labeling, self._edit, self.frame, [self.label_key.keypoint])

    def finish(self) -> None:
        """Leave it there."""
        self._edit.finish()

    def cancel(self) -> None:
        """Put everything back."""
        self._edit.cancel()


def place(labeling: Labeling, frame: int, label_key: LabelKey, at: XY) -> None:
    """Place a label by hand."""
    move = Move(labeling, frame, label_key, f"place {label_key.keypoint} in {label_key.view}")
    move.to(at)
    move.finish()


def nudge(labeling: Labeling, frame: int, label_key: LabelKey, dx: float, dy: float) -> bool:
    """Move a label by some px; False where there is none."""
    position = labeling.label(frame, label_key).position
    if position is None:
        return False
    move = Move(labeling, frame, label_key, f"nudge {label_key.keypoint} in {label_key.view}")
    move.to((position[0] + dx, position[1] + dy))
    move.finish()
    return True


def confirm(labeling: Labeling, frame: int, label_keys: Iterable[LabelKey]) -> int:
    """Accept labels that were projected or predicted; returns how many these were."""
    accepted = {
        label_key: label.by(labeling.labeler, status=LabelStatus.CONFIRMED)
        for label_key in label_keys
        if (label := labeling.label(frame, label_key)).position is not None
        and not label.status.by_person
    }
    _put(labeling, frame, f"confirm {_names(accepted)}", accepted)
    return len(accepted)


def toggle_occluded(labeling: Labeling, frame: int, label_key: LabelKey) -> Visibility:
    """Say that a keypoint cannot be seen in a view, or that it can; its position stays."""
    label = labeling.label(frame, label_key)
    if label.visibility == Visibility.OCCLUDED:
        seen = Visibility.VISIBLE if label.position is not None else Visibility.NOT_LABELED
    else:
        seen = Visibility.OCCLUDED
    new = label.by(labeling.labeler, visibility=seen)
    if new.is_empty:
        new = EMPTY
    with labeling.store.edit(f"occlude {label_key.keypoint} in {label_key.view}") as edit:
        edit.put(labeling.key(frame), label_key, new)
    return seen


def clear(labeling: Labeling, frame: int, label_key: LabelKey) -> None:
    """Take a label away.

    Where the other views would project it again at once, the view is marked as declined: it stays
    empty until something is placed there or the projection is asked for.
    """
    others = [
        view
        for view in labeling.views
        if view != label_key.view
        and labeling.label(frame, LabelKey(view, label_key.keypoint)).status.by_person
    ]
    declined = Label(labeler=labeling.labeler, time=now()) if len(others) > 1 else EMPTY
    _put(labeling, frame, f"clear {label_key.keypoint} in {label_key.view}", {label_key: declined})


def clear_everywhere(labeling: Labeling, frame: int, keypoints: Collection[str]) -> None:
    """Take keypoints away in all views."""
    label_keys = [
        label_key for label_key in labeling.labels(frame) if label_key.keypoint in keypoints
    ]
    _put(
        labeling,
        frame,
        f"clear {', '.join(keypoints)} in all views",
        dict.fromkeys(label_keys, EMPTY),
    )


def project(labeling: Labeling, frame: int, keypoints: Collection[str] | None = None) -> Projected:
    """Fill the views that no person labeled from those that are labeled.

    Parameters
    ----------
    keypoints : collection of str, optional
        Not given: all of them.
    """
    wanted = [k for k in labeling.keypoints if keypoints is None or k in keypoints]
    with labeling.store.edit(f"project {', '.join(wanted[:3])}") as edit:
        return follow(labeling, edit, frame, wanted, fill=True)


def propose(
    labeling: Labeling,
    frame: int,
    positions: Mapping[LabelKey, tuple[XY, float | None]],
    source: str,
) -> int:
    """Start from predictions: proposals wherever nobody has labeled yet.

    Parameters
    ----------
    positions : mapping of LabelKey to ((x, y), likelihood)
        px of the video.
    source : str
        Where they come from, for undo.

    Returns
    -------
    int
        How many proposals were made.
    """
    proposed = {
        label_key: Label(
            at, LabelStatus.PREDICTED, Visibility.VISIBLE, time=now(), likelihood=likelihood
        )
        for label_key, (at, likelihood) in positions.items()
        if labeling.label(frame, label_key).status in (LabelStatus.EMPTY, LabelStatus.PREDICTED)
        and labeling.label(frame, label_key).visibility != Visibility.OCCLUDED
    }
    with labeling.store.edit(f"start from {source}") as edit:
        edit.put_all(labeling.key(frame), proposed)
    return len(proposed)


def copy_pose(labeling: Labeling, frame: int, source: int, *, in_space: bool = False) -> int:
    """Propose the labels of another frame.

    Parameters
    ----------
    source : int
        The frame to copy from.
    in_space : bool
        Whether its points in space are copied and seen by every view, instead of its labels.

    Returns
    -------
    int
        How many proposals were made.
    """
    found: dict[LabelKey, tuple[XY, float | None]] = {}
    geometry = labeling.geometry(source) if in_space else None
    if geometry is not None:
        for view in geometry.views:
            for keypoint in geometry.keypoints:
                at = geometry.reprojection(LabelKey(view, keypoint))
                if at is not None:
                    found[LabelKey(view, keypoint)] = (at, None)
    else:
        for label_key, label in labeling.labels(source).items():
            if label.is_kept and label.position is not None:
                found[label_key] = (label.position, None)
    return propose(labeling, frame, found, f"frame {source}")


def follow(
    labeling: Labeling,
    edit: Edit,
    frame: int,
    keypoints: Collection[str],
    *,
    fill: bool = False,
) -> Projected:
    """Bring what is projected up to date, in the same step of undo.

    Parameters
    ----------
    keypoints : collection of str
    fill : bool
        Whether empty views are filled even when ``labeling.auto_project`` is off.
    """
    geometry = labeling.geometry(frame)
    if geometry is not None:
        where = _in_space(geometry)
        views: tuple[str, ...] = geometry.views
    else:
        where = _by_linear_model(labeling, frame)
        views = labeling.views
    filled, refused, lacking = [], {}, []
    new: dict[LabelKey, Label] = {}
    for keypoint in keypoints:
        known = [where(LabelKey(view, keypoint)) for view in views]
        if all(at is None for at in known):
            lacking.append(keypoint)
        for view, at in zip(views, known, strict=True):
            label_key = LabelKey(view, keypoint)
            label = labeling.label(frame, label_key)
            if not _is_open(label, fill=fill, auto=labeling.auto_project):
                continue
            if isinstance(at, str):
                refused[label_key] = at
            if isinstance(at, tuple):
                filled.append(label_key)
                new[label_key] = _projected(label, at)
            elif label.status == LabelStatus.PROJECTED:
                new[label_key] = _without_position(label)
    edit.put_all(labeling.key(frame), new)
    return Projected(tuple(filled), refused, tuple(lacking))


# ---------------------------------------------------------------------- inside


def _is_open(label: Label, *, fill: bool, auto: bool) -> bool:
    """Whether a projection may come here."""
    if label.status == LabelStatus.PROJECTED:
        return True
    if label.status.by_person:
        return False
    return fill or (auto and not label.is_declined)


def _in_space(geometry: FrameGeometry) -> Callable[[LabelKey], XY | str | None]:
    def where(label_key: LabelKey) -> XY | str | None:
        at = geometry.reprojection(label_key)
        return at if at is not None else _OUTSIDE.get(geometry.place(label_key))

    return where


def _by_linear_model(labeling: Labeling, frame: int) -> Callable[[LabelKey], XY | str | None]:
    model = labeling.linear_model
    if model is None:
        return lambda _: None
    views, keypoints = labeling.views, labeling.keypoints
    xy = labeled_pixels(labeling.session, frame, views, keypoints, labeling.labels(frame))
    filled = model.project(xy)

    def where(label_key: LabelKey) -> XY | str | None:
        if label_key.view not in views:
            return None
        at = filled.xy[views.index(label_key.view), keypoints.index(label_key.keypoint)]
        if not np.isfinite(at).all():
            return None
        video = int(labeling.session.to_video(label_key.view, frame))
        x, y = labeling.session.to_video_pixels(label_key.view, at, video)
        return float(x), float(y)

    return where


def _projected(label: Label, at: XY) -> Label:
    occluded = label.visibility == Visibility.OCCLUDED
    return Label(
        at,
        LabelStatus.PROJECTED,
        Visibility.OCCLUDED if occluded else Visibility.VISIBLE,
        # The same instant for what did not move, so that it does not count as changed.
        time=label.time if label.position == at else now(),
    )


def _without_position(label: Label) -> Label:
    if label.visibility == Visibility.OCCLUDED:
        return replace(label, position=None, status=LabelStatus.EMPTY)
    return EMPTY


def _click(labeling: Labeling, edit: Edit, frame: int, label_key: LabelKey, at: XY) -> None:
    label = labeling.label(frame, label_key)
    occluded = label.visibility == Visibility.OCCLUDED
    edit.put(
        labeling.key(frame),
        label_key,
        Label(
            (float(at[0]), float(at[1])),
            LabelStatus.CLICKED,
            Visibility.OCCLUDED if occluded else Visibility.VISIBLE,
            labeling.labeler,
            now(),
        ),
    )


def _put(labeling: Labeling, frame: int, text: str, labels: Mapping[LabelKey, Label]) -> None:
    key: FrameKey = labeling.key(frame)
    with labeling.store.edit(text) as edit:
        edit.put_all(key, labels)
        follow(
            labeling, edit, frame, list(dict.fromkeys(label_key.keypoint for label_key in labels))
        )


def _names(label_keys: Iterable[LabelKey]) -> str:
    names = list(dict.fromkeys(label_key.keypoint for label_key in label_keys))
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
