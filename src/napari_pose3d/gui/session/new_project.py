"""The dialog "New project": names of views and keypoints, and where the videos are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.creation import Mode

_MODES: dict[Mode, str] = {
    "leave": "stay where they are",
    "link": "are linked into the project",
    "copy": "are copied into the project",
}
assert set(_MODES) == set(get_args(Mode))


@dataclass(frozen=True)
class NewProject:
    """What the user entered."""

    folder: Path
    views: tuple[str, ...]
    keypoints: tuple[str, ...]
    videos: tuple[Path, ...]
    mode: Mode


class NewProjectDialog(QDialog):
    """Asks for what a project needs; `answer` holds it after OK."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New project")
        self.folder = _PathField("Folder of the new project", several=False)
        self.videos = _PathField("Videos, or folders of videos", several=True)
        self.views = QLineEdit()
        self.views.setPlaceholderText("top, side")
        self.views.setToolTip("As at the end of the videos' names: session_top.mp4")
        self.keypoints = QTextEdit()
        self.keypoints.setAcceptRichText(False)
        self.keypoints.setTabChangesFocus(True)
        self.keypoints.setPlaceholderText("nose\nneck\ntail_base")
        self.mode = QComboBox()
        for mode, text in _MODES.items():
            self.mode.addItem(text, mode)
        self.mode.setToolTip("Lightning Pose's own app only sees videos that are linked or copied.")
        form = QFormLayout()
        form.addRow("&Folder:", self.folder)
        form.addRow("Names of the &views:", self.views)
        form.addRow("&Keypoints, one per line:", self.keypoints)
        form.addRow("F&ilms:", self.videos)
        form.addRow("The videos &then:", self.mode)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.hide()
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        buttons.accepted.connect(self._accept_if_whole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self._problem)
        column.addWidget(buttons)
        self.resize(560, 420)

    @property
    def answer(self) -> NewProject:
        """What was entered."""
        folders = self.folder.paths
        return NewProject(
            folders[0] if folders else Path(),
            _words(self.views.text().replace(",", "\n")),
            _words(self.keypoints.toPlainText()),
            tuple(self.videos.paths),
            self.mode.currentData(),
        )

    def _accept_if_whole(self) -> None:
        lacking = [
            what
            for what, there in (
                ("the folder", self.folder.paths),
                ("names of views", self.answer.views),
                ("keypoints", self.answer.keypoints),
            )
            if not there
        ]
        if lacking:
            self._problem.setText(f"Still missing: {', '.join(lacking)}.")
            self._problem.show()
            return
        self.accept()


class _PathField(QWidget):
    """A line of paths with a button to choose them."""

    def __init__(self, title: str, several: bool) -> None:
        super().__init__()
        self._title, self._several = title, several
        self.line = QLineEdit()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        folder = QPushButton("Folder…")
        folder.clicked.connect(self._choose_folder)
        row.addWidget(folder)
        if several:
            files = QPushButton("Files…")
            files.clicked.connect(self._choose_files)
            row.addWidget(files)

    @property
    def paths(self) -> list[Path]:
        parts = self.line.text().split(";") if self._several else [self.line.text()]
        return [Path(part.strip()).expanduser() for part in parts if part.strip()]

    def add(self, paths: Sequence[Path]) -> None:
        """Add paths, or, where there is one only, take the first instead."""
        chosen = [*self.paths, *paths] if self._several else list(paths[:1])
        self.line.setText("; ".join(map(str, dict.fromkeys(chosen))))

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self._title)
        if folder:
            self.add([Path(folder)])

    def _choose_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, self._title)
        self.add([Path(file) for file in files])


def _words(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
