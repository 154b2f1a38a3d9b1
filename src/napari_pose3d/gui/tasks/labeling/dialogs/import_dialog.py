"""The dialog "Import labels": which file, whose camera, which of its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from napari.utils.notifications import show_error
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
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.labels.label_import import (
    folder_of_view,
    import_labels,
    label_folders,
)
from napari_pose3d.errors import PoseDataError

from ..control.label_controller import LabelController

_KINDS = "Labels (CollectedData*.csv CollectedData*.h5 *.csv *.h5)"
_MEANING = (
    "Labels of one camera that were made elsewhere, such as CollectedData_<name>.csv or .h5 of "
    "DeepLabCut. The number in an image's name is the frame of the video. Labels that you placed "
    "here stay as they are, and Undo takes everything back."
)


def ask_and_import(control: LabelController, parent: QWidget) -> None:
    """Let the user choose labels that were made elsewhere, and take them over."""
    labeling = control.labeling
    dialog = ImportDialog(
        labeling.views,
        lambda folders, view: folder_of_view(folders, labeling.session, view),
        parent,
    )
    dialog.choose_view(control.view)
    if not dialog.exec():
        return
    try:
        found = import_labels(labeling, dialog.path, dialog.view, dialog.folder)
    except PoseDataError as error:
        show_error(str(error))
        return
    control.show_message(found.describe())


class ImportDialog(QDialog):
    """Asks what to import; imports nothing itself.

    Parameters
    ----------
    views : sequence of str
    guess : callable
        Says which of a file's folders belongs to a view; None where that is not known.
    """

    def __init__(
        self,
        views: Sequence[str],
        guess: Callable[[Mapping[str, int], str], str | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import labels")
        self._guess = guess
        self._folders: dict[str, int] = {}
        self._path = QLineEdit()
        self._path.setAccessibleName("File of labels")
        self._path.setPlaceholderText("CollectedData_<name>.csv or .h5")
        self._path.editingFinished.connect(self._read)
        browse = QPushButton("&Browse…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        file_row = QHBoxLayout()
        file_row.addWidget(self._path, 1)
        file_row.addWidget(browse)
        self._view = QComboBox()
        self._view.addItems(list(views))
        self._view.currentTextChanged.connect(lambda _: self._choose_folder())
        self._folder = QComboBox()
        self._folder.setToolTip("A file may hold labels of several videos, each in its own folder.")
        self._folder.currentIndexChanged.connect(lambda _: self._check())
        form = QFormLayout()
        file_label = QLabel("&File")
        file_label.setBuddy(self._path)
        form.addRow(file_label, file_row)
        form.addRow("Of the &view", self._view)
        form.addRow("&Images in", self._folder)
        meaning = QLabel(_MEANING)
        meaning.setWordWrap(True)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setMinimumHeight(3 * self._problem.fontMetrics().lineSpacing())
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        ok = buttons.button(kinds.Ok)
        assert ok is not None
        ok.setText("Import")
        self._ok = ok
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(meaning)
        column.addLayout(form)
        column.addWidget(self._problem)
        column.addWidget(buttons)
        self.resize(520, 260)
        self._check()

    @property
    def path(self) -> Path:
        return Path(self._path.text().strip())

    @property
    def view(self) -> str:
        return self._view.currentText()

    @property
    def folder(self) -> str | None:
        """Which of the file's folders; None before one is chosen."""
        chosen: str | None = self._folder.currentData()
        return chosen

    @property
    def problem(self) -> str:
        """Why nothing can be imported yet."""
        return self._problem.text()

    def choose_file(self, path: str | Path) -> None:
        """Take a file, as if the user had typed its name."""
        self._path.setText(str(path))
        self._read()

    def choose_view(self, view: str) -> None:
        """Say which camera was labeled."""
        self._view.setCurrentText(view)

    def choose_folder(self, folder: str) -> None:
        """Choose one of the file's folders."""
        self._folder.setCurrentIndex(self._folder.findData(folder))

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Labels", "", _KINDS)
        if chosen:
            self.choose_file(chosen)

    def _read(self) -> None:
        self._folders, problem = {}, ""
        if self._path.text().strip():
            try:
                self._folders = label_folders(self.path)
            except PoseDataError as error:
                problem = str(error)
        self._folder.clear()
        for name, n in self._folders.items():
            self._folder.addItem(f"{name or '(none)'} ({n} labeled)", name)
        self._choose_folder()
        if problem:
            self._problem.setText(problem)

    def _choose_folder(self) -> None:
        found = self._guess(self._folders, self.view)
        self._folder.setCurrentIndex(-1 if found is None else self._folder.findData(found))
        self._check()

    def _check(self) -> None:
        if not self._path.text().strip():
            problem = "Choose a file."
        elif not self._folders:
            problem = "The file holds no labels of images."
        elif self.folder is None:
            problem = f"Several videos are labeled in it: choose the one of {self.view}."
        else:
            problem = ""
        self._problem.setText(problem)
        self._ok.setEnabled(not problem)
