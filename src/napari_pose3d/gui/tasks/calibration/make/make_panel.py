"""From videos of a board to a rig: the choices, the live search, and the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.forms import SettingsForm
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import FoldedPart
from napari_pose3d.gui.session.current_session import CurrentSession
from napari_pose3d.gui.workspace.job_bar import JobBar
from napari_pose3d.settings import CalibrationSettings

from ..file_dialogs import CSV, TOML, ask_file, ask_folder
from . import calibration_job as work
from .board_panel import BoardPanel
from .detection_feed import DetectionFeed
from .detection_tiles import DetectionTiles
from .recording_panel import RecordingPanel

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.rig_calibration import Calibration

_LABELS = {
    "clocks": "Cameras may lag",
    "fisheye": "Fisheye lenses",
    "bent": "Board may not be flat",
    "every": "Every n-th frame",
}
_NO_VIDEOS = "Add the videos of the board first."
_ONE_VIDEO = "Add the videos of two cameras or more."


class MakePanel(QWidget):
    """`made` is emitted with what was found and the calibration, `looking` when a search begins.

    Parameters
    ----------
    jobs : JobBar
    current : CurrentSession
        Whose offsets hold where its own videos show the board.
    """

    made = Signal(object, object)
    looking = Signal()

    def __init__(
        self, jobs: JobBar, current: CurrentSession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._jobs, self._current = jobs, current
        self._found: work.Found | None = None
        self._feed: DetectionFeed | None = None
        self.board = BoardPanel()
        self.recording = RecordingPanel()
        self._form = SettingsForm(CalibrationSettings, _LABELS, {"every": {"min": 1, "max": 1000}})
        self._timestamps = _FileRow(
            "Timestamps", CSV, "Which frames belong together: sync_index, cam_id, frame_time."
        )
        self._intrinsics = _FileRow("Known lenses", TOML, "A calibration whose lenses are kept.")
        self._lens_videos = _FileRow(
            "Lens videos",
            None,
            "A folder with a video of the board for some cameras or all, recorded by each alone: "
            "their lenses are found from it and kept.",
        )
        self.tiles = DetectionTiles()
        self._note = MessageLabel()
        self._find = QPushButton("&Find board")
        self._find.setToolTip("Look for the board in all videos.")
        self._find.clicked.connect(lambda: self.find_board())
        self._fit = QPushButton("Ca&librate")
        self._fit.setToolTip("Find the cameras from the corners of the board.")
        self._fit.clicked.connect(self.calibrate)
        self._lay_out()
        self.board.changed.connect(self._forget)
        self.board.recognise_wanted.connect(self.recognise)
        self.recording.changed.connect(self._forget)
        self._timestamps.changed.connect(self._forget)
        self._lens_videos.changed.connect(self._forget)
        self._form.widget("every").changed.connect(self._forget)
        jobs.changed.connect(self._refresh)
        self._refresh()

    def _lay_out(self) -> None:
        more = FoldedPart("More options")
        more.addWidget(self._form.native)
        files = QWidget()
        grid = QGridLayout(files)
        grid.setContentsMargins(0, 0, 0, 0)
        self._timestamps.add_to(grid, 0)
        self._intrinsics.add_to(grid, 1)
        self._lens_videos.add_to(grid, 2)
        more.addWidget(files)
        buttons = QHBoxLayout()
        buttons.addWidget(self._find)
        buttons.addWidget(self._fit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.board, self.recording, more):
            layout.addWidget(part)
        layout.addLayout(buttons)
        layout.addWidget(self.tiles)
        layout.addWidget(self._note)

    @property
    def note(self) -> str:
        """Why a button cannot be clicked, or what was found."""
        return self._note.message

    def show_recording(
        self, board: Board | None, videos: Mapping[str, Path], timestamps: Path | None = None
    ) -> None:
        """Fill in what was recorded."""
        if board is not None:
            self.board.show_board(board)
        self._timestamps.show_path(timestamps)
        self.recording.show_videos(videos)

    def recognise(self) -> None:
        """Look for the board's print in a few frames, in a thread."""
        recording = self._recording()
        if recording is not None:
            self._jobs.start(
                partial(work.recognise, recording),
                "recognising the board",
                self._show_recognised,
            )

    def find_board(self, go_on: bool = False) -> None:
        """Look for the board in all videos, in a thread.

        Parameters
        ----------
        go_on : bool
            Whether to calibrate then.
        """
        recording = self._recording()
        if recording is None or self._jobs.is_busy:
            return
        self._found = None
        self.tiles.show_views(list(recording.videos))
        self._feed = feed = DetectionFeed()
        feed.seen.connect(self.tiles.show_seen)
        self._jobs.start(
            partial(work.find_board, recording, feed.look),
            "looking for the board",
            partial(self._show_found, go_on),
        )
        self.looking.emit()

    def calibrate(self) -> None:
        """Fit the cameras, after looking for the board where that was not done yet."""
        found = self._found
        if found is None:
            self.find_board(go_on=True)
            return
        recording = self._recording()
        if recording is None or self._jobs.is_busy:
            return
        if not found.holds_for(recording):
            self.find_board(go_on=True)
            return
        found = replace(found, recording=recording)
        self._jobs.start(
            partial(work.fit, found, ()), "calibrating", partial(self._show_fit, found)
        )

    def _show_recognised(self, found: tuple[Board, tuple[str, ...]]) -> None:
        board, notes = found
        self.board.show_board(board)
        self.board.say("\n".join(f"{note[0].upper()}{note[1:]}." for note in notes))
        self._jobs.say("The board was recognised.")

    def _show_found(self, go_on: bool, found: work.Found) -> None:
        self._found, self._feed = found, None
        lacking = self.tiles.show_found(found.observations)
        observations = found.observations
        both = int(((observations.n_observed > 0).sum(axis=0) > 1).sum())
        n = int(observations.observed.sum())
        counts = f"{n:,} corners; two cameras or more saw the board in {both} frames."
        self._note.show_message(
            "\n".join((counts, *(f"Note: {each}." for each in found.notes), *lacking))
        )
        if go_on:
            self.calibrate()

    def _show_fit(self, found: work.Found, calibration: Calibration) -> None:
        views = calibration.observations.views
        self.tiles.show_coverages(dict(zip(views, calibration.coverages, strict=True)))
        self.made.emit(found, calibration)

    def _recording(self) -> work.Recording | None:
        try:
            videos = self.recording.videos()
            return work.Recording(
                self.board.board(),
                videos,
                CalibrationSettings(**self._form.values()),
                self._timestamps.path,
                self._intrinsics.path,
                self._lens_videos.path,
                self._session_of(videos),
            )
        except PoseDataError as error:
            self._note.show_message(str(error))
            show_error(str(error))
            return None

    def _session_of(self, videos: Mapping[str, Path]) -> Session | None:
        """The open session, where the videos are its own."""
        session = None if self._current.open is None else self._current.open.session
        own = session is not None and videos.items() <= session.videos.items()
        return session if own else None

    def _forget(self) -> None:
        """Corners of other videos, or of another board, are not those that are wanted."""
        self._found = None
        if not self._jobs.is_busy:
            self.tiles.show_views([])
        self._refresh()

    def _refresh(self) -> None:
        n = len(self.recording.paths)
        obstacle = _NO_VIDEOS if not n else _ONE_VIDEO if n < 2 else ""
        free = not self._jobs.is_busy and not obstacle
        for button in (self._find, self._fit):
            button.setEnabled(free)
        paths = bool(n) and not self._jobs.is_busy
        self.board.recognise.setEnabled(paths and self.board.has_markers)
        for part in (self.board, self.recording):
            part.setEnabled(not self._jobs.is_busy)
        if self._found is None:
            self._note.show_message(obstacle)
        self._note.setVisible(bool(self._note.message))


class _FileRow(QWidget):
    """A file that may be chosen, or a folder where `kind` is None; a line of a grid."""

    changed = Signal()

    def __init__(self, label: str, kind: str | None, help_: str) -> None:
        super().__init__()
        self._title, self._kind = label, kind
        self._label = QLabel(label)
        self._edit = QLineEdit()
        self._edit.setPlaceholderText("none")
        self._edit.setClearButtonEnabled(True)
        self._edit.setToolTip(help_)
        self._edit.textChanged.connect(lambda _: self.changed.emit())
        self._label.setBuddy(self._edit)
        self._label.setToolTip(help_)
        self._browse = QPushButton("…")
        what = "a folder" if kind is None else "a file"
        self._browse.setToolTip(f"Choose {what}: {label}")
        self._browse.setAccessibleName(f"Choose {what}: {label}")
        self._browse.setMaximumWidth(32)
        self._browse.clicked.connect(self._choose)

    @property
    def path(self) -> Path | None:
        text = self._edit.text().strip()
        return Path(text).expanduser() if text else None

    def add_to(self, grid: QGridLayout, row: int) -> None:
        for column, part in enumerate((self._label, self._edit, self._browse)):
            grid.addWidget(part, row, column)

    def show_path(self, path: Path | None) -> None:
        self._edit.setText("" if path is None else str(path))

    def _choose(self) -> None:
        if self._kind is None:
            path = ask_folder(self._browse, self._title)
        else:
            path = ask_file(self._browse, self._title, self._kind)
        if path is not None:
            self.show_path(path)
