"""The menus of the camera views: what is drawn, which keypoints and views, light, following.

Each edits a `LayoutState` in place and emits ``drawn`` when the views have to be drawn again, or
``arranged`` when other views are to be seen. They stay open while things are switched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMenu,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from napari_pose3d.gui.qt.keypoint_items import (
    check_only,
    checked_names,
    fill_with_keypoints,
    names_in,
)

from .canvas.layout_state import LayoutState

_STAGES = {
    "predicted": "Predictions",
    "raw": "Raw (the ensemble)",
    "smoothed": "Smoothed",
}
_NOBODY = "nothing"
_STEPS = 100
_USUAL_LIGHT = [0.0, 1.0, 1.0]
_LIGHT = {"darkest": (0.0, 1.0), "brightest": (0.0, 1.0), "gamma": (0.2, 3.0)}


class StayingMenu(QMenu):
    """A menu in which several things can be switched before it closes."""

    drawn = Signal()
    arranged = Signal()

    def __init__(self, state: LayoutState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """A click on what can be checked switches it, and leaves the menu open."""
        action = None if event is None else self.actionAt(event.pos())
        if action is not None and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)

    def check(self, text: str, checked: bool, do: Callable[[bool], Any]) -> None:
        """Add something that is on or off."""
        action = self.addAction(text)
        assert action is not None
        action.setCheckable(True)
        action.setChecked(checked)
        action.toggled.connect(do)

    def embed(self, widget: QWidget) -> None:
        """Add a widget."""
        action = QWidgetAction(self)
        action.setDefaultWidget(widget)
        self.addAction(action)

    def switch(self, names: list[str], name: str, signal: Any, shown: bool) -> None:
        """Put a name on a list of hidden ones, or take it off."""
        if shown and name in names:
            names.remove(name)
        elif not shown and name not in names:
            names.append(name)
        signal.emit()


class ShowMenu(StayingMenu):
    """Stages, single prediction sets, skeleton and so on, and the lowest likelihood."""

    def offer(self, stages: Sequence[str], sets: Sequence[str]) -> None:
        """Show what there is.

        Parameters
        ----------
        stages : sequence of str
        sets : sequence of str
            Names of the prediction sets that are shown, if there are several.
        """
        self.clear()
        state = self.state
        for stage in stages:
            shown = stage not in state.hidden_stages
            do = partial(self.switch, state.hidden_stages, stage, self.drawn)
            self.check(_STAGES[stage], shown, do)
            for name in sets if stage == "predicted" else ():
                do = partial(self.switch, state.hidden_sets, name, self.drawn)
                self.check(f"    {name}", name not in state.hidden_sets, do)
        self.addSeparator()
        for name, text in (
            ("skeleton", "Skeleton"),
            ("trails", "Trails"),
            ("ellipses", "Uncertainty of the selected keypoint"),
            ("space", "3-D"),
            ("cameras", "Cameras in 3-D"),
        ):
            self.check(text, getattr(state, name), partial(self._set_flag, name))
        self.addSeparator()
        self.embed(self._likelihood())

    def _set_flag(self, name: str, yes: bool) -> None:
        setattr(self.state, name, yes)
        (self.arranged if name == "space" else self.drawn).emit()

    def _likelihood(self) -> QWidget:
        slider, label = QSlider(Qt.Orientation.Horizontal), QLabel()
        slider.setAccessibleName("Lowest likelihood that is shown")
        slider.setRange(0, _STEPS)

        def show() -> None:
            label.setText(f"likelihood at least {self.state.min_likelihood:.2f}")

        def change(value: int) -> None:
            self.state.min_likelihood = value / _STEPS
            show()
            self.drawn.emit()

        slider.setValue(round(self.state.min_likelihood * _STEPS))
        slider.valueChanged.connect(change)
        show()
        box = QWidget()
        column = QVBoxLayout(box)
        column.addWidget(label)
        column.addWidget(slider)
        return box


class KeypointMenu(StayingMenu):
    """Keypoints on and off, with their colours."""

    def __init__(self, state: LayoutState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.list = QListWidget()
        self.list.setAccessibleName("Keypoints that are shown")
        self.list.itemChanged.connect(self._change)
        buttons = QHBoxLayout()
        for text, wanted in (("All", True), ("None", False)):
            button = QPushButton(text)
            button.clicked.connect(partial(self._all, wanted))
            buttons.addWidget(button)
        box = QWidget()
        column = QVBoxLayout(box)
        column.addWidget(self.list)
        column.addLayout(buttons)
        self.embed(box)

    def offer(self, colours: Mapping[str, Sequence[float]]) -> None:
        """Show these keypoints with their colours, RGBA."""
        fill_with_keypoints(self.list, colours, set(colours) - set(self.state.hidden_keypoints))
        height = self.list.sizeHintForRow(0) * min(max(len(colours), 1), 20)
        self.list.setFixedHeight(height + 2 * self.list.frameWidth() + 4)
        self.list.setMinimumWidth(self.list.sizeHintForColumn(0) + 40)

    def _all(self, wanted: bool) -> None:
        check_only(self.list, names_in(self.list) if wanted else ())
        self._change()

    def _change(self, _: Any = None) -> None:
        shown = checked_names(self.list)
        hidden = [name for name in names_in(self.list) if name not in shown]
        self.state.hidden_keypoints[:] = hidden
        self.drawn.emit()


class ViewMenu(StayingMenu):
    """Which views are seen."""

    def offer(self, views: Sequence[str]) -> None:
        """Show these views."""
        self.clear()
        hidden = self.state.hidden
        for name in views:
            self.check(name, name not in hidden, partial(self.switch, hidden, name, self.arranged))


class LightMenu(StayingMenu):
    """Brightness and contrast of one view or of all."""

    def __init__(self, state: LayoutState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self._view = QComboBox()
        self._sliders: list[QSlider] = []
        usual = QPushButton("As recorded")
        usual.clicked.connect(self._reset)
        box = QWidget()
        form = QFormLayout(box)
        form.addRow("For", self._view)
        for text in _LIGHT:
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, _STEPS)
            slider.setMinimumWidth(140)
            slider.valueChanged.connect(self._change)
            form.addRow(text, slider)
            self._sliders.append(slider)
        form.addRow(usual)
        self._view.currentIndexChanged.connect(lambda _: self._show())
        self.embed(box)
        self.offer(())

    def offer(self, views: Sequence[str]) -> None:
        """Let one choose among these views."""
        self._view.blockSignals(True)
        self._view.clear()
        self._view.addItem("all views", "")
        for view in views:
            self._view.addItem(view, view)
        self._view.blockSignals(False)
        self._show()

    def _show(self) -> None:
        usual = self.state.contrast.get("", _USUAL_LIGHT)
        values = self.state.contrast.get(self._view.currentData(), usual)
        for slider, value, (low, high) in zip(self._sliders, values, _LIGHT.values(), strict=True):
            slider.blockSignals(True)
            slider.setValue(round((value - low) / (high - low) * _STEPS))
            slider.blockSignals(False)

    def _change(self, _: int) -> None:
        self._set(
            [
                low + slider.value() / _STEPS * (high - low)
                for slider, (low, high) in zip(self._sliders, _LIGHT.values(), strict=True)
            ]
        )

    def _reset(self) -> None:
        self._set(list(_USUAL_LIGHT))
        self._show()

    def _set(self, values: list[float]) -> None:
        view = self._view.currentData()
        if not view:
            # What is set for all holds for all.
            self.state.contrast.clear()
        self.state.contrast[view] = values
        self.drawn.emit()


class FollowMenu(StayingMenu):
    """Which keypoint is kept in the middle, and at what magnification."""

    def __init__(self, state: LayoutState, parent: QWidget | None = None) -> None:
        super().__init__(state, parent)
        self.keypoint = QComboBox()
        self.keypoint.setToolTip("Keep a keypoint in the middle of every view")
        self.keypoint.currentTextChanged.connect(self._on_keypoint)
        self.magnification = QDoubleSpinBox()
        self.magnification.setRange(0.1, 40)
        self.magnification.setSingleStep(0.5)
        self.magnification.setSuffix(" x")
        self.magnification.setToolTip("Px of the screen per px of the image while following")
        self.magnification.valueChanged.connect(self._on_magnification)
        box = QWidget()
        form = QFormLayout(box)
        form.addRow("Follow", self.keypoint)
        form.addRow("magnified", self.magnification)
        self.embed(box)
        self.offer(())

    def offer(self, keypoints: Sequence[str]) -> None:
        """Let one choose among these keypoints."""
        for part in (self.keypoint, self.magnification):
            part.blockSignals(True)
        self.keypoint.clear()
        self.keypoint.addItems([_NOBODY, *keypoints])
        self.keypoint.setCurrentText(self.state.follow or _NOBODY)
        self.magnification.setValue(self.state.magnification)
        for part in (self.keypoint, self.magnification):
            part.blockSignals(False)

    def _on_keypoint(self, name: str) -> None:
        self.state.follow = "" if name == _NOBODY else name
        self.drawn.emit()

    def _on_magnification(self, value: float) -> None:
        self.state.magnification = value
        if self.state.follow:
            self.drawn.emit()
