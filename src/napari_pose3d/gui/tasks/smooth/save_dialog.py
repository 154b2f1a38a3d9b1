"""Where to save: the folder, the files that will be there, and what they would replace."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.pipeline.results.result_files import result_paths
from napari_pose3d.core.poses.arrays import Result
from napari_pose3d.gui.qt.message_text import MessageLabel

_WIDTH = 560


class SaveDialog(QDialog):
    """Asks for the folder of a result.

    Parameters
    ----------
    result : Result
        Decides on the names of the files.
    folder : Path
        The folder that is proposed; it need not exist.
    stale : str
        Why the result is not of what is chosen now; "" when it is.
    """

    def __init__(
        self, result: Result, folder: Path, stale: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save results")
        self.setMinimumWidth(_WIDTH)
        self._result = result
        self._edit = QLineEdit(str(folder))
        self._edit.textChanged.connect(self._refresh)
        label = QLabel("&Folder:")
        label.setBuddy(self._edit)
        browse = QPushButton("&Browse…")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self._edit, 1)
        row.addWidget(browse)
        self._files = MessageLabel()
        self._replace = QCheckBox("&Replace the files that exist already")
        self._replace.toggled.connect(self._refresh)
        self._compact = QCheckBox("&Compact: positions and likelihood only")
        self._compact.setToolTip(
            "Leaves out all variances and the statistics of the prediction sets; a quarter of the "
            "text remains. "
            "Choose it for recordings of many hours, or for programs that want no more."
        )
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        save = buttons.button(QDialogButtonBox.StandardButton.Save)
        assert save is not None
        self._save = save
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        if stale:
            warning = MessageLabel(f"These are the results of the earlier run. {stale}")
            layout.addWidget(warning)
        layout.addLayout(row)
        layout.addWidget(self._files)
        layout.addWidget(self._compact)
        layout.addWidget(self._replace)
        layout.addWidget(buttons)
        self._refresh()

    @property
    def folder(self) -> Path:
        """The folder chosen."""
        return Path(self._edit.text().strip()).expanduser()

    @property
    def replace_files(self) -> bool:
        """Whether files that exist may be replaced."""
        return self._replace.isChecked()

    @property
    def compact(self) -> bool:
        """Whether to write positions and likelihood only."""
        return self._compact.isChecked()

    @property
    def can_save(self) -> bool:
        """Whether Save can be clicked."""
        return self._save.isEnabled()

    def _refresh(self) -> None:
        has_folder = bool(self._edit.text().strip())
        paths = result_paths(self._result.poses2d, self._result.report.mode, self.folder)
        existing = [path for path in paths if has_folder and path.exists()]
        names = "\n".join(
            f"    {path.name}" + ("   (exists already)" if path in existing else "")
            for path in paths
        )
        hint = ""
        if existing and not self._replace.isChecked():
            hint = "\nChoose another folder, or tick the box below to replace those that exist."
        # The field shows the end of a long path only.
        self._files.show_message(
            f"These files will be written into {self.folder}:\n{names}{hint}"
            if has_folder
            else "Choose a folder."
        )
        self._replace.setVisible(bool(existing))
        allowed = has_folder and (not existing or self._replace.isChecked())
        self._save.setEnabled(allowed)
        self._save.setToolTip(
            "" if allowed else "Choose another folder, or allow the files there to be replaced."
        )

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the results", str(self.folder))
        if chosen:
            self._edit.setText(chosen)


def ask_where(
    result: Result, folder: Path, stale: str, parent: QWidget
) -> tuple[Path, bool, bool] | None:
    """Ask for the folder; (folder, whether files may be replaced, compact), None when cancelled."""
    dialog = SaveDialog(result, folder, stale, parent)
    if dialog.exec() != QDialog.DialogCode.Accepted:
        return None
    return dialog.folder, dialog.replace_files, dialog.compact
