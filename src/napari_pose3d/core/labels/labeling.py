"""Labeling a session: labels, files, journal and geometry together, without a screen.

This is what a labeling tool talks to. What a person can do to labels is in `label_actions`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.cameras.working_volume import WorkingVolume, working_volume
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.layouts.lightning_pose import LABELS
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from .files.label_files import LabelFiles
from .files.row_pairing import Pairing
from .geometry.frame_geometry import FrameGeometry, frame_geometry, labeled_pixels
from .geometry.keypoint_priors import Distances, ExpectedPoints, labeled_points, learn_distances
from .geometry.linear_model import LinearModel, learn
from .merge import Difference, Prefer, merge
from .store.commands import Change, Command, is_same_once_saved, may_replace
from .store.journal import Journal, left_journals, set_aside
from .store.label import FrameKey, Label, LabelKey
from .store.label_store import FrameLabels, LabelStore

# So many labeled frames tell distances between keypoints as well as all.
_MOST_LEARNED = 300


class Labeling:
    """Labels of one session of a project while somebody works on them.

    Parameters
    ----------
    project : Project
    session : Session
        One of the project's.
    labeler : str
        Who places labels from now on.
    key : str
        Of the label files.

    Attributes
    ----------
    files : LabelFiles
    store : LabelStore
    journal : Journal
    rig : Rig or None
        Cameras of the session's views, in the order of the views.
    auto_project : bool
        Whether views without label are filled as soon as two views have one.
    expected : mapping of frame to ExpectedPoints
        Where predictions put the points; may be filled by whoever knows.

    Raises
    ------
    PoseDataError
        When label files or the calibration are damaged, or it is no Lightning Pose project.
    """

    def __init__(self, project: Project, session: Session, labeler: str, key: str = LABELS) -> None:
        self.session = session
        self.labeler = labeler
        self.auto_project = True
        self.files = LabelFiles(project, key)
        self.store: LabelStore = self.files.new_store()
        self.journal = Journal(project.folder, key)
        self.rig = _rig_of(session)
        self.expected: Mapping[int, ExpectedPoints] = {}
        self._geometry: dict[int, FrameGeometry] = {}
        self._learned_from: Pairing | None = None
        self._learned_frames: frozenset[FrameKey] = frozenset()
        self._distances: Distances | None = None
        self._linear: LinearModel | None = None
        self._volume: WorkingVolume | None = None
        self.store.changed.connect(self._on_changed)
        self.store.committed.connect(self.journal.add)

    # ------------------------------------------------------------------ what is there

    @property
    def views(self) -> tuple[str, ...]:
        """Views of the session that labels are kept of."""
        return tuple(view for view in self.session.views if view in self.files.views)

    @property
    def keypoints(self) -> tuple[str, ...]:
        return self.files.keypoints

    def key(self, frame: int) -> FrameKey:
        """The name of one of the session's frames in the label files."""
        return FrameKey(self.session.name, frame)

    def labels(self, frame: int) -> FrameLabels:
        """The labels of a frame."""
        return self.store.labels(self.key(frame))

    def label(self, frame: int, label_key: LabelKey) -> Label:
        """One label."""
        return self.store.label(self.key(frame), label_key)

    @property
    def labeled_frames(self) -> list[int]:
        """Frames of the session that have labels, in order."""
        touched = set(self.store.unsaved)
        frames = {key for key in self.files.frames if key not in touched}
        frames |= {key for key in touched if self.store.is_labeled(key)}
        return sorted(key.frame for key in frames if key.session == self.session.name)

    @property
    def queued_frames(self) -> list[int]:
        """Frames of the session that wait to be labeled, in the order of the queue."""
        labeled = set(self.labeled_frames)
        return [
            key.frame
            for key in self.files.queued
            if key.session == self.session.name and key.frame not in labeled
        ]

    def lacking_views(self, frame: int) -> list[str]:
        """Views that have no image of a frame: Lightning Pose cannot use such a frame.

        A frame beyond the end of a video is not found here; videos are not opened.
        """
        return [
            view
            for view in self.files.views
            if view not in self.session.videos or int(self.session.to_video(view, frame)) < 0
        ]

    # ------------------------------------------------------------------ geometry

    def geometry(self, frame: int) -> FrameGeometry | None:
        """The labels of a frame in space; None without calibration."""
        if self.rig is None:
            return None
        found = self._geometry.get(frame)
        if found is None:
            found = self._geometry[frame] = frame_geometry(
                self.session,
                frame,
                self.rig,
                self.keypoints,
                dict(self.labels(frame)),
                expected=self.expected.get(frame),
                distances=self.distances,
            )
        return found

    @property
    def volume(self) -> WorkingVolume:
        """Where in space the animal can be; needs a rig."""
        assert self.rig is not None
        if self._volume is None:
            self._volume = working_volume(self.rig, self._points())
        return self._volume

    @property
    def distances(self) -> Distances | None:
        """How far keypoints lie apart in the frames that are saved; None without a rig."""
        self._learn()
        return self._distances

    @property
    def linear_model(self) -> LinearModel | None:
        """What the saved labels tell where there is no rig; None where it is too little."""
        self._learn()
        return self._linear

    # ------------------------------------------------------------------ files

    @property
    def unsaved(self) -> tuple[FrameKey, ...]:
        """Frames whose labels are not in the files yet; also of other sessions."""
        return self.store.unsaved

    def save(self, frames: Collection[FrameKey] | None = None, *, overwrite: bool = False) -> int:
        """Write labels to the files of all views.

        Parameters
        ----------
        frames : collection of FrameKey, optional
            Not given: all that are unsaved.
        overwrite : bool
            Whether changes that others made meanwhile may be lost.

        Returns
        -------
        int
            How many frames were written.

        Raises
        ------
        LabelsChanged, PoseDataError
            See `LabelFiles.save`.
        """
        wanted = set(self.unsaved if frames is None else frames)
        chosen = [key for key in self.unsaved if key in wanted]
        self.files.save(self.store, chosen, overwrite=overwrite, residuals=self._residuals)
        self.journal.saved(chosen)
        return len(chosen)

    def merge(self, new: LabelFiles, prefer: Prefer) -> Difference:
        """Take over what others wrote into the files meanwhile; see `merging.merge`.

        Parameters
        ----------
        new : LabelFiles
            The files as they are now.
        """
        found = merge(self.store, self.files, new, prefer)
        self.files = new
        return found

    def queued_proposals(
        self, frame: int
    ) -> dict[LabelKey, tuple[tuple[float, float], float | None]]:
        """What the queue proposes for a frame, with no likelihood; px of the video."""
        found = self.files.proposals(self.key(frame))
        return {label_key: (at, None) for label_key, at in found.items()}

    def recover(self) -> int:
        """Take over what runs that ended badly left unsaved; one step of undo for each.

        A label that was saved since, or changed by another program, stays as it is. A journal
        that was not taken over to the last label is kept beside the others, as ``.kept``.

        Returns
        -------
        int
            How many labels were taken over.
        """
        count = 0
        for left in left_journals(self.files.folder, self.files.key):
            if left.unsaved is None:
                continue
            known = self._applicable(left.unsaved)
            if known:
                self.store.replay(Command(left.unsaved.text, tuple(known)))
            count += len(known)
            done = [c for c in left.unsaved.changes if self._is_done(c)]
            # What was taken over is in our own journal now.
            if self.journal.problem is None:
                if left.n_skipped or len(done) < len(left.unsaved.changes):
                    set_aside(left.path)
                else:
                    # One that stays is offered again, and holds nothing new then.
                    with contextlib.suppress(OSError):
                        left.path.unlink(missing_ok=True)
        return count

    @property
    def recoverable(self) -> int:
        """How many labels of runs that ended badly could be taken over."""
        left = left_journals(self.files.folder, self.files.key)
        return sum(len(self._applicable(each.unsaved)) for each in left if each.unsaved)

    @property
    def journal_issues(self) -> tuple[Issue, ...]:
        """What cannot be taken over from the journals of runs that ended badly."""
        found = []
        for left in left_journals(self.files.folder, self.files.key):
            changes = left.unsaved.changes if left.unsaved else ()
            applicable = len(self._applicable(left.unsaved)) if left.unsaved else 0
            left_out = sum(not self._is_done(c) for c in changes) - applicable
            parts = []
            if left.n_skipped:
                parts.append(f"{counted(left.n_skipped, 'entry', 'entries')} cannot be read")
            if left_out:
                was = "was" if left_out == 1 else "were"
                parts.append(f"{counted(left_out, 'label')} {was} saved or changed otherwise since")
            if parts:
                what = f"in the journal of an earlier run {' and '.join(parts)}"
                todo = (
                    "Compare the label files with your notes"
                    if not applicable
                    else ("Take over the others")
                )
                found.append(Issue("warning", what, str(left.path), f"{todo}; the journal is kept"))
        return tuple(found)

    def discard_leftovers(self) -> None:
        """Do without what runs that ended badly left unsaved; damaged journals are kept.

        Raises
        ------
        PoseDataError
            When one of them cannot be removed.
        """
        for left in left_journals(self.files.folder, self.files.key):
            if left.n_skipped:
                set_aside(left.path)
                continue
            try:
                left.path.unlink(missing_ok=True)
            except OSError as error:
                raise PoseDataError(
                    f"the journal cannot be removed ({error.strerror or error})",
                    file=left.path,
                    todo="Remove it by hand, or ask for the right to write there",
                ) from error

    def close(self) -> None:
        """End; what is unsaved stays in the journal."""
        unsaved = bool(self.unsaved)
        self.journal.close(keep=unsaved)
        self.store.changed.disconnect(self._on_changed)
        self.store.committed.disconnect(self.journal.add)

    # ------------------------------------------------------------------ inside

    def _applicable(self, command: Command) -> list[Change]:
        """The changes of another run that nothing newer stands against."""
        return [
            change
            for change in command.changes
            if self._knows(change.label_key)
            and not self._is_done(change)
            and may_replace(change, self.store.label(change.frame, change.label_key))
        ]

    def _is_done(self, change: Change) -> bool:
        if not self._knows(change.label_key):
            return False
        return is_same_once_saved(change.after, self.store.label(change.frame, change.label_key))

    def _knows(self, label_key: LabelKey) -> bool:
        return label_key.view in self.store.views and label_key.keypoint in self.store.keypoints

    def _on_changed(self, frames: frozenset[FrameKey]) -> None:
        for key in frames:
            if key.session == self.session.name:
                self._geometry.pop(key.frame, None)

    def _residuals(self, key: FrameKey) -> Mapping[LabelKey, float]:
        geometry = self.geometry(key.frame) if key.session == self.session.name else None
        if geometry is None:
            return {}
        found = {label_key: geometry.residual(label_key) for label_key in geometry.labels}
        return {label_key: value for label_key, value in found.items() if value is not None}

    def _learn(self) -> None:
        """Learn from the labeled frames, again when there are others.

        Not on each label: what is known must not change under a drag.
        """
        if self._learned_from is self.files.pairing:
            return
        self._learned_from = self.files.pairing
        frames = frozenset(self.files.frames)
        if frames == self._learned_frames:
            return
        self._learned_frames = frames
        if self.rig is None:
            self._linear = learn(self._pixels(self.views))
            return
        points = self._points()
        self._distances = None if points is None else learn_distances(points)
        self._volume = None
        self._geometry.clear()

    def _points(self) -> NDArray[np.float64] | None:
        """Points of labeled frames of this session, ``(frame, keypoint, 3)``."""
        assert self.rig is not None
        xy = self._pixels(self.rig.names)
        return labeled_points(self.rig, np.moveaxis(xy, 1, 0)) if len(xy) else None

    def _pixels(self, views: tuple[str, ...]) -> NDArray[np.float64]:
        """What people labeled in this session, ``(frame, view, keypoint, 2)`` rig px."""
        keys = [key for key in self.files.frames if key.session == self.session.name]
        keys = keys[:: max(len(keys) // _MOST_LEARNED, 1)]
        pixels = [
            labeled_pixels(
                self.session, key.frame, views, self.keypoints, self.store.saved_labels(key)
            )
            for key in keys
        ]
        empty = np.empty((0, len(views), len(self.keypoints), 2))
        return np.stack(pixels) if pixels else empty


def _rig_of(session: Session) -> Rig | None:
    rig = session.load_rig()
    if rig is None:
        return None
    views = [view for view in session.views if view in rig.names]
    return rig.subset(views) if len(views) > 1 else None
