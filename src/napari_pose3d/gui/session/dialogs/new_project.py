"""The dialog "New project": names of views and keypoints, and where the videos are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.creation import Mode
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.wording import counted

from ..current_session import OpenSession

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
    calibration: Path | None = None
    skeleton: tuple[tuple[str, str], ...] = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    predictions: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    alignments: Mapping[str, ViewAlignment] = field(default_factory=dict)
    cameras: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_session(cls, opened: OpenSession, keypoints: Sequence[str]) -> NewProject:
        """Filled in with what a session that is open has.

        Parameters
        ----------
        opened : OpenSession
        keypoints : sequence of str
            Those of the project or, where it names none, of the predictions.
        """
        session = opened.session
        return cls(
            Path(),
            session.views,
            tuple(keypoints),
            tuple(session.videos.values()),
            "leave",
            session.rig_path,
            tuple(session.skeleton),
            dict(session.colours),
            session.name,
            {each.name: dict(each.files) for each in session.ensemble_sets},
            dict(session.alignments),
            dict(session.cameras),
        )


class NewProjectDialog(QDialog):
    """Asks for what a project needs; `answer` holds it after OK.

    Parameters
    ----------
    given : NewProject, optional
        What is filled in: of the open session, or of an attempt that failed.
    why : str
        Why that attempt failed.
    """

    def __init__(
        self, parent: QWidget | None = None, given: NewProject | None = None, why: str = ""
    ) -> None:
        super().__init__(parent)
        self._given = given
        self.setWindowTitle("New project")
        self.folder = _PathField("Folder of the new project", several=False)
        self.videos = _PathField("Videos, or folders of videos", several=True)
        self.calibration = _PathField("Calibration (.toml)", several=False, file=True)
        self.predictions = QCheckBox()
        self.predictions.hide()
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
        form.addRow("V&ideos:", self.videos)
        form.addRow("The videos &then:", self.mode)
        form.addRow("&Calibration, if any:", self.calibration)
        form.addRow(self.predictions)
        self._problem = MessageLabel()
        self._problem.hide()
        if given is not None:
            self._fill_in(given)
        if why:
            self._say(why)
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
        folders, calibrations = self.folder.paths, self.calibration.paths
        given = self._given
        keypoints = _words(self.keypoints.toPlainText())
        entered = NewProject(
            folders[0] if folders else Path(),
            _words(self.views.text().replace(",", "\n")),
            keypoints,
            tuple(self.videos.paths),
            self.mode.currentData(),
            calibrations[0] if calibrations else None,
        )
        if given is None:
            return entered
        return replace(
            entered,
            skeleton=tuple(bone for bone in given.skeleton if set(bone) <= set(keypoints)),
            colours={k: c for k, c in given.colours.items() if k in keypoints},
            session=given.session,
            predictions=given.predictions if self.predictions.isChecked() else {},
            # How the views of the open session lie in time is true of its videos in any project.
            alignments={v: each for v, each in given.alignments.items() if v in entered.views},
            cameras={v: each for v, each in given.cameras.items() if v in entered.views},
        )

    def _fill_in(self, given: NewProject) -> None:
        if given.folder != Path():
            self.folder.add([given.folder])
        self.videos.add(given.videos)
        self.views.setText(", ".join(given.views))
        self.keypoints.setPlainText("\n".join(given.keypoints))
        self.mode.setCurrentIndex(max(self.mode.findData(given.mode), 0))
        if given.calibration is not None:
            self.calibration.add([given.calibration])
        n = len(given.predictions)
        self.predictions.setText(f"&Copy the predictions of {given.session}: {counted(n, 'set')}")
        self.predictions.setChecked(n > 0)
        self.predictions.setVisible(n > 0)

    def _say(self, problem: str) -> None:
        self._problem.show_message(problem)
        self._problem.show()

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
            self._say(f"Still missing: {', '.join(lacking)}.")
            return
        self.accept()


class _PathField(QWidget):
    """A line of paths with a button to choose them."""

    def __init__(self, title: str, several: bool, file: bool = False) -> None:
        super().__init__()
        self._title, self._several = title, several
        self.line = QLineEdit()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        if not file:
            folder = QPushButton("Folder…")
            folder.clicked.connect(self._choose_folder)
            row.addWidget(folder)
        if several or file:
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
