"""The table keypoints x views of the frame that is labeled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from qtpy.QtCore import QEvent, QModelIndex, QRect, Qt, Signal
from qtpy.QtGui import QFont, QFontInfo, QFontMetrics, QPainter, QPalette, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QVBoxLayout, QWidget

from napari_pose3d.core.labels.store.label import LabelKey

from .matrix_cells import MatrixCells
from .matrix_model import MatrixModel
from .status_signs import SIGN_SIZE, CellLook, Legend

_SWATCH = 8
_NARROWEST_NAME, _WIDEST_NAME, _WIDEST_CELL = 58, 200, 72
# Of the residuals against the window's font; the smaller one where there is little room.
_TEXT_SCALES = (0.9, 0.75)
# And of a name that would be cut otherwise.
_SMALL_NAME = 0.8
_CORNER = "QTableCornerButton::section {background: transparent; border: none}"
_ROW_GAP = 5
_SPACING = 3
_LEAST_ROWS = 4
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter
_HORIZONTAL = Qt.Orientation.Horizontal


class KeypointMatrix(QWidget):
    """Shows what is known of each keypoint in each view; a click goes there.

    `chosen` is emitted with keypoint and view of a cell, or with "" for the view when the name of a
    keypoint is clicked; `view_chosen` when the name of a view is clicked.
    """

    chosen = Signal(str, str)
    view_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = MatrixCells()
        self._model = self._table.cells
        self._names = _Names(Qt.Orientation.Vertical, self._model)
        self._headings = _Names(_HORIZONTAL, self._model)
        self._table.setVerticalHeader(self._names)
        self._table.setHorizontalHeader(self._headings)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._table.setAccessibleName("Labels of this frame: keypoints by views")
        self._table.setCornerButtonEnabled(False)
        self._table.setStyleSheet(_CORNER)
        self._table.picked.connect(self._on_picked)
        self._names.sectionClicked.connect(
            lambda row: self.chosen.emit(self._model.keypoints[row], "")
        )
        self._headings.sectionClicked.connect(
            lambda column: self.view_chosen.emit(self._model.views[column])
        )
        self.setFocusProxy(self._table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(_SPACING)
        column.addWidget(self._table, 1)
        self.legend = Legend()
        column.addWidget(self.legend)

    def set_axes(
        self, keypoints: Sequence[str], views: Sequence[str], colours: Mapping[str, str]
    ) -> None:
        """Show other keypoints or views, without labels as yet.

        Parameters
        ----------
        keypoints, views : sequence of str
            In the order of rows and columns.
        colours : mapping of keypoint to ``#rrggbb``
        """
        self._model.set_axes(keypoints, views, colours)
        self._fit()

    def show_cells(self, cells: Mapping[LabelKey, CellLook]) -> None:
        """Show these labels instead; a spot that is not among them has none.

        Only what differs is painted again, so that it may be called at each move of the mouse.
        """
        self._model.show_cells(cells)

    def set_current(self, keypoint: str, view: str) -> None:
        """Mark a cell, or with "" for the view only a row; emits nothing."""
        before = self._model.current
        self._model.set_current(keypoint, view)
        row, column = self._model.current
        if (row, column) == before:
            # Whoever scrolled on is left alone.
            return
        if row >= 0:
            self._table.setCurrentIndex(self._model.index(row, max(column, 0)))
        for part in (self._names, self._headings):
            part.update_current()

    def _on_picked(self, index: QModelIndex) -> None:
        label_key = self._model.label_key(index)
        self.chosen.emit(label_key.keypoint, label_key.view)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Share the width out anew."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Another theme may bring another font."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._fit()

    def _fit(self) -> None:
        """The cells get what they need, the names what is left, as far as they need it."""
        bar = self._table.verticalScrollBar()
        room = self.width() - (bar.sizeHint().width() if bar is not None else 0)
        n_views = max(len(self._model.views), 1)
        for scale in _TEXT_SCALES:
            font = _scaled(self.font(), scale)
            narrowest = SIGN_SIZE + 2 + QFontMetrics(_bold(font)).horizontalAdvance("888")
            if room - n_views * narrowest >= _NARROWEST_NAME:
                break
        self._table.set_text_font(font)
        metrics = QFontMetrics(_bold(self.font()))
        longest = max(map(metrics.horizontalAdvance, self._model.keypoints), default=0)
        names = min(room - n_views * narrowest, longest + _SWATCH + 12, _WIDEST_NAME)
        names = max(names, _NARROWEST_NAME)
        cell = min(max((room - names) // n_views, narrowest), _WIDEST_CELL)
        full = max(map(metrics.horizontalAdvance, self._model.views), default=0) + 4 <= cell
        self._model.set_headings(self._model.views if full else short_names(self._model.views))
        height = metrics.height() + _ROW_GAP
        self._names.setFixedWidth(names)
        self._names.setDefaultSectionSize(height)
        self._headings.setDefaultSectionSize(cell)
        self._headings.setFixedHeight(height)
        least = (_LEAST_ROWS + 1) * height
        self._table.setMinimumHeight(least)
        # In a low window the legend gives way to the keypoints; each cell says the same in words.
        self.setMinimumHeight(least)
        legend = self.legend.height_at(self.width()) + _SPACING
        self.legend.setVisible(self.height() >= least + legend)


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names without the beginning that all of them share: "Cam-A", "Cam-B" become "A", "B"."""
    n_shared = sum(
        1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    )
    # Not within a word or a number: "Cam-10" and "Cam-12" keep "10" and "12".
    while n_shared and names[0][n_shared - 1].isalnum():
        n_shared -= 1
    short = tuple(name[n_shared:] for name in names)
    return short if len(names) > 1 and all(short) else tuple(names)


class _Names(QHeaderView):
    """Names of keypoints or views; the current one is bold.

    Where there is no room they are cut in the middle: "paw front left" and "paw front right" differ
    at the end, others at the beginning.
    """

    def __init__(self, orientation: Qt.Orientation, model: MatrixModel) -> None:
        super().__init__(orientation)
        self._model = model
        self.setSectionsClickable(True)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(8)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        what = "Views" if orientation == _HORIZONTAL else "Keypoints"
        self.setAccessibleName(what)

    def update_current(self) -> None:
        """Paint again."""
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()

    def paintSection(self, painter: QPainter | None, rect: QRect, section: int) -> None:  # noqa: N802
        """One name."""
        if painter is None:
            return
        across = self.orientation() == _HORIZONTAL
        role = Qt.ItemDataRole
        text = self._model.headerData(section, self.orientation(), role.DisplayRole)
        current = self._model.current[1 if across else 0] == section
        font = _bold(self.font()) if current else self.font()
        if not across:
            colour = self._model.headerData(section, self.orientation(), role.DecorationRole)
            swatch = QRect(rect.left() + 3, rect.center().y() - _SWATCH // 2, _SWATCH, _SWATCH)
            painter.fillRect(swatch, colour)
            rect = rect.adjusted(_SWATCH + 7, 0, 0, 0)
        if QFontMetrics(font).horizontalAdvance(text) > rect.width() - 2:
            font = _scaled(font, _SMALL_NAME)
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        cut = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideMiddle, rect.width() - 2)
        painter.drawText(rect, _CENTRE if across else _LEFT, cut)


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setBold(True)
    return bold


def _scaled(font: QFont, scale: float) -> QFont:
    scaled = QFont(font)
    scaled.setPixelSize(max(round(QFontInfo(font).pixelSize() * scale), 8))
    return scaled
