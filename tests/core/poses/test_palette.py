"""Colours of keypoints whose project chose none."""

from __future__ import annotations

import pytest

from napari_pose3d.core.poses.palette import PALETTE, keypoint_hex
from napari_pose3d.settings import COLOURS, Colours

ANIMAL = ("nose", "paw_left", "paw_right", "tail", "knee_left", "knee_right")


def rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.mark.parametrize("scheme", COLOURS)
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_each_keypoint_has_a_colour_of_its_own(scheme: Colours, count: int) -> None:
    names = [f"point{i}" for i in range(count)]
    found = keypoint_hex(names, scheme=scheme)
    assert sorted(found) == sorted(names)
    assert len(set(found.values())) == count
    assert all(len(colour) == 7 for colour in found.values())


def test_sides_have_hues_and_pairs_a_lightness() -> None:
    found = keypoint_hex(ANIMAL, scheme="sides")
    for part in ("paw", "knee"):
        left, right = rgb(found[f"{part}_left"]), rgb(found[f"{part}_right"])
        assert left[2] == max(left)
        assert right[0] == max(right)
        assert abs(max(left) + min(left) - max(right) - min(right)) < 60
    for name in ("nose", "tail"):
        assert rgb(found[name])[1] == max(rgb(found[name]))


def test_a_rainbow_ends_before_it_is_red_again() -> None:
    found = list(keypoint_hex(ANIMAL, scheme="rainbow").values())
    assert rgb(found[0])[0] == max(rgb(found[0]))
    assert rgb(found[-1])[2] == max(rgb(found[-1]))


def test_distinct_is_the_palette() -> None:
    assert tuple(keypoint_hex(ANIMAL, scheme="distinct").values()) == PALETTE[: len(ANIMAL)]
