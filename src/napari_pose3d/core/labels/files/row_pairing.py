"""Which lines of the views' label files are the same frame.

Rows pair by session and frame, which the path of the image tells, never by their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath

from napari_pose3d.core.formats.labels.label_csv import LabelTable
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.naming.naming_rule import Naming
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from ..store.label import FrameKey
from .image_names import frame_of_image

_MOST_NAMED = 3

REPAIR = "Repair the label files: the button does it, and keeps a copy of the files as they are"


@dataclass(frozen=True)
class FolderNames:
    """How the path of an image is read.

    Attributes
    ----------
    names : Naming
        How the project's names are read.
    known : mapping of folder name to (session, view)
        Folders of ``labeled-data`` whose session is known.
    """

    names: Naming
    known: Mapping[str, tuple[str, str]]
    # Tables are paired again after each save, and their images stay the same.
    _read: dict[tuple[str, str], FrameKey | None] = field(default_factory=dict, repr=False)

    def frame_of(self, image: str, view: str) -> FrameKey | None:
        """The frame that an image of a view shows; None where its path does not tell."""
        place = (image, view)
        if place not in self._read:
            self._read[place] = self._frame_of(image, view)
        return self._read[place]

    def _frame_of(self, image: str, view: str) -> FrameKey | None:
        path = PurePosixPath(image)
        number = frame_of_image(path.name)
        if number is None:
            return None
        folder = path.parent.name
        if folder in self.known:
            known, of_known = self.known[folder]
            return FrameKey(known, number) if of_known == view else None
        if self.names.single:
            return FrameKey(folder, number)
        session, of_view = _parsed(self.names, folder)
        return FrameKey(session, number) if of_view == view else None


@lru_cache(maxsize=4096)  # thousands of images lie in few folders
def _parsed(names: Naming, folder: str) -> tuple[str, str | None]:
    """Session and view in the name of a folder; no view where it does not tell."""
    try:
        parsed = names.parse(folder)
    except PoseDataError:
        return "", None
    return parsed.key, parsed.view


@dataclass(frozen=True, eq=False)
class Pairing:
    """The lines of each frame.

    Attributes
    ----------
    lines : mapping of FrameKey to mapping of view to line
        Frames in the order of the first view, then those that only others have.
    twice : mapping of (FrameKey, view) to lines
        Of frames that a view has more than one line of; ``lines`` has the first.
    strangers : mapping of view to images
        Images whose path does not tell session and frame.
    in_step : bool
        Whether all views have the same frames in the same order, so that Lightning Pose, which
        goes by the number of the row, reads them right.
    """

    lines: Mapping[FrameKey, Mapping[str, int]]
    twice: Mapping[tuple[FrameKey, str], tuple[int, ...]]
    strangers: Mapping[str, tuple[str, ...]]
    in_step: bool


def pair_rows(tables: Mapping[str, LabelTable], folders: FolderNames) -> Pairing:
    """Pair the rows of the views' label files."""
    lines: dict[FrameKey, dict[str, int]] = {}
    twice: dict[tuple[FrameKey, str], tuple[int, ...]] = {}
    strangers: dict[str, tuple[str, ...]] = {}
    orders = []
    for view, table in tables.items():
        order: list[FrameKey | str] = []
        for line, image in table.rows:
            key = folders.frame_of(image, view)
            if key is None:
                strangers[view] = (*strangers.get(view, ()), image)
                order.append(PurePosixPath(image).name)
                continue
            order.append(key)
            of_views = lines.setdefault(key, {})
            if view in of_views:
                twice[key, view] = (*twice.get((key, view), (of_views[view],)), line)
            else:
                of_views[view] = line
        orders.append(order)
    in_step = all(order == orders[0] for order in orders[1:])
    return Pairing(lines, twice, strangers, in_step)


def paired_again(
    pairing: Pairing,
    old: Mapping[str, LabelTable],
    new: Mapping[str, LabelTable],
    folders: FolderNames,
) -> Pairing:
    """The rows of tables that were changed; quick where rows only came at the end of all views."""
    added = {}
    for view, table in new.items():
        before = old[view].rows
        if table.rows[: len(before)] != before:
            return pair_rows(new, folders)
        added[view] = table.rows[len(before) :]
    lines = dict(pairing.lines)
    orders = []
    for view, rows in added.items():
        order = [folders.frame_of(image, view) for _, image in rows]
        for (line, _), key in zip(rows, order, strict=True):
            if key is None or view in lines.get(key, {}):
                return pair_rows(new, folders)
            lines[key] = {**lines.get(key, {}), view: line}
        orders.append(order)
    if any(order != orders[0] for order in orders):
        return pair_rows(new, folders)
    return Pairing(lines, pairing.twice, pairing.strangers, pairing.in_step)


def pairing_issues(pairing: Pairing, tables: Mapping[str, LabelTable]) -> list[Issue]:
    """What is wrong with the rows, and what can be done about it."""
    found = []
    for (key, view), at in pairing.twice.items():
        found.append(
            Issue(
                "warning",
                f"frame {key.frame} of session '{key.session}' is there {len(at)} times "
                f"(lines {', '.join(str(line + 1) for line in at)}); the first is used",
                tables[view].path.name,
                REPAIR,
            )
        )
    for view, table in tables.items():
        lacking = [key for key, at in pairing.lines.items() if view not in at]
        if lacking:
            found.append(
                Issue(
                    "warning",
                    f"{counted(len(lacking), 'frame')} that other views have "
                    f"{'is' if len(lacking) == 1 else 'are'} missing: {_frames(lacking)}",
                    table.path.name,
                    REPAIR,
                )
            )
    if not pairing.in_step and not found:
        found.append(
            Issue(
                "warning",
                "the label files have their rows in different orders, and Lightning Pose pairs "
                "them by their number",
                "",
                REPAIR,
            )
        )
    for view, images in pairing.strangers.items():
        found.append(
            Issue(
                "note",
                f"{counted(len(images), 'row')} cannot be distinguished by session and frame "
                f"({', '.join(images[:_MOST_NAMED])}) and stay as they are",
                tables[view].path.name,
                "Name images labeled-data/<session>_<view>/img<frame>.png",
            )
        )
    return found


def repaired(
    tables: Mapping[str, LabelTable], pairing: Pairing, images: Mapping[tuple[FrameKey, str], str]
) -> dict[str, LabelTable]:
    """The tables with the same frames in the same order; nothing that is labeled goes.

    Parameters
    ----------
    images : mapping of (FrameKey, view) to image
        Paths of the images of rows that are missing.

    Raises
    ------
    PoseDataError
        When two lines of the same frame hold different labels: a person has to choose.
    """
    chosen = {place: _same_labels(tables[place[1]], at) for place, at in pairing.twice.items()}
    found = {}
    for view, table in tables.items():
        order, added = [], []
        for place, (key, at) in enumerate(pairing.lines.items()):
            if view in at:
                order.append(chosen.get((key, view), at[view]))
            else:
                added.append((place, images[key, view]))
        strangers = set(pairing.strangers.get(view, ()))
        order += [line for line, image in table.rows if image in strangers]
        found[view] = table.reordered(order, added)
    return found


def _same_labels(table: LabelTable, lines: Sequence[int]) -> int:
    """The line that holds what all of them hold."""
    labels = {
        line: {k: cell[:2] for k, cell in table.cells(line).items() if cell.x is not None}
        for line in lines
    }
    fullest = max(lines, key=lambda line: len(labels[line]))
    for line in lines:
        if any(labels[fullest].get(k) != position for k, position in labels[line].items()):
            raise PoseDataError(
                "two lines of the same image hold different labels",
                file=table.path,
                place=f"lines {fullest + 1} and {line + 1}",
                todo="Remove one of the two lines",
            )
    return fullest


def _frames(keys: Sequence[FrameKey]) -> str:
    named = ", ".join(f"{key.session} {key.frame}" for key in keys[:_MOST_NAMED])
    more = len(keys) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
