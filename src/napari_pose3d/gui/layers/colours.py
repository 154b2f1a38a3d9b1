"""The colours of keypoints (`core.poses.palette`) as layers need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.poses import palette
from napari_pose3d.core.poses.palette import NEUTRAL, PALETTE, kept_colours
from napari_pose3d.gui.workspace.preferences import colour_scheme

if TYPE_CHECKING:
    from napari.utils.colormaps import Colormap

__all__ = [
    "NEUTRAL",
    "PALETTE",
    "colormap_value",
    "kept_colours",
    "keypoint_colormap",
    "keypoint_hex",
    "keypoint_rgba",
    "palette_of",
]


# Colours that users chose and those of their scheme, as they turn up.
_CHOSEN: list[str] = []


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


@cache
def _palette_rgba() -> NDArray[np.float32]:
    rgba = np.ones((len(PALETTE), 4), dtype=np.float32)
    rgba[:, :3] = [_rgb(colour) for colour in PALETTE]
    rgba.flags.writeable = False
    return rgba


def keypoint_rgba(places: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
    """Colours of keypoints at the given places of their file's list, ``(keypoint, 4)`` RGBA.

    The colour of a keypoint depends only on its place; from the 41st on they repeat. Negative
    places are other colours, from `palette_of`.
    """
    where = np.asarray(places, dtype=np.intp)
    rgba = _palette_rgba()[where % len(PALETTE)]
    for i in np.flatnonzero(where < 0):
        rgba[i] = (*_rgb(_CHOSEN[-1 - where[i]]), 1)
    return rgba


def keypoint_hex(
    keypoints: Sequence[str], colours: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The colour of each keypoint of a file as ``#rrggbb``; ``colours`` as for `palette_of`."""
    return palette.keypoint_hex(keypoints, colours, colour_scheme())


def palette_of(keypoints: Sequence[str], colours: Mapping[str, str]) -> tuple[int, ...]:
    """Places for `keypoint_rgba`: by the scheme of the preferences, but for those in ``colours``.

    Parameters
    ----------
    keypoints : sequence of str
    colours : mapping of keypoint to ``#rrggbb``
        Those that were chosen in the project.
    """
    hexes = keypoint_hex(keypoints, colours)
    usual = colour_scheme() == "distinct"
    return tuple(
        i if usual and name not in colours else -1 - _place_of(hexes[name])
        for i, name in enumerate(keypoints)
    )


def _place_of(colour: str) -> int:
    if colour not in _CHOSEN:
        _CHOSEN.append(colour)
    return _CHOSEN.index(colour)


def keypoint_colormap(places: Sequence[int]) -> Colormap:
    """A stepped colormap for Tracks, in which `colormap_value` finds a keypoint's colour."""
    from napari.utils.colormaps import Colormap

    return Colormap(
        colors=keypoint_rgba(places),
        controls=np.linspace(0, 1, len(places) + 1),
        interpolation="zero",
        name="keypoints",
    )


def colormap_value(code: NDArray[np.integer], count: int) -> NDArray[np.float64]:
    """Where in `keypoint_colormap` the keypoints with the given indices lie (middle of a step)."""
    return (np.asarray(code) + 0.5) / max(count, 1)
