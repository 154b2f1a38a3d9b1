"""The audit of a project's labels, from its files."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.label_arrays import LabelArrays, label_arrays
from napari_pose3d.core.labels.store.label import LabelStatus
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.projects.project import Project, open_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.audit.findings import AuditInput, LabelFinding
from napari_pose3d.core.review.audit.flat_audit import exchanged_sides_without_rig
from napari_pose3d.core.review.audit.image_audit import LabeledImage, audit_images
from napari_pose3d.core.review.audit.label_audit import audit_labels
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings, SmoothingSettings

from ..file_run import FileRun

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig

Float64 = NDArray[np.float64]

COLUMNS = (
    "session",
    "frame",
    "severity",
    "kind",
    "views",
    "keypoints",
    "which",
    "evidence",
    "score",
    "suggestion",
)


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes
    ----------
    findings : tuple of LabelFinding
        By session and frame.
    n_labels, n_frames : int
        How much was looked through.
    notes : tuple of str
        What could not be checked, and why.
    """

    findings: tuple[LabelFinding, ...]
    n_labels: int
    n_frames: int
    notes: tuple[str, ...]


def audit_project(
    path: AnyPath,
    sessions: Collection[str] = (),
    *,
    left_right: Sequence[Sequence[str]] = (),
    use_predictions: bool = True,
    compare_images: bool = True,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Audit:
    """Look for faults in the labels of a Lightning Pose project; nothing is changed.

    Parameters
    ----------
    path : path
    sessions : collection of str
        Empty: all that have labels.
    left_right : sequence of pairs of str
        Keypoints that can be taken for each other; empty: by their names.
    use_predictions : bool
        Whether predictions are smoothed where there are any: how the animal moves shows labels
        that are one frame off.
    compare_images : bool
        Whether the labeled images are compared with the videos, which decodes a few frames for
        each.
    progress, cancelled
        As for `smooth`.

    Raises
    ------
    PoseDataError
        It is no Lightning Pose project, has no labels, or a file is damaged.
    Cancelled
        `cancelled` returned True.
    """
    project = open_project(path)
    files = LabelFiles(project)
    labels = label_arrays(files)
    names = list(dict.fromkeys(key.session for key in labels.frames))
    unknown = [name for name in sessions if name not in names]
    if not names and files.issues:
        # What is said last is of rows whose names tell no frame.
        last = files.issues[-1]
        raise PoseDataError(
            f"no row could be read as a frame's labels: {last.what}",
            file=project.folder,
            place=last.where,
            todo=last.todo,
        )
    if unknown or not names:
        raise PoseDataError(
            f"session '{unknown[0]}' has no labels" if unknown else "the project has no labels",
            file=project.folder,
            expected=f"labels, which are of {', '.join(names)}" if names else "CollectedData files",
        )
    findings: list[LabelFinding] = []
    # Rows that are there twice or not at all, and those that no frame is known of.
    notes = [": ".join(part for part in (each.where, each.what) if part) for each in files.issues]
    n_labels = n_frames = 0
    for i, name in enumerate(names):
        if sessions and name not in sessions:
            continue
        if cancelled is not None and cancelled():
            raise Cancelled
        if progress is not None:
            progress(f"Checking the labels of {name}", i, len(names))
        mine = labels.of_session(name)
        n_labels += int(np.isfinite(mine.xy[..., 0]).sum())
        n_frames += len(mine.frames)
        if compare_images:
            findings += _images_of(project, files, name, notes, cancelled)
        pairs = left_right_pairs(left_right, mine.keypoints)
        if not pairs:
            notes.append(
                f"{name}: which keypoints are left and right of each other is not told by their "
                "names, so exchanged sides are not found: name them (--left-right; in napari in "
                "the tab Smooth)"
            )
        given = _input_of(project, mine, name, left_right, notes)
        if given is None:
            findings += exchanged_sides_without_rig(
                name,
                np.array([key.frame for key in mine.frames], dtype=np.int64),
                mine.views,
                mine.keypoints,
                _by_person(mine),
                pairs,
            )
            continue
        if use_predictions:
            given = _with_steps(project, given, notes, progress, cancelled)
        findings += audit_labels(given)
    return Audit(tuple(findings), n_labels, n_frames, tuple(notes))


def write_findings(path: AnyPath, findings: Sequence[LabelFinding], *, force: bool = False) -> None:
    """Write findings as CSV, one line each.

    Raises
    ------
    PoseDataError
        The file exists and ``force`` is False, or cannot be written.
    """
    with FileGroup(overwrite=force) as group:
        table = csv.writer(group.open(path), lineterminator="\n")
        table.writerow(COLUMNS)
        for each in findings:
            suggestion = [
                {"view": view, "keypoint": keypoint, "xy": None if at is None else list(at)}
                for (view, keypoint), at in each.correction.items()
            ]
            table.writerow(
                (
                    each.session,
                    each.frame,
                    "error" if each.kind.is_error else "warning",
                    each.kind.value,
                    ";".join(each.views),
                    ";".join(each.keypoints),
                    "all" if each.certain else "one of them",
                    each.evidence,
                    f"{each.score:.4g}",
                    json.dumps(suggestion) if suggestion else "",
                )
            )


def _images_of(
    project: Project,
    files: LabelFiles,
    name: str,
    notes: list[str],
    cancelled: IsCancelled | None,
) -> list[LabelFinding]:
    """Images of a session that are not the frames that they are named after."""
    session = next((each for each in project.sessions if each.name == name), None)
    if session is None or not session.videos:
        return []
    videos = session.open_videos()
    unreadable: set[str] = set()

    def find_frame(view: str, frame: int) -> NDArray[np.uint8] | None:
        if view not in session.videos or view in unreadable:
            return None
        if cancelled is not None and cancelled():
            raise Cancelled
        try:
            video = videos[view]
            at = int(session.to_video(view, frame, len(video)))
            image = video.frame(at) if at >= 0 else None
        except PoseDataError as error:
            unreadable.add(view)
            notes.append(f"{name}: images of {view} are not compared: {error}")
            return None
        return None if at in video.damaged else image

    def images() -> Iterator[LabeledImage]:
        import cv2

        for (key, view), path in sorted(files.images_of_rows().items()):
            if key.session != name or view not in session.videos:
                continue
            place = project.folder / path
            # A file with another content is not read as an image.
            image = cv2.imread(str(place), cv2.IMREAD_GRAYSCALE) if place.is_file() else None
            if image is not None:
                yield LabeledImage(key.frame, view, image)

    return audit_images(name, images(), find_frame)


def _input_of(
    project: Project,
    labels: LabelArrays,
    name: str,
    left_right: Sequence[Sequence[str]],
    notes: list[str],
) -> AuditInput | None:
    session = next((each for each in project.sessions if each.name == name), None)
    rig = None if session is None else _rig_of(session, labels.views, notes)
    if session is None or rig is None:
        if session is None:
            notes.append(f"{name}: the project has neither videos nor predictions of this session")
        return None
    labels = labels.in_rig_pixels(session)
    chosen = [labels.views.index(view) for view in rig.names]
    xy, status = labels.xy[chosen], labels.status[chosen]
    projected = status == LabelStatus.PROJECTED
    return AuditInput(
        name,
        np.array([key.frame for key in labels.frames], dtype=np.int64),
        rig.names,
        labels.keypoints,
        _by_person(labels)[chosen],
        rig,
        left_right_pairs(left_right, labels.keypoints),
        np.where(projected[..., None], xy, np.nan) if projected.any() else None,
    )


def _by_person(labels: LabelArrays) -> Float64:
    """Positions that a person stands behind; NaN elsewhere."""
    status = labels.status
    by_person = (status == LabelStatus.CLICKED) | (status == LabelStatus.CONFIRMED)
    return np.where(by_person[..., None], labels.xy, np.nan)


def _rig_of(session: Session, views: Sequence[str], notes: list[str]) -> Rig | None:
    rig = session.load_rig()
    if rig is None:
        notes.append(f"{session.name}: without a calibration only exchanged sides are found")
        return None
    known = [view for view in views if view in rig.names]
    without = [view for view in views if view not in rig.names]
    if without:
        notes.append(f"{session.name}: not checked, for want of a camera: {', '.join(without)}")
    return rig.subset(known) if known else None


def _with_steps(
    project: Project,
    given: AuditInput,
    notes: list[str],
    progress: Progress | None,
    cancelled: IsCancelled | None,
) -> AuditInput:
    """With how the animal moves around each labeled frame, from smoothed predictions."""
    from dataclasses import replace

    session = next(each for each in project.sessions if each.name == given.session)
    if not session.ensemble_sets:
        notes.append(
            f"{given.session}: without predictions, labels that are one frame off are not found"
        )
        return given
    try:
        work = FileRun([project.folder], None, ReadingSettings(session=given.session))
        result = work.smooth(SmoothingSettings(leave_out_bad=False), progress, cancelled)
    except PoseDataError as error:
        notes.append(f"{given.session}: its predictions are not used: {error}")
        return given
    if result.poses3d is None:
        return given
    track = result.poses3d
    steps = np.full((2, len(given.frames), len(given.keypoints), 3), np.nan)
    there = (given.frames >= 0) & (given.frames < track.n_frames)
    at = given.frames[there]
    positions, deviation = np.full(steps.shape[1:], np.nan), np.full(steps.shape[1:3], np.nan)
    for k, name in enumerate(given.keypoints):
        if name not in track.keypoints:
            continue
        index = track.keypoints.index(name)
        xyz = track.xyz[:, index]
        positions[there, k] = xyz[at]
        covariance = track.covariance[at, index]
        deviation[there, k] = np.sqrt(np.trace(covariance, axis1=1, axis2=2))
        for s, by in enumerate((-1, 1)):
            now, then = given.frames, given.frames + by
            good = (then >= 0) & (np.maximum(now, then) < len(xyz)) & (now >= 0)
            steps[s, good, k] = xyz[then[good]] - xyz[now[good]]
    return replace(given, steps=steps, track=positions, track_sd=deviation)
