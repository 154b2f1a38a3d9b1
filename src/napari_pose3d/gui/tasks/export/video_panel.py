"""A video of the open session: what it shows, of which frames, and where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.qt.forms import SettingsForm, let_shrink
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import SectionPart
from napari_pose3d.gui.session.current_session import NO_SESSION, OpenSession
from napari_pose3d.gui.workspace.preferences import colour_scheme
from napari_pose3d.settings import BatchSettings, RenderSettings, frame_range_of

from .export_sources import Source

DRAWN = {
    "skeleton": "Skeleton",
    "space": "3-D beside the views",
    "uncertainty": "95 % ellipses",
    "labels": "Labels as rings",
    "names": "Names of keypoints",
    "colours": "Colours",
}
_ABOUT = "Keypoints over all views and in 3-D beside them, as an H.264 video that plays everywhere."
_NO_VIDEOS = "This session has no videos to draw on."
_NO_POSES = "This session has no poses to draw yet: smooth or triangulate it first."


@dataclass(frozen=True)
class VideoChoice:
    """What to render, and where to."""

    folder: Path
    session: str
    prediction_set: str
    settings: RenderSettings
    fps: float | None
    out: Path
    overwrite: bool


class VideoPanel(SectionPart):
    """Emits ``clicked`` when the video is to be rendered."""

    clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opened: OpenSession | None = None
        self._busy = False
        self._proposed = ""
        self.sources = QComboBox()
        let_shrink(self.sources, 12)
        self.frames = QLineEdit()
        self.frames.setPlaceholderText("all, or such as 100:400")
        self.frames.setToolTip("First session frame, colon, one past the last.")
        grid = QGridLayout()
        for row, (text, field) in enumerate(
            (("&Keypoints of:", self.sources), ("Frames:", self.frames))
        ):
            label = QLabel(text)
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        grid.setColumnStretch(1, 1)
        self.form = SettingsForm(RenderSettings, {"views": "Views", "scale": "Scale", **DRAWN})
        self.form.widget("colours").value = colour_scheme()
        self._empty("views", "all with a video")
        self._empty("scale", "1, or what fits")
        self.rate = SettingsForm(BatchSettings, {"fps": "Frames a second"})
        self.rate.widget("fps").native.setPlaceholderText("as the videos say")
        self.out = QLineEdit()
        self.out.setAccessibleName("Video to write")
        browse = QPushButton("Browse…")
        browse.clicked.connect(self._browse)
        place = QHBoxLayout()
        place.addWidget(self.out, 1)
        place.addWidget(browse)
        self.replace = QCheckBox("Replace a file that exists already")
        self.hint = MessageLabel()
        self.button = QPushButton("R&ender")
        self.button.clicked.connect(self.clicked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(MessageLabel(_ABOUT))
        column.addLayout(grid)
        column.addWidget(self.form.native)
        column.addWidget(self.rate.native)
        column.addLayout(place)
        for part in (self.replace, self.hint, self.button):
            column.addWidget(part)
        self.out.textChanged.connect(self._refresh)
        self._refresh()

    def show_session(
        self, opened: OpenSession | None, sources: Sequence[Source], proposed: Path | None
    ) -> None:
        """Offer the poses of another session, or what else this one has now, and a file."""
        self._opened = opened
        chosen = self.sources.currentData()
        self.sources.clear()
        for each in sources:
            if each.content == "poses":
                self.sources.addItem(each.title, each.name)
        place = self.sources.findData(chosen)
        self.sources.setCurrentIndex(max(place, 0) if self.sources.count() else -1)
        if self.out.text() in ("", self._proposed):
            self._proposed = "" if proposed is None else str(proposed)
            self.out.setText(self._proposed)
        self._refresh()

    def set_busy(self, busy: bool) -> None:
        """Say whether a job runs."""
        self._busy = busy
        self._refresh()

    def choice(self) -> VideoChoice:
        """What is chosen.

        Raises
        ------
        PoseDataError
            A field cannot be read.
        """
        assert self._opened is not None
        text = self.frames.text().strip()
        try:
            frames = frame_range_of(text) if text else (None, None)
        except PoseDataError as error:
            raise error.located(place="the field 'Frames'") from None
        settings = RenderSettings(frames=frames, **self.form.values())
        return VideoChoice(
            self._opened.project.folder,
            self._opened.session.name,
            str(self.sources.currentData()),
            settings,
            self.rate.values()["fps"],
            Path(self.out.text().strip()).expanduser(),
            self.replace.isChecked(),
        )

    def _empty(self, name: str, meaning: str) -> None:
        self.form.widget(name).native.setPlaceholderText(meaning)

    def _obstacle(self) -> str:
        if self._opened is None:
            return NO_SESSION
        if not self._opened.session.videos:
            return _NO_VIDEOS
        if not self.sources.count():
            return _NO_POSES
        return "" if self.out.text().strip() else "Choose a video to write."

    def _refresh(self) -> None:
        obstacle = self._obstacle()
        self.hint.show_message(obstacle)
        self.hint.setVisible(bool(obstacle))
        self.button.setEnabled(not obstacle and not self._busy)
        self.button.setToolTip("A job is running." if self._busy else obstacle)

    def _browse(self) -> None:
        found, _ = QFileDialog.getSaveFileName(
            self, "Render to", self.out.text(), "MP4 videos (*.mp4)"
        )
        if found:
            self.out.setText(found)
            # The dialog has asked about a file that was there.
            self.replace.setChecked(Path(found).exists())
