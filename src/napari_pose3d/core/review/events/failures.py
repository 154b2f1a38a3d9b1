"""Kinds of failure, and what helps against each."""

from __future__ import annotations

from enum import Enum


class Failure(Enum):
    """Kinds of failure, the most telling first: a cell has the first that fits."""

    LOST_VIEW = "lost view"
    SWAPPED_SIDES = "swapped sides"
    FROZEN = "frozen point"
    HIDDEN = "hidden"
    SETS_DISAGREE = "seeds disagree"
    VIEWS_DISAGREE = "views disagree"
    JUMP = "jump"
    BONE = "impossible bone"
    UNCERTAIN = "uncertain"
    OUTSIDE = "unlike labeled poses"
    CAMERA_MOVED = "camera moved"
    DRIFT = "calibration drift"

    @property
    def is_mended_by_labels(self) -> bool:
        """Whether labeling one of its frames helps."""
        return self not in (Failure.CAMERA_MOVED, Failure.DRIFT)


ADVICE: dict[Failure, str] = {
    Failure.LOST_VIEW: "Most keypoints of one view fail together: lights, an obstacle, a wrong "
    "video, or the animal out of view. Look at the video; label a few of these frames.",
    Failure.SWAPPED_SIDES: "Left and right lie in each other's place. Label a frame, or smooth "
    "with left and right exchanged.",
    Failure.FROZEN: "The prediction stands still while the animal moves: padded or broken "
    "predictions. Predict the video again.",
    Failure.HIDDEN: "The network is unsure and away from where the other views put the point: "
    "mostly hidden. Label it where you can tell its place.",
    Failure.SETS_DISAGREE: "The prediction sets put the point in different places. Label a frame.",
    Failure.VIEWS_DISAGREE: "A confident prediction contradicts the other views. Label a frame.",
    Failure.JUMP: "The point leaps away from the body: several views err together, or the video "
    "lacks frames.",
    Failure.BONE: "The bone has a length that it has nowhere else: one of its ends is wrong in "
    "several views. Label a frame.",
    Failure.CAMERA_MOVED: "From here on the calibration does not fit this camera: it was touched. "
    "Calibrate again, or mend the calibration for the frames before and after by themselves.",
    Failure.DRIFT: "The camera turned slowly: the calibration fits it ever less. Fix its mount, "
    "calibrate again, or mend the calibration for stretches of frames by themselves.",
    Failure.OUTSIDE: "The pose is unlike all labeled ones: the network has seen nothing like it. "
    "Label a frame, also where the prediction is right.",
    Failure.UNCERTAIN: "Too few views observe the point; its position is hardly known. Label it, "
    "or leave these frames out.",
}

_WITHOUT_CALIBRATION = {
    Failure.HIDDEN: "The network is unsure and away from the smoothed track: mostly hidden. Label "
    "it where you can tell its place.",
    Failure.VIEWS_DISAGREE: "A confident prediction leaves the smoothed track of its view; without "
    "a calibration the views are not compared. Look at the video; label a frame.",
}


def advice(kind: Failure, *, calibrated: bool) -> str:
    """What helps against a failure; without a calibration views cannot be compared."""
    return ADVICE[kind] if calibrated else _WITHOUT_CALIBRATION.get(kind, ADVICE[kind])
