"""What the table keypoints x views shows, by row and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QColor

from napari_pose3d.core.labels.store.label import LabelKey

from .status_signs import NO_LABEL, CellLook

_HORIZONTAL = Qt.Orientation.Horizontal
_ROOT = QModelIndex()


class MatrixModel(QAbstractTableModel):
    """Looks by row and column, and what is current."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.keypoints: tuple[str, ...] = ()
        self.views: tuple[str, ...] = ()
        self.current = (-1, -1)
        self._headings: tuple[str, ...] = ()
        self._colours: tuple[QColor, ...] = ()
        self._looks: dict[LabelKey, CellLook] = {}
        self._label_keys: list[list[LabelKey]] = []

    def set_axes(
        self, keypoints: Sequence[str], views: Sequence[str], colours: Mapping[str, str]
    ) -> None:
        """Show other keypoints and views, all without labels."""
        self.beginResetModel()
        self.keypoints, self.views = tuple(keypoints), tuple(views)
        self._headings = self.views
        self._colours = tuple(QColor(colours[name]) for name in keypoints)
        self._label_keys = [[LabelKey(view, name) for view in views] for name in keypoints]
        self._looks, self.current = {}, (-1, -1)
        self.endResetModel()

    def set_headings(self, headings: tuple[str, ...]) -> None:
        """Name the columns otherwise than by their views; one heading per view."""
        if headings != self._headings:
            self._headings = headings
            self.headerDataChanged.emit(_HORIZONTAL, 0, len(headings) - 1)

    def show_cells(self, cells: Mapping[LabelKey, CellLook]) -> None:
        """Show labels; a cell that is not among them has none."""
        old, self._looks = self._looks, dict(cells)
        for row, label_keys in enumerate(self._label_keys):
            changed = [
                column
                for column, label_key in enumerate(label_keys)
                if cells.get(label_key, NO_LABEL) != old.get(label_key, NO_LABEL)
            ]
            if changed:
                self.dataChanged.emit(self.index(row, changed[0]), self.index(row, changed[-1]))

    def set_current(self, keypoint: str, view: str) -> None:
        """Mark the cell of a keypoint and a view; none where either is not shown."""
        before = self.current
        row = self.keypoints.index(keypoint) if keypoint in self.keypoints else -1
        self.current = (row, self.views.index(view) if view in self.views else -1)
        for row, column in (before, self.current):
            if row >= 0 and column >= 0:
                index = self.index(row, column)
                self.dataChanged.emit(index, index)

    def label_key(self, index: QModelIndex) -> LabelKey:
        """The keypoint and the view of a cell."""
        return self._label_keys[index.row()][index.column()]

    def look(self, row: int, column: int) -> CellLook:
        """How a cell looks."""
        return self._looks.get(self._label_keys[row][column], NO_LABEL)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self.keypoints)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self.views)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.look(index.row(), index.column()).text
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.look(index.row(), index.column()).words(self.label_key(index))
        return None

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        across = orientation == _HORIZONTAL
        if role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section] if across else self.keypoints[section]
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.views[section] if across else self.keypoints[section]
        if role == Qt.ItemDataRole.DecorationRole and not across:
            return self._colours[section]
        return None
