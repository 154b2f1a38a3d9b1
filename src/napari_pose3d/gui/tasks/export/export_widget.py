"""The widget "Export": the open session, its video, many sessions, and imports."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QComboBox, QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_pose3d.core.pipeline.exchange.export_run import Exported
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.core.pipeline.exchange.import_run import Imported
from napari_pose3d.core.pipeline.results.render_run import Rendered
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.forms import let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel, short_path
from napari_pose3d.gui.qt.task_layout import Section, SectionPart, lay_out_task
from napari_pose3d.gui.session.current_session import (
    NO_SESSION,
    OpenSession,
    current_session,
    is_other,
)
from napari_pose3d.gui.session.smoothing_choice import smoothing_choice
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.gui.workspace.panel_plan import Mark
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.wording import counted

from . import exchange_job as work
from .batch.batch_panel import BatchPanel
from .batch.batch_runner import batch_runner
from .export_sources import Source, sources_of
from .format_panel import FormatPanel
from .import_panel import ImportPanel
from .outcome_panel import OutcomePanel, common_folder
from .place_panel import PlacePanel
from .video_panel import VideoPanel

PANEL = "Export"
ONE, VIDEO, MANY = "This session", "Video of this session", "Many sessions"
IMPORT = "Import from other programs"
_WIDTH = 340
_NOTHING = "This session has no poses and no labels yet."


class ExportWidget(QWidget):
    """Composes the sections and runs exports and imports; a batch runs beside them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._workspace = workspace(napari_viewer)
        self._current = current_session(napari_viewer)
        self._opened: OpenSession | None = None
        self.sources = QComboBox()
        self.sources.setAccessibleName("What to export")
        let_shrink(self.sources, 12)
        self.again = QPushButton("&Look again")
        self.again.setToolTip("Results that were saved since the session was opened appear.")
        self.hint = MessageLabel()
        self.format = FormatPanel()
        self.place = PlacePanel()
        self.jobs = JobBar()
        self.button = QPushButton("E&xport")
        self.outcome = OutcomePanel()
        self.video = VideoPanel()
        self.imports = ImportPanel()
        self._runner = batch_runner(napari_viewer)
        self.batch = BatchPanel(self._current, self._runner, smoothing_choice(napari_viewer))
        self._batch_ran = False
        self._sections: dict[str, Section] = {}
        self._lay_out()
        self._connect()
        self._workspace.adopt(self, PANEL)
        self._on_session()
        self._on_batch()
        if self._runner.request is not None:
            self.section(MANY).unfold()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the images on a small screen."""
        return QSize(_WIDTH, 700)

    def section(self, name: str) -> Section:
        """One of the sections by its title."""
        return self._sections[name]

    @property
    def source(self) -> Source | None:
        """What is chosen to be exported."""
        found = self.sources.currentData()
        return found if isinstance(found, Source) else None

    def _lay_out(self) -> None:
        what = QGroupBox("1 · What")
        row = QHBoxLayout()
        row.addWidget(self.sources, 1)
        row.addWidget(self.again)
        column = QVBoxLayout(what)
        column.addLayout(row)
        column.addWidget(self.hint)
        one = SectionPart()
        column = QVBoxLayout(one)
        column.setContentsMargins(0, 0, 0, 0)
        for part in (what, self.format, self.place, self.button):
            column.addWidget(part)
        for title, whole in (
            (ONE, one),
            (VIDEO, self.video),
            (MANY, self.batch),
            (IMPORT, self.imports),
        ):
            self._sections[title] = Section(title, whole)
        self.section(ONE).unfold()
        parts = (*self._sections.values(), self.outcome)
        self._scroll = lay_out_task(self, parts, (self.jobs,))

    def _connect(self) -> None:
        self.sources.currentIndexChanged.connect(lambda _: self.format.offer(self.source))
        self.again.clicked.connect(self.look_again)
        self.format.changed.connect(self._refresh)
        self.place.changed.connect(self._refresh)
        self.button.clicked.connect(self.export)
        self.video.clicked.connect(self.render_video)
        self.imports.clicked.connect(self.import_)
        self.jobs.marked.connect(lambda _: self._mark())
        self._runner.changed.connect(self._on_batch)
        self._runner.stepped.connect(self._on_step)
        self._workspace.changed.connect(self.batch.steps.renew)
        self.jobs.changed.connect(self._refresh)
        self._current.changed.connect(self._on_session)

    def _on_session(self) -> None:
        opened = self._current.open
        if is_other(opened, self._opened):
            self.outcome.hide()
            self.jobs.forget()
        self._show_session(opened)

    def _show_session(self, opened: OpenSession | None) -> None:
        # What was offered first gives way to what is more useful now, such as a new result.
        chosen = None if self.sources.currentIndex() == 0 else self.source
        self._opened = opened
        found = [] if opened is None else sources_of(opened.project, opened.session)
        self.sources.blockSignals(True)
        self.sources.clear()
        for each in found:
            self.sources.addItem(each.title, each)
        if chosen in found:
            self.sources.setCurrentIndex(found.index(chosen))
        self.sources.blockSignals(False)
        self.place.propose(None if opened is None else work.proposed_folder(opened))
        self.format.offer(self.source)
        video = None if opened is None else work.proposed_video(opened)
        self.video.show_session(opened, found, video)

    def _obstacle(self) -> str:
        if self._opened is None:
            return NO_SESSION
        source = self.source
        if source is None:
            return _NOTHING
        if self.place.folder is None:
            return "Choose a folder to export to."
        if self.format.chosen.install_command:
            return self.format.missing.message
        return source.obstacle(self.format.chosen)

    def _refresh(self) -> None:
        source, folder, opened = self.source, self.place.folder, self._opened
        obstacle = self._obstacle()
        busy = self.jobs.is_busy
        self.button.setEnabled(not obstacle and not busy)
        self.button.setToolTip("A job is running." if busy else obstacle)
        hint = obstacle if obstacle != self.format.missing.message else ""
        self.hint.show_message(hint)
        self.hint.setVisible(bool(hint))
        self.again.setEnabled(opened is not None and not busy)
        self.video.set_busy(busy)
        self.imports.set_busy(busy)
        target = ""
        if opened is not None and source is not None and folder is not None:
            try:
                target = str(work.place_of(opened, source, self.format.chosen, folder))
            except PoseDataError as error:
                target = str(error)
        self.place.show_target(target)

    # ---------------------------------------------------------------- many sessions

    def _on_batch(self) -> None:
        self.section(MANY).say(self.batch.words)
        self._mark()
        running, request, opened = self._runner.is_running, self._runner.request, self._opened
        of_this = request and opened and request.folder == opened.project.folder
        if self._batch_ran and not running and of_this:
            # It may have made results of the session that is open.
            self.look_again()
        self._batch_ran = running

    def _on_step(self, _: str) -> None:
        self.section(MANY).say(self.batch.words)

    def _mark(self) -> None:
        marks = (self.jobs.mark, self._runner.mark)
        order: tuple[Mark, ...] = ("running", "attention", "done", "")
        self._workspace.mark(PANEL, next(mark for mark in order if mark in marks))

    # ---------------------------------------------------------------- jobs

    def look_again(self) -> None:
        """Offer what was saved since the session was opened."""
        if self._opened is not None:
            looking = partial(work.look_again, self._opened)
            self.jobs.start(looking, "looking for results", self._found)

    def export(self) -> None:
        """Write what is chosen, in a thread."""
        opened, source, folder = self._opened, self.source, self.place.folder
        if opened is None or source is None or folder is None:
            return
        try:
            choice = work.ExportChoice(
                opened,
                source,
                self.format.chosen,
                self.format.settings(),
                folder,
                self.format.frame_rate(),
                self.format.unit(),
                self.place.replace.isChecked(),
            )
        except PoseDataError as error:
            self.jobs.say(str(error), "attention")
            return
        self.outcome.hide()
        self.jobs.start(partial(work.run_export, choice), "reading", self._exported)

    def render_video(self) -> None:
        """Write a video of the open session, in a thread."""
        try:
            choice = self.video.choice()
        except PoseDataError as error:
            self.jobs.say(str(error), "attention")
            return
        self.outcome.hide()
        self.jobs.start(
            partial(work.run_render, choice), "reading", self._rendered, left="nothing was written"
        )

    def import_(self) -> None:
        """Read a file of another program, in a thread."""
        panel = self.imports
        opened = self._opened
        compared = panel.residuals.isChecked() and opened is not None
        rig = opened.session.rig_path if compared and opened is not None else None
        self.outcome.hide()
        job = partial(
            work.run_import, panel.path, panel.folder, panel.format, rig, panel.zero.isChecked()
        )
        self.jobs.start(job, "reading", self._imported)

    def _found(self, opened: OpenSession) -> None:
        self._show_session(opened)
        self.jobs.say(f"{self.sources.count()} things can be exported.", "")

    def _exported(self, done: Exported) -> None:
        folder = common_folder(done.files)
        head = f"Exported {counted(len(done.files), 'file')} to {folder}"
        self.jobs.say(head)
        self.outcome.show_outcome(head, done.files, done.notes)
        self._scroll.ensureWidgetVisible(self.outcome, 0, 0)
        show_info(f"Exported {counted(len(done.files), 'file')} to {short_path(folder)}")

    def _rendered(self, done: Rendered) -> None:
        width, height = done.size
        head = (
            f"Rendered {counted(done.n_frames, 'frame')}, {done.fps:g} a second, "
            f"{width} x {height} px, to {done.file.parent}"
        )
        self.jobs.say(head)
        self.outcome.show_outcome(head, [done.file], done.notes)
        self._scroll.ensureWidgetVisible(self.outcome, 0, 0)
        show_info(f"Rendered {done.file.name}")

    def _imported(self, done: Imported) -> None:
        title = FORMATS[done.format].title
        if done.files:
            head = (
                f"Imported {title}: {counted(len(done.files), 'file')}. Open their folder in the "
                "tab Session to work with them."
            )
        else:
            head = f"{title}, looked through; nothing was written."
        odd = any(each.zero or each.outside for each in done.lint)
        self.jobs.say(head, "attention" if odd else "done")
        lint = [each.describe() for each in done.lint]
        self.outcome.show_outcome(head, done.files, done.notes, lint)
        self._scroll.ensureWidgetVisible(self.outcome, 0, 0)
