"""The measures there are: unit, formula and source of each.

References
----------
Biderman, Whiteway et al., "Lightning Pose", Nature Methods 21, 2024.
Hartley & Zisserman, "Multiple View Geometry", 2nd ed., 2004: 9.2, 11.4, 12.2.
Bar-Shalom, Li & Kirubarajan, "Estimation with Applications to Tracking and Navigation", 2001: 5.4.
Nath et al., "Using DeepLabCut", Nature Protocols 14, 2019 (refinement by jumps and by fits).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Axes = Literal["cell", "point"]

IN_SD = {"speed_sd": "displacement_covariance", "acceleration_sd": "acceleration_variance"}
"""Measures that are divided by their own deviation, and where `Poses3D` has its variance."""


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes
    ----------
    name : str
        As on the command line and in the names of files.
    label : str
        For axes and tables.
    unit : str
        Empty for none; "length" for the rig's unit.
    axes : {"cell", "point"}
        Whether it has a value in each view or one for all.
    description : str
        Formula and meaning.
    source : str
        Where it is defined, or what it is taken from.
    needs_rig : bool
    """

    name: str
    label: str
    unit: str
    axes: Axes
    description: str
    source: str
    needs_rig: bool = False


_LIGHTNING_POSE = "Biderman et al. 2024"
_OURS = "this project"

MEASURES: Mapping[str, Measure] = {
    each.name: each
    for each in (
        Measure(
            "likelihood",
            "likelihood",
            "",
            "cell",
            "Mean of the prediction sets.",
            "peaks of the networks' heatmaps, as Lightning Pose and DeepLabCut write them",
        ),
        Measure(
            "spread",
            "spread of the sets",
            "px",
            "cell",
            "Standard deviation between prediction sets, root mean square of x and y.",
            f"{_LIGHTNING_POSE} (ensemble variance)",
        ),
        Measure(
            "correction",
            "correction",
            "px",
            "cell",
            "Distance from raw to smoothed.",
            "fits as in Nath et al. 2019, by the smoother of this project",
        ),
        Measure(
            "surprise",
            "surprise",
            "sd",
            "cell",
            "Distance from raw to smoothed in standard deviations: sqrt(sum over x and y of "
            "(raw - smoothed)^2 / (posterior + ensemble variance)).",
            "Bar-Shalom et al. 2001, 5.4 (normalised innovation)",
        ),
        Measure(
            "residual",
            "residual",
            "px",
            "cell",
            "Distance from raw to the reprojection of the point that the agreeing views give.",
            "Hartley & Zisserman 2004, 12.2; robust choice of views: this project",
            True,
        ),
        Measure(
            "leave_one_out",
            "leave-one-out residual",
            "px",
            "cell",
            "Distance from raw to the reprojection of the point that the agreeing other "
            "views give; missing where there are fewer than two.",
            "Hartley & Zisserman 2004, 12.2; robust choice of views: this project",
            True,
        ),
        Measure(
            "epipolar",
            "epipolar distance",
            "px",
            "cell",
            "Distance from raw to the epipolar curves of the other views; their median, with "
            "three views the smaller.",
            "Hartley & Zisserman 2004, 9.2 and 11.4; curves and median: this project",
            True,
        ),
        Measure(
            "temporal_norm",
            "temporal norm",
            "px per frame",
            "cell",
            "Distance of raw from the frame before, as Lightning Pose defines it.",
            _LIGHTNING_POSE,
        ),
        Measure(
            "sides",
            "nearer to the other side",
            "px",
            "cell",
            "Of left and right: distance from raw to its own smoothed place minus that to "
            "the place of its counterpart; above 0 it lies nearer to the counterpart. "
            "Missing for keypoints without one.",
            _OURS,
        ),
        Measure(
            "bone",
            "bone",
            "length",
            "point",
            "Of the bones that end in the smoothed point, the largest deviation from a "
            "bone's median length; missing where no bone does.",
            "SLEAP's label QC (edge lengths), with a median and in space",
            True,
        ),
        Measure(
            "uncertainty",
            "uncertainty",
            "length",
            "point",
            "Square root of the trace of the posterior covariance in space.",
            "posterior of the smoother (Rauch, Tung & Striebel 1965)",
            True,
        ),
        Measure(
            "speed",
            "speed",
            "length per frame",
            "point",
            "Of the smoothed point.",
            "jumps as in Nath et al. 2019, in space",
            True,
        ),
        Measure(
            "speed_sd",
            "speed in sd",
            "sd",
            "point",
            "Distance of the smoothed point from the frame before to the frame after, over "
            "the posterior standard deviation of that.",
            _OURS,
            True,
        ),
        Measure(
            "acceleration",
            "acceleration",
            "length per frame^2",
            "point",
            "Second difference of the smoothed point.",
            "second differences",
            True,
        ),
        Measure(
            "acceleration_sd",
            "acceleration in sd",
            "sd",
            "point",
            "Second difference of the smoothed point over its posterior standard deviation.",
            _OURS,
            True,
        ),
        Measure(
            "n_views",
            "views",
            "",
            "point",
            "Views that the point was computed from.",
            _OURS,
            True,
        ),
    )
}
