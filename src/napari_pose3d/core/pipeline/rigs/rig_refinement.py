"""A project's calibrations refined from its labels or predictions, and saved where they are read.

What happens to the numbers is in `core.calibration.refinement`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_pose3d.core.calibration.refinement.refinement import Free, Refinement, refine
from napari_pose3d.core.calibration.session_rig import rig_place, use_for_session
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.formats.projects.project_yaml import read_calibrations_csv
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError

from .point_sources import CONFIDENT, SharedPoints, session_points


def refine_rig(
    rig: Rig,
    points: SharedPoints,
    *,
    free: Free = "extrinsics",
    fixed: Sequence[str] = (),
    all_cameras: bool = False,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> Refinement:
    """Refine the cameras of a rig that points are of; others stay as they are.

    Raises
    ------
    PoseDataError
        See `refine`.
    """
    if strangers := [name for name in fixed if name not in rig.names]:
        raise PoseDataError(
            f"no camera is called {', '.join(strangers)}",
            file=rig.path,
            expected=f"cameras to keep among {', '.join(rig.names)}",
        )
    found = refine(
        rig.subset(points.views),
        points.xy,
        free=free,
        fixed=[name for name in fixed if name in points.views],
        all_cameras=all_cameras,
        seed=seed,
        check=check,
    )
    new = {camera.name: camera for camera in found.rig.cameras}
    cameras = tuple(new.get(camera.name, camera) for camera in rig.cameras)
    return replace(found, rig=replace(rig, cameras=cameras))


@dataclass(frozen=True, eq=False)
class SessionOutcome:
    """What became of one session.

    Attributes
    ----------
    session : str
    refinement : Refinement or None
    path : Path or None
        The calibration that was written; None where nothing was.
    reason : str
        Why there is none; "" where there is.
    """

    session: str
    refinement: Refinement | None
    path: Path | None
    reason: str = ""


def refine_sessions(
    project: Project,
    source: str,
    *,
    free: Free = "extrinsics",
    fixed: Sequence[str] = (),
    all_cameras: bool = False,
    min_likelihood: float = CONFIDENT,
    individual: str | None = None,
    write: bool = True,
    check: Callable[[], None] = lambda: None,
) -> Iterator[SessionOutcome]:
    """Refine the calibration of each session from its own points, one after the other.

    A session whose calibration would not become better keeps it, and the outcome says why.

    Parameters
    ----------
    source : {"labels", "predictions"}
    individual : str, optional
        Whose predictions, where the files hold several animals.
    write : bool
        Off: nothing is written, and what would be is in the outcomes.
    """
    for session in project.sessions:
        check()
        try:
            rig = session.load_rig()
            if rig is None:
                yield SessionOutcome(session.name, None, None, "it has no calibration")
                continue
            points = session_points(project, session, source, min_likelihood, individual)
            found = refine_rig(
                rig, points, free=free, fixed=fixed, all_cameras=all_cameras, check=check
            )
            path = use_for_session(found.rig, project, session)[0] if write else None
            yield SessionOutcome(session.name, found, path)
        except PoseDataError as error:
            yield SessionOutcome(session.name, None, None, str(error))


def named_elsewhere(project: Project, session: Session) -> str:
    """What ``calibrations.csv`` says against the session's own calibration; "" for nothing."""
    listed = read_calibrations_csv(project.folder).get(session.name)
    own = rig_place(project, session)
    if listed is None or listed == own:
        return ""
    return (
        f"calibrations.csv names {listed.name} for the labeled frames of {session.name}: change "
        f"it to {own.relative_to(project.folder).as_posix()} for training"
    )
