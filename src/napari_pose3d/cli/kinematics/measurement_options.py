"""An option for each kind of measurement."""

from __future__ import annotations

import argparse

from napari_pose3d.core.poses.kinematics.kinds import KINDS
from napari_pose3d.core.poses.kinematics.measurements import Measurement
from napari_pose3d.errors import PoseDataError


def add_measurements(parser: argparse.ArgumentParser) -> None:
    """``--angle NAME=A,B,C`` and its like, which may be repeated."""
    for key, kind in KINDS.items():
        keypoints = ",".join("ABCDEF"[: kind.n_points])
        parser.add_argument(
            f"--{key.replace('_', '-')}",
            action="append",
            default=[],
            metavar=f"NAME={keypoints}",
            help=kind.meaning,
        )


def measurements_given(options: argparse.Namespace) -> list[Measurement]:
    """What `add_measurements` was given."""
    return [_measurement(key, text) for key in KINDS for text in getattr(options, key)]


def _measurement(key: str, text: str) -> Measurement:
    name, sign, keypoints = text.partition("=")
    if not sign or not name.strip():
        raise PoseDataError(
            f"'{text}' is not understood",
            place=f"--{key.replace('_', '-')}",
            expected="a name, an equals sign and keypoints, such as knee=hip,knee,ankle",
        )
    return Measurement(name.strip(), key, tuple(each.strip() for each in keypoints.split(",")))
