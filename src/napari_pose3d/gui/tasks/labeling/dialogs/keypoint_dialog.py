"""The dialog "Keypoints": adding, renaming and ordering them; nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

_FORMER = Qt.ItemDataRole.UserRole
_NEW_NAME = "new keypoint"
_MEANING = (
    "All label files, project.yaml and the skeleton change together, or none does. A keypoint that "
    "has labels cannot be taken away here: its labels would be lost."
)


class KeypointDialog(QDialog):
    """Lets the user edit the list of keypoints.

    Parameters
    ----------
    keypoints : sequence of str
        Those that there are.
    """

    def __init__(self, keypoints: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keypoints of the project")
        self._before = tuple(keypoints)
        self._list = QListWidget()
        self._list.setAccessibleName("Keypoints in their order")
        self._list.setToolTip("Double-click (or F2) renames; drag changes the order.")
        self._list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self._list.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        for name in keypoints:
            self._append(name, name)
        self._list.setCurrentRow(0)
        self._list.itemChanged.connect(lambda _: self._check())
        self._list.currentRowChanged.connect(lambda _: self._check())
        rows = self._list.model()
        assert rows is not None
        rows.rowsMoved.connect(self._check)
        self._buttons: dict[str, QPushButton] = {}
        aside = QVBoxLayout()
        for text, action in (
            ("&Add", self.add),
            ("&Rename", self._rename),
            ("Move &up", lambda: self.move_by(-1)),
            ("Move &down", lambda: self.move_by(1)),
            ("Re&move", self.remove),
        ):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, act=action: act())
            aside.addWidget(button)
            self._buttons[text.replace("&", "")] = button
        aside.addStretch(1)
        middle = QHBoxLayout()
        middle.addWidget(self._list, 1)
        middle.addLayout(aside)
        meaning = QLabel(_MEANING)
        meaning.setWordWrap(True)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setMinimumHeight(2 * self._problem.fontMetrics().lineSpacing())
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        ok = buttons.button(kinds.Ok)
        assert ok is not None
        ok.setText("Change the files")
        self._ok = ok
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(meaning)
        column.addLayout(middle)
        column.addWidget(self._problem)
        column.addWidget(buttons)
        self.resize(420, 440)
        self._check()

    @property
    def names(self) -> list[tuple[str, str | None]]:
        """Names in their order, each with its former one; None for one that is new."""
        items = self._items()
        return [(item.text().strip(), item.data(_FORMER)) for item in items]

    @property
    def problem(self) -> str:
        """What is wrong with the names; "" when they can be written."""
        return self._problem.text()

    def add(self, name: str = "") -> None:
        """Add a keypoint behind the current one; the user types its name."""
        taken = {name for name, _ in self.names}
        number, new = 1, name or _NEW_NAME
        while new in taken:
            number += 1
            new = f"{_NEW_NAME} {number}"
        row = self._list.currentRow() + 1 or self._list.count()
        self._append(new, None, row)
        self._list.setCurrentRow(row)
        self._check()
        if not name:
            self._rename()

    def rename(self, former: str, name: str) -> None:
        """Give a keypoint another name."""
        next(item for item in self._items() if item.text() == former).setText(name)

    def move_by(self, by: int) -> None:
        """Move the current keypoint up (-1) or down (1)."""
        row = self._list.currentRow()
        if row < 0 or not 0 <= row + by < self._list.count():
            return
        self._list.insertItem(row + by, self._list.takeItem(row))
        self._list.setCurrentRow(row + by)
        self._check()

    def remove(self) -> None:
        """Take the current keypoint away, which has to be one that was added here."""
        item = self._list.currentItem()
        if item is not None and item.data(_FORMER) is None:
            self._list.takeItem(self._list.row(item))
            self._check()

    def _append(self, name: str, former: str | None, row: int | None = None) -> None:
        item = QListWidgetItem(name)
        item.setData(_FORMER, former)
        # An item is no place to drop on, or it would be replaced.
        flags = item.flags() | Qt.ItemFlag.ItemIsEditable
        item.setFlags(flags & ~Qt.ItemFlag.ItemIsDropEnabled)
        self._list.insertItem(self._list.count() if row is None else row, item)

    def _items(self) -> list[QListWidgetItem]:
        items = (self._list.item(row) for row in range(self._list.count()))
        return [item for item in items if item is not None]

    def _rename(self) -> None:
        item = self._list.currentItem()
        if item is not None:
            self._list.editItem(item)

    def _check(self) -> None:
        names = [name for name, _ in self.names]
        twice = [name for i, name in enumerate(names) if name in names[:i]]
        if "" in names:
            problem = "A keypoint needs a name."
        elif twice:
            problem = f"{twice[0]} is named twice."
        elif any(c in name for name in names for c in ',"\n'):
            problem = "A name must not hold commas or quotes."
        else:
            problem = ""
        self._problem.setText(problem)
        unchanged = self.names == [(name, name) for name in self._before]
        self._ok.setEnabled(not problem and not unchanged)
        item, row = self._list.currentItem(), self._list.currentRow()
        self._buttons["Rename"].setEnabled(item is not None)
        self._buttons["Move up"].setEnabled(row > 0)
        self._buttons["Move down"].setEnabled(0 <= row < self._list.count() - 1)
        self._buttons["Remove"].setEnabled(item is not None and item.data(_FORMER) is None)
