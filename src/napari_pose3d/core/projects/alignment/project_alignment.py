"""What ``project.toml`` says about predictions that lie in a project."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from napari_pose3d.errors import PoseDataError

from ..matching.match_table import MatchTable
from .view_alignment import EnsembleAlignment, ViewAlignment


def alignment_of(table: MatchTable) -> EnsembleAlignment | None:
    """What is to be done to the predictions of one session; None for nothing.

    Networks' predictions count video frames and the video's pixels, and become session frames and
    the rig's pixels. Our own results are that already.

    Raises
    ------
    PoseDataError
        When our results are mixed with predictions.
    """
    views = {
        view: alignment
        for view, alignment in table.alignments.get(table.sessions[0], {}).items()
        if view in table.views
    }
    if not views:
        return None
    ours = {row.own for row in table.rows}
    if len(ours) > 1:
        raise PoseDataError(
            "results of napari-pose3d and other predictions are mixed, and they count other "
            "frames: the project shifts or crops its views",
            expected="files of one kind",
            todo="Give only the networks' predictions",
        )
    return None if ours == {True} else EnsembleAlignment(views)


def skeleton_of(table: MatchTable, keypoints: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The bones of the project that the predictions lie in, as far as both ends are known."""
    return tuple((a, b) for a, b in table.skeleton if a in keypoints and b in keypoints)


def alignment_notes(alignments: Mapping[str, ViewAlignment], views: Sequence[str]) -> list[str]:
    """A sentence for each view whose predictions are adjusted.

    Raises
    ------
    PoseDataError
        When a file of times cannot be used.
    """
    notes = []
    for view in views:
        if view not in alignments or not (words := alignments[view].describe()):
            continue
        notes.append(f"View {view} is adjusted as napari-pose3d/project.toml says: {words}.")
        if left := alignments[view].n_unpaired:
            notes.append(
                f"The cameras differ in their frame rates and are paired by time: {left:,} frames "
                f"of view {view} lie between the session frames and are not used (the setting "
                "own_times uses them)."
            )
    return notes
