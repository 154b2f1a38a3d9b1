"""Shapes that keypoints lie on, and the names by which a user chooses them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.errors import PoseDataError

SIZES = {"circle": ("diameter",), "ellipse": ("width", "height")}
"""Kinds of shapes and what they are described by, px, beside their centre."""

_TEXT = re.compile(r"\s*(?:(?P<name>[\w-]+)=)?(?P<kind>\w+):(?P<points>.+)")
USUAL_ANGLES = (270.0, 90.0, 0.0, 180.0)
"""Of four points at the top, bottom, right and left of an image, whose y points down; degrees."""


@dataclass(frozen=True)
class Shape:
    """Keypoints on a shape whose axes are those of the image.

    Attributes
    ----------
    name : str
        In the names of files.
    kind : {"circle", "ellipse"}
    points : tuple of str
        Keypoints.
    angles : tuple of float
        Where each point lies on the shape, degrees from the right towards the bottom of the image.
    """

    name: str
    kind: str
    points: tuple[str, ...]
    angles: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.kind not in SIZES:
            raise PoseDataError(
                f"no shape is called '{self.kind}'", expected=f"one of {', '.join(SIZES)}"
            )
        twice = [p for i, p in enumerate(self.points) if p in self.points[:i]]
        if twice:
            raise PoseDataError(
                f"the point {twice[0]} is on the shape twice", expected="each point once"
            )
        if np.linalg.matrix_rank(self.design()) < len(self.sizes) + 2:
            raise PoseDataError(
                f"these points do not determine a {self.kind}",
                expected="points on several sides of it",
            )

    @property
    def sizes(self) -> tuple[str, ...]:
        return SIZES[self.kind]

    def design(self) -> NDArray[np.float64]:
        """Points from the state: ``(2 point, size + 2)``, rows x and y of each point in turn.

        The state is the sizes, then x and y of the centre.
        """
        angles = np.radians(self.angles)
        half = np.round(np.stack([np.cos(angles), np.sin(angles)], axis=-1) / 2, 15)
        rows = np.zeros((len(angles), 2, len(self.sizes) + 2))
        for axis in range(2):
            rows[:, axis, min(axis, len(self.sizes) - 1)] = half[:, axis]
            rows[:, axis, len(self.sizes) + axis] = 1
        return rows.reshape(2 * len(angles), -1)


def shape_of(text: str) -> Shape:
    """``circle:top,bottom,right,left``, or ``eye=ellipse:a@0,b@60,c@120`` with angles in degrees.

    Four points without angles lie at the top, bottom, right and left.

    Raises
    ------
    PoseDataError
        It is something else, or the points do not determine the shape.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise PoseDataError(
            f"'{text}' is no shape",
            expected="a kind, a colon and keypoints, such as circle:top,bottom,right,left",
        )
    points, angles = [], []
    for part in match["points"].split(","):
        name, at, angle = part.strip().rpartition("@")
        points.append(name if at else angle)
        if at:
            angles.append(_number(angle, part))
    if not angles and len(points) == len(USUAL_ANGLES):
        angles = list(USUAL_ANGLES)
    if len(angles) != len(points):
        raise PoseDataError(
            f"of {len(points)} points, {len(angles)} have an angle",
            place=text,
            expected="all, such as a@0,b@90, or four points: top, bottom, right and left",
        )
    return Shape(match["name"] or match["kind"], match["kind"], tuple(points), tuple(angles))


def _number(text: str, part: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise PoseDataError(
            f"'{text}' is no angle", place=part.strip(), expected="degrees"
        ) from None


def places_of(shape: Shape, keypoints: Sequence[str]) -> list[int]:
    """Where the points of a shape are among keypoints.

    Raises
    ------
    PoseDataError
        One is not there.
    """
    absent = [name for name in shape.points if name not in keypoints]
    if absent:
        raise PoseDataError(
            f"the predictions have no keypoint {', '.join(absent)}",
            expected=f"some of {', '.join(keypoints)}",
        )
    return [keypoints.index(name) for name in shape.points]
