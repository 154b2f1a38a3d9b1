"""From the poses in the viewer to the curves of one plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_pose3d.core.poses.kinematics.quantities import Name, trace
from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import LayerPoses

from .trace_plot import Curve

SPACE = "3-D"


def by_source(every: Iterable[LayerPoses]) -> dict[str, list[LayerPoses]]:
    """The poses that can be plotted, by view; those in space come last."""
    found: dict[str, list[LayerPoses]] = {}
    for poses in every:
        found.setdefault(SPACE if poses.is_3d else poses.view or "2-D", []).append(poses)
    space = found.pop(SPACE, None)
    return found if space is None else {**found, SPACE: space}


def quantities_of(chosen: Sequence[LayerPoses]) -> list[Name]:
    """What can be plotted of the poses of one source."""
    quantities: list[Name] = ["x", "y"]
    if any(poses.is_3d for poses in chosen):
        quantities.append("z")
    quantities += ["speed", "length"]
    if any(poses.confidence is not None for poses in chosen):
        quantities.append("likelihood")
    if any(poses.residual is not None for poses in chosen):
        quantities.append("residual")
    return quantities


def keypoints_of(chosen: Sequence[LayerPoses]) -> dict[str, int]:
    """The keypoints of the poses of one source, each with its place in the palette."""
    names: dict[str, int] = {}
    for poses in chosen:
        for name, place in zip(poses.keypoints, poses.palette, strict=True):
            names.setdefault(name, place)
    return names


def length_unit(chosen: Sequence[LayerPoses]) -> str:
    """The unit of positions."""
    if chosen and chosen[0].is_3d:
        return chosen[0].units or "rig units"
    return "px"


def curve_of(
    poses: LayerPoses, keypoint: str, quantity: Name, other: str | None, over: bool
) -> Curve | None:
    """One line of a plot; None where these poses have nothing of the kind.

    Parameters
    ----------
    other : str or None
        The keypoint that distances are measured to.
    over : bool
        Whether smoothed curves are drawn over the others, which are pale then.
    """
    if quantity != "length":
        other = None
    if keypoint not in poses.keypoints or (other and other not in poses.keypoints):
        return None
    k = poses.keypoints.index(keypoint)
    values = trace(
        quantity,
        poses.positions,
        k,
        other=poses.keypoints.index(other) if other else None,
        likelihood=poses.confidence,
        residual=poses.residual,
    )
    if values is None or keypoint == other:
        return None
    smoothed = poses.stage == "smoothed"
    return Curve(
        keypoint,
        poses.prediction_set or poses.stage,
        values,
        keypoint_rgba(poses.palette)[k],
        2.0 if smoothed else 1.0,
        faint=over and not smoothed,
    )
