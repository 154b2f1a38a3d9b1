"""Taking over labels that were made elsewhere, such as DeepLabCut's of one camera."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_pose3d.core.formats.containers.table_process import read_stored_text
from napari_pose3d.core.formats.labels.label_csv import (
    LabelTable,
    read_label_csv,
    without_one_individual,
)
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.input_files import read_bytes
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted, verb

from .files.image_names import frame_of_image
from .labeling import Labeling
from .store.label import Label, LabelKey, LabelStatus, Visibility, now

_LARGEST = 1 << 30


@dataclass(frozen=True)
class Imported:
    """What became of a file of labels.

    Attributes
    ----------
    n_labels, n_frames : int
        Labels that were taken over, and frames that they are in.
    n_kept : int
        Labels that were left out, since a person has placed that one here already.
    unknown : tuple of str
        Keypoints that the project does not have.
    no_frame : tuple of str
        Images whose names have no number, or that of an image that the session does not have.
    """

    n_labels: int
    n_frames: int
    n_kept: int
    unknown: tuple[str, ...]
    no_frame: tuple[str, ...] = ()

    def describe(self) -> str:
        """In one line, for the user."""
        labels = f"{counted(self.n_labels, 'label')} in {counted(self.n_frames, 'frame')}"
        parts = [f"{labels} {verb(self.n_labels, 'was', 'were')} taken over"]
        if self.n_kept:
            were = verb(self.n_kept, "was", "were")
            parts.append(f"{self.n_kept} {were} left out, since you placed those already")
        if self.unknown:
            parts.append(f"the project has no {', '.join(self.unknown)}")
        if self.no_frame:
            n = len(self.no_frame)
            parts.append(f"{counted(n, 'image')} {verb(n)} of no frame, as {self.no_frame[0]}")
        return f"{'; '.join(parts)}."


def label_folders(path: str | os.PathLike[str]) -> dict[str, int]:
    """Folders of images that a file of labels is about, and how many of each are in it.

    DeepLabCut keeps one folder for each video, which has the video's name.

    Raises
    ------
    PoseDataError
        When the file is damaged.
    """
    return dict(Counter(_folder(image) for _, image in _read(Path(path)).rows))


def folder_of_view(folders: Iterable[str], session: Session, view: str) -> str | None:
    """The folder that belongs to a view of a session, by its name; None where none or several do.

    The only folder there is may have any name but that of another view.
    """
    folders = list(folders)
    found = [name for name in folders if name in _names_of(session, view)]
    others = {name for other in session.views for name in _names_of(session, other)}
    if not found and len(folders) == 1 and folders[0] not in others:
        return folders[0]
    return found[0] if len(found) == 1 else None


def _names_of(session: Session, view: str) -> set[str]:
    """What a folder with images of a view may be called."""
    video, images = session.videos.get(view), session.images.get(view)
    names = {f"{session.name}_{view}"}
    names |= {video.stem} if video is not None else set()
    # A folder's name has no ending, only dots.
    return names | ({images.name} if images is not None else set())


def import_labels(
    labeling: Labeling, path: str | os.PathLike[str], view: str, folder: str | None = None
) -> Imported:
    """Take labels of one view over from ``CollectedData*.csv`` or ``.h5``, as one step of undo.

    The number in an image's name is the frame of the view's video; positions are px of the video.

    Parameters
    ----------
    labeling : Labeling
    path : path
    view : str
        Which view of the session was labeled.
    folder : str, optional
        Which of the file's folders of images; not given: the one with the name of the view's
        video or of its images, or the only one. See `label_folders`.

    Raises
    ------
    PoseDataError
        When the file is damaged, the session has no such view, no keypoint is known, or it does
        not tell which images it labels.
    """
    path = Path(path)
    session = labeling.session
    if view not in labeling.views:
        raise PoseDataError(
            f"the session has no view '{view}'", expected=f"one of {', '.join(labeling.views)}"
        )
    table = _read(path)
    unknown = tuple(name for name in table.keypoints if name not in labeling.keypoints)
    if len(unknown) == len(table.keypoints):
        raise PoseDataError(
            f"none of the keypoints is known: {', '.join(unknown)}",
            file=path,
            expected=f"some of {', '.join(labeling.keypoints)}",
            todo="Add or rename keypoints first",
        )
    folders = dict.fromkeys(_folder(image) for _, image in table.rows)
    chosen = folder_of_view(folders, session, view) if folder is None else folder
    if chosen not in folders:
        raise PoseDataError(
            f"it does not tell which images are of {view} in {session.name}",
            file=path,
            expected=f"one of the folders {', '.join(folders)}" if folders else "labeled images",
            todo="Say which folder is meant",
        )
    n_labels, n_kept, frames, no_frame = 0, 0, set(), []
    with labeling.store.edit(f"import {path.name}") as edit:
        for line, image in table.rows:
            if _folder(image) != chosen:
                continue
            number = frame_of_image(image)
            frame = -1 if number is None else int(session.to_session(view, number))
            if frame < 0:
                no_frame.append(image)
                continue
            new = {}
            for name, cell in table.cells(line).items():
                if name in unknown or cell.x is None or cell.y is None:
                    continue
                label_key = LabelKey(view, name)
                if labeling.label(frame, label_key).status.by_person:
                    n_kept += 1
                    continue
                occluded = cell.visible == Visibility.OCCLUDED
                seen = Visibility.OCCLUDED if occluded else Visibility.VISIBLE
                new[label_key] = Label(
                    (cell.x, cell.y), LabelStatus.CLICKED, seen, table.scorer, now()
                )
            if new:
                edit.put_all(labeling.key(frame), new)
                n_labels += len(new)
                frames.add(frame)
    return Imported(n_labels, len(frames), n_kept, unknown, tuple(no_frame))


def _read(path: Path) -> LabelTable:
    """A table to take labels from; a project of one animal may name it in a row."""
    data = (
        read_stored_text(path)
        if path.suffix.lower() == ".h5"
        else read_bytes(path, largest=_LARGEST)
    )
    return read_label_csv(path, without_one_individual(data))


def _folder(image: str) -> str:
    return PurePosixPath(image).parent.name
