"""The label files of a project: read into a store, and written so that all views change together.

One save is one transaction: the lines of a frame in the files of all views, the queues and the
table of who labeled what change together or not at all. Files that somebody else changed since
they were read are not overwritten unasked (`LabelsChanged`; see `merge`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath

from napari_pose3d.core.formats.labels.label_csv import LabelTable
from napari_pose3d.core.formats.labels.label_lines import Cell
from napari_pose3d.core.formats.labels.label_provenance import Provenance, Row
from napari_pose3d.core.formats.labels.label_queue import LabelQueue, read_reasons, reasons_text
from napari_pose3d.core.formats.projects.project_yaml import FILE_NAME
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.layouts.lightning_pose import LABELS
from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW
from napari_pose3d.core.projects.project import Project
from napari_pose3d.core.projects.project_toml import OWN_FOLDER, project_lock
from napari_pose3d.core.projects.scan.folder_listing import LABELED_DATA
from napari_pose3d.core.storage.atomic_files import cannot_write
from napari_pose3d.core.storage.file_stamp import ABSENT, stamp_of
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.core.video.frame_export import frame_file_name
from napari_pose3d.errors import PoseDataError

from ..store.label import EMPTY, FrameKey, Label, LabelKey, Visibility
from ..store.label_store import FrameLabels, LabelStore
from .image_names import SessionImages
from .label_cells import label_of, provenance_row, updated_table
from .row_pairing import FolderNames, Pairing, pair_rows, paired_again, pairing_issues
from .view_files import LabelsChanged, put_in_place, read_view_files

XY = tuple[float, float]

_NO_LOCKS = Issue(
    "note",
    "the project lies on a file system without locks; two computers that save at the same moment "
    "are kept apart by a file, and one that was switched off blocks the other for ten minutes",
)


class LabelFiles:
    """The label files and queues of all views of a project.

    Parameters
    ----------
    project : Project
        A Lightning Pose project.
    key : str
        Of the files, ``<key>_<view>.csv``.

    Attributes
    ----------
    views, keypoints : tuple of str
        The keypoints are those of the files, then those that only ``project.yaml`` has; files
        get these when they are next written.
    provenance : Provenance
    reasons : dict of FrameKey to str
        Why frames of the queue are to be labeled, where that is known.
    issues : tuple of Issue
        Views that are out of step, and the like.

    Raises
    ------
    PoseDataError
        When a file is damaged, the project names no keypoints, the files have different ones, or a
        save that was interrupted cannot be finished since the disk is full.
    """

    def __init__(self, project: Project, key: str = LABELS) -> None:
        if project.kind != "lightning-pose":
            raise PoseDataError(
                "labels need a Lightning Pose project (there is no project.yaml)",
                file=project.folder,
                todo="Make a project of it first (in napari: tab Session, New…)",
            )
        self.project, self.key = project, key
        self.views = project.views
        self._single = self.views == (SINGLE_VIEW,)
        self._recover()
        self._files, self.keypoints = read_view_files(project, key)
        self.provenance = Provenance(self.folder / OWN_FOLDER / "labels" / f"{key}.csv")
        self.issues: tuple[Issue, ...] = ()
        self._lock_issues: tuple[Issue, ...] = ()
        self._kept_copies = False
        self._images: dict[str, SessionImages] = {}
        self._reasons_path = self.folder / OWN_FOLDER / "labels" / f"{key}.queue.csv"
        self.reasons = {FrameKey(*at): why for at, why in read_reasons(self._reasons_path).items()}
        self._pair()

    # ------------------------------------------------------------------ what is there

    @property
    def folder(self) -> Path:
        """The project."""
        return self.project.folder

    @property
    def tables(self) -> dict[str, LabelTable]:
        return {view: files.table for view, files in self._files.items()}

    @property
    def pairing(self) -> Pairing:
        return self._paired

    @property
    def has_visible(self) -> bool:
        """Whether the files have the column ``visible``."""
        return any(table.has_visible for table in self.tables.values())

    @property
    def frames(self) -> tuple[FrameKey, ...]:
        """Frames that have a row."""
        return tuple(self._paired.lines)

    def is_known(self, frame: FrameKey) -> bool:
        """Whether a frame has a row or is in the queue, so that its images are there."""
        return frame in self._paired.lines or any(frame in f.queued for f in self._files.values())

    @property
    def queued(self) -> tuple[FrameKey, ...]:
        """Frames that wait to be labeled, in the order of the queues."""
        return tuple(dict.fromkeys(key for f in self._files.values() for key in f.queued))

    def proposals(self, frame: FrameKey) -> dict[LabelKey, tuple[float, float]]:
        """Positions that a model proposed for a queued frame, px of the image."""
        found = {}
        for view, files in self._files.items():
            if frame in files.queued:
                for keypoint, position in files.queue.predictions(files.queued[frame]).items():
                    if keypoint in self.keypoints:
                        found[LabelKey(view, keypoint)] = position
        return found

    def image(self, frame: FrameKey, view: str) -> str:
        """The path of a frame's image, relative to the project.

        That of its row or its place in the queue; else as Lightning Pose names it.
        """
        line = self._paired.lines.get(frame, {}).get(view)
        if line is not None:
            return self._files[view].table.image_of[line]
        if frame in self._files[view].queued:
            return self._files[view].queued[frame]
        return self._new_image(frame, view)

    def load(self, frame: FrameKey) -> dict[LabelKey, Label]:
        """The labels of a frame as they are in the files.

        Raises
        ------
        PoseDataError
            When a cell is invalid.
        """
        known = self.provenance.rows(*frame)
        lines = self._paired.lines.get(frame, {})
        found = {}
        for view, table in self.tables.items():
            cells = table.cells(lines[view]) if view in lines else {}
            for keypoint in self.keypoints:
                cell = cells.get(keypoint, Cell(None, None))
                label = label_of(cell, known.get((view, keypoint)))
                if label != EMPTY:
                    found[LabelKey(view, keypoint)] = label
        return found

    def new_store(self) -> LabelStore:
        """A store of all labels; frames are read when they are needed."""
        return LabelStore(self.views, self.keypoints, self.known_frames, self.load)

    @property
    def known_frames(self) -> list[FrameKey]:
        """Frames with a row, and those that only our own table knows (nothing but occluded)."""
        of_own = (FrameKey(session, frame) for session, frame in self.provenance.frames)
        return list(dict.fromkeys([*self.frames, *of_own]))

    # ------------------------------------------------------------------ writing

    def changed_files(self) -> list[Path]:
        """Files that somebody else changed since they were read or written."""
        stamps = {}
        for files in self._files.values():
            stamps[files.table.path] = files.table_stamp
            stamps[files.queue.path] = files.queue_stamp
        return [path for path, stamp in stamps.items() if not stamp.is_current(path)]

    def save(
        self,
        store: LabelStore,
        frames: Collection[FrameKey],
        *,
        overwrite: bool = False,
        residuals: Callable[[FrameKey], Mapping[LabelKey, float]] = lambda _: {},
    ) -> None:
        """Write the labels of some frames; all files change together or none.

        Frames that have labels leave the queue; those without any have no row any more.

        Parameters
        ----------
        overwrite : bool
            Whether to write also where somebody else changed the files; their changes are lost.
        residuals : callable
            Gives the residuals of a frame's labels in px, to be kept beside them.

        Raises
        ------
        LabelsChanged
            When a file is not as it was read.
        PoseDataError
            When a file cannot be written. Nothing has changed then.
        """
        if not frames:
            return
        with self.alone(overwrite=overwrite):
            self._save(store, frames, residuals)

    def _save(
        self,
        store: LabelStore,
        frames: Collection[FrameKey],
        residuals: Callable[[FrameKey], Mapping[LabelKey, float]],
    ) -> None:
        tables = {view: self.with_all_keypoints(table) for view, table in self.tables.items()}
        queues = {view: files.queue for view, files in self._files.items()}
        rows: list[Row] = []
        done = []
        for frame in frames:
            changed = store.changed_labels(frame)
            off = residuals(frame)
            rows += [
                provenance_row(frame, label_key, label, off.get(label_key))
                for label_key, label in changed.items()
            ]
            if self._has_row(store.labels(frame)):
                done.append(frame)
        for view, table in tables.items():
            lines = {f: self._paired.lines.get(f, {}).get(view) for f in frames}
            images = {f: self.image(f, view) for f in done if lines[f] is None}
            tables[view] = updated_table(table, view, store, lines, done, images)
            queues[view] = self._without(view, done)
        self._write(tables, queues, rows)
        store.mark_saved(frames)

    def enqueue(
        self,
        frames: Sequence[FrameKey],
        reason: str | Mapping[FrameKey, str] = "",
        predictions: Mapping[tuple[FrameKey, str], Mapping[str, XY]] | None = None,
    ) -> None:
        """Let frames wait to be labeled; their images have to be there already.

        Parameters
        ----------
        reason : str, or mapping of FrameKey to str
            Why, in a few words; kept in our own folder.
        predictions : mapping of (FrameKey, view) to positions by keypoint, optional
            Proposals, px of the image.

        Raises
        ------
        LabelsChanged, PoseDataError
            As for `save`.
        """
        with self.alone():
            queues = {}
            for view, files in self._files.items():
                images = [self.image(frame, view) for frame in frames]
                proposed = {
                    self.image(frame, v): value
                    for (frame, v), value in (predictions or {}).items()
                    if v == view
                }
                queues[view] = files.queue.with_added(images, proposed)
            # Others may have queued frames as well.
            now = {FrameKey(*at): why for at, why in read_reasons(self._reasons_path).items()}
            why = dict.fromkeys(frames, reason) if isinstance(reason, str) else reason
            new = {frame: text for frame, text in why.items() if text}
            self.reasons = {**now, **self.reasons, **new}
            self._write(self.tables, queues, [], {self._reasons_path: self._reasons_text()})

    def dequeue(self, frames: Collection[FrameKey]) -> None:
        """Let frames wait no longer; their images stay."""
        with self.alone():
            queues = {view: self._without(view, frames) for view in self.views}
            self._write(self.tables, queues, [])

    def write_tables(
        self,
        tables: Mapping[str, LabelTable],
        extra: Mapping[Path, str] | None = None,
        labeled: Collection[FrameKey] = (),
    ) -> None:
        """Write whole tables, for repairs and other columns.

        Parameters
        ----------
        extra : mapping of Path to text
            Files that change together with them.
        labeled : collection of FrameKey
            Frames that leave the queue.
        """
        with self.alone():
            queues = {view: self._without(view, labeled) for view in self.views}
            self._write(tables, queues, [], extra or {})

    def images_of_rows(self) -> dict[tuple[FrameKey, str], str]:
        """Paths of the images of all frames in all views, for `pairing.repaired`."""
        return {(key, view): self.image(key, view) for key in self.frames for view in self.views}

    # ------------------------------------------------------------------ inside: reading

    def _reasons_text(self) -> str:
        """Those of frames that are not labeled yet."""
        return reasons_text(
            {f: why for f, why in self.reasons.items() if f not in self._paired.lines}
        )

    @cached_property
    def _folders(self) -> FolderNames:
        known = {
            path.name: (session.name, view)
            for session in self.project.sessions
            for view, path in session.images.items()
        }
        return FolderNames(self.project.naming, known)

    def _new_image(self, frame: FrameKey, view: str) -> str:
        for session in self.project.sessions:
            if session.name == frame.session and view in session.views:
                if frame.session not in self._images:
                    self._images[frame.session] = SessionImages(session)
                return self._images[frame.session].row(view, frame.frame)
        # A session that is known by its labels only: as other views call it.
        names = [
            PurePosixPath(self._files[other].table.image_of[line]).name
            for other, line in self._paired.lines.get(frame, {}).items()
        ]
        name = names[0] if names else frame_file_name(frame.frame)
        folder = frame.session if self._single else f"{frame.session}_{view}"
        return f"{LABELED_DATA}/{folder}/{name}"

    def _pair(self, old: Mapping[str, LabelTable] | None = None) -> None:
        """Note which lines belong together, after reading or writing.

        Parameters
        ----------
        old : mapping of view to LabelTable, optional
            The tables before they were changed.
        """
        if old is None:
            self._paired = pair_rows(self.tables, self._folders)
        else:
            self._paired = paired_again(self._paired, old, self.tables, self._folders)
        self.issues = (*pairing_issues(self._paired, self.tables), *self._lock_issues)
        for view, files in self._files.items():
            keys = ((self._folders.frame_of(p, view), p) for p in files.queue.images)
            files.queued = {key: image for key, image in keys if key is not None}

    # ------------------------------------------------------------------ inside: writing

    @contextmanager
    def alone(self, *, overwrite: bool = False) -> Iterator[None]:
        """Look whether the files are as they were read, and let nobody in until they are written.

        Parameters
        ----------
        overwrite : bool
            Do not look.
        """
        with project_lock(self.folder) as lock:
            if not lock.has_system_locks and not self._lock_issues:
                self._lock_issues = (_NO_LOCKS,)
            self._recover()
            if not overwrite and (changed := self.changed_files()):
                raise LabelsChanged(changed)
            yield

    def _recover(self) -> None:
        """Bring a save that was killed to its end, whichever folder shows it."""
        for folder in (self.folder, self.folder / OWN_FOLDER / "labels"):
            if failure := recover(folder):
                # The files of the views may disagree: nothing is to be read from them.
                raise cannot_write(folder, failure, is_old=False) from failure

    def _without(self, view: str, frames: Collection[FrameKey]) -> LabelQueue:
        files = self._files[view]
        return files.queue.without({files.queued[f] for f in frames if f in files.queued})

    def with_all_keypoints(self, table: LabelTable) -> LabelTable:
        """A table with the keypoints that only ``project.yaml`` has."""
        new = [name for name in self.keypoints if name not in table.columns]
        if not new:
            return table
        kept = [(name, name) for name in table.keypoints]
        return table.with_keypoints([*kept, *((name, None) for name in new)])

    def _has_row(self, labels: FrameLabels) -> bool:
        return any(
            label.is_kept or (self.has_visible and label.visibility == Visibility.OCCLUDED)
            for label in labels.values()
        )

    def _write(
        self,
        tables: Mapping[str, LabelTable],
        queues: Mapping[str, LabelQueue],
        rows: Sequence[Row],
        extra: Mapping[Path, str] | None = None,
    ) -> None:
        refuse_unsafe_names(self.views, "view", self.folder / FILE_NAME)
        new: dict[Path, bytes] = {}
        leaving = []
        for view, files in self._files.items():
            if tables[view] is not files.table:
                new[tables[view].path] = tables[view].text().encode()
            if queues[view] is not files.queue:
                # Lightning Pose's app stumbles over a queue that is there and empty.
                if queues[view].lines:
                    new[queues[view].path] = queues[view].text().encode()
                else:
                    leaving.append(queues[view].path)
        also = {path: text.encode() for path, text in (extra or {}).items()}
        # The first change since opening keeps the files as they were.
        put_in_place(
            self.folder,
            {**new, **also},
            leaving,
            self.provenance,
            rows,
            keep_copies=not self._kept_copies,
        )
        self._kept_copies = self._kept_copies or bool(new)
        old = self.tables
        for view, files in self._files.items():
            files.table, files.queue = tables[view], queues[view]
            if files.table.path in new:
                files.table_stamp = stamp_of(files.table.path, new[files.table.path])
            if files.queue.path in new:
                files.queue_stamp = stamp_of(files.queue.path, new[files.queue.path])
            elif files.queue.path in leaving:
                files.queue_stamp = ABSENT
        self._pair(old)
