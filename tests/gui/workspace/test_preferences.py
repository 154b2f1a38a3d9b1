"""What a user sets in napari's preferences for all projects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget

from napari_pose3d.core.poses.palette import PALETTE
from napari_pose3d.core.video.decode.image_cache import shared_cache, usual_capacity
from napari_pose3d.gui.layers.colours import keypoint_hex, keypoint_rgba, palette_of
from napari_pose3d.gui.tasks.smooth.keypoint_list import KeypointList
from napari_pose3d.gui.workspace.preferences import (
    colour_scheme,
    preferences,
    preferred_threads,
    seconds_between_saves,
)
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import COLOURS

pytestmark = pytest.mark.gui


@pytest.fixture
def groups(shared_viewer: Any) -> Iterator[Any]:
    workspace(shared_viewer)
    groups = preferences()
    yield groups
    groups.videos.cache_mb = groups.smoothing.threads = 0
    groups.labels.save_every_seconds = 60
    groups.colours.keypoints = "distinct"


def test_the_memory_for_images_follows(groups: Any) -> None:
    assert shared_cache().capacity == usual_capacity()
    groups.videos.cache_mb = 300
    assert shared_cache().capacity == 300_000_000
    groups.videos.cache_mb = 0
    assert shared_cache().capacity == usual_capacity()


def test_threads_and_saves(groups: Any) -> None:
    assert (preferred_threads(), seconds_between_saves()) == (None, 60)
    groups.smoothing.threads = 3
    groups.labels.save_every_seconds = 10
    assert (preferred_threads(), seconds_between_saves()) == (3, 10)


@pytest.mark.parametrize("scheme", COLOURS)
def test_each_way_to_colour_can_be_preferred(groups: Any, scheme: str) -> None:
    groups.colours.keypoints = scheme
    assert colour_scheme() == scheme


def test_a_scheme_colours_what_no_project_chose(groups: Any) -> None:
    names = ("nose", "paw_left", "paw_right")
    assert tuple(keypoint_hex(names).values()) == PALETTE[:3]
    assert palette_of(names, {}) == (0, 1, 2)
    groups.colours.keypoints = "sides"
    found = keypoint_hex(names, {"nose": "#FFFFFF"})
    assert found["nose"] == "#ffffff"
    left, right = ([int(found[n][i : i + 2], 16) for i in (1, 3, 5)] for n in names[1:])
    assert left[2] > left[0]
    assert right[0] > right[2]
    rgba = keypoint_rgba(palette_of(names, {"nose": "#FFFFFF"}))
    assert (rgba[1, :3] * 255).round().astype(int).tolist() == left


def test_the_list_of_smooth_has_the_colours_of_its_project(groups: Any, qtbot: Any) -> None:
    box = KeypointList()
    qtbot.addWidget(box)
    box.offer(("nose", "tail"), {"tail": "#102030"})
    box.check(("tail",))
    assert _swatches(box) == [PALETTE[0], "#102030"]
    groups.colours.keypoints = "rainbow"
    box.offer(("nose", "tail"), {"tail": "#102030"})
    assert _swatches(box) == ["#ff3333", "#102030"]
    assert box.checked == ("tail",)


def _swatches(box: KeypointList) -> list[str]:
    widget = box.findChild(QListWidget)
    swatches = [widget.item(i).data(Qt.ItemDataRole.DecorationRole) for i in range(widget.count())]
    return [swatch.toImage().pixelColor(1, 1).name() for swatch in swatches]


def test_what_makes_no_sense_is_refused(groups: Any) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        groups.labels.save_every_seconds = 0
    with pytest.raises(ValueError, match="not one of"):
        groups.colours.keypoints = "pastel"
