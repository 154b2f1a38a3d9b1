"""A calibration of any program: what it is, what is wrong with it, and saving it as another."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.calibration.lint.rig_lint import Finding
from napari_pose3d.core.calibration.session_rig import shifted, write_with_backup
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.errors import PoseDataError, Remedy
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import FoldedPart
from napari_pose3d.gui.session.current_session import CurrentSession, OpenSession, is_other
from napari_pose3d.gui.session.dialogs.camera_dialog import CameraDialog
from napari_pose3d.gui.workspace.job_bar import JobBar

from ..file_dialogs import ANY, ask_file, ask_folder, ask_target
from ..session_changes import reopened, with_offsets, with_rig
from . import rig_check as work
from .finding_list import FindingList

_FORMATS = {
    "anipose": "Anipose TOML",
    "opencv": "OpenCV YAML",
    "caliscope": "Caliscope camera_array.toml",
    "jarvis": "JARVIS (folder)",
    "label3d": "Label3D, DANNCE .mat",
    "matlab": "MATLAB .mat",
    "deeplabcut": "DeepLabCut 3-D pickle",
    "colmap": "COLMAP (folder)",
    "pose2sim": "Pose2Sim Calib.toml",
    "freemocap": "FreeMoCap TOML",
    "kalibr": "Kalibr camchain.yaml",
    "dlt": "DLT coefficients CSV",
    "csv": "plain CSV",
}
_NAMES = {
    "anipose": "calibration.toml",
    "opencv": "calibration.yml",
    "caliscope": "camera_array.toml",
    "jarvis": "jarvis",
    "label3d": "label3d.mat",
    "matlab": "cameras.mat",
    "deeplabcut": "stereo_params.pickle",
    "colmap": "colmap",
    "pose2sim": "Calib.toml",
    "freemocap": "camera_calibration.toml",
    "kalibr": "camchain.yaml",
    "dlt": "dltCoefs.csv",
    "csv": "cameras.csv",
}
_FOLDERS = ("jarvis", "colmap")
_OTHER_SESSION = "Another session was opened; check again to compare with it."


class CheckPanel(QWidget):
    """`looked_at` is emitted with a rig that was read.

    `mend_wanted` is emitted when one is to be mended, with the frames to mend it from ("" for all),
    `make_wanted` when one is to be made anew.

    Parameters
    ----------
    jobs : JobBar
    current : CurrentSession
    """

    looked_at = Signal(object)
    mend_wanted = Signal(str)
    make_wanted = Signal()

    def __init__(
        self, jobs: JobBar, current: CurrentSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._jobs, self._current = jobs, current
        self._checked: work.Checked | None = None
        # The session that it was compared with.
        self._of: OpenSession | None = None
        # What was just written, said together with what is found in it.
        self._rewritten = ""
        self._path = QLineEdit()
        self._path.setPlaceholderText("that of the open session")
        self._path.setClearButtonEnabled(True)
        self._path.setToolTip("A file, or a folder of files, of any of the programs below.")
        self._path.textChanged.connect(self._refresh)
        file, folder = QPushButton("F&ile…"), QPushButton("Fol&der…")
        file.clicked.connect(self._choose_file)
        folder.clicked.connect(self._choose_folder)
        self._with_data = QCheckBox("Compare with predictions or labels")
        self._with_data.setToolTip(
            "Those of the open session: its predictions, and labels where it has none."
        )
        self._with_data.setChecked(True)
        self._names, self._sizes = QLineEdit(), QLineEdit()
        self._names.setPlaceholderText("its own")
        self._names.setToolTip("Names of the cameras in the order of the file, with commas.")
        self._sizes.setPlaceholderText("its own")
        self._sizes.setToolTip("Size of the images where the file has none, such as 1280x1024.")
        self._scale = QDoubleSpinBox()
        self._scale.setDecimals(6)
        self._scale.setRange(1e-6, 1e6)
        self._scale.setValue(1.0)
        self._scale.setToolTip("Lengths are multiplied by this: 0.001 from mm to m.")
        self._check = QPushButton("Chec&k")
        self._check.clicked.connect(self.check)
        self._title = MessageLabel()
        self.findings = FindingList()
        self.findings.remedy_wanted.connect(self.apply)
        self._format = QComboBox()
        # The longest format must not decide on the width of the panel.
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._format.setSizeAdjustPolicy(policy)
        self._format.setMinimumContentsLength(8)
        for key, title in _FORMATS.items():
            self._format.addItem(title, key)
        self._save = QPushButton("Save as…")
        self._save.clicked.connect(self._ask_where_to_save)
        self._use = QPushButton("Use for the session")
        self._use.clicked.connect(self.use)
        self._lay_out(file, folder)
        jobs.changed.connect(self._refresh)
        current.changed.connect(self._on_session)
        self._refresh()

    def _lay_out(self, file: QPushButton, folder: QPushButton) -> None:
        row = QHBoxLayout()
        row.addWidget(file)
        row.addWidget(folder)
        options = QWidget()
        grid = QGridLayout(options)
        grid.setContentsMargins(0, 0, 0, 0)
        for i, (text, field) in enumerate(
            (("Names", self._names), ("Size of images", self._sizes), ("Scale", self._scale))
        ):
            label = QLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, i, 0)
            grid.addWidget(field, i, 1)
        more = FoldedPart("What the file lacks")
        more.addWidget(options)
        save = QHBoxLayout()
        save.addWidget(self._format, 1)
        save.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._path)
        layout.addLayout(row)
        layout.addWidget(self._with_data)
        layout.addWidget(more)
        layout.addWidget(self._check)
        layout.addWidget(self._title)
        layout.addWidget(self.findings)
        self._after = QWidget()
        after = QVBoxLayout(self._after)
        after.setContentsMargins(0, 0, 0, 0)
        after.addLayout(save)
        after.addWidget(self._use)
        layout.addWidget(self._after)

    @property
    def title(self) -> str:
        """What the file is."""
        return self._title.message

    def choose(self, path: Path) -> None:
        """Look at a file or folder."""
        self._path.setText(str(path))
        self.check()

    def check(self) -> None:
        """Read the file and look for faults, in a thread."""
        try:
            text = self._path.text().strip()
            file = work.RigFile(
                Path(text).expanduser() if text else None,
                work.names_from(self._names.text()),
                work.sizes_from(self._sizes.text()),
                self._scale.value(),
            )
        except PoseDataError as error:
            self._fail(str(error))
            return
        opened = self._current.open
        self._jobs.start(
            partial(
                work.check_file,
                file,
                opened,
                self._with_data.isChecked(),
            ),
            "reading the calibration",
            partial(self._show, opened),
        )

    def apply(self, finding: Finding) -> None:
        """Do what helps against a finding, and look again."""
        checked, remedy = self._checked, finding.remedy
        if checked is None or remedy is None:
            return
        try:
            if remedy.kind == "refine":
                self.mend_wanted.emit(remedy.argument)
            elif remedy.kind == "calibrate":
                self.make_wanted.emit()
            elif remedy.kind == "rewrite":
                self._rewrite(checked)
            elif remedy.kind == "invert_pose":
                self._look_again(work.with_inverted_pose(checked.rig, remedy.argument))
            elif remedy.kind == "exchange":
                self._look_again(work.exchanged(checked.rig, remedy.argument))
            elif remedy.kind == "video_size":
                self._take_size(checked, remedy.argument)
            elif self._current.open is not None:
                self._change_session(self._current.open, checked, finding, remedy)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))

    def _rewrite(self, checked: work.Checked) -> None:
        """Write what was understood over the file, which is kept; others become one of ours."""
        path = checked.rig.path
        if path is None or path.suffix.lower() != ".toml" or path.is_dir():
            self._format.setCurrentIndex(self._format.findData("anipose"))
            self._ask_where_to_save()
            return
        backup = write_with_backup(checked.rig, path)
        self._rewritten = f"Wrote {path}" + (f"; it was kept as {backup.name}." if backup else ".")
        self.check()

    def _take_size(self, checked: work.Checked, name: str) -> None:
        size = checked.video_sizes.get(name)
        if size is None:
            raise PoseDataError(
                f"the size of the video of {name} is not known",
                expected="a video of this view that shows the whole image",
            )
        self._look_again(work.with_video_size(checked.rig, name, size))

    def _change_session(
        self, opened: OpenSession, checked: work.Checked, finding: Finding, remedy: Remedy
    ) -> None:
        session = opened.session
        if remedy.kind == "offset":
            changes = shifted(session, finding.cameras[0], int(remedy.argument))
            self._current.set(with_offsets(opened, changes))
            self._look_again(checked.rig)
        elif remedy.kind == "names":
            own = opened.project.own.cameras
            dialog = CameraDialog(session.views, checked.rig.names, own, "the file", self)
            if dialog.exec():
                update_own_project(opened.project.folder, cameras=dialog.cameras)
                self._current.set(reopened(opened))
                self._look_again(checked.rig.renamed(dialog.cameras))

    def save(self, path: Path, key: str) -> None:
        """Write the rig in a format, and say what that has no place for."""
        if self._checked is None:
            return
        try:
            lost = work.write_as(self._checked.rig, path, key, overwrite=True)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        kept = f" Not kept: {'; '.join(lost)}." if lost else " Everything was kept."
        self._jobs.say(f"Wrote {path}.{kept}")

    def place(self, rig: Rig) -> None:
        """The same cameras in another world."""
        if self._checked is not None:
            self._look_again(rig)

    def use(self) -> None:
        """Make the rig that of the open session."""
        opened = self._current.open
        if opened is None or self._checked is None:
            return
        try:
            again, text = with_rig(opened, self._checked.rig)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        self._current.set(again)
        self._jobs.say(text)

    def _look_again(self, rig: Rig) -> None:
        opened, checked = self._current.open, self._checked
        assert checked is not None
        title = (
            checked.title if checked.title.endswith(", changed") else f"{checked.title}, changed"
        )
        self._jobs.start(
            partial(work.check_rig_of, rig, title, opened, self._with_data.isChecked()),
            "looking again",
            partial(self._show, opened),
        )

    def _show(self, opened: OpenSession | None, checked: work.Checked) -> None:
        self._checked, self._of = checked, opened
        self.looked_at.emit(checked.rig)
        if is_other(self._current.open, opened):
            self._rewritten = ""
            self._forget_findings()
            self._jobs.say(_OTHER_SESSION, "")
            return
        self._title.show_message(f"{checked.title}. {checked.compared}")
        self.findings.show_findings(checked.findings, self._current.open is not None)
        severities = [finding.severity for finding in checked.findings]
        n = len([each for each in severities if each != "note"])
        told = f"{n} fault{'s' * (n > 1)} found." if n else "No fault found."
        self._jobs.say(
            f"{self._rewritten} {told}".strip(), "attention" if "error" in severities else "done"
        )
        self._rewritten = ""
        self._refresh()

    def _on_session(self) -> None:
        if is_other(self._current.open, self._of):
            self._forget_findings()
        self._refresh()

    def _forget_findings(self) -> None:
        """They are of another session, and so is what their buttons would change."""
        checked, self._of = self._checked, None
        if checked is not None:
            self._checked = replace(checked, findings=(), video_sizes={})
            self._title.show_message(f"{checked.title}. {_OTHER_SESSION}")
            self.findings.clear()
        self._refresh()

    def _refresh(self) -> None:
        opened, busy = self._current.open, self._jobs.is_busy
        has_rig = opened is not None and opened.session.rig_path is not None
        chosen = bool(self._path.text().strip())
        self._check.setEnabled((chosen or has_rig) and not busy)
        self._check.setToolTip(
            "Look for faults."
            if chosen or has_rig
            else "Choose a file; no session with one is open."
        )
        self._with_data.setEnabled(opened is not None)
        self._after.setVisible(self._checked is not None)
        self._title.setVisible(self._checked is not None)
        self.findings.setVisible(self._checked is not None)
        self._save.setEnabled(not busy)
        self._use.setEnabled(opened is not None and not busy)
        self._use.setToolTip("" if opened is not None else "Open a session first.")

    def _choose_file(self) -> None:
        path = ask_file(self, "A calibration of any program", ANY)
        if path is not None:
            self.choose(path)

    def _choose_folder(self) -> None:
        path = ask_folder(self, "Folder of a calibration in several files")
        if path is not None:
            self.choose(path)

    def _ask_where_to_save(self) -> None:
        key = str(self._format.currentData())
        if key in _FOLDERS:
            path = ask_folder(self, f"Folder for {_FORMATS[key]}")
            if path is not None and any(path.iterdir()):
                text = f"{path} holds files already. Replace those of the same names?"
                answer = QMessageBox.question(self, "Save calibration", text)
                path = path if answer == QMessageBox.StandardButton.Yes else None
        else:
            path = ask_target(self, f"Save as {_FORMATS[key]}", Path(_NAMES[key]), ANY)
        if path is not None:
            self.save(path, key)

    def _fail(self, message: str) -> None:
        self._jobs.say(message, "attention")
        show_error(message)
