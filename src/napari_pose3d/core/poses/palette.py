"""The colours of keypoints: decided here once, the same in every view, in 3-D and in plots.

The first seven are Okabe and Ito's colours without black. Each of the others was chosen as the
colour furthest (CIELAB) from all before it, the nearest of four distances counting: as seen with
normal vision and as simulated for protanopia, deuteranopia and tritanopia (Machado et al. 2009).
Lightness is held between 42 and 88, so that every colour shows on black, white and grey images.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

from napari_pose3d.settings import Colours

from .left_right import left_right_pairs

# fmt: off
PALETTE: tuple[str, ...] = (
    "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#0072b2", "#cc79a7", "#f0e442", "#8024ff",
    "#c5e897", "#d10d3b", "#8c75ff", "#3bf3f3", "#97dcba", "#c5a352", "#8c5275", "#24753b",
    "#ff5275", "#d1dc69", "#6946dc", "#758ce8", "#ba0da3", "#ba2f0d", "#3bd1e8", "#0dc58c",
    "#5e5ed1", "#ba80c5", "#baba75", "#759724", "#dc97ae", "#75d13b", "#c58052", "#f3a397",
    "#dc185e", "#ba5297", "#d1a3d1", "#80dcd1", "#ba52c5", "#a33bff", "#bae8ae", "#80aeff",
)
# fmt: on

# From dark to light: left, right, and what has no side. Blue and orange differ for everybody, also
# where red and green do not.
_SIDES = (("#1f5fd6", "#a9d6ff"), ("#c94a00", "#ffcb8a"), ("#00805c", "#9cefcf"))

NEUTRAL = "#8a8a8a"
"""Frames, names and cameras: a grey that shows on the canvas of both themes."""


def keypoint_hex(
    keypoints: Sequence[str],
    colours: Mapping[str, str] | None = None,
    scheme: Colours = "distinct",
) -> dict[str, str]:
    """The colour of each keypoint of a file as ``#rrggbb``.

    Parameters
    ----------
    keypoints : sequence of str
    colours : mapping of keypoint to ``#rrggbb``, optional
        Those that were chosen.
    scheme : {"distinct", "sides", "rainbow"}
        For the others: colours that differ as much as they can; shades of blue for the left, of
        orange for the right and of green for what has no side (by their names, as in
        `left_right_pairs`; a left keypoint and its right one are equally light); red to violet in
        the order of the list.
    """
    if scheme == "sides":
        usual = _by_side(keypoints)
    elif scheme == "rainbow":
        # From red to violet: magenta would lie beside red again.
        hues = [0.8 * i / max(len(keypoints) - 1, 1) for i in range(len(keypoints))]
        usual = {
            name: _hex_of(colorsys.hsv_to_rgb(hue, 0.8, 1))
            for name, hue in zip(keypoints, hues, strict=True)
        }
    else:
        usual = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(keypoints)}
    return usual | {name: c.lower() for name, c in (colours or {}).items() if name in usual}


def _by_side(keypoints: Sequence[str]) -> dict[str, str]:
    pairs = left_right_pairs((), keypoints)
    left, right = ([keypoints[pair[side]] for pair in pairs] for side in (0, 1))
    middle = [name for name in keypoints if name not in {*left, *right}]
    return {
        name: shade
        for names, (dark, light) in zip((left, right, middle), _SIDES, strict=True)
        for name, shade in zip(names, _shades(dark, light, len(names)), strict=True)
    }


def _shades(dark: str, light: str, count: int) -> list[str]:
    """So many colours from one to the other."""
    ends = [[int(each[i : i + 2], 16) / 255 for i in (1, 3, 5)] for each in (dark, light)]
    shares = [i / max(count - 1, 1) for i in range(count)]
    return [_hex_of([a + share * (b - a) for a, b in zip(*ends, strict=True)]) for share in shares]


def _hex_of(rgb: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def kept_colours(
    names: Sequence[tuple[str, str | None]], former: Sequence[str], colours: Mapping[str, str]
) -> dict[str, str]:
    """The colours to write down so that keypoints keep theirs when the list of keypoints changes.

    Parameters
    ----------
    names : sequence of (name, former name or None)
        All keypoints in their new order; None for one that is new, which gets a free colour.
    former : sequence of str
        Their former names in their former order.
    colours : mapping of keypoint to ``#rrggbb``
        Those that were chosen so far, by former names.

    Returns
    -------
    dict of str to str
        By new names, without those that a keypoint has by its place anyway.
    """
    before = keypoint_hex(former, colours)
    usual = keypoint_hex([name for name, _ in names])
    used = set(before.values())
    found = {name: colour for name, colour in colours.items() if name not in before}
    for name, old in names:
        if old is None:
            free = (colour for colour in PALETTE if colour not in used)
            colour = next(free, usual[name]) if usual[name] in used else usual[name]
            used.add(colour)
        else:
            colour = before[old]
        if colour != usual[name] or (old is not None and old in colours):
            found[name] = colour
    return found
