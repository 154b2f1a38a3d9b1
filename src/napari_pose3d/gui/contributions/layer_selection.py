"""From layers that are to be saved to the poses that they show together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.layer_poses import LayerPoses, poses_of
from napari_pose3d.gui.layers.session_layers import SESSION_KEY
from napari_pose3d.gui.session.current_session import OpenSession

if TYPE_CHECKING:
    from napari_pose3d.core.formats.exchange.session_poses import SessionPoses

Attributes = dict[str, Any]
LayerTuple = tuple[Any, Attributes, str]


class Shown(NamedTuple):
    """What one layer shows, with what the user moved, removed or added.

    ``positions`` is ``(frame, keypoint, 2 or 3)``, ``confidence (frame, keypoint)`` is 1 where a
    person placed a point, ``edited (frame, keypoint)`` says where.
    """

    name: str
    poses: LayerPoses
    positions: NDArray[Any]
    confidence: NDArray[np.float32]
    edited: NDArray[np.bool_]


def shown_by(poses: LayerPoses, data: Any, attributes: Attributes) -> Shown:
    """What a Points layer shows.

    Raises
    ------
    PoseDataError
        It has a point that belongs to no keypoint or frame, or to one that has another already.
    """
    positions, edited = poses.collect(data, attributes["features"], attributes["shown"])
    return _shown(str(attributes.get("name", "")), poses, positions, edited)


def poses_of_layers(layers: Sequence[LayerTuple], opened: OpenSession | None) -> SessionPoses:
    """The poses that some layers show: 3-D, views, or both.

    Parameters
    ----------
    layers : sequence of (data, attributes, type)
        Points and Tracks of ours count; of those with the same poses the Points do, since they
        can be edited. Others are left out.
    opened : OpenSession or None
        Gives frame rate and skeleton of layers that belong to its session.

    Raises
    ------
    PoseDataError
        No layer has poses, two have those of one view, or they do not belong together.
    """
    from napari_pose3d.core.formats.exchange.session_poses import SessionPoses, poses3d_of

    found = _one_each(layers)
    _check_alike(list(found.values()))
    space, views = found.pop("", None), list(found.values())
    first = space or views[0]
    poses = SessionPoses()
    if space is not None:
        layer = space.poses
        poses = SessionPoses(
            poses3d_of(
                space.positions,
                layer.keypoints,
                session=layer.session,
                units=layer.units,
                n_views=layer.n_views,
                residual=_without(layer.residual, space.edited),
                inferred=None if layer.inferred is None else layer.inferred & ~space.edited,
            ),
            scores=space.confidence,
        )
    if views:
        variances = [_without(each.poses.variance, each.edited) for each in views]
        poses = replace(
            poses,
            poses2d=Poses2D(
                np.stack([each.positions for each in views]).astype(np.float32),
                np.stack([each.confidence for each in views]),
                tuple(each.poses.view for each in views),
                first.poses.keypoints,
                None
                if any(each is None for each in variances)
                else np.stack(variances).astype(np.float32),  # type: ignore[arg-type]
                session=first.poses.session,
                individual=first.poses.individual,
            ),
        )
    return _with_session(poses, layers, opened)


def _one_each(layers: Sequence[LayerTuple]) -> dict[str, Shown]:
    """The layer of each view, and that of 3-D by ""."""
    found: dict[str, Shown] = {}
    # Tracks last: they count where there are no Points of the same.
    for data, attributes, kind in sorted(layers, key=lambda layer: layer[2] != "points"):
        poses = poses_of(attributes.get("metadata", {}))
        if poses is None or kind not in ("points", "tracks"):
            continue
        if kind == "points":
            shown = shown_by(poses, data, attributes)
        else:
            nothing = np.zeros(poses.positions.shape[:2], bool)
            shown = _shown(str(attributes.get("name", "")), poses, poses.positions, nothing)
        key = "" if poses.is_3d else poses.view
        other = found.setdefault(key, shown)
        if other is not shown and not (kind == "tracks" and _is_same(other.poses, poses)):
            raise PoseDataError(
                f"two of these layers hold {f'the view {key}' if key else '3-D positions'}: "
                f"'{other.name}' and '{shown.name}'",
                expected="one layer for each view, and one in 3-D",
                todo="Select one of them only, such as the smoothed one",
            )
    if not found:
        raise PoseDataError(
            "none of these layers says which keypoint each of its points is",
            expected="Points or Tracks layers that napari-pose3d made",
            todo="Save them with napari's own writer",
        )
    return found


def _is_same(one: LayerPoses, other: LayerPoses) -> bool:
    return (one.stage, one.prediction_set, one.individual, one.session) == (
        other.stage,
        other.prediction_set,
        other.individual,
        other.session,
    )


def _check_alike(layers: Sequence[Shown]) -> None:
    first = layers[0]
    for other in layers[1:]:
        for what, a, b in (
            ("keypoints", first.poses.keypoints, other.poses.keypoints),
            ("numbers of frames", first.poses.n_frames, other.poses.n_frames),
            ("individuals", first.poses.individual, other.poses.individual),
            ("sessions", first.poses.session, other.poses.session),
        ):
            if a != b:
                raise PoseDataError(
                    f"the layers '{first.name}' and '{other.name}' have different {what}",
                    expected="layers of one recording",
                    todo="Select those that belong together",
                )


def _with_session(
    poses: SessionPoses, layers: Sequence[LayerTuple], opened: OpenSession | None
) -> SessionPoses:
    """With what the session knows that the layers belong to."""
    from napari_pose3d.core.pipeline.exchange.poses_of_session import frame_rate_of

    names = {attributes.get("metadata", {}).get(SESSION_KEY) for _, attributes, _ in layers}
    if opened is None or opened.session.name not in {poses.session, *names}:
        return poses
    session = opened.session
    return replace(poses, fps=frame_rate_of(session), skeleton=session.skeleton)


def _shown(
    name: str, poses: LayerPoses, positions: NDArray[Any], edited: NDArray[np.bool_]
) -> Shown:
    present = np.isfinite(positions).all(axis=2)
    confidence = np.full(present.shape, np.nan, np.float32)
    if poses.confidence is not None:
        confidence[present] = poses.confidence[present]
    confidence[edited] = 1.0
    return Shown(name, poses, positions, confidence, edited)


def _without(values: NDArray[Any] | None, edited: NDArray[np.bool_]) -> NDArray[Any] | None:
    """Missing where a person placed the point."""
    if values is None or not edited.any():
        return values
    found = np.array(values, dtype=np.float32)
    found[edited] = np.nan
    return found
