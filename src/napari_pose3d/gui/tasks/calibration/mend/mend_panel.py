"""The calibration of the open session, mended from its own labels or predictions."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.layer_adder import LayerAdder
from napari_pose3d.gui.layers.layer_styles import tiles_of
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.jobs import JobSlot
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import (
    CurrentSession,
    OpenSession,
    is_other,
)
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import RefinementSettings

from ..result.table_view import TableView
from ..session_changes import reopened, with_rig
from . import mend_job as work
from .mend_preview import BEFORE, MENDED, preview_layers
from .sessions_panel import SessionsPanel

_LABELS = {
    "source": "Points",
    "min_likelihood": "Lowest likelihood",
    "free": "May change",
    "all_cameras": "Move all cameras",
    "frames": "Frames",
}
_NO_RIG = "Open a session that has a calibration."


class MendPanel(QWidget):
    """Refines, shows what would change, and writes it only when that is wanted.

    `mended` is emitted with a rig that may be used, or None when there is none any more.

    Parameters
    ----------
    viewer : napari viewer
        Where the preview is shown.
    jobs : JobBar
    current : CurrentSession
    """

    mended = Signal(object)

    def __init__(
        self, viewer: Any, jobs: JobBar, current: CurrentSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._jobs, self._current = viewer, jobs, current
        self._settings = RefinementSettings()
        self._adding = JobSlot()
        self._added: list[Layer] = []
        self._found: work.Mended | None = None
        self._of: OpenSession | None = None
        self._opened: OpenSession | None = None
        self._before: Rig | None = None
        self._form = SettingsForm(
            RefinementSettings, _LABELS, {"min_likelihood": {"min": 0.0, "max": 1.0, "step": 0.05}}
        )
        self._form.widget("frames").native.setPlaceholderText("all, or such as 240:")
        self.from_nothing = QCheckBox("From nothing: only lenses are known")
        self.from_nothing.setToolTip(
            "Find where the cameras are from the points alone; focal lengths and distortion are "
            "taken from the session's calibration. 'May change' focal or all adjusts those, too."
        )
        self.from_nothing.toggled.connect(self._refresh)
        self._length = QLineEdit()
        self._length.setPlaceholderText("none, such as nose, tail, 42")
        self._length.setToolTip(
            "Two keypoints, or two cameras, and their distance with commas: it sets the scale."
        )
        self._length_label = QLabel("Known distance")
        self._length_label.setBuddy(self._length)
        self._refine = QPushButton("&Mend")
        self._refine.clicked.connect(self.refine)
        self.table = TableView()
        self._text = MessageLabel()
        self._use = QPushButton("Use for the session")
        self._use.setToolTip("Its calibration from now on; the one before is kept as a copy.")
        self._use.clicked.connect(self.use)
        self._back = QPushButton("Back")
        self._back.setToolTip("The calibration that the session had before.")
        self._back.clicked.connect(self.go_back)
        self._preview = QPushButton("Preview in the views")
        self._preview.setToolTip(
            "Where the labels or predictions fall by the rig before and by the mended one, before "
            "anything is written."
        )
        self._preview.clicked.connect(self.preview)
        buttons = QGridLayout()
        buttons.addWidget(self._preview, 0, 0, 1, 2)
        buttons.addWidget(self._use, 1, 0)
        buttons.addWidget(self._back, 1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(
            MessageLabel(
                "Scale, origin and axes stay. As few cameras are moved as make the views agree; "
                "nothing is offered where points left out of the fit do not fit better."
            )
        )
        layout.addWidget(self._form.native)
        layout.addWidget(self.from_nothing)
        row = QHBoxLayout()
        row.addWidget(self._length_label)
        row.addWidget(self._length, 1)
        layout.addLayout(row)
        layout.addWidget(self._refine)
        layout.addWidget(self.table)
        layout.addWidget(self._text)
        layout.addLayout(buttons)
        self.sessions = SessionsPanel(jobs, current, self._chosen)
        self.sessions.written.connect(self._on_written)
        layout.addWidget(self.sessions)
        jobs.changed.connect(self._refresh)
        current.changed.connect(self._on_session)
        self._refresh()

    @property
    def text(self) -> str:
        """Which cameras moved."""
        return self._text.message

    def refine(self) -> None:
        """Look for cameras that moved, in a thread."""
        opened, settings = self._current.open, self._chosen()
        if opened is None or settings is None:
            return
        self._drop()
        self._settings = settings
        job = (
            partial(work.place_cameras, opened, settings, self._length.text())
            if self.from_nothing.isChecked()
            else partial(work.mend, opened, settings)
        )
        self._jobs.start(job, "reading points", partial(self._show, opened))

    def show_frames(self, frames: str) -> None:
        """Fill in the frames whose points are to be used; "" for all."""
        self._form.widget("frames").value = frames

    def _chosen(self) -> RefinementSettings | None:
        try:
            return RefinementSettings(**self._form.values())
        except PoseDataError as error:
            self._fail(str(error))
            return None

    def _on_written(self) -> None:
        """The open session may have another calibration now."""
        if self._current.open is not None:
            self._drop()
            self._current.set(reopened(self._current.open))

    def preview(self) -> None:
        """Show in the camera views where points fall before and after, in a thread."""
        opened, found = self._of, self._found
        if opened is None or found is None:
            return
        try:
            before = self._before or opened.session.load_rig()
        except PoseDataError as error:
            self._fail(str(error))
            return
        assert before is not None
        job = partial(
            preview_layers,
            opened,
            {BEFORE: before, MENDED: found.rig},
            self._settings.source,
            self._settings.min_likelihood,
            tiles_of(self._viewer.layers),
        )
        self._jobs.start(job, "reading points", self._add)

    def _add(self, layers: list[Any]) -> None:
        adder = LayerAdder(self._viewer, layers, self._present(), self)
        adder.succeeded.connect(self._show_added)
        self._adding.start(adder)

    def _show_added(self, layers: list[Layer]) -> None:
        self._added = layers
        views = workspace(self._viewer).open("Camera views")
        views.panel.take_over()
        self._jobs.say(f"In the camera views, Show ▾ switches '{BEFORE}' and '{MENDED}'.")

    def _present(self) -> list[Layer]:
        return [layer for layer in self._added if layer in self._viewer.layers]

    def use(self) -> None:
        """Write the mended rig for the session."""
        opened, found = self._of, self._found
        if opened is None or found is None:
            return
        try:
            self._before = opened.session.load_rig()
            again, text = with_rig(opened, found.rig)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        self._of = again
        self._current.set(again)
        self._jobs.say(text)
        self._refresh()

    def go_back(self) -> None:
        """Write the rig again that the session had before."""
        if self._of is None or self._before is None:
            return
        try:
            again, text = with_rig(self._of, self._before)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        self._before, self._of = None, again
        self._current.set(again)
        self._jobs.say(text)
        self._refresh()

    def _show(self, opened: OpenSession, found: work.Mended) -> None:
        if is_other(self._current.open, opened):
            name = opened.session.name
            self._jobs.say(f"Session {name} is no longer open; nothing was changed.", "")
            return
        self._found, self._of, self._before = found, opened, None
        self.table.show_table(found.table)
        self._text.show_message(found.text)
        self._jobs.say("Look at what would change, and use it if you like.")
        self.mended.emit(found.rig)
        self._refresh()

    def _on_session(self) -> None:
        opened = self._current.open
        if is_other(opened, self._opened):
            # A camera was bumped in that session.
            self.show_frames("")
        if self._of is None or is_other(opened, self._of):
            self._drop()
        self._opened = opened
        self._refresh()

    def _drop(self) -> None:
        self._found = self._of = self._before = None
        self._adding.abandon()
        for layer in self._present():
            self._viewer.layers.remove(layer)
        self._added = []
        self.table.hide()
        self._text.show_message("")
        self.mended.emit(None)

    def _refresh(self) -> None:
        opened, busy = self._current.open, self._jobs.is_busy
        has_rig = opened is not None and opened.session.rig_path is not None
        self._refine.setEnabled(has_rig and not busy)
        self._refine.setToolTip("Find which cameras moved." if has_rig else _NO_RIG)
        if not has_rig:
            self._text.show_message(_NO_RIG)
        elif self._found is None:
            self._text.show_message("")
        self._text.setVisible(bool(self._text.message))
        for part in (self._length, self._length_label):
            part.setVisible(self.from_nothing.isChecked())
        self._preview.setEnabled(self._found is not None and not busy)
        self._use.setEnabled(self._found is not None and self._before is None and not busy)
        self._back.setEnabled(self._before is not None and not busy)

    def _fail(self, message: str) -> None:
        self._jobs.say(message, "attention")
        show_error(message)
