"""From the poses in the viewer to the curves of one plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from napari_pose3d.core.poses.kinematics.measurements import Measured
from napari_pose3d.core.poses.kinematics.quantities import QUANTITIES, Name, trace
from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import LayerPoses, Measuring

from .trace_plot import Curve

SPACE = "3-D"

# Of quantities that the project defines: these begin so, and the others are in QUANTITIES.
_MEASURED = "measured "


def by_source(every: Iterable[LayerPoses]) -> dict[str, list[LayerPoses]]:
    """The poses that can be plotted, by view; those in space come last."""
    found: dict[str, list[LayerPoses]] = {}
    for poses in every:
        found.setdefault(SPACE if poses.is_3d else poses.view or "2-D", []).append(poses)
    space = found.pop(SPACE, None)
    return found if space is None else {**found, SPACE: space}


def quantities_of(chosen: Sequence[LayerPoses]) -> dict[str, str]:
    """What can be plotted of the poses of one source: names and labels.

    What the project measures comes last.
    """
    quantities: list[str] = ["x", "y"]
    if any(poses.is_3d for poses in chosen):
        quantities.append("z")
    quantities += ["speed", "length"]
    if any(poses.confidence is not None for poses in chosen):
        quantities.append("likelihood")
    if any(poses.residual is not None for poses in chosen):
        quantities.append("residual")
    measured = dict.fromkeys(
        value
        for poses in chosen
        for each in poses.measuring.measurements
        if set(each.keypoints) <= set(poses.keypoints)
        for value in each.value_names
    )
    return {
        **{name: QUANTITIES[name].label for name in quantities},
        **{f"{_MEASURED}{value}": value for value in measured},
    }


def is_measured(quantity: str) -> bool:
    """Whether the project defines a quantity; the others are of single keypoints."""
    return quantity.startswith(_MEASURED)


def cannot_be_measured(chosen: Sequence[LayerPoses]) -> list[str]:
    """What of the project's table the poses of one source do not have, and why."""
    return list(
        dict.fromkeys(
            f"{each.name} is not offered: there is no keypoint "
            f"{', '.join(name for name in each.keypoints if name not in poses.keypoints)}"
            for poses in chosen
            for each in poses.measuring.measurements
            if not set(each.keypoints) <= set(poses.keypoints)
        )
    )


def measured_curve_of(
    poses: LayerPoses, quantity: str, frame_rate: float | None, over: bool
) -> tuple[Curve, str] | None:
    """A line of what the project measures, and its unit; None where these poses have none.

    Parameters
    ----------
    quantity : str
        See `quantities_of`.
    frame_rate : float or None
        None: changes over time are per frame.
    over : bool
        As for `curve_of`.
    """
    wanted = quantity.removeprefix(_MEASURED)
    mine = tuple(m for m in poses.measuring.measurements if wanted in m.value_names)
    found: list[Measured] = []
    if mine:
        found, _ = replace(poses, measuring=Measuring(mine)).measured(frame_rate=frame_rate)
    if not found:
        return None
    each = found[0]
    column = each.names.index(wanted)
    # The joint of a joint angle.
    middle = mine[0].keypoints[len(mine[0].keypoints) // 2]
    smoothed = poses.stage == "smoothed"
    deviations = each.deviations[:, column]
    return Curve(
        wanted,
        poses.prediction_set or poses.stage,
        each.values[:, column],
        keypoint_rgba(poses.palette)[poses.keypoints.index(middle)],
        2.0 if smoothed else 1.0,
        faint=over and not smoothed,
        deviations=deviations if np.isfinite(deviations).any() else None,
    ), each.unit


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
    poses: LayerPoses, keypoint: str, quantity: str, other: str | None, over: bool
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
        cast(Name, quantity),
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
