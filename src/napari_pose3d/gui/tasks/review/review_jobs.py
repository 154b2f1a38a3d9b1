"""What the panel Review lets threads do, and what it hands on to labeling."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.pipeline.quality.review_run import ReviewRun
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.session_review import SessionReview
from napari_pose3d.gui.session.current_session import OpenSession
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings


def find(
    opened: OpenSession, progress: Progress, cancelled: IsCancelled
) -> tuple[ReviewRun, SessionReview]:
    """Review the open session."""
    session = opened.session
    paths = [path for each in session.ensemble_sets for _, path in each.all_files]
    run = ReviewRun(
        paths,
        session.rig_path,
        ReadingSettings(session=session.name),
        around=opened.project.folder,
    )
    return run, run.review(session.name, None, None, progress, cancelled)


def save(
    run: ReviewRun,
    review: SessionReview,
    budget: int,
    folder: Path,
    force: bool,
    progress: Progress,
    cancelled: IsCancelled,
) -> list[Path]:
    """Write events, frames and the report."""
    progress("writing the review", 0, 0)
    return run.save(folder, review, budget, force=force, progress=progress, cancelled=cancelled)


def proposals(
    review: SessionReview, session: Session, frame: int
) -> dict[LabelKey, tuple[tuple[float, float], float | None]]:
    """The smoothed positions of a frame, px of the videos, with the likelihood of the raw ones."""
    poses = review.result.poses2d
    found: dict[LabelKey, tuple[tuple[float, float], float | None]] = {}
    if not 0 <= frame < poses.n_frames:
        return found
    for v, view in enumerate(poses.views):
        video = int(session.to_video(view, frame))
        if video < 0:
            continue
        xy = session.to_video_pixels(view, poses.xy[v, frame], np.full(len(poses.keypoints), video))
        for k, name in enumerate(poses.keypoints):
            if np.isfinite(xy[k]).all():
                sure = float(poses.likelihood[v, frame, k])
                at = (float(xy[k, 0]), float(xy[k, 1]))
                found[LabelKey(view, name)] = (at, sure if np.isfinite(sure) else None)
    return found
