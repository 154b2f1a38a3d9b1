"""The widget "Smooth and triangulate": choose files, see what was found, run, look, save."""

from dataclasses import replace
from functools import partial
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QSize, QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_pose3d.core.projects.matching.match_table import MatchTable
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.display import Display, Shown
from napari_pose3d.gui.layers.frame_window import keep_windows
from napari_pose3d.gui.layers.layer_adder import LayerAdder, can_renew, renew_layers
from napari_pose3d.gui.layers.layer_styles import tiles_of
from napari_pose3d.gui.layers.session_layers import RESULT_KEY, SESSION_KEY
from napari_pose3d.gui.qt.jobs import Job, JobSlot
from napari_pose3d.gui.qt.message_text import short_path
from napari_pose3d.gui.qt.run_bar import RunBar
from napari_pose3d.gui.qt.task_layout import lay_out_task
from napari_pose3d.gui.session.current_session import (
    OpenSession,
    current_session,
    is_same_recording,
)
from napari_pose3d.gui.session.smoothing_choice import Chosen, smoothing_choice
from napari_pose3d.gui.workspace.panel_plan import Mark
from napari_pose3d.gui.workspace.preferences import preferred_threads
from napari_pose3d.gui.workspace.workspace import workspace
from napari_pose3d.settings import ReadingSettings, SmoothingSettings
from napari_pose3d.wording import counted

from . import smooth_job as work
from .camera_hint import CameraHint
from .input_panel import InputPanel
from .keypoint_list import KeypointList
from .match_view import MatchView
from .result_panel import ResultPanel
from .result_validity import why_outdated
from .save_dialog import ask_where
from .settings_panel import SmoothingPanel

_PANEL = "Smooth and triangulate"
_WIDTH = 320
_NOTHING_CHOSEN = "Choose predictions first: drop a folder or files above."
_LOOKING = "Looking at the files…"
_UNUSABLE = "The chosen files cannot be used; see 'What was found'."
_NO_KEYPOINT = "Choose at least one keypoint."


class SmoothWidget(QWidget):
    """Composes the panels, starts the jobs and puts finished layers into the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    result_shown = Signal()

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._display = Display(napari_viewer)
        self._matching, self._running = JobSlot(), JobSlot()
        self._finished: work.Finished | None = None
        self._of_session: OpenSession | None = None
        self._running_for: OpenSession | None = None
        self._smoothing = False
        self._added: list[Layer] = []
        self._current = current_session(napari_viewer)

        self.inputs = InputPanel()
        self.matches = MatchView()
        self.cameras = CameraHint()
        self.keypoints = KeypointList()
        self.smoothing = SmoothingPanel()
        self.bar = RunBar()
        self.results = ResultPanel()
        self.keep_layers = QCheckBox("&Keep the layers of the run before")
        self.keep_layers.setToolTip("Otherwise a new run's layers take their place.")
        self._lay_out()
        self._connect()
        self._refresh_obstacle()
        self._workspace = workspace(napari_viewer)
        self._workspace.adopt(self, _PANEL)
        smoothing_choice(napari_viewer).follow(self.chosen_settings)
        self._on_session()
        self._prepare()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the canvas on a small screen."""
        return QSize(_WIDTH, 700)

    def _lay_out(self) -> None:
        parts = (
            self.inputs,
            self.matches,
            self.cameras,
            self.keypoints,
            self.smoothing,
            self.keep_layers,
            self.results,
        )
        self._scroll = lay_out_task(self, parts, (self.bar,))

    def _connect(self) -> None:
        self.inputs.changed.connect(self._look_at_files)
        self.inputs.refused.connect(show_warning)
        self.inputs.session_wanted.connect(self.use_session)
        self._current.changed.connect(self._on_session)
        self.smoothing.reading_changed.connect(self._look_at_files)
        self.matches.chosen.connect(self._offer_keypoints)
        self.cameras.mapping_wanted.connect(self._map_cameras)
        self.keypoints.changed.connect(self._refresh_obstacle)
        self.keypoints.changed.connect(self._check_result)
        self.smoothing.changed.connect(self._check_result)
        self.bar.run_clicked.connect(self.run)
        self.bar.cancel_clicked.connect(self.cancel)
        self.results.space_chosen.connect(self.show_space)
        self.results.shown_chosen.connect(self.show_stages)
        self.results.cameras_chosen.connect(self.show_cameras)
        self.results.exchange_clicked.connect(self._exchange_sides)
        self.results.save_clicked.connect(self.save)
        self._viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        for slot in (self._matching, self._running):
            self.destroyed.connect(slot.abandon)

    # ---------------------------------------------------------------- the open session

    def use_session(self) -> None:
        """Smooth the predictions of the session that is open."""
        opened = self._current.open
        if opened is None:
            return
        session = opened.session
        paths = [path for each in session.ensemble_sets for _, path in each.all_files]
        self.inputs.follow(session.name, paths, session.rig_path)
        self.inputs.offer_session(False)

    def _on_session(self) -> None:
        """Another session is open, or the same one with other files or alignments."""
        opened, of = self._current.open, self._running_for
        if self._smoothing and of is not None and not (opened and is_same_recording(of, opened)):
            # Its result would be drawn on the images of another session.
            self.cancel("Cancelled: another session was opened.")
        if opened is not None and (self.inputs.followed or not self.inputs.paths):
            self.use_session()
        # Its files may be the same while its cameras have other names.
        self._show_cameras()
        self.inputs.offer_session(opened is not None)
        self._check_result()

    def _check_result(self) -> None:
        """What an earlier run made is marked, or goes, where it no longer belongs."""
        before, now, finished = self._of_session, self._current.open, self._finished
        if finished is None or self.bar.is_busy:
            return
        if before is not None and (now is None or not is_same_recording(before, now)):
            self._drop_result()
            return
        try:
            settings: SmoothingSettings | None = self._settings()
            choice = self._choice()
        except PoseDataError:
            settings, choice = None, finished.choice
        if self._matching.job is not None or self.matches.table is None:
            # What the files offer is not known yet.
            settings, choice = (
                finished.settings,
                replace(finished.choice, paths=choice.paths, calibration=choice.calibration),
            )
        why = why_outdated(finished, before, now, choice, settings)
        if why != self.results.stale:
            self.results.show_stale(why)
            self.bar.show_idle("" if why else "Done.")
            self._workspace.mark(_PANEL, self._state_of_result())

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802
        """Files may have changed while another program was in front."""
        if event is not None and event.type() == QEvent.Type.ActivationChange:
            QTimer.singleShot(0, self._look_again)
        super().changeEvent(event)

    def _look_again(self) -> None:
        if isalive(self) and self.isActiveWindow():
            self._check_result()

    def _state_of_result(self) -> Mark:
        doubtful = self._finished is not None and bool(self._finished.result.report.serious)
        return "attention" if self.results.stale or doubtful else "done"

    def _drop_result(self) -> None:
        self._finished = self._of_session = None
        for layer in self._added:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._added = []
        self.results.hide()
        self.bar.show_idle("")
        self._workspace.mark(_PANEL, "")

    # ---------------------------------------------------------------- running

    def run(self) -> None:
        """Smooth what was chosen, in a thread."""
        if not self.bar.is_ready:
            return
        try:
            choice, settings = self._choice(), self._settings()
        except PoseDataError as error:
            self._fail(str(error))
            return
        table = self.matches.table
        known = table.keypoints if table is not None else ()
        staying = [layer for layer in self._viewer.layers if layer not in self._replaced()]
        opened = self._current.open
        self._running_for = opened if self.inputs.followed else None
        session = None if opened is None else opened.session
        smoothing = partial(work.smooth, choice, settings, known, tiles_of(staying), session)
        more = settings.as_published or settings.fix_swaps or bool(settings.skeleton)
        more |= settings.mode == "single"
        is_ready = partial(self._workspace.kernels.is_ready, more)
        job = Job(partial(work.after_compilation, is_ready, smoothing))
        self._smoothing = True
        self._start(job, "reading", self._add_layers)

    def cancel(self, why: str = "Cancelled; nothing was changed.") -> None:
        """Stop waiting for the job; its thread ends by itself, and its result is not used."""
        self._end_job()
        self.bar.show_idle(why)
        self._workspace.mark(_PANEL, "")
        self.results.set_saving(False)

    def save(self) -> None:
        """Ask for a folder and write the result there, in a thread."""
        finished = self._finished
        if finished is None or self.bar.is_busy:
            return
        self._check_result()
        folder = work.proposed_folder(finished)
        answer = ask_where(finished.result, folder, self.results.stale, self)
        if answer is None:
            return
        self.results.set_saving(True)
        job = Job(partial(work.save, finished, *answer))
        self._start(job, "saving", lambda paths: self._show_saved(paths))

    def _end_job(self) -> None:
        self._running.abandon()
        self._smoothing = False

    def _start(self, job: Job, stage: str, then: Any) -> None:
        job.progressed.connect(self.bar.show_progress)
        job.succeeded.connect(then)
        job.failed.connect(self._fail)
        job.stopped.connect(self.cancel)
        self.bar.show_busy(stage)
        self._workspace.mark(_PANEL, "running")
        self._running.start(job)

    def _show_cameras(self) -> None:
        opened = self._current.open if self.inputs.followed else None
        self.cameras.show_session(None if opened is None else opened.session)

    def _map_cameras(self) -> None:
        """The dialog belongs to the session, which every panel follows."""
        self._workspace.open("Session").editor.ask_for_cameras()
        self._workspace.bring_forward(_PANEL)

    def _look_at_files(self) -> None:
        self._matching.abandon()
        self._show_cameras()
        self.inputs.offer_session(self._current.open is not None)
        self._check_result()
        if not self.inputs.paths:
            self.matches.show_nothing()
            self.keypoints.offer(())
            self._refresh_obstacle()
            return
        job = Job(partial(work.find, self._choice()))
        job.succeeded.connect(self._show_matches)
        job.failed.connect(self._show_problem)
        self.matches.show_busy()
        self._matching.start(job)
        self._refresh_obstacle()

    def _show_matches(self, matches: MatchTable) -> None:
        self._matching.abandon()
        self.matches.show_matches(matches)
        self._offer_keypoints()

    def _offer_keypoints(self) -> None:
        table = self.matches.table
        opened = self._current.open if self.inputs.followed else None
        colours = {} if opened is None else opened.session.colours
        self.keypoints.offer(table.keypoints if table is not None else (), colours)
        self.smoothing.offer_bones(work.bones_of_project(table))
        self._refresh_obstacle()
        self._check_result()

    def _show_problem(self, message: str) -> None:
        self._matching.abandon()
        self.matches.show_problem(message)
        self.keypoints.offer(())
        self._refresh_obstacle()

    def chosen_settings(self) -> Chosen:
        """For any session: without what was chosen of this one's keypoints and individuals.

        Raises
        ------
        PoseDataError
            A text cannot be read.
        """
        return self.smoothing.smoothing(), ReadingSettings(**self.smoothing.reading())

    def _settings(self) -> SmoothingSettings:
        """Those that are chosen; raises `PoseDataError` for a text that cannot be read."""
        settings = self.smoothing.smoothing()
        if settings.threads is None:
            settings = replace(settings, threads=preferred_threads())
        return work.for_keypoints(settings, self.keypoints.offered, self.keypoints.checked)

    def _choice(self) -> work.Choice:
        reading = ReadingSettings(
            session=self.matches.session,
            individual=self.matches.individual,
            **self.smoothing.reading(),
        )
        if self.keypoints.checked != self.keypoints.offered:
            reading = replace(reading, keypoints=self.keypoints.checked)
        return work.Choice(tuple(self.inputs.paths), self.inputs.calibration, reading)

    def _refresh_obstacle(self) -> None:
        if not self.inputs.paths:
            obstacle = _NOTHING_CHOSEN
        elif self._matching.job is not None:
            obstacle = _LOOKING
        elif self.matches.table is None:
            obstacle = _UNUSABLE
        elif not self.keypoints.checked:
            obstacle = _NO_KEYPOINT
        else:
            obstacle = ""
        self.bar.set_obstacle(obstacle)

    def _add_layers(self, finished: work.Finished) -> None:
        if self._running_for is not None:
            for _, attributes, _ in finished.layers:
                # They go when another session takes this one's place.
                attributes["metadata"][SESSION_KEY] = self._running_for.session.name
                attributes["metadata"][RESULT_KEY] = True
        old = self._replaced()
        if can_renew(self._viewer, old, finished.layers):
            renew_layers(old, finished.layers)
            self._show_finished(finished)
            return
        adder = LayerAdder(self._viewer, finished.layers, old, self)
        adder.progressed.connect(self.bar.show_progress)
        adder.succeeded.connect(partial(self._show_added, finished))
        self._running.start(adder)

    def _show_added(self, finished: work.Finished, layers: list[Layer]) -> None:
        self._added = layers
        self._display.forget()
        self._display.show_2d()
        if (views := self._workspace.find("Camera views")) is not None:
            views.panel.take_over()
        smoothed = [layer for layer in layers if layer.name.startswith("smoothed")]
        self._viewer.layers.selection.active = smoothed[0]
        self._show_finished(finished)

    def _show_finished(self, finished: work.Finished) -> None:
        self._end_job()
        self._finished, self._of_session = finished, self._running_for
        keep_windows(self._viewer, show_error)
        self.results.show_result(finished.result, self._display.space)
        self.smoothing.suggest(finished.result.smooth_param)
        self.bar.show_idle("Done.")
        self._workspace.mark(_PANEL, self._state_of_result())
        self._check_result()
        QTimer.singleShot(0, self._show_results)
        self.result_shown.emit()

    def _show_results(self) -> None:
        if isalive(self):
            self._scroll.ensureWidgetVisible(self.results, 0, 0)

    def _replaced(self) -> list[Layer]:
        """The layers that make place for those of the next run."""
        return [] if self.keep_layers.isChecked() else self._added

    def _show_saved(self, paths: list[Any]) -> None:
        self._end_job()
        self.results.set_saving(False)
        folder = paths[0].parent
        self.bar.show_idle(f"Saved {counted(len(paths), 'file')} in {folder}")
        self._workspace.mark(_PANEL, self._state_of_result())
        show_info(f"Saved {counted(len(paths), 'file')} in {short_path(folder)}")
        # Another session may have been opened meanwhile.
        self._check_result()

    def _fail(self, message: str) -> None:
        self._end_job()
        self.results.set_saving(False)
        self.bar.show_idle(message)
        self._workspace.mark(_PANEL, "attention")
        show_error(message)

    def show_space(self, space: str) -> None:
        """Show the views (``"2-D"``) or the animal in space (``"3-D"``)."""
        views = self._workspace.find("Camera views")
        if views is not None:
            # The images are there; napari's canvas would only take their room.
            views.panel.show_space(space == "3-D")
            self.results.show_space("3-D" if space == "3-D" else "2-D")
            return
        if space == "3-D":
            self._display.show_3d(self._finished.rig if self._finished else None)
        else:
            self._display.show_2d()

    def show_stages(self, shown: Shown) -> None:
        """Show what is smoothed, what is raw, or both, where the images are."""
        if (views := self._workspace.find("Camera views")) is not None:
            self._display.shown = shown
            views.panel.show_stages(shown)
        else:
            self._display.show(shown)

    def show_cameras(self, shown: bool) -> None:
        """Show the cameras in 3-D, or let the animal fill the view."""
        if (views := self._workspace.find("Camera views")) is not None:
            self._display.cameras = shown
            views.panel.show_cameras(shown)
        else:
            self._display.show_cameras(shown)

    def _exchange_sides(self) -> None:
        self.smoothing.set_fix_swaps(True)
        self.run()

    def _on_ndisplay(self) -> None:
        # napari holds this method weakly, but may call it between Qt's end of us and Python's.
        if isalive(self) and self._finished is not None:
            self.results.show_space(self._display.space)

    def _prepare(self) -> None:
        kernels = self._workspace.kernels
        if kernels.is_running:
            kernels.ended.connect(self._prepared)
            self.bar.set_note("Preparing the compiled code (only the first time takes long)…")

    def _prepared(self) -> None:
        self.bar.set_note("")
