"""What a run did, in words and numbers for people."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.core.poses.report import Kind, ViewReport

HOW: dict[Kind, str] = {
    "calibrated": "smoothed in 3-D with the calibration",
    "linear": "smoothed over all views without calibration",
    "single": "smoothed view by view",
    "triangulated": "triangulated frame by frame",
}

COLUMNS = {
    "view": "Name of the view",
    "before": "Median distance in px of the predictions from the points that all views give "
    "together, before anything is smoothed or set aside: large where the calibration does not fit",
    "after": "Median distance in px of the predictions from the result; often more than before, as "
    "the points before are those that fit these very predictions best",
    "set aside": "Share of the predictions that are not used, as they contradict other views",
    "missing": "Share of positions without a usable prediction",
}
"""The columns of `view_cells` and what they mean."""


def summary(result: Result) -> str:
    """A summary of what was done, in one line."""
    poses, report = result.poses2d, result.report
    axes = f"{len(poses.keypoints)} keypoints x {len(poses.views)} views"
    size = f"{poses.n_frames:,} frames x {axes}"
    cells = poses.likelihood.size

    def share(count: int) -> str:
        percent = 100 * count / max(cells, 1)
        return f"{count:,} ({percent:.1f} %)"

    parts = [
        f"{size} {HOW[report.mode]} in {report.seconds:.1f} s",
        f"missing {share(report.missing)}",
    ]
    if result.poses3d is not None or report.rejected:
        parts.append(f"set aside as contradicting other views {share(report.rejected)}")
    if report.mode == "calibrated":
        parts.append(f"filled in where no view observed them {report.inferred:,}")
    if report.mode == "triangulated":
        parts.append(f"without a point in space {report.left_missing:,}")
    elif report.left_missing:
        parts.append(f"left missing {report.left_missing:,}")
    if (swaps := result.swaps) is not None and swaps.any:
        n = int(np.count_nonzero(swaps.views | (swaps.models > 0)))
        times = f"{n:,} {'time' if n == 1 else 'times'}"
        done = f"exchanged {times}" if swaps.corrected else f"confused {times}, not corrected"
        parts.append(f"left and right {done}")
    return "; ".join(parts) + "."


def view_cells(views: Mapping[str, ViewReport]) -> list[tuple[str, ...]]:
    """By view, the cells of the table whose columns are `COLUMNS`; "-" where nothing is known."""
    return [
        (
            view,
            _px(found.calibration_residual),
            _px(found.residual),
            _percent(found.share_rejected),
            _percent(found.share_missing),
        )
        for view, found in views.items()
    ]


def view_table(views: Mapping[str, ViewReport]) -> str:
    """The residuals and shares of each view as an aligned table; "" where there is none."""
    if not views:
        return ""
    heads = [f"{name}, px" if name in ("before", "after") else name for name in COLUMNS]
    rows = [heads, *view_cells(views)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)


def s_table(result: Result) -> str:
    """``s`` of each keypoint as aligned lines; "" where nothing was smoothed."""
    given, found = dict(result.report.settings.get("smooth_params", ())), result.report.smooth_param
    width = max(map(len, found), default=0)
    searched = result.report.settings.get("smooth_param") is None
    return "\n".join(
        f"{name.ljust(width)}  s = {s:.4g}{' (found)' if searched and name not in given else ''}"
        for name, s in found.items()
    )


def _px(value: float) -> str:
    if math.isinf(value):
        return "not in view"
    return "-" if math.isnan(value) else f"{value:.2f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"
