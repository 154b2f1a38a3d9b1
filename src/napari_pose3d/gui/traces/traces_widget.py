"""The widget "Traces": coordinates, speed, likelihood, ... of keypoints over time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QListWidget,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.poses.kinematics import QUANTITIES, trace
from napari_pose3d.errors import PoseDataError
from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.layers.poses_monitor import PosesMonitor
from napari_pose3d.gui.qt.keypoint_items import (
    check_only,
    checked_names,
    fill_with_keypoints,
    names_in,
)
from napari_pose3d.gui.workspace.workspace import workspace

from .trace_export import Column, write_image, write_traces_csv
from .trace_plot import Curve, TracePlot

_SPACE = "3-D"
_SHOWN_AT_FIRST = 2
# With less the plots cannot be read; the images need the rest while frames are labeled.
_MIN_HEIGHT = 120
_LIST_WIDTH = 150
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
        self._docked = self._stopped = False
        self._monitor = PosesMonitor(napari_viewer, self)
        self.plot = TracePlot()
        self._more: list[TracePlot] = []
        self._drawn: list[Column] = []
        self._asked_rate: float | None = None
        self.source = _combo("Which view, or the positions in space")
        self.quantity = _combo("What to plot")
        self.other = _combo("The keypoint to measure the distance to")
        self._other_label = QLabel("&to")
        self._other_label.setBuddy(self.other)
        self.raw = _check("raw", "Thin lines: what the networks gave, one by one and together")
        self.smoothed = _check("smoothed", "Thick lines: what the smoother gave")
        self.seconds = _check("time in seconds", "Instead of frames")
        self.seconds.setChecked(False)
        self.also = QMenu(self)
        self.keypoints = QListWidget()
        self.keypoints.setAccessibleName("Keypoints to plot")
        self._hint = QLabel(_NOTHING)
        self._lay_out()
        self._connect()
        self._take_colours()
        self._offer()
        self._workspace = workspace(napari_viewer)
        self._workspace.adopt(self, "Traces")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide and low: a dock below the images."""
        return QSize(900, 260)

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        for text, box in (("&Of", self.source), ("&Plot", self.quantity)):
            label = QLabel(text)
            label.setBuddy(box)
            bar.addWidget(label)
            bar.addWidget(box)
        bar.addWidget(_menu_button("+", "Plot other quantities as well", self.also))
        bar.addWidget(self._other_label)
        bar.addWidget(self.other)
        shown, export = QMenu(self), QMenu(self)
        for action in (self.raw, self.smoothed, self.seconds):
            shown.addAction(action)
        for text, handler in (
            ("Curves as &CSV…", self._export_csv),
            ("Plots as &image…", self._export_image),
        ):
            chosen = export.addAction(text)
            if chosen is not None:
                chosen.triggered.connect(handler)
        bar.addWidget(_menu_button("Show", "What is drawn, and how time is counted", shown))
        fit = QPushButton("&Fit")
        fit.setToolTip("Bring all frames into view (double-click in the plot)")
        fit.clicked.connect(self._fit)
        bar.addWidget(fit)
        bar.addWidget(_menu_button("Export", "Write what is plotted to a file", export))
        bar.addStretch(1)
        self.keypoints.setFixedWidth(_LIST_WIDTH)
        self.keypoints.setMinimumHeight(40)
        self.plots = QWidget()
        self._plots = QVBoxLayout(self.plots)
        self._plots.setContentsMargins(0, 0, 0, 0)
        self._plots.setSpacing(0)
        self._plots.addWidget(self.plot, 1)
        row = QHBoxLayout()
        row.addWidget(self.keypoints)
        row.addWidget(self.plots, 1)
        row.addWidget(self._hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        column.addLayout(bar)
        column.addLayout(row, 1)
        self.setMinimumHeight(_MIN_HEIGHT)
        # Otherwise napari adds an empty stretch beside the plot.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def _connect(self) -> None:
        self._monitor.changed.connect(self._offer)
        self.source.currentTextChanged.connect(self._offer_keypoints)
        self.quantity.currentIndexChanged.connect(lambda _: self._on_quantity())
        self.other.currentIndexChanged.connect(lambda _: self._draw(fit=True))
        for box in (self.raw, self.smoothed):
            box.toggled.connect(lambda _: self._draw())
        self.seconds.toggled.connect(self._show_time)
        self.keypoints.itemChanged.connect(lambda _: self._draw())
        self.plot.frame_chosen.connect(self._go_to)
        self._viewer.dims.events.current_step.connect(self._on_step)
        self._viewer.events.theme.connect(self._take_colours)

    # ---------------------------------------------------------------- what there is

    def _by_source(self) -> dict[str, list[LayerPoses]]:
        """The poses that can be plotted, by view; those in space come last."""
        found: dict[str, list[LayerPoses]] = {}
        for poses in self._monitor.poses:
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
        self.plots.setVisible(bool(sources))

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
        self._offer_more(quantities)
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

    def _on_quantity(self) -> None:
        self._offer_more([self.quantity.itemData(i) for i in range(self.quantity.count())])
        self._draw(fit=True)

    def _offer_more(self, quantities: list[str]) -> None:
        """Every quantity but the one that is plotted anyway can be plotted below it."""
        checked = {action.data() for action in self.also.actions() if action.isChecked()}
        self.also.clear()
        for name in quantities:
            if name != self.quantity.currentData():
                action = QAction(QUANTITIES[name].label, self.also)
                action.setCheckable(True)
                action.setData(name)
                action.setChecked(name in checked)
                action.toggled.connect(lambda _: self._draw(fit=True))
                self.also.addAction(action)

    @property
    def quantities(self) -> list[str]:
        """What is plotted, from top to bottom."""
        first = self.quantity.currentData()
        more = [action.data() for action in self.also.actions() if action.isChecked()]
        return [] if first is None else [first, *more]

    @property
    def all_plots(self) -> list[TracePlot]:
        """One for each quantity."""
        return [self.plot, *self._more]

    def plot_also(self, *names: str) -> None:
        """Plot exactly these quantities below the first one."""
        for action in self.also.actions():
            action.setChecked(action.data() in names)

    def _draw(self, fit: bool = False) -> None:
        names = self.quantities
        measures = "length" in names
        self.other.setVisible(measures)
        self._other_label.setVisible(measures)
        self._have_plots(max(len(names), 1))
        self._drawn = []
        if not names:
            self.plot.show_curves([], "", fit)
            return
        chosen = self._chosen()
        # Pale lines are for what thick ones are drawn over.
        over = self.smoothed.isChecked() and any(each.stage == "smoothed" for each in chosen)
        length = "px"
        if chosen and chosen[0].is_3d:
            length = chosen[0].units or "rig units"
        for name, plot in zip(names, self.all_plots, strict=True):
            curves = [
                curve
                for poses in chosen
                if (self.smoothed if poses.stage == "smoothed" else self.raw).isChecked()
                for keypoint in self.checked
                if (curve := self._curve(poses, keypoint, name, over)) is not None
            ]
            label = QUANTITIES[name].axis_label(length)
            plot.show_curves(curves, label, fit)
            self._drawn += [(f"{label}, {curve.name}", curve.values) for curve in curves]
        self._on_step()

    def _have_plots(self, n: int) -> None:
        while len(self._more) > n - 1:
            plot = self._more.pop()
            self._plots.removeWidget(plot)
            plot.setParent(None)
            plot.deleteLater()
        while len(self._more) < n - 1:
            plot = TracePlot()
            plot.follow(self.plot)
            plot.frame_chosen.connect(self._go_to)
            self._plots.addWidget(plot, 1)
            self._more.append(plot)
        self._take_colours()
        self._show_time()

    def _fit(self) -> None:
        for plot in self.all_plots:
            plot.fit()

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
        for plot in self.all_plots:
            plot.set_colours(theme.background.as_hex(), theme.text.as_hex())

    # ---------------------------------------------------------------- time

    @property
    def _axis(self) -> int:
        return max(int(self._viewer.dims.ndim) - 4, 0)

    def _on_step(self, _: Any = None) -> None:
        steps = self._viewer.dims.current_step
        if len(steps) > self._axis:
            for plot in self.all_plots:
                plot.show_frame(int(steps[self._axis]))

    def _go_to(self, frame: int) -> None:
        if int(self._viewer.dims.current_step[self._axis]) != frame:
            self._viewer.dims.set_current_step(self._axis, frame)

    @property
    def frame_rate(self) -> float | None:
        """Frames per second: those of the videos, else as entered by the user."""
        for layer in self._viewer.layers:
            rate = layer.metadata.get("frame_rate")
            if rate:
                return float(rate)
        return self._asked_rate

    def _show_time(self, _: Any = None) -> None:
        if self.seconds.isChecked() and self.frame_rate is None:
            rate, known = QInputDialog.getDouble(
                self, "Time in seconds", "No video tells how many frames a second has:", 30.0, 0.01
            )
            if not known:
                self.seconds.setChecked(False)
                return
            self._asked_rate = rate
        rate_shown = self.frame_rate if self.seconds.isChecked() else None
        for plot in self.all_plots:
            plot.show_time(rate_shown)

    # ---------------------------------------------------------------- export

    def _export_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Curves as a table", "traces.csv", "Tables (*.csv)"
        )
        if path:
            self._export(lambda: write_traces_csv(Path(path), self._drawn, self.frame_rate), path)

    def _export_image(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Plots as an image", "traces.png", "Images (*.png *.jpg)"
        )
        if path:
            self._export(lambda: write_image(Path(path), self.plots), path)

    def _export(self, write: Callable[[], None], path: str) -> None:
        try:
            write()
        except (OSError, PoseDataError) as error:
            show_error(str(error))
            return
        show_info(f"Written: {path}")

    # ---------------------------------------------------------------- the end

    def stop(self) -> None:
        """Let go of the viewer."""
        if self._stopped:
            return
        self._stopped = True
        self._monitor.stop()
        self._viewer.dims.events.current_step.disconnect(self._on_step)
        self._viewer.events.theme.disconnect(self._take_colours)

    def event(self, event: QEvent | None) -> bool:
        """Napari takes a closed dock's widget out of it without closing the widget."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self.parent() is None and self._docked:
                self.stop()
            self._docked = self.parent() is not None
        return super().event(event)


def _check(text: str, hint: str) -> QAction:
    action = QAction(text)
    action.setCheckable(True)
    action.setChecked(True)
    action.setToolTip(hint)
    return action


def _menu_button(text: str, hint: str, menu: QMenu) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(hint)
    button.setAccessibleName(hint)
    button.setMenu(menu)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return button


def _combo(hint: str) -> QComboBox:
    box = QComboBox()
    box.setToolTip(hint)
    box.setAccessibleName(hint)
    # The longest choice must not decide on the width of the panel.
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(7)
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
