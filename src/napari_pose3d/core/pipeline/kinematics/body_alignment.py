"""The poses of a session in the frame of its animal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.floor import fitted_plane
from napari_pose3d.core.formats.exchange.session_poses import SessionPoses
from napari_pose3d.core.poses.arrays import FloatArray, Poses3D
from napari_pose3d.core.poses.kinematics.body_frame import BodyFrame, in_body_frame
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

_FLOOR_TOLERANCE = 0.02  # of the points' extent


def floor_normal(poses: Poses3D, keypoints: Sequence[str]) -> tuple[float, float, float]:
    """Normal of the plane that most positions of some keypoints lie on, towards the animal.

    Parameters
    ----------
    poses : Poses3D
    keypoints : sequence of str
        Those that touch the floor, such as feet; raised ones are passed over.

    Raises
    ------
    PoseDataError
        There is no such keypoint, or they do not make a plane.
    """
    absent = [name for name in keypoints if name not in poses.keypoints]
    if absent:
        raise PoseDataError(
            f"there is no keypoint {', '.join(absent)}",
            place="floor",
            expected=f"some of {', '.join(poses.keypoints)}",
        )
    feet = poses.xyz[:, [poses.keypoints.index(name) for name in keypoints]]
    touching = _known(feet)
    # Single mistriangulated points may lie anywhere.
    spread = np.percentile(touching, (5, 95), axis=0) if len(touching) else np.zeros((2, 3))
    tolerance = max(_FLOOR_TOLERANCE * float(np.linalg.norm(np.ptp(spread, axis=0))), 1e-9)
    try:
        middle, normal = fitted_plane(touching, tolerance)
    except PoseDataError as error:
        raise error.located(place="floor") from None
    if np.median((_known(poses.xyz) - middle) @ normal) < 0:
        normal = -normal
    x, y, z = normal.tolist()
    return x, y, z


def align_to_body(
    poses: SessionPoses, frame: str | BodyFrame, floor: Sequence[str] = ()
) -> tuple[SessionPoses, list[str]]:
    """The 3-D positions of a session in the frame of the animal; the views are left out.

    Parameters
    ----------
    poses : SessionPoses
    frame : str or BodyFrame
        ``ORIGIN,FRONT`` or ``ORIGIN,BACK,FRONT``, see `BodyFrame`.
    floor : sequence of str
        Keypoints that touch the floor; none: the floor is the world's plane of x and y, where
        ``rig origin`` puts it.

    Returns
    -------
    poses : SessionPoses
        Without views, cameras and videos, which are not in that frame.
    notes : list of str
        In how many frames there is none, and on what the floor rests.

    Raises
    ------
    PoseDataError
        There are no positions in space, no such keypoint, or no frame in which the animal's is
        defined.
    """
    given = BodyFrame.of_text(frame) if isinstance(frame, str) else frame
    space = replace(poses.in_space("the frame of a body"), units=poses.units)
    notes = []
    if floor:
        given = replace(given, up=floor_normal(space, floor))
        angle = np.degrees(np.arccos(np.clip(given.up[2], -1, 1)))
        notes.append(f"the floor under {', '.join(floor)} is tilted {angle:.1f} degrees from the "
                     "world's plane of x and y")  # fmt: skip
    elif not _is_placed(poses):
        notes.append(
            "the calibration does not say where its floor is: z of its world is taken as up "
            "(name keypoints that touch the floor, or place it with rig origin)"
        )
    found = in_body_frame(space, given)
    n = int(found.undefined.sum())
    if n == space.n_frames:
        raise PoseDataError(
            f"the frame of the body is defined in none of {counted(n, 'frame')}",
            place="body frame",
            expected=f"{', '.join(dict.fromkeys(given.keypoints))} in one frame at least, and a "
            "heading that does not stand upright",
        )
    if n:
        upright = int(found.upright.sum())
        notes.append(
            f"{counted(n, 'frame')} left empty: {n - upright:,} without one of "
            f"{', '.join(dict.fromkeys(given.keypoints))}, {upright:,} with an upright heading"
        )
    reference = (
        f"the animal: 0 at {given.origin}, x level from {given.keypoints[1]} to {given.front}, "
        "y to the left, z up"
    )
    moved = replace(
        poses, poses3d=found.poses, poses2d=None, rig=None, videos={}, reference=reference
    )
    return replace(moved, scores=poses.confidence3d()), notes


def _known(points: FloatArray) -> NDArray[np.float64]:
    flat = np.asarray(points, np.float64).reshape(-1, 3)
    return flat[np.isfinite(flat).all(axis=1)]


def _is_placed(poses: SessionPoses) -> bool:
    metadata = None if poses.rig is None else poses.rig.extra.get("metadata")
    return isinstance(metadata, dict) and "origin" in metadata
