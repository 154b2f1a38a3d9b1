"""The widget "Calibration": composes its sections, which share one job and one session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QSize, QTimer
from qtpy.QtWidgets import QPushButton, QWidget

from napari_pose3d.core.calibration.board.board import load_board
from napari_pose3d.gui.qt.task_layout import FoldedPart, lay_out_task
from napari_pose3d.gui.session.current_session import OpenSession, current_session, is_other
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.gui.workspace.workspace import workspace

from .check.check_panel import CheckPanel
from .make.make_panel import MakePanel
from .mend.mend_panel import MendPanel
from .result.result_controller import ResultController
from .result.result_panel import ResultPanel
from .views.epipolar_panel import EpipolarPanel
from .views.rig_shelf import RigShelf
from .world.origin_panel import OriginPanel

PANEL = "Calibration"
_WIDTH = 340
_LAID_OUT_MS = 50


class CalibrationWidget(QWidget):
    """Check, convert, make and place the rig of a session.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._current = current_session(napari_viewer)
        self._opened: OpenSession | None = None
        self._workspace = workspace(napari_viewer)
        self.jobs = JobBar()
        self.shelf = RigShelf(self)
        self.check = CheckPanel(self.jobs, self._current)
        self.make = MakePanel(self.jobs, self._current)
        self.result_panel = ResultPanel()
        self.mend = MendPanel(napari_viewer, self.jobs, self._current)
        self.result = ResultController(
            self.result_panel, self.jobs, self._current, self.make.tiles.images, self
        )
        self.epipolar = EpipolarPanel(napari_viewer, PANEL, self.shelf, self._current)
        self.origin = OriginPanel(
            napari_viewer, PANEL, self.jobs, self._current, self.make.tiles.images
        )
        # Whose rig is placed: the one that was made, or the one that was looked at.
        self._placing: Any = self.result
        self._sections: dict[str, FoldedPart] = {}
        self.space_button = QPushButton("Show the rig in 3-D…")
        self.space_button.setEnabled(False)
        self._lay_out()
        self.space_button.clicked.connect(self.origin.show_space)
        self.result_panel.space_wanted.connect(self.origin.show_space)
        self.origin.placed.connect(lambda rig: self._placing.place(rig))
        self.check.looked_at.connect(self._show_checked)
        self.check.mend_wanted.connect(self._show_mending)
        self.check.make_wanted.connect(self._show_making)
        self.make.made.connect(self._show_made)
        self.make.looking.connect(lambda: self._scroll_to(self.make.tiles))
        self.result.placed.connect(self._show_placed)
        self.make.recording.session_wanted.connect(self.use_session_videos)
        self.mend.mended.connect(lambda rig: self.shelf.put("mended", rig))
        self.jobs.marked.connect(lambda mark: self._workspace.mark(PANEL, mark))
        self._current.changed.connect(self._on_session)
        self._on_session()
        self.section("Make").expand(animate=False)
        self._workspace.adopt(self, PANEL)

    def sizeHint(self) -> QSize:  # noqa: N802
        """A width that leaves room for the canvas on a small screen."""
        return QSize(_WIDTH, 700)

    def section(self, name: str) -> FoldedPart:
        """One of the steps by its title."""
        return self._sections[name]

    def show_recording(self, folder: Path) -> None:
        """Fill in a folder with ``board.toml`` and videos."""
        board = folder / "board.toml"
        videos = folder / "videos"
        self.make.show_recording(load_board(board) if board.is_file() else None, {})
        self.make.recording.add([videos if videos.is_dir() else folder])
        self.section("Make").expand(animate=False)

    def use_session_videos(self) -> None:
        """The videos of the open session show the board."""
        opened = self._current.open
        if opened is not None:
            self.make.recording.show_videos(opened.session.videos)

    def _lay_out(self) -> None:
        for title, parts in (
            ("Check and convert", (self.check,)),
            ("Epipolar check", (self.epipolar,)),
            ("Make", (self.make, self.result_panel)),
            ("Origin and axes, 3-D", (self.origin, self.space_button)),
            ("Mend", (self.mend,)),
        ):
            section = self._sections[title] = FoldedPart(title)
            for part in parts:
                section.addWidget(part)
        self._scroll = lay_out_task(self, tuple(self._sections.values()), (self.jobs,))

    def _on_session(self) -> None:
        opened = self._current.open
        if is_other(opened, self._opened):
            self.jobs.forget()
        self._opened = opened
        self.make.recording.offer_session(opened is not None and bool(opened.session.videos))
        has_rig = opened is not None and opened.session.rig_path is not None
        self.shelf.put("session", opened.session.load_rig if opened and has_rig else None)

    def _show_checked(self, rig: Any) -> None:
        self._placing = self.check
        self.shelf.put("checked", rig)
        self.origin.show_rig(rig)
        self.space_button.setEnabled(True)

    def _show_mending(self, frames: str) -> None:
        self.mend.show_frames(frames)
        self.section("Mend").expand(animate=False)
        self._scroll_to(self.mend)

    def _show_making(self) -> None:
        self.section("Make").expand(animate=False)
        self._scroll_to(self.make)

    def _scroll_to(self, part: QWidget) -> None:
        """Bring a part into view as soon as it is laid out."""

        def scroll() -> None:
            if isalive(self):
                self._scroll.ensureWidgetVisible(part, 0, 0)

        QTimer.singleShot(_LAID_OUT_MS, scroll)

    def _show_placed(self, rig: Any) -> None:
        """A fit, or another world of it."""
        history = self.result.history
        if history is not None:
            self._placing = self.result
            self.shelf.put("made", rig)
            self.origin.show_rig(rig, history.now)
            self.space_button.setEnabled(True)

    def _show_made(self, found: Any, calibration: Any) -> None:
        self.result.show_made(found, calibration)
        self.result.say("Calibrated.")
        self._scroll_to(self.result_panel)
