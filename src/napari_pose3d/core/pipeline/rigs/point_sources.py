"""Points that several views share, from labels or predictions: what mends and places a rig."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.geometry.frame_geometry import labeled_pixels
from napari_pose3d.core.projects.matching.stored_ensemble import StoredEnsemble
from napari_pose3d.core.projects.naming.file_names import stem_of
from napari_pose3d.core.projects.naming.naming_rule import Naming
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.smoothing.ensemble.ensemble_statistics import ensemble_statistics
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings, frame_range_of

Float64 = NDArray[np.float64]

CONFIDENT = 0.9
"""Likelihood from which a prediction is used."""


@dataclass(frozen=True, eq=False)
class SharedPoints:
    """Points that several views see.

    Attributes
    ----------
    views, keypoints : tuple of str
    xy : (view, frame, keypoint, 2) float64
        px of the rig's images; NaN where missing.
    frames : (frame,) int64
        Session frames; -1 where a label file does not say.
    """

    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    xy: Float64
    frames: NDArray[np.int64]

    def of_frames(self, text: str) -> SharedPoints:
        """Only the points of frames ``A:B`` (see `frame_range_of`); all where the text is empty.

        Raises
        ------
        PoseDataError
            When the text is no range, or no point lies in it.
        """
        if not text.strip():
            return self
        first, last = frame_range_of(text)
        chosen = self.frames >= (first or 0)
        if last is not None:
            chosen &= self.frames < last
        if not chosen.any():
            known = self.frames[self.frames >= 0]
            raise PoseDataError(
                f"there are no points in the frames {text.strip()}",
                expected=f"frames from {known.min()} to {known.max()}"
                if len(known)
                else "points whose frame is known",
            )
        return replace(self, xy=self.xy[:, chosen], frames=self.frames[chosen])


def labeled_points(project: Project, sessions: Sequence[Session]) -> SharedPoints:
    """What people labeled in the frames of some sessions of a project.

    Labels that were projected from other views are left out: they say what the old rig said.

    Raises
    ------
    PoseDataError
        When label files are damaged, or there are no labels of these sessions.
    """
    files = LabelFiles(project)
    by_name = {session.name: session for session in sessions}
    keys = [key for key in files.known_frames if key.session in by_name]
    frames = [
        labeled_pixels(
            by_name[key.session], key.frame, files.views, files.keypoints, files.load(key)
        )
        for key in keys
    ]
    if not frames:
        raise PoseDataError(
            f"there are no labels of {', '.join(by_name) or 'any session'}",
            file=project.folder,
            expected="labeled frames",
            todo="Label some frames in two views or more, or take predictions",
        )
    return SharedPoints(
        tuple(files.views),
        files.keypoints,
        np.stack(frames, axis=1),
        np.array([key.frame for key in keys], dtype=np.int64),
    )


def label_file_points(paths: Sequence[Path], views: Sequence[str]) -> SharedPoints:
    """Points of label files that lie in no project, one for each view.

    Rows are matched by the name of their image and its folder, apart from the view's name.

    Parameters
    ----------
    views : sequence of str
        Names of the rig's cameras.

    Raises
    ------
    PoseDataError
        When a file is of no camera, two are of one, or they share no keypoints or images.
    """
    naming = Naming(tuple(views)).fitted([stem_of(path) for path in paths])
    found: dict[str, dict[str, Float64]] = {}
    keypoints: tuple[str, ...] | None = None
    for path in paths:
        view = naming.parse(stem_of(path)).view
        if view is None or view in found:
            raise PoseDataError(
                "this file cannot be told to be of one camera"
                if view is None
                else f"this is a second file of camera {view}",
                file=path,
                expected=f"one label file for each camera: {', '.join(views)}",
            )
        table = read_label_csv(path)
        if keypoints is not None and table.keypoints != keypoints:
            raise PoseDataError(
                "this file has other keypoints than the first",
                file=path,
                expected=", ".join(keypoints[:20]),
            )
        keypoints = table.keypoints
        positions = table.positions()
        found[view] = {
            _image_key(image, view): positions[row] for row, (_, image) in enumerate(table.rows)
        }
    if len(found) < 2 or keypoints is None:
        raise PoseDataError("labels of one camera were given", expected="two cameras or more")
    chosen = tuple(view for view in views if view in found)
    images = sorted({key for rows in found.values() for key in rows})
    missing = np.full((len(keypoints), 2), np.nan)
    xy = np.array([[found[view].get(key, missing) for key in images] for view in chosen])
    return SharedPoints(chosen, keypoints, xy, np.array([_number_in(key) for key in images]))


def predicted_points(ensemble: StoredEnsemble) -> SharedPoints:
    """The ensemble's median; read it with ``min_likelihood`` of `CONFIDENT` or so.

    Raises
    ------
    PoseDataError
        See `ensemble_statistics`.
    """
    centre = ensemble_statistics(ensemble).centre.astype(np.float64)
    frames = np.arange(centre.shape[1], dtype=np.int64)
    return SharedPoints(tuple(ensemble.views), tuple(ensemble.keypoints), centre, frames)


def session_points(
    project: Project,
    session: Session,
    source: str,
    min_likelihood: float = CONFIDENT,
    individual: str | None = None,
) -> SharedPoints:
    """A session's labels, or its networks' confident predictions.

    Parameters
    ----------
    source : {"labels", "predictions"}
    individual : str, optional
        Whose predictions, where the files hold several animals.

    Raises
    ------
    PoseDataError
        When it has none, or their files are damaged.
    """
    if source == "labels":
        return labeled_points(project, [session])
    reading = ReadingSettings(
        min_likelihood=min_likelihood, individual=individual, allow_missing=True
    )
    return predicted_points(session.load_predictions(settings=reading))


def _image_key(image: str, view: str) -> str:
    path = PurePosixPath(image)
    return f"{path.parent.name.replace(view, '')}/{path.name}"


def _number_in(image: str) -> int:
    """Frame number that the name of a labeled image ends in; -1 without one."""
    stem = stem_of(image)
    digits = stem[len(stem.rstrip("0123456789")) :]
    return int(digits) if 0 < len(digits) < 16 else -1
