"""What a person can do to labels: each action is one step of undo.

Whatever a person places or accepts moves the labels that are only projected, in the same step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .geometry.frame_geometry import FrameGeometry, labeled_pixels
from .geometry.label_projection import Place
from .labeling import Labeling
from .store.label import EMPTY, FrameKey, Label, Spot, now
from .store.label_store import Edit
from .store.status import LabelStatus, Visibility

XY = tuple[float, float]

_OUTSIDE = {
    Place.OUTSIDE: "outside the picture",
    Place.BEHIND: "behind the camera",
}


@dataclass(frozen=True)
class Projected:
    """What `project` did.

    Attributes
    ----------
    filled : tuple of Spot
    refused : mapping of Spot to str
        Why a view was left empty.
    lacking : tuple of str
        Keypoints with too few labels.
    """

    filled: tuple[Spot, ...]
    refused: Mapping[Spot, str]
    lacking: tuple[str, ...]

    def describe(self) -> str:
        """In one line."""
        parts = [f"{len(self.filled)} labels projected"]
        for reason in dict.fromkeys(self.refused.values()):
            spots = [s for s, why in self.refused.items() if why == reason]
            named = ", ".join(f"{s.keypoint} in {s.view}" for s in spots[:3])
            parts.append(f"{named}{' …' if len(spots) > 3 else ''}: {reason}, left empty")
        if self.lacking:
            parts.append(f"too few labels of {', '.join(self.lacking[:5])}")
        return "; ".join(parts)


class Move:
    """A label that follows the mouse; the whole way is one step of undo.

    Parameters
    ----------
    labeling : Labeling
    frame : int
    spot : Spot
    text : str, optional
        What undo calls it.
    """

    def __init__(self, labeling: Labeling, frame: int, spot: Spot, text: str = "") -> None:
        self._labeling, self._frame, self.spot = labeling, frame, spot
        self._edit = labeling.store.begin(text or f"move {spot.keypoint} in {spot.view}")

    def to(self, at: XY) -> None:
        """Put the label somewhere; what is projected from it follows."""
        _click(self._labeling, self._edit, self._frame, self.spot, at)
        follow(self._labeling, self._edit, self._frame, [self.spot.keypoint])

    def finish(self) -> None:
        """Leave it there."""
        self._edit.finish()

    def cancel(self) -> None:
        """Put everything back."""
        self._edit.cancel()


def place(labeling: Labeling, frame: int, spot: Spot, at: XY) -> None:
    """Place a label by hand."""
    move = Move(labeling, frame, spot, f"place {spot.keypoint} in {spot.view}")
    move.to(at)
    move.finish()


def nudge(labeling: Labeling, frame: int, spot: Spot, dx: float, dy: float) -> bool:
    """Move a label by some px; False where there is none."""
    position = labeling.label(frame, spot).position
    if position is None:
        return False
    move = Move(labeling, frame, spot, f"nudge {spot.keypoint} in {spot.view}")
    move.to((position[0] + dx, position[1] + dy))
    move.finish()
    return True


def confirm(labeling: Labeling, frame: int, spots: Iterable[Spot]) -> int:
    """Accept labels that were projected or predicted; returns how many these were."""
    accepted = {
        spot: label.by(labeling.labeler, status=LabelStatus.CONFIRMED)
        for spot in spots
        if (label := labeling.label(frame, spot)).position is not None
        and not label.status.by_person
    }
    _put(labeling, frame, f"confirm {_names(accepted)}", accepted)
    return len(accepted)


def toggle_occluded(labeling: Labeling, frame: int, spot: Spot) -> Visibility:
    """Say that a keypoint cannot be seen in a view, or that it can; its position stays."""
    label = labeling.label(frame, spot)
    if label.visibility == Visibility.OCCLUDED:
        seen = Visibility.VISIBLE if label.position is not None else Visibility.NOT_LABELED
    else:
        seen = Visibility.OCCLUDED
    new = label.by(labeling.labeler, visibility=seen)
    if new.is_empty:
        new = EMPTY
    with labeling.store.edit(f"occlude {spot.keypoint} in {spot.view}") as edit:
        edit.put(labeling.key(frame), spot, new)
    return seen


def clear(labeling: Labeling, frame: int, spot: Spot) -> None:
    """Take a label away.

    Where the other views would project it again at once, the view is marked as declined: it stays
    empty until something is placed there or the projection is asked for.
    """
    others = [
        view
        for view in labeling.views
        if view != spot.view and labeling.label(frame, Spot(view, spot.keypoint)).status.by_person
    ]
    declined = Label(labeler=labeling.labeler, time=now()) if len(others) > 1 else EMPTY
    _put(labeling, frame, f"clear {spot.keypoint} in {spot.view}", {spot: declined})


def clear_everywhere(labeling: Labeling, frame: int, keypoints: Collection[str]) -> None:
    """Take keypoints away in all views."""
    spots = [spot for spot in labeling.labels(frame) if spot.keypoint in keypoints]
    _put(labeling, frame, f"clear {', '.join(keypoints)} in all views", dict.fromkeys(spots, EMPTY))


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
    labeling: Labeling, frame: int, positions: Mapping[Spot, tuple[XY, float | None]], source: str
) -> int:
    """Start from predictions: proposals wherever nobody has labeled yet.

    Parameters
    ----------
    positions : mapping of Spot to ((x, y), likelihood)
        px of the film.
    source : str
        Where they come from, for undo.

    Returns
    -------
    int
        How many proposals were made.
    """
    proposed = {
        spot: Label(
            at, LabelStatus.PREDICTED, Visibility.VISIBLE, time=now(), likelihood=likelihood
        )
        for spot, (at, likelihood) in positions.items()
        if labeling.label(frame, spot).status in (LabelStatus.EMPTY, LabelStatus.PREDICTED)
        and labeling.label(frame, spot).visibility != Visibility.OCCLUDED
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
    found: dict[Spot, tuple[XY, float | None]] = {}
    geometry = labeling.geometry(source) if in_space else None
    if geometry is not None:
        for view in geometry.views:
            for keypoint in geometry.keypoints:
                at = geometry.reprojection(Spot(view, keypoint))
                if at is not None:
                    found[Spot(view, keypoint)] = (at, None)
    else:
        for spot, label in labeling.labels(source).items():
            if label.is_kept and label.position is not None:
                found[spot] = (label.position, None)
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
    new: dict[Spot, Label] = {}
    for keypoint in keypoints:
        known = [where(Spot(view, keypoint)) for view in views]
        if all(at is None for at in known):
            lacking.append(keypoint)
        for view, at in zip(views, known, strict=True):
            spot = Spot(view, keypoint)
            label = labeling.label(frame, spot)
            if not _is_open(label, fill=fill, auto=labeling.auto_project):
                continue
            if isinstance(at, str):
                refused[spot] = at
            if isinstance(at, tuple):
                filled.append(spot)
                new[spot] = _projected(label, at)
            elif label.status == LabelStatus.PROJECTED:
                new[spot] = _without_position(label)
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


def _in_space(geometry: FrameGeometry) -> Callable[[Spot], XY | str | None]:
    def where(spot: Spot) -> XY | str | None:
        at = geometry.reprojection(spot)
        return at if at is not None else _OUTSIDE.get(geometry.place(spot))

    return where


def _by_linear_model(labeling: Labeling, frame: int) -> Callable[[Spot], XY | str | None]:
    model = labeling.linear_model
    if model is None:
        return lambda _: None
    views, keypoints = labeling.views, labeling.keypoints
    xy = labeled_pixels(labeling.session, frame, views, keypoints, labeling.labels(frame))
    filled = model.project(xy)

    def where(spot: Spot) -> XY | str | None:
        if spot.view not in views:
            return None
        at = filled.xy[views.index(spot.view), keypoints.index(spot.keypoint)]
        if not np.isfinite(at).all():
            return None
        video = int(labeling.session.to_video(spot.view, frame))
        x, y = labeling.session.to_picture(spot.view, at, video)
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


def _click(labeling: Labeling, edit: Edit, frame: int, spot: Spot, at: XY) -> None:
    label = labeling.label(frame, spot)
    occluded = label.visibility == Visibility.OCCLUDED
    edit.put(
        labeling.key(frame),
        spot,
        Label(
            (float(at[0]), float(at[1])),
            LabelStatus.CLICKED,
            Visibility.OCCLUDED if occluded else Visibility.VISIBLE,
            labeling.labeler,
            now(),
        ),
    )


def _put(labeling: Labeling, frame: int, text: str, labels: Mapping[Spot, Label]) -> None:
    key: FrameKey = labeling.key(frame)
    with labeling.store.edit(text) as edit:
        edit.put_all(key, labels)
        follow(labeling, edit, frame, list(dict.fromkeys(spot.keypoint for spot in labels)))


def _names(spots: Iterable[Spot]) -> str:
    names = list(dict.fromkeys(spot.keypoint for spot in spots))
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
