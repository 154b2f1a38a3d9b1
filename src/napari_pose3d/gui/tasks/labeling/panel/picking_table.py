"""A table in which a click, an arrow key or Enter picks a cell."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QApplication, QTableView, QWidget


class PickingTable(QTableView):
    """`picked` is emitted with the index that the user goes to by mouse or keys.

    Not while several are selected, with Shift or Ctrl held; nor when the program moves the current
    index.
    """

    picked = Signal(QModelIndex)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        # Tab leaves the table, instead of walking through its cells.
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.clicked.connect(self._on_click)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Go on to another cell, and pick it."""
        if event is None:
            return
        before = self.currentIndex()
        super().keyPressEvent(event)
        plain = event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if plain and (enter or self.currentIndex() != before) and self.currentIndex().isValid():
            self.picked.emit(self.currentIndex())

    def _on_click(self, index: QModelIndex) -> None:
        if QApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier:
            self.picked.emit(index)
