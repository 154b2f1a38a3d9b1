"""The animal in space beside the camera views: keypoints, skeleton, trails, cameras, a floor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QWidget

from napari_pose3d.core.cameras.floor import floor_grid, oblique_direction
from napari_pose3d.gui.layers.colours import NEUTRAL, keypoint_rgba
from napari_pose3d.gui.layers.layer_styles import vectors_of
from napari_pose3d.gui.layers.view_layout import bones_of
from napari_pose3d.gui.qt.napari_private import redraw_points

from ..frames.view_source import Scene
from .canvas_frame import CanvasFrame
from .input_events import held_modifiers, key_name
from .layout_state import LayoutState
from .overlays import BONE_DOTS, TRAIL_FRAMES, at_frame, dots

_SELECTED = 1.6
# Rings around the raw positions, as in the views.
_RAW_SIZE, _RING = 1.7, 0.16
# Calibrations are right-handed; napari's own default would show their mirror image.
_MARGIN, _MARGIN_OF_FLOOR = 0.05, 0.3
_RIGHT_HANDED = ("away", "down", "right")


class SpaceView(CanvasFrame):
    """A canvas with the positions in 3-D; `selected` is emitted with a keypoint that was clicked.

    Parameters
    ----------
    scene : Scene
        With positions in space.
    """

    selected = Signal(str)
    key_pressed = Signal(str, bool)

    def __init__(self, scene: Scene, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, n_displayed=3, parent=parent)
        self.model.scene.camera.orientation = _RIGHT_HANDED
        self.model.mouse_drag_callbacks.append(self._on_press)
        self._scene = Scene([])
        self._layers: list[Any] = []
        self._rings: Any = None
        self._floor: Any = None
        self._cameras: Any = None
        self._up: NDArray[Any] | None = None
        self._middle = np.zeros(3)
        self.set_scene(scene)
        self.fit()

    def set_scene(self, scene: Scene) -> None:
        """Show other positions; the angle stays."""
        if self._shows(scene):
            return
        self._scene = scene
        for layer in self._layers:
            self.model.layers.remove(layer)
        self._layers = []
        assert scene.space is not None
        self._poses = poses = scene.space
        self._bones = bones_of(poses.keypoints, scene.skeleton)
        n = len(poses.keypoints)
        finite = poses.positions[np.isfinite(poses.positions).all(axis=-1)]
        extent = np.ptp(finite, axis=0).max() if len(finite) else 1.0
        middle = finite.mean(axis=0) if len(finite) else np.zeros(3)
        self._far = 1e4 * float(extent) + np.nanmax(np.abs(finite), initial=1.0)
        self._size = 0.05 * float(self._typical_extent(poses.positions, extent))
        self._add_floor(finite, scene.frusta)
        self._cameras = None
        if scene.frusta is not None:
            self._cameras = self._keep(
                self.model.add_vectors(
                    scene.frusta,
                    name="cameras",
                    vector_style="line",
                    edge_color=NEUTRAL,
                    edge_width=0.5 * self._size,
                    opacity=1.0,
                )
            )
        marks = keypoint_rgba(poses.palette)
        trails = np.repeat(marks, TRAIL_FRAMES, axis=0)
        trails[:, 3] = np.tile(np.linspace(0.75, 0.1, TRAIL_FRAMES), n)
        grey = [int(NEUTRAL[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        bones = np.tile([*grey, 1.0], (len(self._bones) * BONE_DOTS, 1))
        colours = np.concatenate([trails, bones, marks])
        self._n_before = len(colours) - n
        self._sizes = np.full(len(colours), self._size)
        self._sizes[: len(trails)] *= 0.35
        self._sizes[len(trails) : self._n_before] *= 0.3
        self._rings = None
        if scene.raw_space is not None:
            self._rings = self._keep(
                self.model.add_points(
                    np.tile(middle[::-1], (n, 1)),
                    name="raw",
                    face_color="transparent",
                    border_color=marks,
                    border_width=_RING,
                    size=_RAW_SIZE * self._size,
                    # What is within a ring is not behind it.
                    blending="translucent_no_depth",
                    canvas_size_limits=(2, 100),
                    opacity=1.0,
                )
            )
        self._points = self._keep(
            self.model.add_points(
                np.tile(middle[::-1], (len(colours), 1)),
                name="keypoints",
                face_color=colours,
                border_color=colours,
                border_width=0.0,
                size=self._sizes,
                shading="spherical",
                canvas_size_limits=(2, 60),
                opacity=1.0,
            )
        )
        self._shown = np.zeros(n, bool)

    def _shows(self, scene: Scene) -> bool:
        old, new = self._scene.frusta, scene.frusta
        same_cameras = old is new is None or (
            old is not None and new is not None and np.array_equal(old, new)
        )
        return (
            self._scene.space is scene.space
            and self._scene.raw_space is scene.raw_space
            and self._scene.skeleton == scene.skeleton
            and same_cameras
        )

    def show_frame(self, frame: int, settings: LayoutState, selected: str) -> None:
        """Draw a frame."""
        self.frame = frame
        if self._cameras is not None and self._cameras.visible != settings.cameras:
            self._cameras.visible = settings.cameras
            self._fill()
        poses = self._poses
        on = np.array([name not in settings.hidden_keypoints for name in poses.keypoints])
        raw = self._raw_positions(frame, settings, on)
        # Raw positions are another layer of the main viewer, without a trail.
        on &= poses.stage not in settings.hidden_stages
        zyx = at_frame(poses.positions, frame)[:, ::-1].astype(np.float64)
        self._shown = np.isfinite(zyx).all(axis=1) & on
        zyx[~self._shown] = np.nan
        past = np.full((TRAIL_FRAMES, len(on), 3), np.nan)
        if settings.trails:
            before = poses.positions[max(frame - TRAIL_FRAMES, 0) : max(frame, 0)][::-1]
            past[: len(before)] = before
            past[:, ~on] = np.nan
        bones = dots(zyx if self._shown.any() or not len(raw) else raw, self._bones)
        if not settings.skeleton:
            bones[:] = np.nan
        trails = past.transpose(1, 0, 2).reshape(-1, 3)[:, ::-1]
        rows = np.concatenate([trails, bones, zyx])
        # What is hidden lies far away, rather than being another number of rows.
        rows[~np.isfinite(rows).all(axis=1)] = self._far
        self._points.data[...] = rows
        redraw_points(self.canvas, self._points)
        if self._rings is not None:
            raw[~np.isfinite(raw).all(axis=1)] = self._far
            self._rings.data[...] = raw
            redraw_points(self.canvas, self._rings)
        sizes = self._sizes.copy()
        sizes[self._n_before :][[name == selected for name in poses.keypoints]] *= _SELECTED
        if not np.array_equal(self._points.size, sizes):
            self._points.size = sizes
        self.title.show_state(frame, "" if frame >= 0 else "…")

    def _raw_positions(
        self, frame: int, settings: LayoutState, on: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Where the rings are, (keypoint, 3) as (z, y, x); none where nothing raw is known."""
        if self._scene.raw_space is None:
            return np.empty((0, 3))
        zyx = at_frame(self._scene.raw_space.positions, frame)[:, ::-1].astype(np.float64)
        zyx[~on if "raw" not in settings.hidden_stages else slice(None)] = np.nan
        return zyx

    def fit(self) -> None:
        """Bring the animal's range into view, and the cameras where they are shown."""
        if self._up is not None:
            self.model.scene.camera.set_view_direction(
                tuple(oblique_direction(self._up)), tuple(self._up)
            )
        self._fill()
        self._fitted = True

    def _fill(self) -> None:
        """Bring it into view from where the user is looking."""
        cameras = [] if self._cameras is None or not self._cameras.visible else [self._cameras]
        if self._floor is None:
            self.model.fit_to_view(margin=_MARGIN)
        elif cameras:
            self.model.fit_to_view(layers=[self._floor, *cameras], margin=_MARGIN)
        else:
            self.model.fit_to_view(layers=[self._floor], margin=_MARGIN_OF_FLOOR)
            # The floor is at the feet; what matters is above it.
            self.model.scene.camera.center = tuple(self._middle)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """From a press or a turn of the wheel on, it is the user who turns and zooms."""
        by_user = QEvent.Type.MouseButtonPress, QEvent.Type.Wheel
        if event is not None and watched is self.native and event.type() in by_user:
            self._fitted = False
        resized = event is not None and event.type() == QEvent.Type.Resize
        if resized and watched is self.native and self._fitted:
            # Napari fits to the size that the canvas has, which it gets after this event.
            QTimer.singleShot(0, self._fit_anew)
        return super().eventFilter(watched, event)

    def _fit_anew(self) -> None:
        if isalive(self) and self._fitted:
            self._fill()

    def _on_key(self, event: QKeyEvent) -> None:
        if event.type() == QEvent.Type.KeyPress:
            self.key_pressed.emit(key_name(event), "Shift" in held_modifiers(event))

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

    def _add_floor(self, finite: NDArray[Any], frusta: NDArray[Any] | None) -> None:
        self._floor, self._up = None, None
        floor = floor_grid(finite, None if frusta is None else frusta[:, 0, ::-1])
        if floor is None:
            return
        self._middle, self._up = floor.middle[::-1], floor.up[::-1]
        self._floor = self._keep(
            self.model.add_vectors(
                vectors_of(floor.segments),
                name="floor",
                vector_style="line",
                edge_color=NEUTRAL,
                edge_width=0.25 * self._size,
                opacity=0.5,
            )
        )

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
        place = -1 if row is None else int(row) - self._n_before
        if place >= 0 and self._shown[place]:
            self.selected.emit(self._poses.keypoints[place])
