"""The animal in space beside the camera views: keypoints, skeleton, trails, cameras, a floor."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.components.viewer_model import double_click_to_zoom
from napari.qt import QtViewer
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from ..colours import NEUTRAL, keypoint_rgba
from .layout_state import LayoutState
from .overlays import TRAIL_FRAMES, at_frame, lines, refill
from .source import Scene

_SELECTED = 1.6
_GRID_LINES = 9
# Calibrations are right-handed; napari's own default would show their mirror image.
_RIGHT_HANDED = ("away", "down", "right")


class SpaceView(QFrame):
    """A canvas with the positions in 3-D; `selected` is emitted with a keypoint that was clicked.

    Parameters
    ----------
    scene : Scene
        With positions in space.
    """

    selected = Signal(str)
    maximise_wanted = Signal(str)
    hide_wanted = Signal(str)

    def __init__(self, scene: Scene, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.name = name
        self.frame = -1
        self.model = ViewerModel(title=name, ndisplay=3)
        self.model.mouse_double_click_callbacks.remove(double_click_to_zoom)
        self.model.scene.camera.orientation = _RIGHT_HANDED
        self.canvas = QtViewer(self.model)
        self.native = self.canvas.canvas.native
        self.canvas.dims.hide()
        self._frame_label = QLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._title())
        column.addWidget(self.canvas, 1)
        self.setMinimumSize(120, 100)
        self.model.mouse_drag_callbacks.append(self._on_press)
        self.native.installEventFilter(self)
        self._layers: list[Any] = []
        self.set_scene(scene)
        self.fit()

    def set_scene(self, scene: Scene) -> None:
        """Show other positions; the angle stays."""
        for layer in self._layers:
            self.model.layers.remove(layer)
        self._layers = []
        assert scene.space is not None
        self._poses = poses = scene.space
        order = {name: i for i, name in enumerate(poses.keypoints)}
        self._bones = np.array(
            [(order[a], order[b]) for a, b in scene.skeleton if a in order and b in order], int
        ).reshape(-1, 2)
        n = len(poses.keypoints)
        finite = poses.positions[np.isfinite(poses.positions).all(axis=-1)]
        extent = np.ptp(finite, axis=0).max() if len(finite) else 1.0
        self._size = 0.05 * float(self._typical_extent(poses.positions, extent))
        self._add_floor(finite)
        if scene.frusta is not None:
            self._keep(
                self.model.add_vectors(
                    scene.frusta,
                    name="cameras",
                    vector_style="line",
                    edge_color=NEUTRAL,
                    edge_width=0.3 * self._size,
                    opacity=1.0,
                )
            )
        colours = keypoint_rgba(poses.palette)
        trail = np.repeat(colours, TRAIL_FRAMES, axis=0)
        trail[:, 3] = np.tile(np.linspace(0.7, 0.08, TRAIL_FRAMES), n)
        common = {"border_width": 0.0, "canvas_size_limits": (2, 60), "opacity": 1.0}
        self._trails = self._keep(
            self.model.add_points(
                np.zeros((n * TRAIL_FRAMES, 3)),
                name="trails",
                face_color=trail,
                border_color=trail,
                size=0.3 * self._size,
                shown=np.zeros(n * TRAIL_FRAMES, bool),
                **common,
            )
        )
        self._lines = None
        if len(self._bones):
            self._lines = self._keep(
                self.model.add_vectors(
                    np.zeros((len(self._bones), 2, 3)),
                    name="skeleton",
                    vector_style="line",
                    edge_color=NEUTRAL,
                    edge_width=0.25 * self._size,
                    opacity=1.0,
                )
            )
        self._points = self._keep(
            self.model.add_points(
                np.zeros((n, 3)),
                name="keypoints",
                face_color=colours,
                size=self._size,
                shading="spherical",
                shown=np.zeros(n, bool),
                **common,
            )
        )
        self._positions = np.full((n, 3), np.nan)

    def show_frame(self, frame: int, settings: LayoutState, selected: str) -> None:
        """Draw a frame."""
        self.frame = frame
        poses = self._poses
        on = np.array([name not in settings.hidden_keypoints for name in poses.keypoints])
        zyx = at_frame(poses.positions, frame)[:, ::-1].astype(np.float64)
        shown = np.isfinite(zyx).all(axis=1) & on
        self._positions = np.where(shown[:, None], zyx, np.nan)
        chosen = np.array([name == selected for name in poses.keypoints])
        middle = np.nanmean(self._positions, axis=0) if shown.any() else np.zeros(3)
        # Hidden rows lie among the others: the camera's range follows where rows are.
        refill(self._points, np.where(shown[:, None], zyx, middle), shown)
        sizes = np.where(chosen, _SELECTED * self._size, self._size)
        if not np.array_equal(self._points.size, sizes):
            self._points.size = sizes
        if self._lines is not None:
            data = np.zeros((len(self._bones), 2, 3))
            if settings.skeleton:
                data = lines(self._positions, self._bones)
            data[~data.any(axis=(1, 2)), 0] = middle
            refill(self._lines, data)
        self._show_trails(frame, settings, on, middle)
        self._frame_label.setText(f"frame {frame:,}")

    def fit(self) -> None:
        """Bring the animal's range into view, as seen from in front and above."""
        if self._layers:
            self.model.camera.angles = (-60, 0, 0)
            self.model.fit_to_view(margin=0.05)

    def shut_down(self) -> None:
        """Free the canvas; the view is of no use afterwards."""
        self.native.removeEventFilter(self)
        self.canvas.close()
        self.canvas.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Napari's own keys do nothing here."""
        if event is None or watched is not self.native:
            return False
        return event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)

    def _title(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(6, 1, 2, 1)
        row.setSpacing(8)
        row.addWidget(QLabel(f"<b>{self.name}</b>"))
        row.addWidget(self._frame_label)
        row.addStretch(1)
        for text, what, signal in (
            ("⤢", "Only this view, or all again", self.maximise_wanted),
            ("✕", "Hide this view", self.hide_wanted),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(what)
            button.setAutoRaise(True)
            button.clicked.connect(lambda _=False, s=signal: s.emit(self.name))
            row.addWidget(button)
        return bar

    def _keep(self, layer: Any) -> Any:
        layer.editable = False
        self._layers.append(layer)
        return layer

    @staticmethod
    def _typical_extent(positions: NDArray[Any], otherwise: float) -> float:
        """The animal's extent in a frame, from some frames."""
        some = positions[:: max(len(positions) // 200, 1)]
        known = some[np.isfinite(some).all(axis=-1).any(axis=1)]
        if not len(known):
            return otherwise
        spans = np.nanmax(known, axis=1) - np.nanmin(known, axis=1)
        span = float(np.median(spans.max(axis=1)))
        return span if span > 0 else otherwise

    def _add_floor(self, finite: NDArray[Any]) -> None:
        """A grid below the lowest keypoints, in the two directions that the animal moves most."""
        if len(finite) < 3:
            return
        low, high = np.percentile(finite, [1, 99], axis=0)
        up = int(np.argmin(high - low))
        across = [axis for axis in range(3) if axis != up]
        # Whether up is up or down, the camera's side tells; the animal stands on the other.
        level = high[up] if abs(high[up]) < abs(low[up]) else low[up]
        ticks = [np.linspace(low[axis], high[axis], _GRID_LINES) for axis in across]
        segments = []
        for along, (a, b) in enumerate((across, across[::-1])):
            for tick in ticks[along]:
                start = np.empty(3)
                start[up], start[a], start[b] = level, tick, low[b]
                run = np.zeros(3)
                run[b] = high[b] - low[b]
                segments.append((start[::-1], run[::-1]))
        self._keep(
            self.model.add_vectors(
                np.array(segments),
                name="floor",
                vector_style="line",
                edge_color=NEUTRAL,
                edge_width=0.08 * self._size,
                opacity=0.5,
            )
        )

    def _show_trails(
        self, frame: int, settings: LayoutState, on: NDArray[np.bool_], middle: NDArray[Any]
    ) -> None:
        n = len(self._poses.keypoints)
        past = np.full((TRAIL_FRAMES, n, 3), np.nan)
        if settings.trails:
            before = self._poses.positions[max(frame - TRAIL_FRAMES, 0) : frame][::-1]
            past[: len(before)] = before
        rows = past.transpose(1, 0, 2).reshape(-1, 3)[:, ::-1]
        shown = np.isfinite(rows).all(axis=1) & np.repeat(on, TRAIL_FRAMES)
        refill(self._trails, np.where(shown[:, None], rows, middle), shown)

    def _on_press(self, _: Any, event: Any) -> Any:
        row = self._points.get_value(
            event.position,
            view_direction=event.view_direction,
            dims_displayed=event.dims_displayed,
            world=True,
        )
        yield
        while event.type == "mouse_move":
            # The scene is being turned.
            row = None
            yield
        if row is not None and self._points.shown[row]:
            self.selected.emit(self._poses.keypoints[row])
