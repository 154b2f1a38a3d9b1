"""The program ``litpose``: which one is used, what its environment holds, how to install it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSize
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.models.installation.install_commands import install_commands
from napari_pose3d.core.models.installation.litpose_facts import LitposeFacts
from napari_pose3d.gui.qt.message_text import MessageLabel, MessageList

from ..project_models import Program, ProjectModels

_ASKING = "Looking for litpose, and asking its environment…"
_NOT_FOUND = (
    "litpose, the program of Lightning Pose, was not found. It is installed into an environment of "
    "its own, never into napari's; type this into a terminal, then look again:"
)
_UNUSABLE = "What was found cannot train. A new environment is made with:"
_MOST_NOTES = 2


class ProgramPanel(QWidget):
    """Shows the program, and lets the user choose another.

    Parameters
    ----------
    models : ProjectModels
    """

    def __init__(self, models: ProjectModels, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = models
        self.text = MessageLabel()
        self.text.setAccessibleName("The program litpose")
        self.notes = MessageList(_MOST_NOTES)
        self.problem = MessageLabel()
        self.commands = CommandBox()
        self.place = QLineEdit()
        self.place.setPlaceholderText("another environment")
        self.place.setToolTip(
            "The folder of an environment that Lightning Pose is installed in, or its program "
            "litpose; remembered from now on."
        )
        self.place.setAccessibleName("Environment of litpose")
        self.place.returnPressed.connect(self._use)
        self.choose = QPushButton("F&older…")
        self.choose.setToolTip("Choose the folder of the environment.")
        self.choose.clicked.connect(self._choose)
        self.again = QPushButton("Look &again")
        self.again.setToolTip("Look for litpose again, and ask its environment anew.")
        self.again.clicked.connect(lambda: models.ask_program())
        row = QHBoxLayout()
        row.addWidget(self.place, 1)
        row.addWidget(self.choose)
        row.addWidget(self.again)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (self.text, self.notes, self.problem, self.commands):
            column.addWidget(part)
        column.addLayout(row)
        models.program_changed.connect(self.show_program)
        self.show_program()

    def show_program(self) -> None:
        """Show what is known of the program."""
        asking, program = self._models.is_asking, self._models.program
        self.again.setEnabled(not asking)
        if asking or program is None:
            self.text.show_message(_ASKING)
            for part in (self.notes, self.problem, self.commands):
                part.hide()
            return
        facts = program.facts
        self.text.show_message(describe(program))
        self.notes.show_lines(() if facts is None else facts.notes())
        self.problem.show_message(program.problem)
        self.problem.setVisible(bool(program.problem))
        self.commands.setVisible(not program.works)
        if not program.works:
            self.commands.show_commands(bool(program.machine_gpus))

    def _choose(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "The environment of Lightning Pose")
        if path:
            self.place.setText(path)
            self._use()

    def _use(self) -> None:
        text = self.place.text().strip()
        if text:
            self._models.ask_program(Path(text))


class CommandBox(QWidget):
    """The commands that install ``litpose``, to be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.which = QComboBox()
        self.which.addItem("without an NVIDIA GPU", False)
        self.which.addItem("with an NVIDIA GPU", True)
        self.which.setAccessibleName("Install for")
        self.which.currentIndexChanged.connect(self._refresh)
        self.copy = QPushButton("Cop&y")
        self.copy.setToolTip("Copy the commands.")
        self.copy.clicked.connect(self._copy)
        self.lines = _LowText()
        self.lines.setReadOnly(True)
        self.lines.setAccessibleName("Commands that install litpose")
        self.lines.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        row = QHBoxLayout()
        row.addWidget(self.which, 1)
        row.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.lines)
        self._refresh()

    @property
    def text(self) -> str:
        """The commands, one a line."""
        return "\n".join(install_commands(gpu=bool(self.which.currentData())))

    def show_commands(self, gpu: bool) -> None:
        """Show those for a machine with a card, or without."""
        self.which.setCurrentIndex(int(gpu))

    def _refresh(self) -> None:
        self.lines.setPlainText(self.text)

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text)


class _LowText(QPlainTextEdit):
    def sizeHint(self) -> QSize:  # noqa: N802
        """Some lines; the others are scrolled to."""
        return QSize(200, 8 * self.fontMetrics().lineSpacing() + 12)


def describe(program: Program) -> str:
    """The program and its environment, in some lines."""
    installation, facts = program.installation, program.facts
    if installation is None:
        return _NOT_FOUND
    lines = [f"{installation.executable} ({installation.place})"]
    if facts is not None:
        lines.append(_versions(facts))
        lines += [f"GPU: {gpu}" for gpu in facts.gpus]
    if program.others:
        more = "one more was" if program.others == 1 else f"{program.others} more were"
        lines.append(f"It is the first that was found; {more} found.")
    if not program.works:
        lines.append(_UNUSABLE)
    return "\n".join(lines)


def _versions(facts: LitposeFacts) -> str:
    parts = [f"Lightning Pose {facts.version}" if facts.version else "no Lightning Pose"]
    parts.append(f"Python {facts.python}")
    if "torch" in facts.versions:
        parts.append(f"torch {facts.versions['torch']}")
    parts.append(f"DALI {facts.dali}" if facts.dali else "no DALI")
    return ", ".join(parts)
