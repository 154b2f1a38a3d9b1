"""The widget "Traces": coordinates, speed, likelihood, ... of keypoints over time."""

from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.poses.kinematics import QUANTITIES, trace
from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.layers.poses_watch import PosesWatch
from napari_pose3d.gui.qt.docking import dock_of, move_below
from napari_pose3d.gui.qt.keypoint_items import (
    check_only,
    checked_names,
    fill_with_keypoints,
    names_in,
)

from .trace_plot import Curve, TracePlot

_SPACE = "3-D"
_SHOWN_AT_FIRST = 2
_NOTHING = "Nothing to plot yet: open predictions or a session."


class TracesWidget(QWidget):
    """Chooses what is plotted of our layers, and keeps plot and time slider in step.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._docked = self._placed = self._stopped = False
        self._watch = PosesWatch(napari_viewer, self)
        self.plot = TracePlot()
        self.source = _combo("Which view, or the positions in space")
        self.quantity = _combo("What to plot")
        self.other = _combo("The keypoint to measure the distance to")
        self._other_label = QLabel("&to")
        self._other_label.setBuddy(self.other)
        self.raw = QCheckBox("&raw")
        self.raw.setChecked(True)
        self.raw.setToolTip("Thin lines: what the networks gave, one by one and together")
        self.smoothed = QCheckBox("s&moothed")
        self.smoothed.setChecked(True)
        self.smoothed.setToolTip("Thick lines: what the smoother gave")
        self.keypoints = QListWidget()
        self.keypoints.setAccessibleName("Keypoints to plot")
        self._hint = QLabel(_NOTHING)
        self._lay_out()
        self._connect()
        self._take_colours()
        self._offer()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide and low: a dock below the images."""
        return QSize(900, 260)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("&Of", self.source)
        form.addRow("&Plot", self.quantity)
        form.addRow(self._other_label, self.other)
        side = QVBoxLayout()
        side.addLayout(form)
        stages = QHBoxLayout()
        stages.addWidget(self.raw)
        stages.addWidget(self.smoothed)
        side.addLayout(stages)
        fit = QPushButton("&Fit")
        fit.setToolTip("Bring all frames into view (double-click in the plot)")
        fit.clicked.connect(self.plot.fit)
        side.addWidget(fit)
        side.addStretch(1)
        panel = QWidget()
        panel.setLayout(side)
        panel.setFixedWidth(190)
        self.keypoints.setFixedWidth(170)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 4, 4, 4)
        row.addWidget(panel)
        row.addWidget(self.keypoints)
        row.addWidget(self.plot, 1)
        row.addWidget(self._hint)
        self.setMinimumHeight(180)
        # Otherwise napari adds an empty stretch beside the plot.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def _connect(self) -> None:
        self._watch.changed.connect(self._offer)
        self.source.currentTextChanged.connect(self._offer_keypoints)
        self.quantity.currentIndexChanged.connect(lambda _: self._draw(fit=True))
        self.other.currentIndexChanged.connect(lambda _: self._draw(fit=True))
        for box in (self.raw, self.smoothed):
            box.toggled.connect(lambda _: self._draw())
        self.keypoints.itemChanged.connect(lambda _: self._draw())
        self.plot.frame_chosen.connect(self._go_to)
        self._viewer.dims.events.current_step.connect(self._on_step)
        self._viewer.events.theme.connect(self._take_colours)

    # ---------------------------------------------------------------- what there is

    def _by_source(self) -> dict[str, list[LayerPoses]]:
        """The poses that can be plotted, by view; those in space come last."""
        found: dict[str, list[LayerPoses]] = {}
        for poses in self._watch.poses:
            found.setdefault(_SPACE if poses.is_3d else poses.view or "2-D", []).append(poses)
        space = found.pop(_SPACE, None)
        return found if space is None else {**found, _SPACE: space}

    def _chosen(self) -> list[LayerPoses]:
        return self._by_source().get(self.source.currentText(), [])

    def _offer(self) -> None:
        sources = list(self._by_source())
        if not _fill(self.source, sources):
            self._offer_keypoints()
        self._hint.setVisible(not sources)
        self.plot.setVisible(bool(sources))

    def _offer_keypoints(self) -> None:
        chosen = self._chosen()
        names: dict[str, int] = {}
        for poses in chosen:
            for name, place in zip(poses.keypoints, poses.palette, strict=True):
                names.setdefault(name, place)
        quantities = ["x", "y", "z"] if any(poses.is_3d for poses in chosen) else ["x", "y"]
        quantities += ["speed", "length"]
        if any(poses.confidence is not None for poses in chosen):
            quantities.append("likelihood")
        if any(poses.residual is not None for poses in chosen):
            quantities.append("residual")
        self.quantity.blockSignals(True)
        _fill(self.quantity, [QUANTITIES[name].label for name in quantities], quantities)
        self.quantity.blockSignals(False)
        self.other.blockSignals(True)
        _fill(self.other, list(names))
        self.other.blockSignals(False)
        self._list_keypoints(names)
        self._draw(fit=True)

    def _list_keypoints(self, names: dict[str, int]) -> None:
        there = names_in(self.keypoints)
        if there == tuple(names):
            return
        checked = (
            set(self.checked) if set(there) & set(names) else set(list(names)[:_SHOWN_AT_FIRST])
        )
        colours = keypoint_rgba(list(names.values()))
        fill_with_keypoints(self.keypoints, dict(zip(names, colours, strict=True)), checked)

    @property
    def checked(self) -> tuple[str, ...]:
        """The keypoints that are plotted."""
        return checked_names(self.keypoints)

    def check(self, keypoints: tuple[str, ...]) -> None:
        """Plot exactly these."""
        check_only(self.keypoints, keypoints)
        self._draw()

    # ---------------------------------------------------------------- drawing

    def _draw(self, fit: bool = False) -> None:
        name = self.quantity.currentData()
        measures = name == "length"
        self.other.setVisible(measures)
        self._other_label.setVisible(measures)
        if name is None:
            self.plot.show_curves([], "", fit)
            return
        chosen = self._chosen()
        # Pale lines are for what thick ones are drawn over.
        over = self.smoothed.isChecked() and any(each.stage == "smoothed" for each in chosen)
        curves = [
            curve
            for poses in chosen
            if (self.smoothed if poses.stage == "smoothed" else self.raw).isChecked()
            for keypoint in self.checked
            if (curve := self._curve(poses, keypoint, name, over)) is not None
        ]
        length = "px"
        if chosen and chosen[0].is_3d:
            length = chosen[0].units or "rig units"
        self.plot.show_curves(curves, QUANTITIES[name].axis_label(length), fit)
        self._on_step()

    def _curve(self, poses: LayerPoses, keypoint: str, name: Any, over: bool) -> Curve | None:
        other = self.other.currentText() if name == "length" else None
        if keypoint not in poses.keypoints or (other and other not in poses.keypoints):
            return None
        k = poses.keypoints.index(keypoint)
        values = trace(
            name,
            poses.positions,
            k,
            other=poses.keypoints.index(other) if other else None,
            likelihood=poses.confidence,
            residual=poses.residual,
        )
        if values is None or keypoint == other:
            return None
        smoothed = poses.stage == "smoothed"
        return Curve(
            f"{keypoint}, {poses.prediction_set or poses.stage}",
            values,
            keypoint_rgba(poses.palette)[k],
            2.0 if smoothed else 1.0,
            faint=over and not smoothed,
        )

    def _take_colours(self, _: Any = None) -> None:
        theme = get_theme(self._viewer.theme)
        self.plot.set_colours(theme.background.as_hex(), theme.text.as_hex())

    # ---------------------------------------------------------------- time

    @property
    def _axis(self) -> int:
        return max(int(self._viewer.dims.ndim) - 4, 0)

    def _on_step(self, _: Any = None) -> None:
        steps = self._viewer.dims.current_step
        if len(steps) > self._axis:
            self.plot.show_frame(int(steps[self._axis]))

    def _go_to(self, frame: int) -> None:
        if int(self._viewer.dims.current_step[self._axis]) != frame:
            self._viewer.dims.set_current_step(self._axis, frame)

    # ---------------------------------------------------------------- the end

    def stop(self) -> None:
        """Let go of the viewer."""
        if self._stopped:
            return
        self._stopped = True
        self._watch.stop()
        self._viewer.dims.events.current_step.disconnect(self._on_step)
        self._viewer.events.theme.disconnect(self._take_colours)

    def event(self, event: QEvent | None) -> bool:
        """Napari takes a closed dock's widget out of it without closing the widget."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self.parent() is None and self._docked:
                self.stop()
            self._docked = self.parent() is not None
        elif event is not None and event.type() == QEvent.Type.Show and not self._placed:
            dock = dock_of(self)
            if dock is not None:
                self._placed = True
                # Moving a dock while it is being shown would hide it again.
                QTimer.singleShot(0, lambda: move_below(dock, self.sizeHint().height()))
        return super().event(event)


def _combo(hint: str) -> QComboBox:
    box = QComboBox()
    box.setToolTip(hint)
    box.setAccessibleName(hint)
    return box


def _fill(box: QComboBox, texts: list[str], data: list[str] | None = None) -> bool:
    """Offer other texts and keep what was chosen where possible; whether the choice is another."""
    before = box.currentText()
    if [box.itemText(i) for i in range(box.count())] == texts:
        return False
    box.blockSignals(True)
    box.clear()
    for text, value in zip(texts, data or texts, strict=True):
        box.addItem(text, value)
    if before in texts:
        box.setCurrentText(before)
    box.blockSignals(False)
    if box.currentText() != before:
        box.currentTextChanged.emit(box.currentText())
        return True
    return False
