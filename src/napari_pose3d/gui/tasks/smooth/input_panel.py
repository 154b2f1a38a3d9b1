"""Choosing predictions and a calibration: by dialog, by drag and drop, by keyboard."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QMimeData, QSize, Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.qt.message_text import MessageLabel

PREDICTION_SUFFIXES = {".csv", ".h5"}
CALIBRATION_SUFFIX = ".toml"
_HINT = "Drop a folder, prediction files (.csv, .h5) and a calibration here."


class InputPanel(QGroupBox):
    """Which files to smooth; says only what was chosen, not what is in them.

    `changed` is emitted whenever paths or calibration are others than before.
    """

    changed = Signal()
    refused = Signal(str)
    session_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("1 · Predictions and calibration", parent)
        self.setAcceptDrops(True)
        self.setToolTip(
            "Drop a project folder, a folder of prediction files, the files themselves, or a "
            "calibration (.toml) here."
        )
        self._list = _PathList()
        self._list.removed.connect(self._remove)
        self._followed = ""
        self._hint = MessageLabel()
        self._use_session = QPushButton("&Use the open session")
        self._use_session.setToolTip("Smooth what is open, instead of these files.")
        self._use_session.clicked.connect(self.session_wanted)
        self._use_session.hide()

        add_folder = QPushButton("Add f&older…")
        add_folder.setToolTip("All predictions in a folder, such as a project or a session.")
        add_folder.clicked.connect(self._choose_folder)
        add_files = QPushButton("Add f&iles…")
        add_files.setToolTip("Prediction files of all views, of one network or of several seeds.")
        add_files.clicked.connect(self._choose_files)
        clear = QPushButton("Cl&ear")
        clear.setToolTip("Forget the chosen files (they stay on disk).")
        clear.clicked.connect(self.clear)
        buttons = QHBoxLayout()
        for button in (add_folder, add_files, clear):
            buttons.addWidget(button)

        self._calibration = QLineEdit()
        self._calibration.setPlaceholderText("none; a project's own is used")
        self._calibration.setClearButtonEnabled(True)
        self._calibration.setToolTip(
            "Anipose calibration (.toml) of the cameras. With it keypoints are smoothed in 3-D. "
            "Inside a Lightning Pose project the session's own is found without it."
        )
        self._calibration.editingFinished.connect(self._calibration_edited)
        self._last_calibration = ""
        label = QLabel("C&alibration:")
        label.setBuddy(self._calibration)
        browse = QPushButton("&Browse…")
        browse.setToolTip("Choose the calibration (.toml) among files.")
        browse.clicked.connect(self._choose_calibration)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self._calibration, 1)
        row.addWidget(browse)

        layout = QVBoxLayout(self)
        layout.addWidget(self._hint)
        layout.addWidget(self._list)
        layout.addWidget(self._use_session)
        layout.addLayout(buttons)
        layout.addLayout(row)
        self._refresh()

    @property
    def paths(self) -> list[Path]:
        """Folders and files, in the order of choosing."""
        return self._list.paths

    @property
    def calibration(self) -> Path | None:
        """The calibration file, if one was chosen."""
        text = self._calibration.text().strip()
        return Path(text).expanduser() if text else None

    @property
    def followed(self) -> str:
        """The name of the open session whose files these are; empty for the user's own choice."""
        return self._followed

    def follow(self, session: str, paths: list[Path], calibration: Path | None) -> None:
        """Take the files of the session that is open.

        Parameters
        ----------
        session : str
        paths : list of Path
            Its predictions.
        calibration : Path or None
        """
        before = (self.paths, self.calibration)
        self._followed = session
        self._list.clear()
        for path in paths:
            self._list.add(path)
        text = str(calibration) if calibration else ""
        self._calibration.setText(text)
        self._last_calibration = text
        self._refresh()
        if (self.paths, self.calibration) != before:
            self.changed.emit()

    def offer_session(self, offered: bool) -> None:
        """Whether a session is open that could be used instead of the chosen files."""
        self._use_session.setVisible(offered and not self._followed)

    def add(self, paths: list[Path]) -> None:
        """Add folders and prediction files; a ``.toml`` becomes the calibration."""
        refused = []
        before = (self.paths, self.calibration)
        if self._followed and any(
            path.is_dir() or path.suffix.lower() in PREDICTION_SUFFIXES for path in paths
        ):
            # Other files replace the session's, they are not added.
            self._list.clear()
            self._calibration.clear()
            self._last_calibration = ""
        for path in paths:
            suffix = path.suffix.lower()
            if suffix == CALIBRATION_SUFFIX and not path.is_dir():
                self._calibration.setText(str(path))
                self._last_calibration = str(path)
            elif path.is_dir() or suffix in PREDICTION_SUFFIXES:
                self._list.add(path)
            else:
                refused.append(path.name)
        if (self.paths, self.calibration) != before:
            self._followed = ""
        self._refresh()
        if (self.paths, self.calibration) != before:
            self.changed.emit()
        if refused:
            self.refused.emit(
                f"Not added: {', '.join(refused)}. Expected a folder, prediction files "
                "(.csv, .h5) or a calibration (.toml)."
            )

    def clear(self) -> None:
        """Forget files and calibration."""
        had_any = bool(self.paths or self.calibration)
        self._list.clear()
        self._calibration.clear()
        self._last_calibration = ""
        self._followed = ""
        self._refresh()
        if had_any:
            self.changed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        if event is not None and _local_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        if event is not None:
            self.add(_local_paths(event.mimeData()))
            event.acceptProposedAction()

    def _remove(self) -> None:
        self._followed = ""
        self._refresh()
        self.changed.emit()

    def _refresh(self) -> None:
        followed = bool(self._followed)
        # The files of a session are listed below, by view and prediction set.
        self._list.setVisible(bool(self.paths) and not followed)
        self._hint.setVisible(followed or not self.paths)
        self._hint.show_message(f"The open session: {self._followed}." if followed else _HINT)

    def _calibration_edited(self) -> None:
        text = self._calibration.text().strip()
        if text != self._last_calibration:
            self._last_calibration = text
            self._followed = ""
            self._refresh()
            self.changed.emit()

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of predictions, or project")
        if chosen:
            self.add([Path(chosen)])

    def _choose_files(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(
            self, "Prediction files", "", "Predictions (*.csv *.h5);;All files (*)"
        )
        if chosen:
            self.add([Path(name) for name in chosen])

    def _choose_calibration(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Calibration", "", "Anipose calibration (*.toml);;All files (*)"
        )
        if chosen:
            self._calibration.setText(chosen)
            self._calibration_edited()


class _PathList(QListWidget):
    """The chosen folders and files; Delete takes the selected ones out."""

    removed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The panel takes the drops, so that a folder may also fall beside the list.
        self.setAcceptDrops(False)
        self.setAccessibleName("Chosen folders and files")
        self.setToolTip("Press Delete to take the selected entries out.")

    @property
    def paths(self) -> list[Path]:
        items = [self.item(i) for i in range(self.count())]
        return [Path(item.data(Qt.ItemDataRole.UserRole)) for item in items if item is not None]

    def add(self, path: Path) -> None:
        if path in self.paths:
            return
        item = QListWidgetItem(path.name + ("/" if path.is_dir() else ""))
        item.setData(Qt.ItemDataRole.UserRole, str(path))
        item.setToolTip(str(path))
        self.addItem(item)
        self.updateGeometry()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        keys = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        if event is not None and event.key() in keys and self.selectedItems():
            for item in self.selectedItems():
                self.takeItem(self.row(item))
            self.updateGeometry()
            self.removed.emit()
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:  # noqa: N802
        rows = min(max(self.count(), 1), 4)
        return QSize(200, rows * max(self.sizeHintForRow(0), 18) + 8)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(100, self.sizeHint().height())


def _local_paths(data: QMimeData | None) -> list[Path]:
    if data is None or not data.hasUrls():
        return []
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
