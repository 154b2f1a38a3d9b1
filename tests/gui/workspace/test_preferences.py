"""What a user sets in napari's preferences for all projects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from napari_pose3d.core.video.decode.image_cache import shared_cache, usual_capacity
from napari_pose3d.gui.workspace.preferences import (
    preferences,
    preferred_threads,
    seconds_between_saves,
)
from napari_pose3d.gui.workspace.workspace import workspace

pytestmark = pytest.mark.gui


@pytest.fixture
def groups(shared_viewer: Any) -> Iterator[Any]:
    workspace(shared_viewer)
    groups = preferences()
    yield groups
    groups.videos.cache_mb = groups.smoothing.threads = 0
    groups.labels.save_every_seconds = 60


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


def test_what_makes_no_sense_is_refused(groups: Any) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        groups.labels.save_every_seconds = 0
