"""Choosing keypoints: a list with check boxes, each with its colour."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..colours import keypoint_hex

_SWATCH = 10


class KeypointList(QGroupBox):
    """Which keypoints to smooth; all of them at first."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("3 · Keypoints", parent)
        self._list = QListWidget()
        self._list.setAccessibleName("Keypoints to smooth")
        self._list.setToolTip("Only the checked keypoints are smoothed. Space checks or unchecks.")
        self._list.setFixedHeight(104)
        self._list.itemChanged.connect(self._on_changed)
        self._count = QLabel()
        every = QPushButton("All")
        every.clicked.connect(lambda: self._check_all(True))
        none = QPushButton("None")
        none.clicked.connect(lambda: self._check_all(False))
        self._buttons = (every, none)
        row = QHBoxLayout()
        row.addWidget(self._count, 1)
        row.addWidget(every)
        row.addWidget(none)
        layout = QVBoxLayout(self)
        layout.addWidget(self._list)
        layout.addLayout(row)
        self.offer(())

    @property
    def offered(self) -> tuple[str, ...]:
        """All keypoints of the files."""
        return tuple(item.text() for item in self._items())

    @property
    def checked(self) -> tuple[str, ...]:
        """The keypoints to smooth, in the order of the files."""
        checked = Qt.CheckState.Checked
        return tuple(item.text() for item in self._items() if item.checkState() == checked)

    def offer(self, keypoints: tuple[str, ...]) -> None:
        """Show other keypoints; those already shown keep their check mark."""
        if keypoints and keypoints == self.offered:
            return
        unchecked = set(self.offered) - set(self.checked)
        self._list.blockSignals(True)
        self._list.clear()
        for name, colour in keypoint_hex(keypoints).items():
            item = QListWidgetItem(name)
            pixmap = QPixmap(QSize(_SWATCH, _SWATCH))
            pixmap.fill(QColor(colour))
            item.setData(Qt.ItemDataRole.DecorationRole, pixmap)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            state = Qt.CheckState.Unchecked if name in unchecked else Qt.CheckState.Checked
            item.setCheckState(state)
            self._list.addItem(item)
        self._list.blockSignals(False)
        self.setEnabled(bool(keypoints))
        self._on_changed()

    def check(self, keypoints: tuple[str, ...]) -> None:
        """Check exactly these."""
        self._list.blockSignals(True)
        for item in self._items():
            wanted = item.text() in keypoints
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        self._list.blockSignals(False)
        self._on_changed()

    def _items(self) -> list[QListWidgetItem]:
        items = [self._list.item(i) for i in range(self._list.count())]
        return [item for item in items if item is not None]

    def _check_all(self, wanted: bool) -> None:
        self.check(self.offered if wanted else ())

    def _on_changed(self) -> None:
        self._count.setText(f"{len(self.checked)} of {len(self.offered)} chosen")
        self.changed.emit()
