"""What can be done with a calibration: looked at, fitted again, saved, used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_error, show_info
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_pose3d.core.calibration.session_rig import offsets_of_clocks
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.session.current_session import CurrentSession
from napari_pose3d.gui.workspace.job_bar import JobBar

from ..file_dialogs import HTML, TOML, ask_target
from ..make import calibration_job as work
from ..session_changes import with_offsets, with_rig
from .fit_history import FitHistory
from .result_page import ResultPage
from .result_panel import ResultPanel
from .result_tables import all_verdicts, excluded_text

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration
    from napari_pose3d.core.cameras.rig import Rig

_WORST = 12


class ResultController(QObject):
    """Connects the panel, the page and the jobs; `placed` is emitted with the rig as it is now.

    Parameters
    ----------
    panel : ResultPanel
    jobs : JobBar
    current : CurrentSession
    images : callable
        Gives an image of each camera.
    parent : QWidget
        The widget that the page belongs to.
    """

    placed = Signal(object)

    def __init__(
        self,
        panel: ResultPanel,
        jobs: JobBar,
        current: CurrentSession,
        images: Callable[[], Mapping[str, NDArray[np.uint8]]],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._panel, self._jobs, self._current, self._parent = panel, jobs, current, parent
        self._images = images
        self.history: FitHistory | None = None
        # The world may be chosen anew after the fit.
        self.rig: Rig | None = None
        self.page = ResultPage(parent)
        panel.page_wanted.connect(self.show_page)
        panel.save_wanted.connect(self._ask_where_to_save)
        panel.report_wanted.connect(self._ask_where_to_report)
        panel.use_wanted.connect(self.use)
        panel.clocks_wanted.connect(self.ask_for_offsets)
        self.page.refit_wanted.connect(self.refit)
        self.page.undo_wanted.connect(self.undo)
        self.page.cutouts_wanted.connect(self.cut_out)
        jobs.changed.connect(self.refresh)
        current.changed.connect(self.refresh)

    def show_made(self, found: work.Found, calibration: Calibration) -> None:
        """A recording was calibrated."""
        self.history = FitHistory(found, [calibration])
        self._show()

    def show_page(self) -> None:
        """Bring all figures to the front."""
        self.page.show()
        self.page.raise_()
        self.page.activateWindow()

    def refit(self, frames: tuple[int, ...]) -> None:
        """Fit again without some more frames, in a thread."""
        history = self.history
        if history is None or not frames:
            return
        self._jobs.start(
            partial(work.fit, history.found, history.excluded_with(frames)),
            "fitting again",
            self._show_refit,
        )

    def undo(self) -> None:
        """Back to the fit before."""
        if self.history is not None:
            self.history.undo()
            self._show()
            self.say(f"Back at the fit before. {excluded_text(self.history.now.excluded)}")

    def cut_out(self) -> None:
        """Read the worst images, in a thread."""
        history = self.history
        if history is not None:
            self._jobs.start(
                partial(work.worst_cutouts, history.found, history.now, _WORST),
                "reading the worst images",
                self._show_cutouts,
            )

    def save(self, path: Path) -> None:
        """Write the rig."""
        from napari_pose3d.core.cameras.rig_file import rig_text

        if self.rig is not None:
            self._write(path, rig_text(self.rig))

    def save_report(self, path: Path) -> None:
        """Write the page that needs nothing else."""
        from napari_pose3d.core.calibration.report.page import page_text

        if self.history is not None:
            self._write(path, page_text(self.history.now))

    def use(self) -> None:
        """Make the rig that of the open session."""
        opened = self._current.open
        if opened is None or self.rig is None:
            return
        try:
            again, text = with_rig(opened, self.rig)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        self._current.set(again)
        self._jobs.say(text)
        show_info(text)

    def ask_for_offsets(self) -> None:
        """Let the user take the clocks over into the session's alignment."""
        opened, history = self._current.open, self.history
        if opened is None or history is None:
            return
        changes = offsets_of_clocks(
            opened.session,
            history.now.solution.steady_clocks,
            aligned=history.found.aligned,
        )
        if not changes:
            self._jobs.say("The session's views have these offsets already.")
            return
        lines = "\n".join(f"{view}: offset {each.offset:+d}" for view, each in changes.items())
        answer = QMessageBox.question(
            self._parent,
            "Take over offsets",
            f"Shift views of {opened.session.name} in time?\n\n{lines}\n\nThis is right where "
            "its videos were started and triggered as those of the board.",
        )
        if answer != QMessageBox.StandardButton.Yes:
            return
        try:
            self._current.set(with_offsets(opened, changes))
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        self._jobs.say(f"Shifted {', '.join(changes)}. Open the session again to see it.")

    def place(self, rig: Rig) -> None:
        """The same cameras in another world."""
        self.rig = rig
        self.placed.emit(rig)

    def refresh(self) -> None:
        """Which buttons can be clicked."""
        busy, history = self._jobs.is_busy, self.history
        self.page.set_busy(busy)
        if history is None:
            return
        clocks = list(history.now.solution.steady_clocks.values())
        lagging = bool(np.ptp(clocks) >= 0.5)
        self._panel.allow(busy, self._current.open is not None, lagging)

    def say(self, message: str) -> None:
        """Say how something ended; the mark on the tab is that of the verdicts."""
        verdicts = () if self.history is None else all_verdicts(self.history.now)
        poor = any(each.grade == "poor" for each in verdicts)
        self._jobs.say(message, "attention" if poor else "done")

    def _show_cutouts(self, cutouts: list[work.BoardCutout]) -> None:
        self.page.show_cutouts(cutouts)
        self.say("")

    def _show_refit(self, calibration: Calibration) -> None:
        assert self.history is not None
        self.history.fits.append(calibration)
        self._show()
        self.page.tabs.setCurrentIndex(0)
        self.say(f"Fitted again. {excluded_text(calibration.excluded)}")

    def _show(self) -> None:
        history = self.history
        assert history is not None
        self._panel.show_result(history.now)
        self.page.show_result(history.found, history.now, history.before, self._images())
        self.place(history.now.rig)
        self.refresh()

    def _ask_where_to_save(self) -> None:
        path = ask_target(self._parent, "Save the calibration", Path("calibration.toml"), TOML)
        if path is not None:
            self.save(path)

    def _ask_where_to_report(self) -> None:
        path = ask_target(self._parent, "Save the report", Path("calibration.html"), HTML)
        if path is not None:
            self.save_report(path)

    def _write(self, path: Path, text: str) -> None:
        try:
            with FileGroup(overwrite=True) as group:
                group.open(path).write(text)
        except (OSError, PoseDataError) as error:
            self._fail(str(error))
            return
        self._jobs.say(f"Wrote {path}.")

    def _fail(self, message: str) -> None:
        self._jobs.say(message, "attention")
        show_error(message)
