"""The widget "Session": open a project, choose a session, see what it has, show it."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_pose3d.core.projects.creation import add_inputs, create_project
from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.core.projects.project import Project, check_session, open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.session import Session
from napari_pose3d.gui.layers.display import Display
from napari_pose3d.gui.layers.frame_window import keep_windows
from napari_pose3d.gui.layers.layer_adder import LayerAdder
from napari_pose3d.gui.layers.layer_styles import ROLE_KEY
from napari_pose3d.gui.layers.session_layers import RESULT_KEY, SESSION_KEY, session_layers
from napari_pose3d.gui.layers.video_layers import VIDEO
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.run_bar import RunBar
from napari_pose3d.gui.qt.task_layout import lay_out_task
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import IsCancelled, Progress

from .current_session import OpenSession, current_session, has_same_data
from .dialogs.new_project import NewProject, NewProjectDialog
from .issue_list import IssueList
from .layout_memory import layout_memory
from .project_choice import ProjectPanel
from .project_editor import ProjectEditor, keypoints_of
from .session_choice import SessionPanel

_WIDTH = 320
_NOTHING = "Open a project first: drop a folder above."
_NO_SESSION = "Nothing in this folder can be opened as a session."


class SessionWidget(QWidget):
    """Composes the panels, starts the jobs and puts the session's layers into the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    opened = Signal()

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._current = current_session(napari_viewer)
        self._workspace = workspace(napari_viewer)
        self._layout = layout_memory(napari_viewer)
        self._finding, self._checking, self._opening = JobSlot(), JobSlot(), JobSlot()
        self._open_at_once = False
        self._opened_folder: Path | None = None
        # Views of the open session whose videos could not be read.
        self._unread: list[str] = []

        self.project = ProjectPanel()
        self.sessions = SessionPanel()
        self.issues = IssueList()
        self.editor = ProjectEditor(self.sessions, self)
        self.bar = RunBar(
            action="&Open session", hint="Show the videos and what is checked above (Alt+O)."
        )
        self.next_steps = _NextSteps()
        self._lay_out()
        self._connect()
        opened = self._current.open
        if opened is not None:
            self._opened_folder = opened.project.folder
            self._show_project(opened.project)
            self.sessions.choose(opened.session.name)
        self._refresh()
        self._mark()
        self._workspace.adopt(self, "Session")

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the canvas on a small screen."""
        return QSize(_WIDTH, 700)

    def _lay_out(self) -> None:
        parts = (self.project, self.sessions, self.issues)
        lay_out_task(self, parts, (self.bar, self.next_steps))

    def _connect(self) -> None:
        editor = self.editor
        editor.changed.connect(self._on_edited)
        self.project.chosen.connect(self.open_paths)
        self.project.new_wanted.connect(self.ask_for_new_project)
        self.sessions.changed.connect(self._look_into)
        self.issues.accepted.connect(editor.accept)
        self.issues.trigger_stated.connect(editor.state_trigger)
        self.issues.mapping_wanted.connect(editor.ask_for_cameras)
        self.bar.run_clicked.connect(self.open_session)
        self.bar.cancel_clicked.connect(self._cancel)
        self.next_steps.smooth.clicked.connect(self._open_smoothing)
        self.next_steps.adjust.clicked.connect(editor.ask_for_alignments)
        self.next_steps.cameras.clicked.connect(editor.ask_for_cameras)
        self.next_steps.skeleton.clicked.connect(editor.ask_for_skeleton)
        self.next_steps.views.clicked.connect(lambda: self._workspace.open("Camera views"))
        self._current.changed.connect(self._on_current)
        for slot in (self._finding, self._checking, self._opening):
            self.destroyed.connect(slot.abandon)

    # ---------------------------------------------------------------- finding

    def open_paths(self, paths: Iterable[Path], at_once: bool = False) -> None:
        """Look for sessions in a folder or among files.

        Parameters
        ----------
        paths : paths
        at_once : bool
            Whether to open the session when there is only one.
        """
        found = tuple(paths)
        self._open_at_once = at_once
        self.project.show_busy()
        self.bar.set_obstacle("Looking for sessions…")
        job = Job(partial(_find, found))
        job.succeeded.connect(self._show_project)
        job.failed.connect(self._show_no_project)
        self._finding.start(job)

    def _show_project(self, project: Project) -> None:
        self._finding.abandon()
        self.project.show_project(project)
        self.sessions.offer(project)
        self._refresh()
        if self._open_at_once and len(project.sessions) == 1:
            self.open_session()
        self._open_at_once = False

    def _on_current(self) -> None:
        """Another widget changed the project, or the sample was opened: show it as it is now."""
        opened, shown = self._current.open, self.sessions.project
        if opened is None:
            return
        folder, before = opened.project.folder, self._opened_folder
        self._opened_folder = folder
        # Whoever looks into another project meanwhile goes on to see that one.
        is_shown = shown is not None and shown.folder == folder
        if opened.project is not shown and (shown is None or is_shown or folder != before):
            self._show_project(opened.project)
            self.sessions.choose(opened.session.name)
            if folder != before and not self.bar.is_busy:
                # Opened by another way, such as a sample; the line below was about the one before.
                self._unread = []
                self.bar.show_idle(f"{opened.session.name} is open.")
                self._mark()

    def _show_no_project(self, message: str) -> None:
        self._finding.abandon()
        self.project.show_problem(message)
        self.sessions.offer(None)
        self._refresh()
        show_error(message)

    def _look_into(self) -> None:
        """Show what is known about the chosen session, and look for more in its files."""
        self._checking.abandon()
        project, session = self.sessions.project, self.sessions.session
        known = () if project is None else project.issues
        if session is None:
            self._show_issues(known)
            self._refresh()
            return
        known = (*known, *session.issues)
        self._show_issues(known)
        job = Job(partial(_check, session))
        job.succeeded.connect(lambda more: self._show_issues((*known, *more)))
        job.failed.connect(show_error)
        self._checking.start(job)
        self._refresh()

    def _show_issues(self, issues: tuple[Issue, ...]) -> None:
        self.issues.show_issues(issues)
        if not self.bar.is_busy:
            self._mark()

    def _on_edited(self, project: Project) -> None:
        """The project was changed on disk: what is on the screen follows."""
        session = self.sessions.session
        self._show_project(project)
        if session is None:
            return
        self.sessions.choose(session.name)
        opened = self._current.open
        if opened is not None and opened.session.name == session.name:
            self.open_session()

    def ask_for_new_project(self) -> None:
        """Let the user make a project from videos; what is open is filled in."""
        opened, given = self._current.open, None
        if opened is not None:
            keypoints = opened.project.keypoints or keypoints_of(opened.session)
            given = NewProject.of_session(opened, keypoints)
        self._ask_for_project(given)

    def _ask_for_project(self, given: NewProject | None, why: str = "") -> None:
        dialog = NewProjectDialog(self, given, why)
        if not dialog.exec():
            return
        new = dialog.answer
        self.bar.show_busy("making the project")
        job = Job(partial(_create, new))
        job.progressed.connect(self.bar.show_progress)
        job.succeeded.connect(self._show_created)
        job.failed.connect(lambda message: self._ask_again(new, message))
        job.stopped.connect(self._cancel)
        self._opening.start(job)

    def _ask_again(self, new: NewProject, message: str) -> None:
        """What was typed is still there."""
        self._fail(message)
        self._ask_for_project(new, message)

    def _show_created(self, project: Project) -> None:
        self._opening.abandon()
        self.bar.show_idle(f"Made the project {project.folder}.")
        # So that one can go on with it, such as with Label.
        self._open_at_once = True
        self._show_project(project)

    # ---------------------------------------------------------------- opening

    def open_session(self) -> None:
        """Put the chosen session into the viewer, in place of one that was opened before."""
        project, session = self.sessions.project, self.sessions.session
        if project is None or session is None or self.bar.is_busy:
            return
        job = Job(partial(session_layers, session, self.sessions.sets))
        job.progressed.connect(self.bar.show_progress)
        job.succeeded.connect(partial(self._add_layers, OpenSession(project, session)))
        job.failed.connect(self._fail)
        job.stopped.connect(self._cancel)
        self.bar.show_busy("opening the videos")
        self._workspace.mark("Session", "running")
        self._opening.start(job)

    def _add_layers(self, opened: OpenSession, layers: list[Any]) -> None:
        before = self._current.open
        # Results of a run stay on the session that they were made of.
        keep = before is not None and has_same_data(before, opened)
        old = [
            layer
            for layer in self._viewer.layers
            if SESSION_KEY in layer.metadata and not (keep and RESULT_KEY in layer.metadata)
        ]
        adder = LayerAdder(self._viewer, layers, old, self)
        adder.progressed.connect(self.bar.show_progress)
        adder.succeeded.connect(partial(self._show_opened, opened))
        self._opening.start(adder)

    def _show_opened(self, opened: OpenSession, layers: list[Layer]) -> None:
        self._opening.abandon()
        display = Display(self._viewer)
        display.show_2d()
        if (views := self._workspace.find("Camera views")) is not None:
            views.panel.take_over()
        keep_windows(self._viewer, show_error)
        self._viewer.dims.set_point(0, 0)
        self._viewer.title = opened.session.name
        self._current.set(opened)
        shown = {each.metadata.get("view") for each in layers if _is_video(each)}
        self._unread = [view for view in opened.session.videos if view not in shown]
        without = f", without the video of {', '.join(self._unread)}" if self._unread else ""
        self.bar.show_idle(f"{opened.session.name} is open{without}.")
        self._refresh()
        self._layout.restore(opened)
        self._mark()
        self.opened.emit()

    def _mark(self) -> None:
        severe = bool(self._unread)
        severe |= any(issue.severity != "note" for issue in self.issues.issues)
        done = self._current.open is not None
        self._workspace.mark("Session", "attention" if severe else "done" if done else "")

    def _cancel(self) -> None:
        self._opening.abandon()
        self._mark()
        self.bar.show_idle("Cancelled; nothing was changed.")

    def _fail(self, message: str) -> None:
        self._opening.abandon()
        self.bar.show_idle(message)
        self._workspace.mark("Session", "attention")
        show_error(message)

    def _refresh(self) -> None:
        project, session = self.sessions.project, self.sessions.session
        if project is None:
            obstacle = _NOTHING
        elif session is None:
            obstacle = _NO_SESSION
        else:
            obstacle = ""
        self.bar.set_obstacle(obstacle)
        self.next_steps.allow(session, self._current.open is not None)

    # ---------------------------------------------------------------- going on

    def _open_smoothing(self) -> None:
        opened = self._current.open
        if opened is None:
            return
        session = opened.session
        paths = [path for each in session.ensemble_sets for _, path in each.all_files]
        if not paths:
            show_warning(f"{session.name} has no predictions that could be smoothed.")
            return
        self._workspace.open("Smooth and triangulate").use_session()


class _NextSteps(QWidget):
    """What one may want to do with a session."""

    def __init__(self) -> None:
        super().__init__()
        self.views = QPushButton("Camera &views")
        self.views.setToolTip("Every camera with its own zoom, in step.")
        self.smooth = QPushButton("&Smooth…")
        self.smooth.setToolTip("Smooth and triangulate the predictions of this session.")
        self.adjust = QPushButton("&Adjust views…")
        self.adjust.setToolTip("Cameras that started late, lost images, or show a part only.")
        self.skeleton = QPushButton("S&keleton, colours…")
        self.skeleton.setToolTip("Which keypoints are joined, and what they look like.")
        self.cameras = QPushButton("&Map cameras…")
        self.cameras.setToolTip("Which camera of the calibration is which view.")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        buttons = (self.views, self.smooth, self.adjust, self.cameras, self.skeleton)
        for i, button in enumerate(buttons):
            grid.addWidget(button, *divmod(i, 2))

    def allow(self, chosen: Session | None, opened: bool) -> None:
        """Some steps need a session that is chosen, some one that is open."""
        for button in (self.adjust, self.skeleton):
            button.setEnabled(chosen is not None)
        self.cameras.setEnabled(chosen is not None and chosen.rig_path is not None)
        for button in (self.views, self.smooth):
            button.setEnabled(opened)


def _is_video(layer: Layer) -> bool:
    return layer.metadata.get(ROLE_KEY) == VIDEO


def _find(paths: tuple[Path, ...], progress: Progress, cancelled: IsCancelled) -> Project:
    progress("looking for sessions", 0, 0)
    return open_project(paths[0] if len(paths) == 1 else paths)


def _create(new: NewProject, progress: Progress, cancelled: IsCancelled) -> Project:
    project = create_project(
        new.folder,
        new.views,
        new.keypoints,
        skeleton=new.skeleton,
        colours=new.colours,
        videos=new.videos,
        mode=new.mode,
        progress=progress,
        cancelled=cancelled,
    )
    name = new.session or (project.sessions[0].name if project.sessions else "session")
    if new.predictions or new.calibration:
        project = add_inputs(
            new.folder, name, predictions=new.predictions, calibration=new.calibration
        )
    if new.alignments or new.cameras:
        update_own_project(
            new.folder,
            alignments={(name, view): each for view, each in new.alignments.items()},
            cameras=new.cameras or None,
        )
        project = open_project(new.folder)
    return project


def _check(session: Session, progress: Progress, cancelled: IsCancelled) -> tuple[Issue, ...]:
    return check_session(session)
