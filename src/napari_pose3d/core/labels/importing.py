"""Taking over labels that were made elsewhere, such as DeepLabCut's of one camera."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import PoseDataError
from ..formats.label_csv import read_label_csv
from ..formats.label_h5 import read_label_h5
from .label import Label, Spot, now
from .labeling import Labeling
from .picture_names import frame_of_picture
from .status import LabelStatus, Visibility


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
    """

    n_labels: int
    n_frames: int
    n_kept: int
    unknown: tuple[str, ...]


def import_labels(labeling: Labeling, path: str | os.PathLike[str], view: str) -> Imported:
    """Take labels of one view over from ``CollectedData*.csv`` or ``.h5``, as one step of undo.

    The frame is the number in the picture's name; positions are px of the view's film.

    Parameters
    ----------
    labeling : Labeling
    path : path
    view : str
        Which view of the session was labeled.

    Raises
    ------
    PoseDataError
        When the file is damaged, the session has no such view, or no keypoint is known.
    """
    path = Path(path)
    if view not in labeling.views:
        raise PoseDataError(
            f"the session has no view '{view}'", expected=f"one of {', '.join(labeling.views)}"
        )
    table = read_label_h5(path) if path.suffix.lower() == ".h5" else read_label_csv(path)
    unknown = tuple(name for name in table.keypoints if name not in labeling.keypoints)
    if len(unknown) == len(table.keypoints):
        raise PoseDataError(
            f"none of the keypoints is known: {', '.join(unknown)}",
            file=path,
            expected=f"some of {', '.join(labeling.keypoints)}",
            todo="Add or rename keypoints first",
        )
    n_labels, n_kept, frames = 0, 0, set()
    with labeling.store.edit(f"import {path.name}") as edit:
        for line, picture in table.rows:
            frame = frame_of_picture(picture)
            if frame is None:
                continue
            new = {}
            for name, cell in table.cells(line).items():
                if name in unknown or cell.x is None or cell.y is None:
                    continue
                spot = Spot(view, name)
                if labeling.label(frame, spot).status.by_person:
                    n_kept += 1
                    continue
                occluded = cell.visible == Visibility.OCCLUDED
                seen = Visibility.OCCLUDED if occluded else Visibility.VISIBLE
                new[spot] = Label((cell.x, cell.y), LabelStatus.CLICKED, seen, table.scorer, now())
            if new:
                edit.put_all(labeling.key(frame), new)
                n_labels += len(new)
                frames.add(frame)
    return Imported(n_labels, len(frames), n_kept, unknown)
