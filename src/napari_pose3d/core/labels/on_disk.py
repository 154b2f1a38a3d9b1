"""What a label becomes in the files, and what the files say about a label."""

from __future__ import annotations

from ..formats.label_csv import Cell, number_text
from ..formats.label_provenance import Row
from .label import EMPTY, FrameKey, Label, Spot
from .status import LabelStatus, Visibility

_SAME = 6e-4  # px; positions are written with three decimals


def cell_of(label: Label) -> Cell:
    """What goes to the label file: 1 (occluded) would make Lightning Pose drop the position."""
    if label.is_kept and label.position is not None:
        return Cell(*label.position, 2)
    return Cell(None, None, 1 if label.visibility == Visibility.OCCLUDED else 0)


def label_of(cell: Cell, row: Row | None) -> Label:
    """What a cell and the newest line about it say together."""
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
    if row is None or not _same_position(row, position):
        seen = Visibility.OCCLUDED if cell.visible == Visibility.OCCLUDED else Visibility.VISIBLE
        return Label(position, LabelStatus.CLICKED, seen)
    return Label(
        position,
        LabelStatus[row["status"].upper()],
        Visibility[row["visibility"].upper()],
        row["labeler"],
        row["time"],
        residual=float(row["residual"]) if row["residual"] else None,
    )


def _same_position(row: Row, position: tuple[float, float]) -> bool:
    """Whether a line was written about this position, and makes sense."""
    known = row["status"].upper() in LabelStatus.__members__
    if not known or row["visibility"].upper() not in Visibility.__members__:
        return False
    try:
        there = float(row["x"]), float(row["y"])
    except ValueError:
        return False
    return all(abs(a - b) < _SAME for a, b in zip(there, position, strict=True))


def provenance_row(frame: FrameKey, spot: Spot, label: Label, residual: float | None = None) -> Row:
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
        "view": spot.view,
        "keypoint": spot.keypoint,
        "x": number_text(x),
        "y": number_text(y),
        "status": kept.status.name.lower() if x is not None else "empty",
        "visibility": kept.visibility.name.lower(),
        "labeler": label.labeler,
        "time": label.time,
        "residual": "" if residual is None else f"{residual:.2f}",
    }
