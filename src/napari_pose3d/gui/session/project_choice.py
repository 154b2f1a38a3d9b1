"""Choosing a project: by dialog or by drag and drop."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QMimeData, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.project import Project
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.wording import counted

_HINT = "Drop a project folder, a session folder, or videos and prediction files here."
_KINDS = {
    "lightning-pose": "Lightning Pose project",
    "anipose": "Anipose sessions",
    "folder": "folder",
    "files": "files",
}


class ProjectPanel(QGroupBox):
    """Which folder to look into: `chosen` gives paths, `new_wanted` asks for a new project."""

    chosen = Signal(object)
    new_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("1 · Project", parent)
        self.setAcceptDrops(True)
        self._label = MessageLabel(_HINT)
        folder = QPushButton("Open &folder…")
        folder.setToolTip("A project, or a folder with the videos and predictions of a session.")
        folder.clicked.connect(self._choose_folder)
        files = QPushButton("Open f&iles…")
        files.setToolTip("Videos, predictions and a calibration that belong together.")
        files.clicked.connect(self._choose_files)
        new = QPushButton("&New…")
        new.setToolTip("Make a project from videos.")
        new.clicked.connect(self.new_wanted)
        buttons = QHBoxLayout()
        for button in (folder, files, new):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self._label)
        column.addLayout(buttons)

    @property
    def text(self) -> str:
        """What the user reads."""
        return self._label.message

    def show_busy(self) -> None:
        """While the folder is scanned."""
        self._label.show_message("Looking for sessions…")

    def show_project(self, project: Project) -> None:
        """Say what was opened."""
        count = counted(len(project.sessions), "session")
        self._label.show_message(f"{project.name} ({_KINDS[project.kind]}): {count}.")
        self._label.setToolTip(str(project.folder))

    def show_problem(self, message: str) -> None:
        """Say why the folder cannot be opened."""
        self._label.show_message(message)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take files and folders."""
        if event is not None and _paths_in(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Open what was dropped."""
        paths = [] if event is None else _paths_in(event.mimeData())
        if paths and event is not None:
            event.acceptProposedAction()
            self.chosen.emit(paths)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Project or session folder")
        if folder:
            self.chosen.emit([Path(folder)])

    def _choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Videos and prediction files")
        if files:
            self.chosen.emit([Path(file) for file in files])


def _paths_in(data: QMimeData | None) -> list[Path]:
    urls = [] if data is None else data.urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
