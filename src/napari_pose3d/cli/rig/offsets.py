"""Clock offsets that were found, given to the views of a session on request."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_pose3d.settings import ReadingSettings

from ..options import help_of

if TYPE_CHECKING:
    from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
    from napari_pose3d.core.projects.project import Project
    from napari_pose3d.core.projects.session import Session


def add_offsets(parser: argparse.ArgumentParser) -> None:
    """Which session of a project gets the offsets that are found."""
    parser.add_argument(
        "--offsets-to",
        type=Path,
        metavar="PROJECT",
        help="give the views of a session of this project the whole frames by which cameras lag",
    )
    parser.add_argument("--session", metavar="NAME", help=help_of(ReadingSettings, "session"))


def session_for_offsets(options: argparse.Namespace) -> tuple[Project, Session] | None:
    """The session that offsets go to; None where they go nowhere."""
    if options.offsets_to is None:
        return None
    from napari_pose3d.core.projects.project import open_project

    project = open_project(options.offsets_to)
    return project, project.session_or_only(options.session)


def offer_offsets(
    lags: Mapping[str, float],
    target: tuple[Project, Session] | None,
    *,
    aligned: bool = False,
) -> None:
    """Write the whole frames of lags as offsets, or say how that is done.

    Parameters
    ----------
    aligned : bool
        The lags are what is left with the session's offsets, rather than those of its videos.
    """
    from napari_pose3d.core.calibration.session_rig import (
        offsets_of_clocks,
        shifted,
        write_alignments,
    )

    if target is None:
        late = {view: lag for view, lag in lags.items() if round(lag)}
        if late:
            listed = ", ".join(f"{view} {-round(lag):+d}" for view, lag in late.items())
            print(f"offsets in frames that bring the views together: {listed} (--offsets-to)")
        return
    project, session = target
    changes: dict[str, ViewAlignment] = {}
    if aligned:
        for view, lag in lags.items():
            if round(lag) and view in session.views:
                changes |= shifted(session, view, -round(lag))
    else:
        changes = offsets_of_clocks(session, lags)
    if not changes:
        print(f"session {session.name}: no offset changes by a whole frame")
        return
    write_alignments(project, session, changes)
    for view, alignment in changes.items():
        print(f"session {session.name}: view {view} now has the offset {alignment.offset:+d}")
