"""What ``project.toml`` says about predictions that lie in a project."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from ..matching.match_table import MatchTable
from .view_alignment import EnsembleAlignment, ViewAlignment

# Times of views that overlap for less of the shortest recording are by several clocks.
_OVERLAP = 0.5


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
    return [*notes, *(f"{what}. {todo}." for what, todo in other_starts(alignments, views))]


def other_starts(
    alignments: Mapping[str, ViewAlignment], views: Sequence[str]
) -> list[tuple[str, str]]:
    """Views that begin at another frame by their times than by their offset, and what to do.

    Cameras of one rate are paired by counting, since each may have a clock of its own. Where the
    times of all overlap, they may as well be by one clock.

    Raises
    ------
    PoseDataError
        When a file of times cannot be used.
    """
    known = {view: alignments[view] for view in views if view in alignments}
    if len(known) < max(len(views), 2) or any(each.timestamps is None for each in known.values()):
        return []
    if any(each.pairing is not None for each in known.values()):
        return []
    first = max(each.times[0] for each in known.values())
    last = min(each.times[-1] for each in known.values())
    shortest = min(each.times[-1] - each.times[0] for each in known.values())
    if last - first < _OVERLAP * shortest:
        return []
    reference = min(known, key=lambda view: (known[view].times[0], views.index(view)))
    interval = float(np.median(np.diff(known[reference].times)))
    found = []
    for view, each in known.items():
        later = round(float(each.times[0] - known[reference].times[0]) / interval)
        if later != each.offset - known[reference].offset:
            wanted = known[reference].offset + later
            what = (
                f"By their times, view {view} begins {counted(later, 'frame')} later than view "
                f"{reference}, but its offset is {each.offset:,}"
            )
            found.append((what, f"If the times are by one clock, give it the offset {wanted:,}"))
    return found
