"""From a session to what is exported: poses, rig, skeleton, units and frame rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_pose3d.core.cameras.rig_file import load_rig
from napari_pose3d.core.formats.exchange.session_poses import SessionPoses, poses3d_of
from napari_pose3d.core.pipeline.results.saved_results import load_result
from napari_pose3d.core.projects.alignment.view_alignment import Pixels
from napari_pose3d.core.projects.project import open_paths
from napari_pose3d.core.projects.session import PredictionSet, Session
from napari_pose3d.core.storage.path_lists import AnyPath, Paths
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings

# The sample keeps what its animal really did; nobody means that when they export.
_TRUTH = "truth"


def poses_of_session(
    session: Session,
    chosen: str | None = None,
    *,
    reading: ReadingSettings | None = None,
    calibration: AnyPath | None = None,
    fps: float | None = None,
    units: str | None = None,
    pixels: Pixels | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> SessionPoses:
    """What is known about the poses of a session.

    Parameters
    ----------
    chosen : str, optional
        Name of a prediction set. Not given: the smoothed result, else the only 3-D positions,
        else the only predictions.
    reading : ReadingSettings, optional
        ``individual`` chooses an animal, ``keypoints`` some keypoints.
    calibration : path, optional
        Not given: the session's own.
    fps : float, optional
        Not given: what the header of a video states.
    units : str, optional
        Not given: what the calibration states.
    pixels : {"rig", "image"}, optional
        Of which image the positions in the views are. Not given: that of the rig where there is
        one, else that of the videos.

    Returns
    -------
    SessionPoses
        Frames are session frames.

    Raises
    ------
    PoseDataError
        It is not clear which set is meant, or its files cannot be read.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise PoseDataError(f"the frame rate is {fps:g}", expected="frames a second, above zero")
    rig = session.load_rig()
    if calibration is not None:
        rig = load_rig(calibration).renamed(session.cameras)
    found = session.prediction_set(chosen) if chosen is not None else _usual_set(session)
    reading = reading or ReadingSettings()
    if pixels is None:
        pixels = "image" if rig is None else "rig"
    if found.space is not None:
        table = session.load_poses3d(found)
        space = poses3d_of(
            table.xyz, table.keypoints, session=session.name, covariance=table.covariance
        )
        displacement = table.displacement_covariance
        poses = SessionPoses(replace(space, displacement_covariance=displacement))
    elif found.kind == "smoothed":
        result = load_result(session, found, pixels=pixels, progress=progress, cancelled=cancelled)
        poses = SessionPoses(result.poses3d, result.poses2d)
    else:
        chosen_views = tuple(view for view in session.views if view in found.files)
        settings = replace(reading, views=reading.views or chosen_views, keypoints=())
        stored = session.load_predictions(found, settings, pixels=pixels)
        poses = SessionPoses(poses2d=stored.in_memory(progress, cancelled).poses(0))
    if rig is not None and poses.poses2d is not None:
        known = [view for view in poses.views if view in rig.names]
        rig = rig.subset(known) if known else None
    poses = replace(
        poses,
        fps=fps if fps is not None else frame_rate_of(session),
        skeleton=session.skeleton,
        colours=session.colours,
        measurements=session.kinematics,
        body_frame=session.body_frame,
        rig=rig,
        videos=session.videos,
        sources=_sources(session, found, calibration),
    )
    if units and poses.poses3d is not None:
        poses = replace(poses, poses3d=replace(poses.poses3d, units=units))
    return poses.subset(reading.keypoints) if reading.keypoints else poses


def poses_of_input(
    paths: Paths,
    session: str | None = None,
    chosen: str | None = None,
    *,
    reading: ReadingSettings | None = None,
    calibration: AnyPath | None = None,
    fps: float | None = None,
    units: str | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> SessionPoses:
    """As `poses_of_session`, for a project, a folder, or files."""
    project = open_paths(paths, reading.views if reading is not None else None)
    return poses_of_session(
        project.session_or_only(session),
        chosen,
        reading=reading,
        calibration=calibration,
        fps=fps,
        units=units,
        progress=progress,
        cancelled=cancelled,
    )


def _usual_set(session: Session) -> PredictionSet:
    sets = [each for each in session.sets if each.name != _TRUTH]
    for kind in ("smoothed", "3d", "predictions"):
        found = [each for each in sets if each.kind == kind]
        if len(found) == 1:
            return found[0]
        if found:
            smooth = "Smooth the session first, or choose one" if kind == "predictions" else ""
            raise PoseDataError(
                f"session '{session.name}' has several sets of poses: "
                f"{', '.join(each.name for each in found)}",
                expected="one",
                todo=smooth or "Choose one",
                remedy=Remedy("set"),
            )
    raise PoseDataError(
        f"session '{session.name}' has no poses",
        file=session.folder,
        expected="a smoothed result, 3-D positions, or predictions",
    )


def _sources(
    session: Session, found: PredictionSet, calibration: AnyPath | None
) -> tuple[Path, ...]:
    """What the poses are made from, and what else of the session cannot be made again."""
    kept = [*session.videos.values(), *found.files.values()]
    kept += [path for each in session.sets if not each.own for path in each.files.values()]
    kept += [path for path in (found.space, session.rig_path) if path is not None]
    return (*kept, *([] if calibration is None else [Path(calibration)]))


def frame_rate_of(session: Session) -> float | None:
    """Frames a second, as a video of the session states; None where none does."""
    for path in session.videos.values():
        try:
            rate = video_metadata(path).frame_rate
        except PoseDataError:
            continue
        if rate:
            return float(rate)
    return None
