"""Images of labeled frames: where they lie, what they are called, which frame a name is of.

Lightning Pose wants one name for a frame in all views, and reads the frame's number from it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.projects.naming.file_names import SINGLE_VIEW, parse_stem
from napari_pose3d.core.projects.scan.folder_listing import LABELED_DATA
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.core.video.frame_export import frame_file_name
from napari_pose3d.errors import PoseDataError

_SUFFIXES = (".png", ".jpg", ".jpeg")
_MOST_DIGITS = 18
_NUMBERED = re.compile(r"(.*?)([0-9]+)")


def frame_of_image(path: str | os.PathLike[str]) -> int | None:
    """The frame that an image is of, by its name: ``labeled-data/s1_top/img00000012.png`` is 12.

    It is the number at the end of the stem; where there is none, the first number in it. None for
    a name without a number, or with one that no frame can have.
    """
    # Label files that were written on Windows hold backslashes.
    stem = os.path.splitext(re.split(r"[/\\]", os.fspath(path))[-1])[0]
    match = re.search(r"[0-9]+$", stem) or re.search(r"[0-9]+", stem)
    return int(match.group()) if match and len(match.group()) <= _MOST_DIGITS else None


def image_path(session: Session, view: str, frame: int) -> str:
    """The path of a frame's image as it stands in the rows of a label file.

    It is relative to the project, with forward slashes. The image need not be there yet. For
    many frames, use one `SessionImages`, which looks into the folders once.

    Raises
    ------
    PoseDataError
        When the session has no such view.
    """
    return SessionImages(session).row(view, frame)


@dataclass(frozen=True)
class Naming:
    """How a project calls its images: a prefix, and a number filled up with zeros.

    Attributes
    ----------
    prefix : str
    digits : int
        The fewest digits that a number has.
    """

    prefix: str
    digits: int

    def name(self, frame: int) -> str:
        """The file name of a frame."""
        return f"{self.prefix}{frame:0{self.digits}d}.png"

    @classmethod
    def of(cls, names: Iterable[str]) -> Naming:
        """The naming of most of the files; Lightning Pose's own where there are none."""
        numbers: dict[str, list[str]] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)
            match = _NUMBERED.fullmatch(stem)
            if match and suffix.lower() in _SUFFIXES:
                numbers.setdefault(match[1], []).append(match[2])
        if not numbers:
            return cls.of([frame_file_name(0)])
        prefix, found = max(numbers.items(), key=lambda item: len(item[1]))
        filled = Counter(len(number) for number in found if number.startswith("0"))
        if filled:
            return cls(prefix, filled.most_common(1)[0][0])
        lengths = {len(number) for number in found}
        return cls(prefix, lengths.pop() if len(lengths) == 1 else 1)


class SessionImages:
    """The images of a session's labeled frames, as they were when this was made.

    Attributes
    ----------
    naming : Naming
        How new images are called, in every view.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._there = {view: _images_in(self.folder(view)) for view in session.views}
        names = [name for there in self._there.values() for name in there.values()]
        self.naming = Naming.of(names)

    def folder(self, view: str) -> Path:
        """The folder of a view's images, which need not be there yet."""
        session = self._session
        if view not in session.views:
            raise PoseDataError(
                f"session '{session.name}' has no view '{view}'",
                expected=f"one of {', '.join(session.views)}",
            )
        if view in session.images:
            return session.images[view]
        name = session.name if _is_nameless(session, view) else f"{session.name}_{view}"
        return session.folder / LABELED_DATA / name

    def frames(self, view: str) -> set[int]:
        """The frames that a view has an image of, neighbours of labeled frames included."""
        return set(self._there[view])

    def is_there(self, view: str, frame: int) -> bool:
        """Whether a view has an image of a frame."""
        return frame in self._there[view]

    def path(self, view: str, frame: int) -> Path:
        """The image of a frame: the one that is there, or where a new one belongs."""
        return self.folder(view) / self._name(view, frame)

    def is_png(self, view: str, frame: int) -> bool:
        """Whether the image of a frame is, or would be, a PNG file."""
        return self._name(view, frame).lower().endswith(".png")

    def row(self, view: str, frame: int) -> str:
        """The same relative to the project, with forward slashes: a row of a label file."""
        path = self.path(view, frame)
        root = self._session.folder
        if not path.is_relative_to(root):
            return Path(os.path.relpath(path, root)).as_posix()
        return path.relative_to(root).as_posix()

    def _name(self, view: str, frame: int) -> str:
        for there in (self._there[view], *self._there.values()):
            if frame in there:
                return there[frame]
        return self.naming.name(frame)


def _is_nameless(session: Session, view: str) -> bool:
    """Whether it is the only view of a project that names none: no file's name mentions it."""
    if session.views != (SINGLE_VIEW,):
        return False
    video = session.videos.get(view)
    return video is None or parse_stem(video.stem, session.views).view is None


def _images_in(folder: Path) -> dict[int, str]:
    """File names by frame; of two images of one frame, the PNG."""
    try:
        recover(folder)
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PoseDataError(
            f"the folder cannot be read ({error.strerror or error})",
            file=folder,
            todo="Check its permissions",
        ) from error
    found: dict[int, str] = {}
    for suffix in _SUFFIXES:
        for name in names:
            frame = frame_of_image(name)
            # Hidden files are those that are being written.
            if frame is not None and name.lower().endswith(suffix) and not name.startswith("."):
                found.setdefault(frame, name)
    return found
