"""The panel beside the camera views: keypoints x views, the frames, and what can be done."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.gui.layers.colours import keypoint_hex
from napari_pose3d.gui.qt.key_bindings import LABEL_KEYS
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.run_bar import ProgressRow
from napari_pose3d.gui.workspace.panel_plan import Mark
from napari_pose3d.wording import counted

from ..control.frame_navigation import completeness
from ..control.key_actions import perform
from ..control.label_controller import LabelController
from ..control.label_saver import LabelSaver
from .disagreement_button import DisagreementButton
from .frame_list import FrameEntry, FrameList
from .keypoint_matrix import KeypointMatrix
from .notice import Notice
from .status_signs import CellLook

_WIDTH = 300
_REFRESH_MS = 100
_COLUMNS = 3  # of buttons
_BUTTONS = (
    (
        "Project all",
        "project_all",
        "Fill the views that nobody labeled, for all keypoints of this frame",
    ),
    ("Confirm all", "confirm_all", "Make labels of what is projected or predicted here"),
    (
        "Predictions",
        "start_from_predictions",
        "Start from what the networks predicted here: proposals until they are confirmed",
    ),
    ("Network", "propose", "Ask the exported network about this frame (chosen in Models)"),
    ("Undo", "undo", "Take the newest step back"),
    ("Redo", "redo", "Do again what was undone"),
    ("Keys", "show_keys", "All keys of the camera views"),
)


class LabelBoard(QWidget):
    """Shows the labels of the frame, and where the user is.

    Parameters
    ----------
    control : LabelController
    saver : LabelSaver
    colours : mapping of keypoint to ``#rrggbb``
        Those that the user chose.
    """

    add_wanted = Signal()
    remove_wanted = Signal(list)
    save_clicked = Signal()
    keypoints_wanted = Signal()
    import_wanted = Signal()
    carry_wanted = Signal()
    marked = Signal(str)

    def __init__(
        self, control: LabelController, saver: LabelSaver, colours: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._control, self._saver = control, saver
        labeling = control.labeling
        self.notice = Notice()
        self.progress = ProgressRow()
        self.labeler = QLineEdit(labeling.labeler)
        self.labeler.setPlaceholderText("who labels")
        self.labeler.setToolTip("Who labels; kept with each label.")
        self.labeler.setAccessibleName("Labeler")
        self.labeler.editingFinished.connect(self._on_labeler)
        self.save = QPushButton("&Save")
        self.save.setToolTip(
            "Write the labels to the files of all views (Ctrl+S). It also happens by itself, when "
            "the frame changes and every minute (Preferences)."
        )
        self.save.clicked.connect(self.save_clicked)
        self.state = MessageLabel()
        self.state.setAccessibleName("What is saved")
        self.order = QComboBox()
        self.order.addItem("keypoint by keypoint, through the views", True)
        self.order.addItem("view by view", False)
        self.order.setToolTip("What comes next after a click.")
        self.order.currentIndexChanged.connect(self._on_order)
        self.auto = QCheckBox("Project as soon as two views are labeled")
        self.auto.setChecked(labeling.auto_project)
        self.auto.toggled.connect(self._on_auto)
        self.auto.setToolTip(
            "The views that nobody labeled follow from those that were, with the calibration."
        )
        self.poses = QCheckBox("Show predictions on the images")
        self.poses.setToolTip(
            "What networks predicted, and what was smoothed, beneath the labels: raw positions are "
            "rings, smoothed ones discs."
        )
        if labeling.rig is None:
            self.auto.setText("Project by the labels so far (no calibration)")
            self.auto.setToolTip(
                "Without a calibration, a linear model of the labeled frames projects where it can."
            )
        self.suspect = DisagreementButton()
        self.suspect.clicked.connect(self._on_suspect)
        self._suspect: LabelKey | None = None
        self.matrix = KeypointMatrix()
        self.matrix.set_axes(
            labeling.keypoints, labeling.views, keypoint_hex(labeling.keypoints, colours)
        )
        self.matrix.chosen.connect(self._on_chosen)
        self.matrix.view_chosen.connect(control.enter)
        self.frames = FrameList()
        self.frames.wanted.connect(control.go_to)
        self.frames.add_wanted.connect(self.add_wanted)
        self.frames.remove_wanted.connect(self.remove_wanted)
        self.message = MessageLabel()
        self.message.setMinimumHeight(2 * self.message.fontMetrics().lineSpacing())
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.message.setAccessibleName("Message")
        self._lay_out()
        control.message.connect(self.message.show_message)
        saver.saved.connect(self.show_frames)
        saver.progressed.connect(self._on_saver_progress)
        saver.extracted.connect(self._on_extracted)
        self._complete: dict[int, float] = {}
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(_REFRESH_MS)
        self._refresh.timeout.connect(self.show_frames)
        control.labels_changed.connect(self._on_labels_changed)
        self.show_labels()
        self.show_frames()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Narrow: the room is for the images."""
        return QSize(_WIDTH, 700)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(4)
        top = QHBoxLayout()
        caption = QLabel("La&beler:")
        caption.setBuddy(self.labeler)
        top.addWidget(caption)
        top.addWidget(self.labeler, 1)
        top.addWidget(self.save)
        column.addLayout(top)
        column.addWidget(self.state)
        column.addWidget(self.notice)
        column.addWidget(self.progress)
        column.addWidget(self.order)
        column.addWidget(self.auto)
        column.addWidget(self.poses)
        grid = QGridLayout()
        grid.setSpacing(3)
        self.buttons: dict[str, QPushButton] = {}
        for i, (text, action, hint) in enumerate(_BUTTONS):
            key = next(k for k in LABEL_KEYS if k.action == action)
            button = QPushButton(text)
            button.setToolTip(f"{hint} ({key.label})")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _=False, name=action: perform(self._control, name))
            self.buttons[action] = button
            grid.addWidget(button, i // _COLUMNS, i % _COLUMNS)
        for i, (text, signal, hint) in enumerate(
            (
                ("Keypoints…", self.keypoints_wanted, "Add, rename or reorder keypoints"),
                (
                    "Carry on…",
                    self.carry_wanted,
                    "Follow the labels through the images of the next frames (K: as chosen last)",
                ),
                ("Import…", self.import_wanted, "Take over labels that were made elsewhere"),
            ),
            len(_BUTTONS),
        ):
            more = QPushButton(text)
            more.setToolTip(hint)
            more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            more.clicked.connect(signal)
            grid.addWidget(more, i // _COLUMNS, i % _COLUMNS)
        column.addLayout(grid)
        column.addWidget(self.suspect)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.matrix)
        parts.addWidget(self.frames)
        parts.setSizes([450, 250])
        column.addWidget(parts, 1)
        column.addWidget(self.message)

    # ------------------------------------------------------------------ showing

    def show_labels(self) -> None:
        """Show the labels of the frame, and what is current."""
        control = self._control
        self.matrix.show_cells(self._cells() if control.frame >= 0 else {})
        self.matrix.set_current(control.keypoint, control.view)
        self._show_suspect()
        history = control.labeling.store.history
        self.buttons["undo"].setEnabled(bool(history.undo_text))
        self.buttons["redo"].setEnabled(bool(history.redo_text))
        self._show_state()

    def show_frames(self) -> None:
        """Show which frames are labeled and which wait."""
        labeling = self._control.labeling
        session = labeling.session.name
        unsaved = {key.frame for key in labeling.unsaved if key.session == session}
        reasons = {
            k.frame: why for k, why in labeling.files.reasons.items() if k.session == session
        }
        entries = [
            FrameEntry(frame, "queued", reasons.get(frame, ""), frame in unsaved)
            for frame in labeling.queued_frames
        ]
        entries += [
            FrameEntry(frame, "labeled", "", frame in unsaved, self._completeness(frame))
            for frame in labeling.labeled_frames
        ]
        n_frames = self._control.panel.scene.n_frames
        self.frames.show_frames(entries, self._control.frame, n_frames)
        self._show_state()

    def _completeness(self, frame: int) -> float:
        found = self._complete.get(frame)
        if found is None:
            found = self._complete[frame] = completeness(self._control.labeling, frame)
        return found

    def _on_labels_changed(self, frames: object) -> None:
        """Count these frames anew, soon: a drag changes them at each move of the mouse."""
        assert isinstance(frames, frozenset)
        for key in frames:
            self._complete.pop(key.frame, None)
        if not self._refresh.isActive():
            self._refresh.start()

    def _show_suspect(self) -> None:
        """Name what disagrees; of several the current keypoint, else the first."""
        geometry = self._control.geometry
        self._suspect, text = None, ""
        for name in (self._control.keypoint, *self._control.labeling.keypoints):
            view = None if geometry is None else geometry.suspect(name)
            if view is not None:
                self._suspect, text = LabelKey(view, name), f"Look at {view}: {name} disagrees"
                break
            if geometry is not None and not text and geometry.contradicts(name):
                views = geometry.labeled_views(name)
                both = " and ".join(views) if len(views) == 2 else "the labels"
                self._suspect = LabelKey(views[0], name)
                text = f"{name}: {both} contradict each other"
        self.suspect.show_text(text)

    def _cells(self) -> dict[LabelKey, CellLook]:
        control = self._control
        geometry = control.geometry
        found = {}
        for label_key, label in control.labeling.labels(control.frame).items():
            residual = None if geometry is None else geometry.residual(label_key)
            suspect = (
                geometry is not None and geometry.suspect(label_key.keypoint) == label_key.view
            )
            found[label_key] = CellLook(
                label.status, label.visibility, residual, suspect, label.is_declined
            )
        return found

    def _show_state(self) -> None:
        labeling, saver = self._control.labeling, self._saver
        n = len(labeling.unsaved)
        if labeling.journal.problem is not None:
            text = f"● The journal cannot be written: {labeling.journal.problem.problem}"
        elif saver.problem:
            text = f"● Not saved: {saver.problem}"
        elif saver.is_extracting:
            text = "Writing images…"
        elif n:
            text = f"● {counted(n, 'frame')} not in the files yet (in the journal)"
        else:
            text = "All labels are saved."
        self.state.show_message(text)
        self.save.setEnabled(bool(n))
        self.marked.emit(self.mark)

    @property
    def mark(self) -> Mark:
        """How the labels stand, for the panel's tab."""
        labeling = self._control.labeling
        if labeling.journal.problem is not None or self._saver.problem:
            return "attention"
        if self._saver.is_extracting:
            return "running"
        return "done" if labeling.labeled_frames and not labeling.unsaved else ""

    # ------------------------------------------------------------------ acting

    def _on_labeler(self) -> None:
        self._control.labeling.labeler = self.labeler.text().strip()

    def _on_order(self) -> None:
        self._control.through_views = bool(self.order.currentData())

    def _on_auto(self, on: bool) -> None:
        self._control.labeling.auto_project = on

    def _on_chosen(self, keypoint: str, view: str) -> None:
        if view:
            self._control.go_to_label(LabelKey(view, keypoint))
        else:
            self._control.choose(keypoint)

    def _on_suspect(self) -> None:
        if self._suspect is not None:
            self._control.go_to_label(self._suspect)

    def _on_saver_progress(self, stage: str, done: int, total: int) -> None:
        if self._saver.is_adding:
            self.progress.show_progress(stage, done, total)
        self._show_state()

    def _on_extracted(self) -> None:
        # The images of a label are written beside whatever the progress is about.
        if self._saver.has_added:
            self.progress.finish()
        self._show_state()
