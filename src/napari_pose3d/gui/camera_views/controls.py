"""The two rows of controls above the camera views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.gui.qt.menu_button import ARROW, menu_button

from .canvas.layout_state import LayoutState
from .menus import FollowMenu, KeypointMenu, LightMenu, ShowMenu, ViewMenu

SPEEDS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)


class Controls(QWidget):
    """Edits a `LayoutState`; says what was changed.

    Parameters
    ----------
    state : LayoutState
        Changed in place.

    Signals: ``drawn`` when the views have to be drawn again, ``arranged`` when other views are to
    be seen, ``play_clicked``, ``frame_wanted``, ``fit_clicked``, ``window_clicked``.
    """

    drawn = Signal()
    arranged = Signal()
    play_clicked = Signal()
    frame_wanted = Signal(int)
    fit_clicked = Signal()
    window_clicked = Signal()

    def __init__(self, state: LayoutState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.play = _button("▶", "Play or stop (Space)", self.play_clicked.emit)
        self.speed = QComboBox()
        self.speed.setToolTip("Frames per second while playing")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:g} fps", speed)
        self.speed.currentIndexChanged.connect(self._on_speed)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Drag through the recording")
        self.slider.setAccessibleName("Frame")
        self.slider.valueChanged.connect(self.frame_wanted)
        self.frame_box = QSpinBox()
        self.frame_box.setToolTip("Jump to a frame")
        self.frame_box.setKeyboardTracking(False)
        self.frame_box.setMinimumWidth(96)
        self.frame_box.valueChanged.connect(self.frame_wanted)
        self.window_button = _button(
            "Window", "In a window of its own, or back", self.window_clicked.emit
        )
        self.fit = _button("Fit", "Bring all images wholly into view (F)", self.fit_clicked.emit)
        self.link = _button("Link zoom", "Zooming one view zooms all", self._on_link)
        self.link.setCheckable(True)
        self.show_menu = ShowMenu(state, self)
        self.keypoint_menu = KeypointMenu(state, self)
        self.view_menu = ViewMenu(state, self)
        self.light_menu = LightMenu(state, self)
        self.follow_menu = FollowMenu(state, self)
        for menu in self._menus:
            menu.drawn.connect(self._on_drawn)
            menu.arranged.connect(self.arranged)
        self.follow = menu_button("", "Keep a keypoint in the middle", self.follow_menu)
        self._lay_out()
        self._offered: tuple[list[str], list[str], dict[str, Sequence[float]], list[str]]
        self._offered = [], [], {}, []
        self.show_state()

    @property
    def _menus(self) -> tuple[ShowMenu, KeypointMenu, ViewMenu, LightMenu, FollowMenu]:
        return (
            self.show_menu,
            self.keypoint_menu,
            self.view_menu,
            self.light_menu,
            self.follow_menu,
        )

    def _lay_out(self) -> None:
        time, look = QHBoxLayout(), QHBoxLayout()
        time_parts = (self.play, self.speed, self.slider, QLabel("frame"), self.frame_box)
        for part in (*time_parts, self.window_button):
            time.addWidget(part, 1 if part is self.slider else 0)
        for part in (
            self.fit,
            self.link,
            menu_button("Show", "What is drawn", self.show_menu),
            menu_button("Keypoints", "Which keypoints are drawn", self.keypoint_menu),
            menu_button("Views", "Which views are seen", self.view_menu),
            menu_button("Light", "Brightness and contrast", self.light_menu),
            self.follow,
        ):
            look.addWidget(part)
        look.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(3)
        for row in (time, look):
            row.setSpacing(4)
            column.addLayout(row)

    # ---------------------------------------------------------------- what is offered

    def offer(
        self,
        stages: Sequence[str],
        colours: Mapping[str, Sequence[float]],
        views: Sequence[str],
        n_frames: int,
        sets: Sequence[str] = (),
    ) -> None:
        """Offer what the scene has.

        Parameters
        ----------
        stages : sequence of str
        colours : mapping of keypoint to RGBA
        views : sequence of str
        n_frames : int
        sets : sequence of str
            Names of the prediction sets, where there are several.
        """
        for part in (self.frame_box, self.slider):
            part.blockSignals(True)
            part.setRange(0, max(n_frames - 1, 0))
            part.blockSignals(False)
        self._offered = list(stages), list(sets), dict(colours), list(views)
        self.show_state()

    def show_state(self) -> None:
        """Show a state that somebody else has changed."""
        state = self.state
        stages, sets, colours, views = self._offered
        self.show_menu.offer(stages, sets)
        self.keypoint_menu.offer(colours)
        self.view_menu.offer(views)
        self.light_menu.offer(views)
        self.follow_menu.offer(list(colours))
        self.speed.blockSignals(True)
        self.speed.setCurrentText(f"{state.speed:g} fps")
        self.speed.blockSignals(False)
        self.link.setChecked(state.link_zoom)
        self._show_follow()

    def show_frame(self, frame: int) -> None:
        """Say which frame is shown."""
        for part in (self.frame_box, self.slider):
            # While it is dragged, the slider is ahead of what is there.
            if part is self.slider and self.slider.isSliderDown():
                continue
            part.blockSignals(True)
            part.setValue(frame)
            part.blockSignals(False)

    def show_playing(self, playing: bool) -> None:
        """Whether the button stops or starts."""
        self.play.setText("■" if playing else "▶")

    def _show_follow(self) -> None:
        followed = self.state.follow
        self.follow.setText(f"Follow {followed}{ARROW}" if followed else f"Follow{ARROW}")

    # ---------------------------------------------------------------- what was changed

    def _on_speed(self, _: int) -> None:
        self.state.speed = float(self.speed.currentData())

    def _on_link(self) -> None:
        self.state.link_zoom = self.link.isChecked()

    def _on_drawn(self) -> None:
        self._show_follow()
        self.drawn.emit()


def _button(text: str, hint: str, do: Callable[[], Any] | None = None) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    # Space plays, whatever was clicked last.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if do is not None:
        button.clicked.connect(lambda _=False: do())
    return button
