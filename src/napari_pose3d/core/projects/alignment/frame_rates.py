"""Frame rates that the headers of videos state, compared between the cameras of a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_pose3d.core.video.metadata import VideoMetadata, video_metadata
from napari_pose3d.errors import PoseDataError, Remedy

from .view_alignment import OTHER_RATE, ViewAlignment

EXPECTED = "cameras of one frame rate, or the times of their frames"
GIVE_TIMES = (
    "give 'timestamps' for each view there (see docs/projects.md): frames are then paired by time, "
    "or each counts at its own time when smoothed so"
)
"""What helps, in napari-pose3d/project.toml."""
ADVICE = (
    f"In napari-pose3d/project.toml, {GIVE_TIMES}. Only if the cameras were triggered together and "
    "a header is wrong, go on with row n of one view beside row n of the others; the project "
    "remembers it"
)
TRIGGERED = "the cameras were triggered together, as napari-pose3d/project.toml says"
REMEDIES = (Remedy("triggered"), Remedy("allow_missing"))


def differing_rates(
    metadata: Mapping[str, VideoMetadata], alignments: Mapping[str, ViewAlignment]
) -> str:
    """In words, which view states which frame rate; "" where they do not contradict each other.

    Rates that differ as little as those of two clocks (29.97 and 30) do not: what such cameras
    drift apart shows in their numbers of frames. Where the times of all frames are given, these
    hold and not the headers.

    Parameters
    ----------
    metadata : mapping of view to VideoMetadata
    alignments : mapping of view to ViewAlignment
        Views that are not named have none.
    """
    rates = {view: rate for view, each in metadata.items() if (rate := each.frame_rate)}
    if len(rates) < 2 or max(rates.values()) < OTHER_RATE * min(rates.values()):
        return ""
    if all(view in alignments and alignments[view].timestamps is not None for view in rates):
        return ""
    listed = ", ".join(f"{view} {rate:.5g}" for view, rate in rates.items())
    return f"the videos state different frame rates (frames a second): {listed}"


def checked_rates(videos: Mapping[str, Path], *, triggered: bool) -> list[str]:
    """Refuse videos without timestamps that state different frame rates.

    Parameters
    ----------
    videos : mapping of view to Path
    triggered : bool
        Whether the cameras are known to be triggered together, whatever the headers state.

    Returns
    -------
    list of str
        A note where that was needed.

    Raises
    ------
    PoseDataError
        When they do, or a video cannot be read.
    """
    problem = differing_rates({view: video_metadata(path) for view, path in videos.items()}, {})
    if not problem:
        return []
    if not triggered:
        raise PoseDataError(
            problem,
            expected="cameras of one frame rate, or a table of the frames that belong together",
            todo="Give that table. Only if the cameras were triggered together and a header is "
            "wrong, say that they were",
            remedy=(Remedy("sync_table"), Remedy("same_trigger")),
        )
    return [f"{problem}; frame n of one belongs to frame n of the others all the same"]
