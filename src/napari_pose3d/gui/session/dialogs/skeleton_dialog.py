"""The dialog "Skeleton and colours": which keypoints are joined, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.layers.colours import keypoint_hex

_SWATCH = 14
_JOIN = "-"


class SkeletonDialog(QDialog):
    """Edits both; nothing is written here.

    Parameters
    ----------
    keypoints : sequence of str
    skeleton : sequence of (str, str)
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose before.
    """

    def __init__(
        self,
        keypoints: Sequence[str],
        skeleton: Sequence[tuple[str, str]],
        colours: Mapping[str, str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Skeleton and colours")
        self._keypoints = tuple(keypoints)
        self._usual = keypoint_hex(keypoints)
        self._colours = dict(colours)
        self._bones = list(skeleton)
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        halves = QHBoxLayout()
        halves.addWidget(self._bone_panel())
        halves.addWidget(self._colour_panel())
        column = QVBoxLayout(self)
        column.addLayout(halves)
        column.addWidget(buttons)
        self.resize(640, 420)

    @property
    def skeleton(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._bones)

    @property
    def colours(self) -> dict[str, str]:
        """Only those that differ from the usual ones."""
        return {k: c for k, c in self._colours.items() if self._usual.get(k) != c}

    def join(self, a: str, b: str) -> None:
        """Add a line between two keypoints, unless there is one."""
        if a != b and not {(a, b), (b, a)} & set(self._bones):
            self._bones.append((a, b))
            self._list_bones()

    def remove_bone(self) -> None:
        """Take the chosen line away."""
        row = self._bone_list.currentRow()
        if 0 <= row < len(self._bones):
            del self._bones[row]
            self._list_bones()

    def set_colour(self, keypoint: str, colour: str | None) -> None:
        """Give a keypoint a colour, or, with None, its usual one again."""
        if colour is None:
            self._colours.pop(keypoint, None)
        else:
            self._colours[keypoint] = colour
        self._list_colours()

    def _bone_panel(self) -> QWidget:
        panel = QGroupBox("Skeleton")
        self._bone_list = QListWidget()
        self._bone_list.setAccessibleName("Lines of the skeleton")
        self._from, self._to = QComboBox(), QComboBox()
        for box in (self._from, self._to):
            box.addItems(list(self._keypoints))
        if len(self._keypoints) > 1:
            self._to.setCurrentIndex(1)
        add = QPushButton("&Join")
        add.setToolTip("Draw a line between these two keypoints.")
        add.clicked.connect(lambda: self.join(self._from.currentText(), self._to.currentText()))
        remove = QPushButton("&Remove line")
        remove.setToolTip("Take the chosen line out of the skeleton.")
        remove.clicked.connect(self.remove_bone)
        row = QHBoxLayout()
        for part in (self._from, QLabel(_JOIN), self._to, add):
            row.addWidget(part, 0 if isinstance(part, QLabel) else 1)
        column = QVBoxLayout(panel)
        column.addWidget(self._bone_list)
        column.addLayout(row)
        column.addWidget(remove)
        self._list_bones()
        return panel

    def _colour_panel(self) -> QWidget:
        panel = QGroupBox("Colours")
        self._colour_list = QListWidget()
        self._colour_list.setAccessibleName("Colours of the keypoints")
        self._colour_list.setToolTip("Double-click a keypoint to choose its colour.")
        self._colour_list.itemDoubleClicked.connect(lambda _: self._choose_colour())
        choose = QPushButton("&Choose…")
        choose.setToolTip("Another colour for the chosen keypoint, in all views and plots.")
        choose.clicked.connect(self._choose_colour)
        usual = QPushButton("&Usual colour")
        usual.setToolTip("The usual colours can be distinguished by the colour-blind.")
        usual.clicked.connect(lambda: self._on_current(None))
        row = QHBoxLayout()
        row.addWidget(choose)
        row.addWidget(usual)
        column = QVBoxLayout(panel)
        column.addWidget(self._colour_list)
        column.addLayout(row)
        self._list_colours()
        return panel

    def _choose_colour(self) -> None:
        row = self._colour_list.currentRow()
        if row < 0:
            return
        name = self._keypoints[row]
        chosen = QColorDialog.getColor(QColor(self._colour_of(name)), self, f"Colour of {name}")
        if chosen.isValid():
            self._on_current(chosen.name())

    def _on_current(self, colour: str | None) -> None:
        row = self._colour_list.currentRow()
        if row >= 0:
            self.set_colour(self._keypoints[row], colour)
            self._colour_list.setCurrentRow(row)

    def _colour_of(self, keypoint: str) -> str:
        return self._colours.get(keypoint, self._usual[keypoint])

    def _list_bones(self) -> None:
        self._bone_list.clear()
        self._bone_list.addItems([f"{a} {_JOIN} {b}" for a, b in self._bones])

    def _list_colours(self) -> None:
        self._colour_list.clear()
        for name in self._keypoints:
            pixmap = QPixmap(QSize(_SWATCH, _SWATCH))
            pixmap.fill(QColor(self._colour_of(name)))
            self._colour_list.addItem(QListWidgetItem(QIcon(pixmap), name))
