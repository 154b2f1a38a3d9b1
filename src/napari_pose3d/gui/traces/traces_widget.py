"""The widget "Traces": coordinates, speed, likelihood, ... of keypoints over time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QSize, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QListWidget,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_pose3d.core.poses.kinematics.quantities import QUANTITIES
from napari_pose3d.errors import PoseDataError, error_text
from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import LayerPoses
from napari_pose3d.gui.layers.poses_monitor import PosesMonitor
from napari_pose3d.gui.qt.keypoint_items import (
    check_only,
    checked_names,
    fill_with_keypoints,
    names_in,
)
from napari_pose3d.gui.qt.message_text import short_path
from napari_pose3d.gui.workspace.workspace import workspace

from .trace_controls import TraceControls
from .trace_curves import (
    by_source,
    cannot_be_measured,
    curve_of,
    is_measured,
    keypoints_of,
    length_unit,
    measured_curve_of,
    quantities_of,
)
from .trace_export import Column, columns_of, with_suffix, write_image, write_traces_csv
from .trace_legend import TraceLegend
from .trace_plot import Curve, TracePlot

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

    Signals: ``frames_shown`` with the first and the last frame in view, and how many px there are
    left and right of them.
    """

    frames_shown = Signal(float, float, int, int)

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._docked = self._stopped = False
        self._monitor = PosesMonitor(napari_viewer, self)
        self.plot = TracePlot()
        self.legend = TraceLegend()
        self._more: list[TracePlot] = []
        self._drawn: list[Column] = []
        self._asked_rate: float | None = None
        self.controls = TraceControls()
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
        self.keypoints.setFixedWidth(_LIST_WIDTH)
        self.keypoints.setMinimumHeight(40)
        self.plots = QWidget()
        beside = QHBoxLayout(self.plots)
        beside.setContentsMargins(0, 0, 0, 0)
        self._plots = QVBoxLayout()
        self._plots.setSpacing(0)
        beside.addLayout(self._plots, 1)
        beside.addWidget(self.legend)
        self._plots.addWidget(self.plot, 1)
        row = QHBoxLayout()
        row.addWidget(self.keypoints)
        row.addWidget(self.plots, 1)
        row.addWidget(self._hint, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 4, 2)
        column.setSpacing(2)
        column.addWidget(self.controls)
        column.addLayout(row, 1)
        self.setMinimumHeight(_MIN_HEIGHT)
        # Otherwise napari adds an empty stretch beside the plot.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def _connect(self) -> None:
        self._monitor.changed.connect(self._offer)
        controls = self.controls
        controls.source_changed.connect(self._offer_keypoints)
        controls.quantities_changed.connect(lambda: self._draw(fit=True))
        controls.shown_changed.connect(self._draw)
        controls.seconds_changed.connect(self._on_seconds)
        controls.fit_clicked.connect(self._fit)
        controls.csv_wanted.connect(self._export_csv)
        controls.image_wanted.connect(self._export_image)
        self.keypoints.itemChanged.connect(lambda _: self._draw())
        self.plot.frame_chosen.connect(self._go_to)
        self.plot.span_changed.connect(self.report_frames)
        self._viewer.dims.events.current_step.connect(self._on_step)
        self._viewer.events.theme.connect(self._take_colours)

    # ---------------------------------------------------------------- what is above the curves

    def put_above(self, strip: QWidget) -> None:
        """Let something of another panel stand above the curves."""
        self._plots.insertWidget(0, strip)

    def redraw(self) -> None:
        """Draw the same curves again: what stands behind them was changed in place."""
        self._draw()

    def take_away(self, strip: QWidget) -> None:
        """The other way round."""
        self._plots.removeWidget(strip)
        strip.setParent(None)

    def show_frames(self, first: float, last: float) -> None:
        """Bring frames into view."""
        self.plot.show_span(first, last)

    def report_frames(self) -> None:
        """Say which frames are in view, and where."""
        self.frames_shown.emit(*self.plot.span, *self.plot.margins)

    # ---------------------------------------------------------------- what there is

    def _chosen(self) -> list[LayerPoses]:
        return by_source(self._monitor.poses).get(self.controls.source.currentText(), [])

    def _offer(self) -> None:
        sources = list(by_source(self._monitor.poses))
        self.controls.offer_sources(sources)
        self._hint.setVisible(not sources)
        for part in (self.plots, self.keypoints):
            part.setVisible(bool(sources))

    def _offer_keypoints(self) -> None:
        chosen = self._chosen()
        names = keypoints_of(chosen)
        self.controls.offer(quantities_of(chosen), list(names))
        self.controls.explain(cannot_be_measured(chosen))
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

    @property
    def all_plots(self) -> list[TracePlot]:
        """One for each quantity."""
        return [self.plot, *self._more]

    def _draw(self, fit: bool = False) -> None:
        controls, chosen = self.controls, self._chosen()
        names = controls.quantities
        controls.show_other()
        self._have_plots(max(len(names), 1))
        self._drawn = []
        if not names:
            self.plot.show_curves([], "", fit)
            self.legend.show_curves([])
            return
        drawn: list[Curve] = []
        # Pale lines are for what thick ones are drawn over.
        over = controls.shows("smoothed") and any(each.stage == "smoothed" for each in chosen)
        other = controls.other.currentText()
        for name, plot in zip(names, self.all_plots, strict=True):
            shown = [poses for poses in chosen if controls.shows(poses.stage)]
            if is_measured(name):
                curves, label = self._measured(shown, name, over)
            else:
                curves = [
                    curve
                    for poses in shown
                    for keypoint in self.checked
                    if (curve := curve_of(poses, keypoint, name, other, over)) is not None
                ]
                label = QUANTITIES[name].axis_label(length_unit(chosen))
            plot.show_curves(curves, label, fit)
            drawn += curves
            self._drawn += columns_of(curves, label)
        self.legend.show_curves(drawn)
        self._on_step()

    def _measured(self, shown: list[LayerPoses], name: str, over: bool) -> tuple[list[Curve], str]:
        """What the project measures, per second where time is counted in seconds."""
        rate = self.frame_rate if self.controls.seconds.isChecked() else None
        found = [
            each for p in shown if (each := measured_curve_of(p, name, rate, over)) is not None
        ]
        label = self.controls.label_of(name)
        unit = found[0][1] if found else ""
        return [curve for curve, _ in found], f"{label} ({unit})" if unit else label

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

    def _on_seconds(self) -> None:
        self._show_time()
        if any(map(is_measured, self.controls.quantities)):
            # What the project measures is then per second.
            self._draw(fit=True)

    def _show_time(self, _: Any = None) -> None:
        if self.controls.seconds.isChecked() and self.frame_rate is None:
            rate, known = QInputDialog.getDouble(
                self, "Time in seconds", "No video tells how many frames a second has:", 30.0, 0.01
            )
            if not known:
                self.controls.seconds.setChecked(False)
                return
            self._asked_rate = rate
        rate_shown = self.frame_rate if self.controls.seconds.isChecked() else None
        for plot in self.all_plots:
            plot.show_time(rate_shown)
            # The time is the same in all of them.
            plot.show_frame_axis(plot is self.all_plots[-1])

    # ---------------------------------------------------------------- export

    def _export_csv(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Curves as a table", "traces.csv", "Tables (*.csv)"
        )
        if name:
            path = with_suffix(Path(name), ".csv")
            self._export(lambda: write_traces_csv(path, self._drawn, self.frame_rate), path)

    def _export_image(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Plots as an image", "traces.png", "Images (*.png *.jpg)"
        )
        if name:
            path = with_suffix(Path(name), ".png")
            self._export(lambda: write_image(path, self.plots), path)

    def _export(self, write: Callable[[], None], path: Path) -> None:
        try:
            write()
        except (OSError, PoseDataError) as error:
            show_error(error_text(error))
            return
        show_info(f"Written: {short_path(path)}")

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
