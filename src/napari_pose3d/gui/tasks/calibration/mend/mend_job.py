"""What the threads of the section "Mend" do; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress, RefinementSettings

from ..make.calibration_job import checker
from ..result.result_tables import Table
from .mend_tables import changes_text, placed_table, placed_text, views_table

if TYPE_CHECKING:
    from napari_pose3d.core.pipeline.rigs.rig_refinement import SessionOutcome


@dataclass(frozen=True, eq=False)
class Mended:
    """Attributes
    ----------
    rig : Rig
    table : Table
        Residuals by view, on points left out of the fit.
    text : str
        What changed, and what cannot be told.
    """

    rig: Rig
    table: Table
    text: str


def mend(
    opened: OpenSession, settings: RefinementSettings, progress: Progress, cancelled: IsCancelled
) -> Mended:
    """Read the session's points and refine its rig."""
    from napari_pose3d.core.pipeline.rigs.point_sources import session_points
    from napari_pose3d.core.pipeline.rigs.rig_refinement import refine_rig

    rig = _rig_of(opened)
    points = session_points(
        opened.project, opened.session, settings.source, settings.min_likelihood
    ).of_frames(settings.frames)
    progress("refining", 0, 0)
    found = refine_rig(
        rig,
        points,
        free=settings.free,
        all_cameras=settings.all_cameras,
        check=checker(cancelled),
    )
    text = changes_text(found)
    if settings.frames.strip():
        text += (
            f"\nFrom the points of frames {settings.frames.strip()}: it holds for these, not for "
            "frames in which a camera stood elsewhere."
        )
    return Mended(found.rig, views_table(found), text)


def place_cameras(
    opened: OpenSession,
    settings: RefinementSettings,
    length: str,
    progress: Progress,
    cancelled: IsCancelled,
) -> Mended:
    """Find where the cameras are from the points alone; only lenses of the rig are used.

    Parameters
    ----------
    length : str
        ``nose, tail, 42``: two keypoints or cameras and their distance; "" for none.
    """
    from napari_pose3d.core.calibration.refinement.rig_from_points import (
        KnownLength,
        rig_from_points,
    )
    from napari_pose3d.core.pipeline.rigs.point_sources import session_points

    rig = _rig_of(opened)
    points = session_points(
        opened.project, opened.session, settings.source, settings.min_likelihood
    ).of_frames(settings.frames)
    known = None
    if length.strip():
        first, second, value = (*(part.strip() for part in length.rsplit(",", 2)), "", "")[:3]
        known = KnownLength.of(first, second, value, points.views, points.keypoints)
    progress("finding the cameras", 0, 0)
    found = rig_from_points(
        rig.subset(points.views),
        points.xy,
        length=known,
        # Poses are found in any case.
        free=settings.free if settings.free in ("focal", "all") else "extrinsics",
        check=checker(cancelled),
    )
    return Mended(found.rig, placed_table(found), placed_text(found))


def mend_sessions(
    opened: OpenSession, settings: RefinementSettings, progress: Progress, cancelled: IsCancelled
) -> list[SessionOutcome]:
    """Refine the rig of each session of the project from its own points; nothing is written."""
    from napari_pose3d.core.pipeline.rigs.rig_refinement import refine_sessions

    if settings.frames.strip():
        raise PoseDataError(
            f"frames {settings.frames.strip()} are of one session",
            expected="no frames, where all sessions are mended",
        )
    total = len(opened.project.sessions)
    progress("refining each session", 0, total)
    out: list[SessionOutcome] = []
    for outcome in refine_sessions(
        opened.project,
        settings.source,
        free=settings.free,
        all_cameras=settings.all_cameras,
        min_likelihood=settings.min_likelihood,
        write=False,
        check=checker(cancelled),
    ):
        out.append(outcome)
        progress("refining each session", len(out), total)
    return out


def write_sessions(opened: OpenSession, outcomes: list[SessionOutcome]) -> list[SessionOutcome]:
    """Write the rigs that were refined; one that cannot be written says why in its outcome."""
    from napari_pose3d.core.calibration.session_rig import use_for_session

    written = []
    for each in outcomes:
        if each.refinement is not None:
            session = opened.project.session(each.session)
            try:
                path, _ = use_for_session(each.refinement.rig, opened.project, session)
                each = replace(each, path=path)
            except (OSError, PoseDataError) as error:
                each = replace(each, refinement=None, reason=str(error))
        written.append(each)
    return written


def _rig_of(opened: OpenSession) -> Rig:
    rig = opened.session.load_rig()
    if rig is None:
        raise PoseDataError(
            f"session {opened.session.name} has no calibration",
            expected="a calibration whose lenses are known",
        )
    return rig
