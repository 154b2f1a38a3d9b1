"""The row of controls above the camera views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QAction, QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from .layout_state import LayoutState

SPEEDS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)
_STAGES = {
    "predicted": "Predictions",
    "raw": "Raw (the ensemble)",
    "smoothed": "Smoothed",
}
_SWATCH = 10
_NOBODY = "nothing"
_STEPS = 100


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
        self._play = _button("▶", "Play or stop (Space)", self.play_clicked.emit)
        self._speed = QComboBox()
        self._speed.setToolTip("Frames per second while playing")
        for speed in SPEEDS:
            self._speed.addItem(f"{speed:g} fps", speed)
        self._speed.setCurrentText(f"{state.speed:g} fps")
        self._speed.currentIndexChanged.connect(self._on_speed)
        self.frame_box = QSpinBox()
        self.frame_box.setToolTip("Jump to a frame")
        self.frame_box.setKeyboardTracking(False)
        self.frame_box.setMinimumWidth(96)
        self.frame_box.valueChanged.connect(self.frame_wanted)
        self._fit = _button("Fit", "Bring all pictures wholly into view (F)", self.fit_clicked.emit)
        self._link = _button("Link zoom", "Zooming one view zooms all", self._on_link, True)
        self._link.setChecked(state.link_zoom)
        self._show_menu = QMenu(self)
        self._keypoint_menu = QMenu(self)
        self._view_menu = QMenu(self)
        self._light_menu = QMenu(self)
        self._follow = QComboBox()
        self._follow.setToolTip("Keep a keypoint in the middle of every view")
        self._follow.currentTextChanged.connect(self._on_follow)
        self._magnification = QDoubleSpinBox()
        self._magnification.setRange(0.1, 40)
        self._magnification.setSingleStep(0.5)
        self._magnification.setSuffix(" x")
        self._magnification.setToolTip("Magnification while following")
        self._magnification.setValue(state.magnification)
        self._magnification.valueChanged.connect(self._on_magnification)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Drag through the recording")
        self.slider.setAccessibleName("Frame")
        self.slider.valueChanged.connect(self.frame_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        time, look = QHBoxLayout(), QHBoxLayout()
        for row in (time, look):
            row.setSpacing(4)
            column.addLayout(row)
        window = _button("Window", "In a window of its own, or back", self.window_clicked.emit)
        for part in (self._play, self._speed, self.slider, QLabel("frame"), self.frame_box, window):
            time.addWidget(part, 1 if part is self.slider else 0)
        for button in (
            self._fit,
            self._link,
            _menu_button("Show", self._show_menu),
            _menu_button("Keypoints", self._keypoint_menu),
            _menu_button("Views", self._view_menu),
            _menu_button("Light", self._light_menu),
            QLabel("follow"),
            self._follow,
            self._magnification,
        ):
            look.addWidget(button)
        look.addStretch(1)
        self._offered: tuple[list[str], dict[str, Sequence[float]], list[str]] = ([], {}, [])
        self._fill_show_menu(())

    # ---------------------------------------------------------------- what is offered

    def offer(
        self,
        stages: Sequence[str],
        colours: Mapping[str, Sequence[float]],
        views: Sequence[str],
        n_frames: int,
    ) -> None:
        """Offer what the scene has.

        Parameters
        ----------
        stages : sequence of str
        colours : mapping of keypoint to RGBA
        views : sequence of str
        n_frames : int
        """
        self._fill_show_menu(stages)
        self._fill_keypoint_menu(colours)
        self._fill_view_menu(views)
        self._fill_light_menu(views)
        self._follow.blockSignals(True)
        self._follow.clear()
        self._follow.addItems([_NOBODY, *colours])
        self._follow.setCurrentText(self.state.follow or _NOBODY)
        self._follow.blockSignals(False)
        for part in (self.frame_box, self.slider):
            part.blockSignals(True)
            part.setRange(0, max(n_frames - 1, 0))
            part.blockSignals(False)
        self._offered = list(stages), dict(colours), list(views)

    def show_state(self) -> None:
        """Show a state that somebody else has changed."""
        state = self.state
        stages, colours, views = self._offered
        self._fill_show_menu(stages)
        self._fill_keypoint_menu(colours)
        self._fill_view_menu(views)
        self._fill_light_menu(views)
        for part in (self._speed, self._link, self._follow, self._magnification):
            part.blockSignals(True)
        self._speed.setCurrentText(f"{state.speed:g} fps")
        self._link.setChecked(state.link_zoom)
        self._follow.setCurrentText(state.follow or _NOBODY)
        self._magnification.setValue(state.magnification)
        for part in (self._speed, self._link, self._follow, self._magnification):
            part.blockSignals(False)

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
        self._play.setText("■" if playing else "▶")

    def _fill_show_menu(self, stages: Sequence[str]) -> None:
        menu, state = self._show_menu, self.state
        menu.clear()
        for stage in stages:
            shown = stage not in state.hidden_stages

            def on_stage(yes: bool, stage: str = stage) -> None:
                _put(state.hidden_stages, stage, not yes)
                self.drawn.emit()

            _check(menu, _STAGES[stage], shown, on_stage)
        menu.addSeparator()
        for name, text in (
            ("skeleton", "Skeleton"),
            ("trails", "Trails"),
            ("ellipses", "Uncertainty of the selected keypoint"),
            ("space", "3-D"),
        ):
            _check(menu, text, getattr(state, name), partial(self._on_flag, name))
        menu.addSeparator()
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, _STEPS)
        slider.setValue(round(state.min_likelihood * _STEPS))
        label = QLabel()

        def on_likelihood(value: int) -> None:
            state.min_likelihood = value / _STEPS
            label.setText(f"likelihood at least {state.min_likelihood:.2f}")
            self.drawn.emit()

        label.setText(f"likelihood at least {state.min_likelihood:.2f}")
        slider.valueChanged.connect(on_likelihood)
        box = QWidget()
        column = QFormLayout(box)
        column.addRow(label)
        column.addRow(slider)
        _embed(menu, box)

    def _fill_keypoint_menu(self, colours: Mapping[str, Sequence[float]]) -> None:
        menu, state = self._keypoint_menu, self.state
        menu.clear()

        def on_all(yes: bool) -> None:
            state.hidden_keypoints[:] = [] if yes else list(colours)
            self._fill_keypoint_menu(colours)
            self.drawn.emit()

        menu.addAction("All", lambda: on_all(True))
        menu.addAction("None", lambda: on_all(False))
        menu.addSeparator()
        for name, (red, green, blue, _) in colours.items():

            def on_keypoint(yes: bool, name: str = name) -> None:
                _put(state.hidden_keypoints, name, not yes)
                self.drawn.emit()

            pixmap = QPixmap(QSize(_SWATCH, _SWATCH))
            pixmap.fill(QColor.fromRgbF(float(red), float(green), float(blue)))
            shown = name not in state.hidden_keypoints
            _check(menu, name, shown, on_keypoint).setIcon(QIcon(pixmap))

    def _fill_view_menu(self, views: Sequence[str]) -> None:
        menu, state = self._view_menu, self.state
        menu.clear()
        for name in views:

            def on_view(yes: bool, name: str = name) -> None:
                _put(state.hidden, name, not yes)
                self.arranged.emit()

            _check(menu, name, name not in state.hidden, on_view)

    def _fill_light_menu(self, views: Sequence[str]) -> None:
        menu = self._light_menu
        menu.clear()
        chosen = QComboBox()
        chosen.addItem("all views", "")
        for view in views:
            chosen.addItem(view, view)
        sliders = {
            "darkest": (0.0, 1.0),
            "brightest": (0.0, 1.0),
            "gamma": (0.2, 3.0),
        }
        made: list[QSlider] = []
        box = QWidget()
        form = QFormLayout(box)
        form.addRow("For", chosen)
        for text in sliders:
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, _STEPS)
            slider.setMinimumWidth(140)
            form.addRow(text, slider)
            made.append(slider)

        def show() -> None:
            usual = self.state.contrast.get("", [0.0, 1.0, 1.0])
            values = self.state.contrast.get(chosen.currentData(), usual)
            for slider, value, (low, high) in zip(made, values, sliders.values(), strict=True):
                slider.blockSignals(True)
                slider.setValue(round((value - low) / (high - low) * _STEPS))
                slider.blockSignals(False)

        def change(_: int) -> None:
            view = chosen.currentData()
            self.state.contrast[view] = [
                low + slider.value() / _STEPS * (high - low)
                for slider, (low, high) in zip(made, sliders.values(), strict=True)
            ]
            if not view:
                # What is set for all holds for all.
                self.state.contrast = {"": self.state.contrast[""]}
            self.drawn.emit()

        chosen.currentIndexChanged.connect(lambda _: show())
        for slider in made:
            slider.valueChanged.connect(change)
        show()
        _embed(menu, box)

    # ---------------------------------------------------------------- what was changed

    def _on_speed(self, _: int) -> None:
        self.state.speed = float(self._speed.currentData())

    def _on_link(self) -> None:
        self.state.link_zoom = self._link.isChecked()

    def _on_flag(self, name: str, yes: bool) -> None:
        setattr(self.state, name, yes)
        (self.arranged if name == "space" else self.drawn).emit()

    def _on_follow(self, name: str) -> None:
        self.state.follow = "" if name == _NOBODY else name
        self.drawn.emit()

    def _on_magnification(self, value: float) -> None:
        self.state.magnification = value
        self.drawn.emit()


def _button(text: str, hint: str, do: Callable[[], Any], checkable: bool = False) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    button.setCheckable(checkable)
    button.clicked.connect(lambda _=False: do())
    return button


def _menu_button(text: str, menu: QMenu) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(menu)
    # napari's style leaves no room for the arrow.
    button.setStyleSheet("QToolButton { padding-right: 14px; }")
    return button


def _check(menu: QMenu, text: str, checked: bool, do: Callable[[bool], Any]) -> QAction:
    action = QAction(text, menu)
    action.setCheckable(True)
    action.setChecked(checked)
    action.toggled.connect(do)
    menu.addAction(action)
    return action


def _embed(menu: QMenu, widget: QWidget) -> None:
    action = QWidgetAction(menu)
    action.setDefaultWidget(widget)
    menu.addAction(action)


def _put(names: list[str], name: str, there: bool) -> None:
    if there and name not in names:
        names.append(name)
    elif not there and name in names:
        names.remove(name)
