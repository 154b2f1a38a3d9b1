"""The times at which the frames of a session's views were taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.projects.frame_tables import camera_frames, frame_instants
from napari_pose3d.core.poses.time_axis import CameraTimes, camera_times
from napari_pose3d.errors import PoseDataError

from ..matching.match_table import MatchTable
from .opposite_cameras import timestamp_files
from .view_alignment import EnsembleAlignment, ViewAlignment

Float64 = NDArray[np.float64]


def with_timestamps(table: MatchTable) -> MatchTable:
    """The table with the timestamps of all views of its session.

    Those of ``project.toml``; where no view has any there, the files ``*.timestamps.<view>.npy``
    beside the predictions.

    Raises
    ------
    PoseDataError
        A view has no times, or the predictions are results of ours.
    """
    session = table.sessions[0]
    known = dict(table.alignments.get(session, {}))
    if any(row.own for row in table.rows):
        raise PoseDataError(
            "these are results of napari-pose3d, whose frames are those of the session",
            expected="predictions of networks, by the frames of each camera",
        )
    without = [v for v in table.views if v not in known or known[v].timestamps is None]
    if without and len(without) < len(table.views):
        raise PoseDataError(
            f"there are no timestamps of {', '.join(without)}",
            expected="those of all views, in napari-pose3d/project.toml",
        )
    if without:
        try:
            files = timestamp_files(dict.fromkeys(row.path for row in table.rows), table.views)
        except PoseDataError as error:
            raise PoseDataError(
                error.problem,
                file=error.file,
                expected=error.expected,
                todo="Put them there, or give 'timestamps' for each view in "
                "napari-pose3d/project.toml (see docs/projects.md)",
            ) from error
        for view, path in files.items():
            own = replace(known.get(view, ViewAlignment()), timestamps=path, dropped=())
            known[view] = replace(own, clocks=tuple(files.values()))
    return replace(table, alignments={**table.alignments, session: known})


def own_frames(table: MatchTable) -> EnsembleAlignment:
    """What is done to predictions that stay in the frames of each view: `with_timestamps` first."""
    views = table.alignments[table.sessions[0]]
    return EnsembleAlignment({view: views[view] for view in table.views}, own_frames=True)


def times_of_session(
    alignments: Mapping[str, ViewAlignment], views: Sequence[str], wanted: str = ""
) -> CameraTimes:
    """Times of the frames of a session's views, and at which results are wanted.

    Parameters
    ----------
    alignments : mapping of view to ViewAlignment
        All with timestamps.
    views : sequence of str
    wanted : str
        As for `camera_times`; empty: at the frames of the session.

    Raises
    ------
    PoseDataError
        A file of times cannot be used, or ``wanted`` is neither a view nor a rate.
    """
    times = {view: alignments[view].times for view in views}
    found = camera_times(times, views, wanted)
    return found if wanted else replace(found, wanted=session_instants(alignments, views))


def session_instants(alignments: Mapping[str, ViewAlignment], views: Sequence[str]) -> Float64:
    """When the frames of the session were taken, ``(session frame,)``.

    Those of the slowest camera where rates differ, as frames are paired then; else those of the
    first view, by its offset, and continued at its rate where others go on.
    """
    first = alignments[views[0]]
    if first.reference is not None:
        return frame_instants(first.reference)
    camera = camera_frames(first.times) + first.offset
    n = max(alignments[v].n_session_frames(len(alignments[v].times)) for v in views)
    frames = np.arange(n)
    interval = float(np.median(np.diff(first.times)))
    inside = np.interp(frames, camera, first.times)
    before, behind = np.minimum(frames - camera[0], 0), np.maximum(frames - camera[-1], 0)
    return np.asarray(inside + interval * (before + behind))
