"""How cameras are calibrated, and calibrations mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_pose3d.errors import PoseDataError

from .values import frame_range_of, setting


@dataclass(frozen=True)
class CalibrationSettings:
    """How cameras are calibrated from videos of a board."""

    fisheye: bool = setting(False, "the lenses follow the fisheye model")
    clocks: bool = setting(
        True,
        "estimate by how much of a frame each camera lags; off: all are triggered by one signal",
    )
    bent: bool = setting(
        False,
        "the board may not be flat: its shape is found, and kept where frames left out of the fit "
        "gain by it",
    )
    every: int = setting(1, "look at every n-th frame only")

    def __post_init__(self) -> None:
        if self.every < 1:
            raise PoseDataError(f"every {self.every}th frame is to be taken", expected="1 or more")


@dataclass(frozen=True)
class RefinementSettings:
    """How a calibration is mended from points that several views see."""

    source: Literal["labels", "predictions"] = setting(
        "predictions", "labels of people, or the networks' confident predictions"
    )
    min_likelihood: float = setting(0.9, "predictions below are not used")
    free: Literal["extrinsics", "rotation", "translation", "focal", "all"] = setting(
        "extrinsics",
        "what may change of a camera: focal and all include its pose, all the principal point and "
        "k1, k2 as well",
    )
    all_cameras: bool = setting(False, "move all cameras, not as few as make the views agree")
    frames: str = setting(
        "",
        "session frames whose points are used, A:B (B not included), such as 240: from a bump on; "
        "empty: all",
    )

    def __post_init__(self) -> None:
        if self.frames.strip():
            frame_range_of(self.frames)
