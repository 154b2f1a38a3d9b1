"""The widget "Label": labels in all cameras at once, beside the camera views."""

from collections.abc import Sequence
from typing import Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtWidgets import (
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.labels.files.table_changes import change_keypoints
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.storage.user_name import user_name
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel
from napari_pose3d.gui.layers.colours import kept_colours
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.session.proposal_network import proposal_network
from napari_pose3d.gui.workspace.panel_plan import Mark
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.wording import counted

from .canvas.label_drawing import LabelDrawing
from .canvas.label_tool import LabelTool
from .canvas.main_layer import MainLayer
from .control.frame_proposer import FrameProposer
from .control.label_controller import LabelController
from .control.label_requests import LabelRequests
from .control.label_saver import LabelSaver
from .control.layer_predictions import Expected, proposals
from .dialogs.frame_adder import FrameAdder
from .dialogs.import_dialog import ask_and_import
from .dialogs.key_help import KeyTable
from .dialogs.keypoint_dialog import KeypointDialog
from .dialogs.label_carrier import LabelCarrier
from .dialogs.questions import Questions, ask_to_close
from .panel.label_board import LabelBoard

_NO_SESSION = "Open a session of a Lightning Pose project first (tab Session)."
_NO_VIEWS = "The camera views are closed; labels are placed there."
_WIDTH = 300
_WAIT_FOR_IMAGES = 1.5  # seconds


class LabelWidget(QWidget):
    """Opens the labels of the session, and ties mouse, keys and panels to them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._current = current_session(napari_viewer)
        self._opened: OpenSession | None = None
        self._views: Any = None
        self._top: QWidget | None = None
        self._closed = False
        self.labeling: Labeling | None = None
        self.control: LabelController | None = None
        self.board: LabelBoard | None = None
        self.drawing: LabelDrawing | None = None
        self.saver: LabelSaver | None = None
        self._tool: LabelTool | None = None
        self._adder: FrameAdder | None = None
        self.carrier: LabelCarrier | None = None
        self.proposer: FrameProposer | None = None
        self.main_layer: MainLayer | None = None
        self._questions: Questions | None = None
        self.requests = LabelRequests(self)
        self._hint = MessageLabel(_NO_SESSION)
        self._open_views = QPushButton("Open the camera &views")
        self._open_views.clicked.connect(self._start)
        self._new_project = QPushButton("&New project…")
        self._new_project.setToolTip("Make a project of what is open; labels are kept in it.")
        self._new_project.clicked.connect(self._ask_for_project)
        self._new_project.hide()
        nothing = QWidget()
        column = QVBoxLayout(nothing)
        for part in (self._hint, self._open_views, self._new_project):
            column.addWidget(part)
        column.addStretch(1)
        # It takes all the height, or napari gives half of it to nothing.
        self._pages = QStackedWidget()
        expanding = QSizePolicy.Policy.Expanding
        self._pages.setSizePolicy(QSizePolicy.Policy.Preferred, expanding)
        self._pages.addWidget(nothing)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)
        self._current.changed.connect(self._on_session)
        self._workspace = workspace(napari_viewer)
        self._workspace.adopt(self, "Label")
        self._workspace.changed.connect(self._show_poses)
        # The dock has to be in its window before the camera views can be opened beside it.
        QTimer.singleShot(0, self._on_session)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Narrow: the room is for the images."""
        return QSize(_WIDTH, 700)

    # ------------------------------------------------------------------ session

    def _on_session(self) -> None:
        if self._closed:
            return
        opened = self._current.open
        before = self._opened
        # The same session may have been opened anew because its views lie differently in it.
        same = opened is not None and before is not None and opened.session is before.session
        if same and self.labeling is not None:
            return
        self._stop()
        if before is not None:
            self.requests.forget()
        self._opened = opened
        if opened is None:
            self._say(_NO_SESSION)
            return
        self._start()

    def _start(self) -> None:
        opened = self._opened
        if opened is None or self._closed:
            return
        if self.labeling is None:
            try:
                self.labeling = Labeling(opened.project, opened.session, user_name())
            except PoseDataError as error:
                self._say(str(error), project=opened.project.kind != "lightning-pose")
                show_error(str(error))
                return
        docked = self._workspace.find("Label") is not None
        behind = docked and not self._workspace.is_in_front("Label")
        window = self.window()
        focused = None if window is None else window.focusWidget()
        views = self._workspace.open("Camera views")
        if views is not self._views:
            self._views = views
            views.panel_ends.connect(self._detach)
            views.panel_changed.connect(self._on_panel)
            views.ended.connect(self._on_views_ended)
        self._attach(views.panel)
        if not behind:
            # They were opened for this panel's sake.
            self._workspace.bring_forward("Label")
        elif focused is not None:
            # Another panel asked for labels, and is worked in meanwhile.
            focused.setFocus()

    def _attach(self, panel: ViewsPanel) -> None:
        labeling, opened = self.labeling, self._opened
        assert labeling is not None
        assert opened is not None
        self._detach()
        self.saver = LabelSaver(labeling)
        self.control = control = LabelController(labeling, panel)
        self._tool = LabelTool(control, self._is_in_front)
        panel.add_tool(self._tool)
        self._predict(panel)
        panel.rebuilt.connect(self._on_rebuilt)
        self.drawing = LabelDrawing(control, opened.session.skeleton, opened.session.colours)
        self.board = LabelBoard(control, self.saver, opened.session.colours)
        self.drawing.drawn.connect(self.board.show_labels)
        self.board.marked.connect(self._mark)
        self._mark(self.board.mark)
        self._adder = FrameAdder(self.board, control, self.saver)
        self.carrier = carrier = LabelCarrier(control, self.board.progress)
        self.board.carry_wanted.connect(lambda: carrier.ask(self))
        choice = proposal_network(self._viewer)
        self.proposer = FrameProposer(control, choice, self.board.progress)
        self.main_layer = MainLayer(self._viewer, control, opened.session.colours)
        self.board.poses.toggled.connect(self._show_poses)
        self._show_poses()
        panel.shown.connect(self._on_shown)
        control.save_wanted.connect(self._save_now)
        control.keys_wanted.connect(self._show_keys)
        self.board.save_clicked.connect(self._save_now)
        self.board.keypoints_wanted.connect(self.ask_for_keypoints)
        self.board.import_wanted.connect(lambda: ask_and_import(control, self))
        self._questions = Questions(labeling, control, self.saver, self.board)
        self._pages.addWidget(self.board)
        self._pages.setCurrentWidget(self.board)
        control.choose(control.keypoint)
        self._questions.ask_what_is_left()
        self.requests.begin(control, self._adder.put)

    def _detach(self) -> None:
        control = self.control
        if control is None:
            return
        self.requests.end()
        panel = control.panel
        panel.shown.disconnect(self._on_shown)
        panel.rebuilt.disconnect(self._on_rebuilt)
        assert self._tool is not None
        panel.remove_tool(self._tool)
        panel.show_poses(True)
        for background in (self.carrier, self.proposer):
            if background is not None:
                background.stop()
        for part in (self.main_layer, self.drawing, control, self.saver):
            assert part is not None
            part.close()
        if self.board is not None:
            self._pages.removeWidget(self.board)
            self.board.setParent(None)
            self.board.deleteLater()
            self._mark("")
        self.board = self.drawing = self.control = self.saver = None
        self._tool = self._adder = self._questions = self.main_layer = self.carrier = None
        self.proposer = None

    def _stop(self) -> None:
        """Save, and let go of the session's labels."""
        if self.labeling is None:
            return
        self.save()
        self._detach()
        self.labeling.close()
        self.labeling = None

    def _say(self, text: str, *, views: bool = False, project: bool = False) -> None:
        self._hint.show_message(text)
        self._open_views.setVisible(views)
        self._new_project.setVisible(project)

    def _ask_for_project(self) -> None:
        self._workspace.open("Session").ask_for_new_project()

    # ------------------------------------------------------------------ camera views

    def _on_panel(self, panel: ViewsPanel) -> None:
        """The views moved to another window, and are others now."""
        if self.labeling is not None and not self._closed:
            self._attach(panel)

    def _on_views_ended(self) -> None:
        self._views = None
        if self._closed:
            return
        self.save()
        self._detach()
        self._say(_NO_VIEWS, views=True)

    def _on_rebuilt(self) -> None:
        """Other videos or poses are shown."""
        if self.control is not None:
            self._predict(self.control.panel)
            if self.main_layer is not None:
                self.main_layer.bring_to_front()
            self.control.changed.emit()

    def _predict(self, panel: ViewsPanel) -> None:
        labeling, control = self.labeling, self.control
        assert labeling is not None
        assert control is not None
        scene, keypoints = panel.scene, labeling.keypoints
        control.proposals = lambda frame: (
            proposals(scene, frame, keypoints) or labeling.queued_proposals(frame)
        )
        if labeling.rig is not None:
            labeling.expected = Expected(scene, labeling.session, labeling.rig, keypoints)

    def _is_in_front(self) -> bool:
        """Whether mouse and keys are for labels: another task in front has them."""
        places = self._workspace
        return places.find("Label") is None or places.is_in_front("Label")

    def _show_poses(self) -> None:
        """Draw predictions beneath the labels where wanted, and wherever others are worked on."""
        if self.control is not None and self.board is not None:
            in_front = self._is_in_front()
            self.control.panel.show_poses(self.board.poses.isChecked() or not in_front)
            if not in_front:
                # The loupe would stay where its key no longer acts.
                self.control.point(None)

    def _on_shown(self, frame: int) -> None:
        """The frame changed: what was labeled before is saved."""
        assert self.labeling is not None
        if any(key.frame != frame for key in self.labeling.unsaved):
            self.save()
        elif self.board is not None:
            self.board.show_frames()

    def _show_keys(self) -> None:
        KeyTable(self).exec()

    # ------------------------------------------------------------------ keypoints

    def ask_for_keypoints(self) -> None:
        """Let the user add, rename and reorder keypoints."""
        if self.labeling is None:
            return
        dialog = KeypointDialog(self.labeling.keypoints, self)
        if dialog.exec():
            self.change_keypoints(dialog.names)

    def change_keypoints(self, names: Sequence[tuple[str, str | None]]) -> None:
        """Change them in all files, and begin anew with what is there then.

        Parameters
        ----------
        names : sequence of (name, former name or None)
            See `core.labels.keypoint_names.change_keypoints`.
        """
        opened, labeling = self._opened, self.labeling
        assert opened is not None
        assert labeling is not None
        if not self._saved_at_last():
            show_error("Some labels are not saved yet; keypoints can be changed when they are.")
            return
        history = labeling.store.history
        colours = kept_colours(names, labeling.keypoints, opened.session.colours)
        try:
            change_keypoints(labeling.files, names)
            if colours != opened.session.colours:
                update_own_project(opened.project.folder, colours=colours)
            project = open_project(opened.project.folder)
            session = project.session(opened.session.name)
        except PoseDataError as error:
            show_error(str(error))
            return
        self._current.set(OpenSession(project, session))
        if self.labeling is not None:
            new_names = {old: name for name, old in names if old is not None}
            self.labeling.store.history = history.renamed(new_names)
            if self.board is not None:
                self.board.show_labels()

    # ------------------------------------------------------------------ saving

    def save(self) -> bool:
        """Write what is unsaved; False when something is left."""
        if self.saver is not None:
            return self.saver.save()
        return self.labeling is None or not self.labeling.unsaved

    def _mark(self, mark: Mark) -> None:
        self._workspace.mark("Label", mark)

    def _save_now(self) -> None:
        if self.saver is not None:
            self.saver.save_now()

    # ------------------------------------------------------------------ the end

    def event(self, event: QEvent | None) -> bool:
        """Napari takes a closed dock's widget out of it without closing the widget."""
        if event is not None and not self._closed:
            if event.type() == QEvent.Type.ParentChange and self.parent() is None:
                if self._top is not None:
                    self.shut_down()
            elif event.type() == QEvent.Type.Show and self._top is None:
                self._top = self.window()
                if self._top is not None:
                    self._top.installEventFilter(self)
        return super().event(event)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """The main window is about to close: nothing unsaved goes unnoticed."""
        if event is None or watched is not self._top or self._closed:
            return False
        if event.type() == QEvent.Type.Close and not self._may_close():
            event.ignore()
            return True
        if event.type() == QEvent.Type.Hide and not event.spontaneous():
            top = self._top
            if top is not None and not top.isMinimized():
                self.shut_down()
        return False

    def _may_close(self) -> bool:
        if self.saver is not None:
            self.saver.cancel_adding()
        if self._saved_at_last():
            return True
        assert self.labeling is not None
        return ask_to_close(self.labeling, self.saver, self)

    def _saved_at_last(self) -> bool:
        """Save, waiting for images that are being written."""
        # No event loop of our own: within one, napari goes on taking its window apart.
        if self.saver is not None:
            self.saver.finish(_WAIT_FOR_IMAGES)
        return self.save()

    def shut_down(self) -> None:
        """Save, and leave the camera views as they were."""
        if self._closed:
            return
        if self.saver is not None:
            self.saver.cancel_adding()
        if not self._saved_at_last() and self.labeling is not None:
            show_warning(
                f"The labels of {counted(len(self.labeling.unsaved), 'frame')} are only in the "
                "journal; they will be offered when this project is labeled again."
            )
        self._closed = True
        self._current.changed.disconnect(self._on_session)
        self._workspace.changed.disconnect(self._show_poses)
        self._detach()
        if self.labeling is not None:
            self.labeling.close()
            self.labeling = None
        if self._views is not None:
            self._views.panel_ends.disconnect(self._detach)
            self._views.panel_changed.disconnect(self._on_panel)
            self._views.ended.disconnect(self._on_views_ended)
            self._views = None
        if self._top is not None:
            self._top.removeEventFilter(self)
            self._top = None
