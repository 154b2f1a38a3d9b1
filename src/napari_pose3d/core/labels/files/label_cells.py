"""Conversion between labels and the cells and lines of the files."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from napari_pose3d.core.formats.labels.label_csv import LabelTable
from napari_pose3d.core.formats.labels.label_lines import Cell, number_text
from napari_pose3d.core.formats.labels.label_provenance import Row

from ..store.label import EMPTY, FrameKey, Label, LabelKey, LabelStatus, Visibility
from ..store.label_store import LabelStore

_SAME = 6e-4  # px; positions are written with three decimals


def cell_of(label: Label) -> Cell:
    """What goes to the label file: 1 (occluded) would make Lightning Pose drop the position."""
    if label.is_kept and label.position is not None:
        return Cell(*label.position, 2)
    return Cell(None, None, 1 if label.visibility == Visibility.OCCLUDED else 0)


def label_of(cell: Cell, row: Row | None) -> Label:
    """The label of a cell and the newest line of our own table about it."""
    if cell.x is None or cell.y is None:
        occluded = cell.visible == Visibility.OCCLUDED
        if row is not None and not row["x"] and row["visibility"] == "occluded":
            return Label(visibility=Visibility.OCCLUDED, labeler=row["labeler"], time=row["time"])
        if occluded:
            return Label(visibility=Visibility.OCCLUDED)
        if row is not None and not row["x"] and row["status"] == "empty" and row["labeler"]:
            return Label(labeler=row["labeler"], time=row["time"])
        return EMPTY
    position = (cell.x, cell.y)
    if row is None or not _is_about(row, position):
        seen = Visibility.OCCLUDED if cell.visible == Visibility.OCCLUDED else Visibility.VISIBLE
        return Label(position, LabelStatus.CLICKED, seen)
    return Label(
        position,
        LabelStatus[row["status"].upper()],
        Visibility[row["visibility"].upper()],
        row["labeler"],
        row["time"],
        residual=_residual(row),
    )


def _residual(row: Row) -> float | None:
    """In px; None where the line holds none, or none that makes sense."""
    try:
        value = float(row["residual"])
    except ValueError:
        return None
    return value if 0 <= value < math.inf else None


def _is_about(row: Row, position: tuple[float, float]) -> bool:
    """Whether a line was written about this position, and makes sense."""
    known = row["status"].upper() in LabelStatus.__members__
    if not known or row["visibility"].upper() not in Visibility.__members__:
        return False
    try:
        there = float(row["x"]), float(row["y"])
    except ValueError:
        return False
    return same_position(there, position)


def same_position(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether two positions in px are the same once they are written."""
    return all(abs(p - q) < _SAME for p, q in zip(a, b, strict=True))


def provenance_row(
    frame: FrameKey, label_key: LabelKey, label: Label, residual: float | None = None
) -> Row:
    """The line about a label.

    Parameters
    ----------
    residual : float, optional
        In px; not given: that of the label.
    """
    residual = label.residual if residual is None else residual
    x, y = label.position if label.is_kept and label.position is not None else (None, None)
    kept = label if label.is_kept or label.visibility == Visibility.OCCLUDED else EMPTY
    return {
        "session": frame.session,
        "frame": str(frame.frame),
        "view": label_key.view,
        "keypoint": label_key.keypoint,
        "x": number_text(x),
        "y": number_text(y),
        "status": kept.status.name.lower() if x is not None else "empty",
        "visibility": kept.visibility.name.lower(),
        "labeler": label.labeler,
        "time": label.time,
        "residual": "" if residual is None else f"{residual:.2f}",
    }


def updated_table(
    table: LabelTable,
    view: str,
    store: LabelStore,
    lines: Mapping[FrameKey, int | None],
    labeled: Collection[FrameKey],
    images: Mapping[FrameKey, str],
) -> LabelTable:
    """A view's table with the labels of some frames as they are in the store.

    Parameters
    ----------
    lines : mapping of FrameKey to int or None
        The line of each frame; None where it has none yet.
    labeled : collection of FrameKey
        Those of the frames that have a row from now on.
    images : mapping of FrameKey to str
        The images of frames that get a line.
    """
    changes: dict[int, dict[str, Cell]] = {}
    added: list[tuple[str, dict[str, Cell]]] = []
    removed = []
    for frame, line in lines.items():
        if frame not in labeled:
            if line is not None:
                removed.append(line)
            continue
        if line is None:
            labels = store.labels(frame)
            cells = {k: cell_of(labels.get(LabelKey(view, k), EMPTY)) for k in table.keypoints}
            added.append((images[frame], cells))
            continue
        touched = {
            label_key.keypoint: cell_of(label)
            for label_key, label in store.changed_labels(frame).items()
            if label_key.view == view
        }
        if touched and table.has_visible:
            # An empty cell of others in this line would be read as nonsense.
            for name, cell in table.cells(line).items():
                if cell.visible is None and name not in touched:
                    touched[name] = cell._replace(visible=0 if cell.x is None else 2)
        if touched:
            changes[line] = touched
    return table.changed(changes, added, removed)
