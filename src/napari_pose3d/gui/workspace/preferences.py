"""What a user sets for all projects in napari's *Preferences*; the manifest names it.

What belongs to one recording is kept with its project instead, so that everybody sees it alike:
colours that were chosen for its keypoints, skeleton, alignment, the places of the panels.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from napari_pose3d.core.video.video_array import set_video_cache
from napari_pose3d.settings import Colours

from .panel_plan import PLUGIN

_MEGABYTE = 1_000_000


def preferences() -> Any:
    """The groups of the manifest, such as ``videos``, whose values emit events on change."""
    from napari.settings import get_plugin_settings

    return get_plugin_settings(PLUGIN)


@cache
def follow_preferences() -> None:
    """Apply what concerns the whole process, now and whenever it changes; safe to call again."""
    videos = preferences().videos
    videos.events.cache_mb.connect(_size_video_cache)
    _size_video_cache()


def _size_video_cache() -> None:
    megabytes = preferences().videos.cache_mb
    set_video_cache(megabytes * _MEGABYTE if megabytes else None)


def preferred_threads() -> int | None:
    """How many threads smoothing takes; None for one on each core."""
    return preferences().smoothing.threads or None


def seconds_between_saves() -> int:
    """How often labels are saved that were not saved for another reason."""
    return int(preferences().labels.save_every_seconds)


def colour_scheme() -> Colours:
    """How keypoints are coloured whose colour no project chose."""
    return cast(Colours, preferences().colours.keypoints)
