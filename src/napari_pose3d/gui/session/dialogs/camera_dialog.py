"""The dialog "Map cameras": which camera of the calibration each view is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

_NONE = "not calibrated"


class CameraDialog(QDialog):
    """Shows the camera of each view, and takes changes.

    Parameters
    ----------
    views : sequence of str
    names : sequence of str
        Of the cameras, as the calibration has them.
    cameras : mapping of view to camera
        What the project says already.
    file : str
        Name of the calibration.
    """

    def __init__(
        self,
        views: Sequence[str],
        names: Sequence[str],
        cameras: Mapping[str, str],
        file: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Map cameras")
        self._views, self._names = tuple(views), tuple(names)
        # What it says about views of other sessions stays.
        self._others = {view: name for view, name in cameras.items() if view not in views}
        hint = QLabel(
            f"Which camera of {file} is each view? The calibration itself is not changed: the "
            "project keeps the names, and the command line follows them."
        )
        hint.setWordWrap(True)
        self._table = QTableWidget(len(self._views), 2)
        self._table.setHorizontalHeaderLabels(["view", f"camera in {file}"])
        self._table.setAccessibleName("Cameras of the views")
        if (numbers := self._table.verticalHeader()) is not None:
            numbers.hide()
        if (header := self._table.horizontalHeader()) is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._boxes: dict[str, QComboBox] = {}
        taken = {name for view, name in cameras.items() if view in views}
        for row, view in enumerate(self._views):
            item = QTableWidgetItem(view)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self._table.setItem(row, 0, item)
            box = self._boxes[view] = QComboBox()
            box.setAccessibleName(f"Camera of {view}")
            box.addItem(_NONE, "")
            for name in self._names:
                box.addItem(name, name)
            own = view if view not in taken else ""
            box.setCurrentIndex(max(box.findData(cameras.get(view, own)), 0))
            box.currentIndexChanged.connect(self._check)
            self._table.setCellWidget(row, 1, box)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        kinds = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for part in (hint, self._table, self._problem, self._buttons):
            column.addWidget(part)
        self.resize(460, 200 + 34 * len(self._views))
        self._check()

    def choose(self, view: str, camera: str) -> None:
        """Choose the camera of a view; "" for none."""
        box = self._boxes[view]
        box.setCurrentIndex(box.findData(camera))

    @property
    def cameras(self) -> dict[str, str]:
        """The camera of each view whose name is another, for ``project.toml``."""
        chosen = {view: str(box.currentData()) for view, box in self._boxes.items()}
        return self._others | {
            view: camera for view, camera in chosen.items() if camera not in ("", view)
        }

    @property
    def problem(self) -> str:
        """Why the choice cannot be taken; "" when it can."""
        return self._problem.text()

    def _check(self) -> None:
        chosen: dict[str, list[str]] = {}
        for view, box in self._boxes.items():
            if box.currentData():
                chosen.setdefault(str(box.currentData()), []).append(view)
        for view, name in self._others.items():
            if name in chosen:
                chosen[name].append(f"{view} (of another session)")
        twice = [
            f"{' and '.join(views)} cannot both be {camera}."
            for camera, views in chosen.items()
            if len(views) > 1
        ]
        self._problem.setText(" ".join(twice))
        if (ok := self._buttons.button(QDialogButtonBox.StandardButton.Ok)) is not None:
            ok.setEnabled(not twice)
