"""Keypoints, skeleton and ellipses drawn onto an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses.palette import NEUTRAL, keypoint_hex

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

# OpenCV draws between pixels where it is given sixteenths.
_BITS = 4
# Radius of the ellipse that holds 95 % of a Gaussian in the plane, in standard deviations.
_ELLIPSE = 2.4477
# What is drawn must not overflow OpenCV's integers; so far outside nothing is seen.
FAR = 1e5
_DARK, _WHITE = (16, 16, 16), (255, 255, 255)


def rgb_of(colour: str) -> Colour:
    """``#rrggbb`` as numbers from 0 to 255."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


GREY = rgb_of(NEUTRAL)


class PoseDrawing:
    """How keypoints look, in every view and in space.

    Parameters
    ----------
    keypoints : sequence of str
    bones : (bone, 2) int
        Indices of the keypoints that lines join.
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.
    size : float
        Height of what is drawn into, px: marks grow with it.
    """

    def __init__(
        self,
        keypoints: Sequence[str],
        bones: NDArray[np.int64],
        colours: dict[str, str],
        size: float,
    ) -> None:
        self.names = tuple(keypoints)
        self.bones = bones
        chosen = keypoint_hex(keypoints, colours)
        self.colours = [rgb_of(chosen[name]) for name in keypoints]
        self.radius = float(np.clip(0.009 * size, 2.5, 9.0))

    def draw(
        self,
        image: Image,
        xy: NDArray[Any],
        *,
        hollow: NDArray[np.bool_] | None = None,
        order: NDArray[np.int64] | None = None,
        names: bool = False,
    ) -> None:
        """Draw bones, then keypoints.

        Parameters
        ----------
        image : (y, x, 3) uint8 RGB
            Changed in place.
        xy : (keypoint, 2)
            Px of the image; NaN is not drawn.
        hollow : (keypoint,) bool, optional
            Positions that were filled in, not measured: rings.
        order : (keypoint,) int, optional
            What is drawn first lies behind.
        names : bool
            Write the keypoints' names beside them.
        """
        import cv2

        seen = self._drawable(xy)
        thick = max(1, round(0.45 * self.radius))
        for a, b in self.bones:
            if seen[a] and seen[b]:
                ends = _fixed(xy[a]), _fixed(xy[b])
                cv2.line(image, *ends, _DARK, thick + 2, cv2.LINE_AA, _BITS)
                cv2.line(image, *ends, (200, 200, 200), thick, cv2.LINE_AA, _BITS)
        for k in range(len(xy)) if order is None else order:
            if not seen[k]:
                continue
            at = _fixed(xy[k])
            if hollow is not None and hollow[k]:
                self._ring(image, at, self.colours[k], self.radius)
            else:
                _disc(image, at, self.radius + 1, _DARK)
                _disc(image, at, self.radius, self.colours[k])
            if names:
                x, y = xy[k] + (1.6 * self.radius, -0.8 * self.radius)
                write(image, self.names[k], (x, y), max(13.0, 2.6 * self.radius), self.colours[k])

    def draw_ellipses(self, image: Image, xy: NDArray[Any], variance: NDArray[Any]) -> None:
        """Draw the ellipses that hold 95 %.

        Parameters
        ----------
        xy, variance : (keypoint, 2)
            Px and px^2 of the image.
        """
        import cv2

        axes = _ELLIPSE * np.sqrt(variance)
        seen = self._drawable(xy) & self._drawable(axes)
        for k in np.flatnonzero(seen):
            at, radii = _fixed(xy[k]), _fixed(axes[k])
            for colour, thick in ((_DARK, 3), (self.colours[k], 1)):
                cv2.ellipse(image, at, radii, 0, 0, 360, colour, thick, cv2.LINE_AA, _BITS)

    def draw_labels(self, image: Image, xy: NDArray[Any]) -> None:
        """Draw what a person labeled, as larger rings; ``(keypoint, 2)`` px of the image."""
        for k in np.flatnonzero(self._drawable(xy)):
            self._ring(image, _fixed(xy[k]), self.colours[k], 2.2 * self.radius)

    @staticmethod
    def _ring(image: Image, at: tuple[int, int], colour: Colour, radius: float) -> None:
        import cv2

        r = round(radius * 2**_BITS)
        cv2.circle(image, at, r, _DARK, 4, cv2.LINE_AA, _BITS)
        cv2.circle(image, at, r, colour, 2, cv2.LINE_AA, _BITS)

    @staticmethod
    def _drawable(xy: NDArray[Any]) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            return np.asarray((np.abs(xy) < FAR).all(axis=-1))


def write(
    image: Image,
    text: str,
    at: tuple[float, float],
    height: float,
    colour: Colour = _WHITE,
    *,
    right: bool = False,
) -> None:
    """Write a line of text so that it shows on any image.

    Parameters
    ----------
    at : (x, y)
        Where its baseline begins, or ends if `right`, px.
    height : float
        Of a capital letter with the space around it, px.
    """
    import cv2

    # Of OpenCV's letters, capitals are 22 px high at scale 1. It knows ASCII only.
    scale = 0.6 * height / 22
    plain = text.encode("ascii", "replace").decode("ascii")
    thick = max(1, round(1.4 * scale))
    (width, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    place = round(at[0]) - (width if right else 0), round(at[1])
    for tint, line in ((_DARK, thick + 2), (colour, thick)):
        cv2.putText(image, plain, place, cv2.FONT_HERSHEY_SIMPLEX, scale, tint, line, cv2.LINE_AA)


def _disc(image: Image, at: tuple[int, int], radius: float, colour: Colour) -> None:
    import cv2

    cv2.circle(image, at, round(radius * 2**_BITS), colour, -1, cv2.LINE_AA, _BITS)


def _fixed(xy: NDArray[Any]) -> tuple[int, int]:
    return round(float(xy[0]) * 2**_BITS), round(float(xy[1]) * 2**_BITS)
