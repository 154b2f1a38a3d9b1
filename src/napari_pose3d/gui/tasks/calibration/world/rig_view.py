"""The rig in 3-D, in a window of its own: one world, or two to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.qt.message_text import MessageLabel

from .rig_canvas import PARTS, RigCanvas
from .rig_scene import RigScene

_TITLES = {"content": "Boards, animal", "images": "Images", "floor": "Floor"}


class RigWindow(QWidget):
    """`taken` is emitted with the number of the world that was chosen."""

    taken = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("The rig in 3-D")
        self.resize(1000, 640)
        self._hint = MessageLabel()
        self._row = QHBoxLayout()
        self._units = "units"
        self.seen = QSpinBox()
        self.seen.setSpecialValueText("none")
        self.seen.setAccessibleName("Show the space that at least so many cameras see")
        self.seen.setToolTip("What two cameras see can be triangulated.")
        self.seen.valueChanged.connect(self._show_seen)
        label = QLabel("Space seen by at least so many &cameras")
        label.setBuddy(self.seen)
        self._content = QLabel()
        below = QHBoxLayout()
        below.addWidget(label)
        below.addWidget(self.seen)
        below.addWidget(self._content)
        below.addStretch(1)
        self.boxes: dict[str, QCheckBox] = {}
        for part in PARTS:
            box = QCheckBox(_TITLES[part])
            box.setChecked(True)
            box.toggled.connect(lambda shown, part=part: self._show_part(part, shown))
            below.addWidget(box)
            self.boxes[part] = box
        fit = QPushButton("&Fit")
        fit.setToolTip("Everything in view, z up.")
        fit.clicked.connect(self._fit)
        below.addWidget(fit)
        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addLayout(self._row, 1)
        layout.addLayout(below)
        self.canvases: list[RigCanvas] = []
        self.buttons: list[QPushButton] = []
        self._columns: list[QWidget] = []

    @property
    def hint(self) -> str:
        """What the user reads above."""
        return self._hint.message

    @property
    def content(self) -> str:
        """How much space so many cameras see."""
        return self._content.text()

    def show_scenes(self, scenes: Mapping[str, RigScene], hint: str, choose: bool) -> None:
        """Show worlds side by side.

        Parameters
        ----------
        scenes : mapping of str to RigScene
            By what their buttons say.
        choose : bool
            Whether one of them is to be taken.
        """
        self._clear()
        self._hint.show_message(hint)
        self._hint.setVisible(bool(hint))
        for i, (name, scene) in enumerate(scenes.items()):
            column = QWidget()
            rows = QVBoxLayout(column)
            rows.setContentsMargins(0, 0, 0, 0)
            canvas = RigCanvas(name)
            rows.addWidget(canvas, 1)
            if choose:
                button = QPushButton(name)
                button.clicked.connect(lambda _=False, i=i: self.taken.emit(i))
                rows.addWidget(button)
                self.buttons.append(button)
            self._row.addWidget(column)
            self._columns.append(column)
            self.canvases.append(canvas)
            canvas.show_scene(scene)
        rig = next(iter(scenes.values())).rig
        self._units = rig.units or "units"
        self.seen.setMaximum(len(rig.cameras))
        for part, box in self.boxes.items():
            self._show_part(part, box.isChecked())
        self._show_seen()
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: Any) -> None:  # noqa: N802
        """Canvases hold memory of the graphics card."""
        self._clear()
        super().closeEvent(event)

    def shut_down(self) -> None:
        """Free the canvases; the window is of no use afterwards."""
        self._clear()
        self.close()

    def _show_seen(self) -> None:
        n = self.seen.value()
        contents = [canvas.show_seen(n) for canvas in self.canvases]
        text = f"{contents[0]:.3g} cubic {self._units}" if contents and contents[0] else "nothing"
        self._content.setText(text if n and contents else "")

    def _show_part(self, part: str, shown: bool) -> None:
        for canvas in self.canvases:
            canvas.show_part(part, shown)

    def _fit(self) -> None:
        for canvas in self.canvases:
            canvas.fit()

    def _clear(self) -> None:
        canvases: Sequence[RigCanvas] = self.canvases
        for canvas in canvases:
            canvas.shut_down()
        for column in self._columns:
            self._row.removeWidget(column)
            column.deleteLater()
        self.canvases, self.buttons, self._columns = [], [], []
