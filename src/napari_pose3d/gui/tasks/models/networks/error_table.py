"""How far a network is from the labels, by keypoint and view."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QTableView, QWidget

from napari_pose3d.core.models.listing.pixel_errors import PixelErrors
from napari_pose3d.gui.qt.record_table import RecordModel

_HEIGHT, _MOST_HEIGHT = 90, 300
_ROOM = 14
# px that there are in the narrowest panel.
_FITS = 262
# Of the table's own median; such a cell is marked.
_BAD = 2.0
_MARKED = QColor(213, 94, 0, 110)


class NumberTable(QTableView):
    """A table with a line for each keypoint and a column for each view.

    Parameters
    ----------
    name : str
        For screen readers.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTableView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self._model: _Numbers | None = None

    def show_numbers(
        self,
        rows: Sequence[str],
        columns: Sequence[str],
        values: NDArray[Any],
        marked: NDArray[np.bool_],
        digits: int = 1,
    ) -> None:
        """Show others.

        Parameters
        ----------
        rows, columns : sequence of str
            Keypoints and views.
        values, marked : (row, column) array
            Numbers, NaN where there is none; and which stand out.
        digits : int
            After the point.
        """
        texts = [[_text(value, digits) for value in column] for column in values.T]
        names = self._fitting(rows, columns, texts)
        self._model = _Numbers(self, rows, (names, columns), values, marked, digits)
        self.setModel(self._model)
        header, side = self.horizontalHeader(), self.verticalHeader()
        if header is None or side is None:
            return
        side.hide()
        side.setDefaultSectionSize(side.minimumSectionSize())
        for column, width in enumerate(self._widths(rows, names, texts)):
            header.resizeSection(column, width)
        height = (len(rows) + 1) * side.defaultSectionSize() + 24
        self.setFixedHeight(int(min(max(height, _HEIGHT), _MOST_HEIGHT)))

    def _widths(
        self, rows: Sequence[str], columns: Sequence[str], texts: Sequence[Sequence[str]]
    ) -> list[int]:
        metrics = self.fontMetrics()
        cells = [(*rows, "keypoint")]
        cells += [(name, "99.9", *each) for name, each in zip(columns, texts, strict=True)]
        return [max(map(metrics.horizontalAdvance, each)) + _ROOM for each in cells]

    def _fitting(
        self, rows: Sequence[str], columns: Sequence[str], texts: Sequence[Sequence[str]]
    ) -> Sequence[str]:
        """The columns' names, without what they begin with alike where there is no room for it."""
        fits = sum(self._widths(rows, columns, texts)) <= _FITS
        return columns if fits else without_prefix(columns)

    def text(self, row: int, column: int) -> str:
        """What the user reads in a cell; column 0 holds the keypoints."""
        return "" if self._model is None else str(self._model.data(self._model.index(row, column)))

    def is_marked(self, row: int, column: int) -> bool:
        """Whether a cell stands out."""
        role = Qt.ItemDataRole.BackgroundRole
        return self._model is not None and bool(
            self._model.data(self._model.index(row, column), role)
        )


def without_prefix(names: Sequence[str]) -> Sequence[str]:
    """Names without the words that all of them begin with: ``A, B`` for ``Cam-A, Cam-B``."""
    if len(names) < 2:
        return names
    # What the first and the last in order have in common, all have.
    first, last = min(names), max(names)
    n = next((i for i, letter in enumerate(first) if last[i : i + 1] != letter), len(first))
    words = re.match(r".*[-_. ]", first[:n])
    if words is None or len(first) == words.end():
        return names
    return [name[words.end() :] for name in names]


class _Numbers(RecordModel):
    def __init__(
        self,
        parent: QWidget,
        rows: Sequence[str],
        columns: tuple[Sequence[str], Sequence[str]],
        values: NDArray[Any],
        marked: NDArray[np.bool_],
        digits: int,
    ) -> None:
        # What is shown of their names, and the whole names.
        shown, whole = columns
        super().__init__(parent, ("keypoint", *shown), ("", *whole))
        self._values, self._marked, self._digits = values, marked, digits
        self.show_records(rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A number, and a colour where it stands out."""
        row, column = index.row(), index.column() - 1
        if role == Qt.ItemDataRole.DisplayRole:
            if column < 0:
                return self.records[row]
            return _text(self._values[row, column], self._digits)
        if role == Qt.ItemDataRole.BackgroundRole and column >= 0 and self._marked[row, column]:
            return _MARKED
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= 0:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


def _text(value: float, digits: int) -> str:
    if value != value:
        return "-"
    # Of large numbers the first digits say enough.
    return f"{value:.{digits if abs(value) < 99.95 else 0}f}"


def show_errors(table: NumberTable, tables: Mapping[str, PixelErrors], which: str | None) -> None:
    """Median errors of a set of frames; those of twice the median of all stand out.

    Parameters
    ----------
    tables : mapping of view to PixelErrors
    which : str or None
        ``train`` or ``validation``; None for all frames.
    """
    medians = np.array([each.median(which) for each in tables.values()]).T
    known = medians[np.isfinite(medians)]
    bar = _BAD * float(np.median(known)) if known.size else np.inf
    keypoints = next(iter(tables.values())).keypoints
    with np.errstate(invalid="ignore"):
        table.show_numbers(keypoints, tuple(tables), medians, medians > bar)
