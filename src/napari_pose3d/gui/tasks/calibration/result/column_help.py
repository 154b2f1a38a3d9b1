"""What the figures of a calibration mean, in which unit, and what is good. No Qt."""

from __future__ import annotations

from collections.abc import Mapping

from napari_pose3d.core.calibration.verdicts import BANDS, Band


def _bounds(key: str, unit: str) -> str:
    """Where a figure is good and where it is poor, from the bands of the verdicts."""
    band: Band = BANDS[key]
    if band.more_is_better:
        return f"Good from {band.good:g}{unit}, poor below {band.fair:g}{unit}."
    return f"Good below {band.good:g}{unit}, poor from {band.fair:g}{unit}."


_WIDE = "Bounds are for images 1280 px wide and grow with the width."
_BOARD = f"From each corner to where the rig and the board's pose put it. {_bounds('board', ' px')}"
_APART = (
    "From each corner to where the corner triangulated from all cameras falls. "
    f"{_bounds('triangulated', ' px')}"
)

MEASURES_NOTE = (
    "Corners of the board are measured in three ways; each is given as median / mean / 95 % of all "
    "corners. Judge by the columns on frames left out of the fit, at one clock. "
    f"{_WIDE}"
)
SPACE = _bounds("space", " %")
MEASURES: Mapping[str, str] = {
    "": "What is measured; see the tooltip of each row.",
    "all, as recorded": "All frames as they are. Cameras that lag make this large; it is no fault "
    "of the rig.",
    "all, one clock": "All frames, each camera brought to the clock of the first.",
    "left out, as recorded": "Frames that were left out of the fit, as they are.",
    "left out, one clock": "Frames that were left out of the fit, at one clock: the figures to "
    "judge by.",
    "left out, fit without clocks": "The same frames measured with a rig that was fitted as if no "
    "camera lagged. Where it is larger, the clocks matter.",
}
MEASURE_ROWS: Mapping[str, str] = {
    "Board residual": f"{_BOARD} {_WIDE}",
    "Triangulated residual": f"{_APART} {_WIDE}",
    "Length error": "Distance of neighbouring corners in space against the side of a square, mean "
    f"of absolute errors. {_bounds('length', ' %')} A rig can have small residuals and wrong "
    "lengths.",
    "Bias of lengths": "The mean with its sign: above 0 the rig makes things too large. As large "
    "as the length error: the side of the square is wrong.",
    "Corners, lengths": "How many corners and distances were measured.",
}
CAMERAS_NOTE = (
    "One row for each camera; residuals are medians in px. A camera that is worse than the others "
    "is the one to record again."
)
CAMERAS: Mapping[str, str] = {
    "camera": "The view's name.",
    "verdict": "✓ good, ~ fair, ✗ poor: the worst of its figures; coverage alone makes no camera "
    "poor.",
    "board, recorded": "Board residual with the frames as they are.",
    "board, one clock": f"{_BOARD} {_WIDE}",
    "alone": "Board residual with the board's pose found in each image alone: how exact the "
    f"corners are, and whether the lens fits. {_bounds('alone', ' px')} Where the rig makes it "
    "much larger, the camera contradicts the others.",
    "triangulated": f"{_APART} {_WIDE}",
    "clock": "By how much the camera lags behind the first (above 0: it shows earlier instants), "
    f"with its standard error. {_bounds('clock', ' frame')}",
    "images": f"Images in which the board was found. {_bounds('images', '')}",
    "parts": "Parts of the image, of 5 x 5, that a corner was seen in. "
    f"{_bounds('cells', '')} Distortion is not known elsewhere.",
    "tilts": "Directions, of 8, in which the board was tilted by more than 10 degrees. "
    f"{_bounds('tilts', '')} Without tilts the focal length is not known.",
    "far / near": "Largest distance of the board over the smallest. " + _bounds("depth", ""),
}
PAIRS_NOTE = (
    "Frames in which two cameras saw the board at once: what ties them together. "
    f"{_bounds('shared', '')} Not every pair needs them, but each camera one good neighbour."
)
PAIRS: Mapping[str, str] = {
    "cameras": "Two cameras.",
    "frames": f"How many frames they share. {_bounds('shared', '')}",
}
LENSES_NOTE = (
    "Each parameter with its standard error, as far as the corners' noise tells. A parameter "
    "that is smaller than its standard error is not known; poses trade with the principal point, "
    "so judge a rig by lengths and not by these."
)
LENSES: Mapping[str, str] = {
    "camera": "The view's name.",
    "focal length": "fx and fy, px.",
    "principal point": "cx and cy, px.",
    "radial": "k1, k2 and k3 (of a fisheye lens k1 to k4), without unit.",
    "tangential": "p1 and p2, without unit.",
    "turn": "Standard error of the rotation, degrees, the largest of three; that of the first "
    "camera is the world's.",
    "place": "Standard error of the position, the largest of three.",
}
COMPARISON_NOTE = (
    "A fit without bad frames is better where the figures on frames left out fall, not only those "
    "on the frames it used."
)
