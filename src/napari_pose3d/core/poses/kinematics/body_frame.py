"""Poses in the frame of the animal: its origin, its heading, and up from the floor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.arrays import Poses3D
from napari_pose3d.errors import PoseDataError

Float64 = NDArray[np.float64]

# Of a heading's length: what is left of it on the floor where it stands upright.
_UPRIGHT = 1e-6
_KEYS = ("origin", "front", "back", "floor")


@dataclass(frozen=True)
class BodyFrame:
    """A frame of reference that goes along with an animal and stays level.

    Attributes
    ----------
    origin : str
        Keypoint at 0.
    front : str
        Keypoint that x points to, as seen from above.
    back : str
        Keypoint that it comes from; "" for the origin.
    up : (3,)
        Normal of the floor, in the world of the positions; z points along it, y to the left.

    Raises
    ------
    PoseDataError
        x would go from a keypoint to itself, or ``up`` has no direction.
    """

    origin: str
    front: str
    back: str = ""
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        if (self.back or self.origin) == self.front:
            raise PoseDataError(
                f"the heading goes from {self.front} to itself",
                place="body frame",
                expected="two different keypoints, such as tail and neck",
            )
        length = float(np.linalg.norm(self.up))
        if len(self.up) != 3 or not (np.isfinite(length) and length > 0):
            raise PoseDataError(
                f"the floor's normal is {tuple(self.up)}",
                place="body frame",
                expected="a direction such as (0, 0, 1)",
            )

    @classmethod
    def of_text(cls, text: str) -> BodyFrame:
        """From ``ORIGIN,FRONT`` or ``ORIGIN,BACK,FRONT``.

        Raises
        ------
        PoseDataError
            It is neither.
        """
        names = [name.strip() for name in text.split(",")]
        if len(names) not in (2, 3) or not all(names):
            raise PoseDataError(
                f"'{text}' is not understood",
                place="body frame",
                expected="the keypoint at the origin and the one in front, such as neck,nose, or "
                "between them the one that the heading comes from, such as neck,tail,neck",
            )
        return cls(names[0], names[-1], names[1] if len(names) == 3 else "")

    @property
    def keypoints(self) -> tuple[str, str, str]:
        """Origin, back and front."""
        return self.origin, self.back or self.origin, self.front


@dataclass(frozen=True)
class BodyFrameEntry:
    """What the table ``[body_frame]`` of a project says.

    Attributes
    ----------
    frame : BodyFrame
    floor : tuple of str
        Keypoints that touch the floor; empty: z of the world points up.
    """

    frame: BodyFrame
    floor: tuple[str, ...] = ()

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> BodyFrameEntry:
        """From ``origin``, ``front`` and, where given, ``back`` and ``floor``.

        Raises
        ------
        PoseDataError
            One of the first two is missing, a value is no name, or there is another key.
        """
        expected = 'origin = "neck", front = "nose" and, as needed, back = "tail", floor = ["paw"]'
        if other := [key for key in table if key not in _KEYS]:
            raise PoseDataError(f"'{other[0]}' is no key of it", expected=expected)
        for key in ("origin", "front", "back"):
            name = table.get(key, "")
            if not isinstance(name, str) or (not name and (key != "back" or key in table)):
                raise PoseDataError(f"'{key}' is no name of a keypoint", expected=expected)
        floor = table.get("floor", [])
        if not isinstance(floor, list) or not all(isinstance(n, str) and n for n in floor):
            raise PoseDataError("'floor' is no list of keypoints", expected=expected)
        frame = BodyFrame(table["origin"], table["front"], table.get("back", ""))
        return cls(frame, tuple(floor))

    def table(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The table with other names of keypoints, ``{old: new}``."""
        found: dict[str, Any] = {
            key: names.get(name, name)
            for key in ("origin", "front", "back")
            if (name := getattr(self.frame, key))
        }
        if self.floor:
            found["floor"] = [names.get(name, name) for name in self.floor]
        return found


@dataclass(frozen=True, eq=False)
class BodyPoses:
    """Poses in the frame of an animal.

    Attributes
    ----------
    poses : Poses3D
        x forward, y to the left, z up. Their covariance includes what is uncertain about the
        frame itself, which all keypoints of a frame share; ``displacement_covariance`` is None.
    undefined : (frame,) bool
        True where everything is NaN since the frame is not defined: one of its keypoints is
        missing, or the heading stands upright.
    upright : (frame,) bool
        Those of them in which the heading stands upright.
    """

    poses: Poses3D
    undefined: NDArray[np.bool_]
    upright: NDArray[np.bool_]


def in_body_frame(poses: Poses3D, frame: BodyFrame) -> BodyPoses:
    """Express poses in the frame of the animal.

    Parameters
    ----------
    poses : Poses3D
    frame : BodyFrame

    Raises
    ------
    PoseDataError
        The poses do not have one of the keypoints.

    Notes
    -----
    With the rotation R of the frame, origin o, and back and front a and b, whose distance on the
    floor is l, a position is ``R (x - o)``; the heading turns by ``e_y (db - da) / l``, and with
    it a position by that times ``(y, -x, 0)``. Keypoints are independent, as in the smoother, so
    the covariance is exact to first order, also of the keypoints that define the frame.
    """
    absent = [name for name in dict.fromkeys(frame.keypoints) if name not in poses.keypoints]
    if absent:
        raise PoseDataError(
            f"there is no keypoint {', '.join(absent)}",
            place="body frame",
            expected=f"some of {', '.join(poses.keypoints)}",
        )
    origin, back, front = (poses.keypoints.index(name) for name in frame.keypoints)
    xyz = np.asarray(poses.xyz, np.float64)
    rotation, length, upright = _rotation(xyz[:, front] - xyz[:, back], frame)
    body = np.einsum("tij,tkj->tki", rotation, xyz - xyz[:, origin, None])
    covariance = np.asarray(poses.covariance, np.float64)
    # Files of older versions hold the variances only.
    unknown = np.isnan(covariance) & ~np.eye(3, dtype=bool)
    covariance = np.where(unknown, 0.0, covariance)
    known = np.isfinite(rotation).all(axis=(1, 2)) & np.isfinite(xyz[:, origin]).all(axis=1)
    filled_in = poses.inferred[:, [origin, back, front]].any(axis=1, keepdims=True)
    moved = replace(
        poses,
        xyz=body,
        covariance=_covariance(body, covariance, rotation, length, (origin, back, front)),
        inferred=(poses.inferred | filled_in) & np.isfinite(body[..., 0]),
        displacement_covariance=None,
        acceleration_variance=None,
    )
    return BodyPoses(moved, np.asarray(~known), upright)


def _rotation(heading: Float64, frame: BodyFrame) -> tuple[Float64, Float64, NDArray[np.bool_]]:
    """Rows x, y, z of the body in the world; the heading's length on the floor; where it is 0."""
    up = np.asarray(frame.up, np.float64) / np.linalg.norm(frame.up)
    level = heading - (heading @ up)[:, None] * up
    length = np.linalg.norm(level, axis=1)
    upright = length <= _UPRIGHT * np.linalg.norm(heading, axis=1)
    length = np.where(upright, np.nan, length)
    x = level / length[:, None]
    z = np.broadcast_to(up, x.shape)
    rotation = np.stack([x, np.cross(z, x), z], axis=1)
    rotation[np.isnan(length)] = np.nan
    return rotation, length, upright


def _covariance(
    body: Float64,
    covariance: Float64,
    rotation: Float64,
    length: Float64,
    places: tuple[int, int, int],
) -> NDArray[np.float32]:
    """Of positions in the body's frame, ``(frame, keypoint, 3, 3)``."""
    origin, back, front = places
    n_keypoints = body.shape[1]
    # By how much the heading's turn moves a position, for each unit of way of front or back.
    turned = np.stack([body[..., 1], -body[..., 0], np.zeros_like(body[..., 0])], axis=-1)
    lever = turned[..., :, None] * (rotation[:, 1] / length[:, None])[:, None, None, :]
    out = np.empty(covariance.shape, np.float32)
    for k in range(n_keypoints):
        # What each keypoint that takes part contributes; one may have several parts.
        parts: dict[int, Float64] = {}
        for place, part in (
            (k, rotation),
            (origin, -rotation),
            (back, -lever[:, k]),
            (front, lever[:, k]),
        ):
            parts[place] = parts.get(place, 0.0) + part
        out[:, k] = sum(
            np.einsum("tij,tjl,tml->tim", part, covariance[:, place], part)
            for place, part in parts.items()
        )
    return out
