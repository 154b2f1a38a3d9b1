"""One camera: its image with what is drawn on it, its own pan and zoom, and a title."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QToolTip, QWidget

from napari_pose3d.gui.qt.key_bindings import Modifiers
from napari_pose3d.gui.qt.napari_private import redraw_image

from ..frames.frame_controller import FrameImage
from ..frames.view_source import ViewSource
from .canvas_frame import CanvasFrame
from .input_events import Point, held_modifiers, key_name, modifiers_of, xy_of
from .layout_state import LayoutState
from .overlays import Overlays
from .tool import Tool

# A mouse that moved so little between press and release, in px of the screen, has clicked.
_STILL = 3.0
_MARGIN = 0.98
_DIMMED = 0.35


class CameraView(CanvasFrame):
    """A view with its canvas.

    Parameters
    ----------
    source : ViewSource
    skeleton : pairs of keypoints

    Signals: ``zoomed`` with the view's name and its zoom when the user has changed it.
    """

    zoomed = Signal(str, float)

    def __init__(
        self,
        source: ViewSource,
        skeleton: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(source.view, parent=parent)
        self.source = source
        self.tools: list[Tool] = []
        self._setting_camera = False
        self._camera_set = (0.0, 0.0, 0.0)
        self._image: Any = None
        self._owned: list[Any] = []
        self.overlays = Overlays(self.model, self.canvas, source, skeleton)
        self.model.mouse_drag_callbacks.append(self._on_drag)
        self.model.mouse_move_callbacks.append(self._on_move)
        # In the place of napari's own, which scrolls through axes that a view does not have.
        self.model.mouse_wheel_callbacks[:] = [self._on_wheel]
        self.model.scene.camera.events.zoom.connect(self._on_camera)
        self.model.scene.camera.events.center.connect(self._on_camera)

    # ---------------------------------------------------------------- content

    def set_source(self, source: ViewSource, skeleton: Sequence[tuple[str, str]]) -> None:
        """Show other poses or another video; pan and zoom stay."""
        self.overlays.remove(self.model)
        if self._image is not None and (source.video is not self.source.video):
            self.model.layers.remove(self._image)
            self._image = None
        self.source = source
        with self.adding_layers():
            self.overlays = Overlays(self.model, self.canvas, source, skeleton)
        self.overlays.set_zoom(self.zoom)
        for layer in self._owned:
            # In front of what the view draws itself.
            self.model.layers.move(self.model.layers.index(layer), len(self.model.layers))

    @contextlib.contextmanager
    def adding_layers(self) -> Iterator[None]:
        """What a tool adds meanwhile does not move the camera: napari fits the first layer."""
        fitted = self._fitted
        with self._moving_camera():
            yield
        if fitted:
            self.fit()

    def own(self, layer: Any) -> None:
        """Keep a tool's layer in front, safe from napari's own editing (see `tool_layers`)."""
        layer.editable = False
        self._owned.append(layer)

    def disown(self, layer: Any) -> None:
        """Take a tool's layer off the view."""
        self._owned.remove(layer)
        self.model.layers.remove(layer)

    def show_frame(
        self, frame: int, image: FrameImage | None, settings: LayoutState, selected: str
    ) -> None:
        """Show a frame: its image and its points at once."""
        self.frame = frame
        data = None if image is None else image.data
        self._show_image(data, settings)
        self.overlays.show(frame, settings, selected)
        state = "" if image is None else image.problem or image.note
        if self.source.video is None:
            state = "no video"
        self.title.show_state(frame, state)
        if not self._follow(settings) and self._fitted:
            self.fit()

    def redraw(self, settings: LayoutState, selected: str) -> None:
        """Draw the same frame with other settings."""
        self.overlays.show(self.frame, settings, selected)
        if self._image is not None:
            self._apply_contrast(settings)
        self._follow(settings)

    def clear(self, wanted: int) -> None:
        """Show nothing until a frame is there: what was drawn is of another one."""
        self.frame = -1
        if self._image is not None:
            self._image.visible = False
        self.overlays.show(-1, LayoutState(), "")
        self.title.show_state(-1, f"… {wanted}")

    def show_late(self, wanted: int) -> None:
        """Say that the image is not of the frame that was asked for."""
        self.title.show_state(self.frame, f"… {wanted}")
        if self._image is not None:
            self._image.opacity = _DIMMED

    def peek(self, frame: int, image: FrameImage | None, settings: LayoutState) -> None:
        """Show the image of another frame for a moment, without anything that is drawn on it."""
        self._show_image(None if image is None else image.data, settings)
        self.overlays.show(-1, settings, "")
        self.title.show_state(frame, "a look")

    def fit(self) -> None:
        """Bring the whole image into view."""
        width, height = self.source.size
        room = self.native.size()
        if room.width() < 2 or room.height() < 2:
            return
        zoom = _MARGIN * min(room.width() / width, room.height() / height)
        self._set_camera(((width - 1) / 2, (height - 1) / 2), zoom)
        self._fitted = True

    def zoom_to(self, at: Point, zoom: float) -> None:
        """Bring a pixel into the middle, at so many canvas px per image px."""
        self._set_camera(at, zoom)
        self._fitted = False

    @property
    def zoom(self) -> float:
        """Canvas px per image px."""
        return float(self.model.scene.camera.zoom)

    @property
    def lies_on_white(self) -> bool:
        """Whether marks lie on an empty canvas that is light, where white ones are not seen."""
        canvas = get_theme(self.model.theme).canvas.as_rgb_tuple()[:3]
        return self.source.video is None and sum(canvas) > 1.5 * 255

    @property
    def is_fitted(self) -> bool:
        """Whether the whole image is in view, and stays so."""
        return self._fitted

    @property
    def seen_rectangle(self) -> tuple[float, float, float, float]:
        """What the canvas has room for: left, top, right and bottom, px of the image."""
        y, x, zoom = self._camera_now()
        half_x, half_y = self.native.width() / 2 / zoom, self.native.height() / 2 / zoom
        return x - half_x, y - half_y, x + half_x, y + half_y

    def set_zoom(self, zoom: float) -> None:
        """Zoom about the middle; emits nothing."""
        with self._moving_camera():
            self.model.scene.camera.zoom = zoom
        self._fitted = False

    def shut_down(self) -> None:
        """Free the canvas; the view is of no use afterwards."""
        super().shut_down()
        self.overlays.release()
        self.tools.clear()

    # ---------------------------------------------------------------- image

    def _show_image(self, data: NDArray[Any] | None, settings: LayoutState) -> None:
        if data is None:
            if self._image is not None:
                self._image.visible = False
            return
        if self._image is None:
            # Napari fits the first layer that it gets, after a manner of its own.
            with self._moving_camera():
                # A copy: the decoder keeps its images, and this one is written over.
                self._image = self.model.add_image(
                    np.array(data), name="video", rgb=data.ndim == 3, interpolation2d="nearest"
                )
            if data.ndim == 2:
                self._image.colormap = "gray"
            self.model.layers.move(len(self.model.layers) - 1, 0)
            self._apply_contrast(settings)
        else:
            held = self._image.data
            # In place, and without what napari would look at again: nothing of it has changed.
            held[...] = data
            if self._image.visible:
                redraw_image(self.canvas, self._image)
            else:
                self._image.visible = True
        if self._image.opacity != 1.0:
            self._image.opacity = 1.0

    def _apply_contrast(self, settings: LayoutState) -> None:
        low, high, gamma = settings.contrast.get(
            self.name, settings.contrast.get("", [0.0, 1.0, 1.0])
        )
        largest = 255.0
        if self._image.data.dtype == np.uint16 and self.source.video is not None:
            largest = 2.0**self.source.video.bits - 1
        limits = (low * largest, max(high, low + 0.01) * largest)
        if not self._image.rgb and tuple(self._image.contrast_limits) != limits:
            self._image.contrast_limits_range = (0, largest)
            self._image.contrast_limits = limits
        if self._image.gamma != gamma:
            self._image.gamma = gamma

    # ---------------------------------------------------------------- camera

    def _follow(self, settings: LayoutState) -> bool:
        """Bring the followed keypoint into the middle; False where there is none."""
        at = self.overlays.position(settings.follow) if settings.follow else None
        if at is None:
            return False
        self._set_camera(at, settings.magnification)
        self._fitted = False
        return True

    def _set_camera(self, at: Point, zoom: float) -> None:
        if np.allclose(self._camera_now(), (at[1], at[0], zoom), rtol=1e-6, atol=1e-6):
            return
        with self._moving_camera():
            self.model.scene.camera.center = (at[1], at[0])
            self.model.scene.camera.zoom = zoom

    @contextlib.contextmanager
    def _moving_camera(self) -> Iterator[None]:
        """What the camera does meanwhile is not the user's doing."""
        self._setting_camera = True
        try:
            yield
        finally:
            self._setting_camera = False
            self._camera_set = self._camera_now()
            self.overlays.set_zoom(self.zoom)

    def _camera_now(self) -> tuple[float, float, float]:
        camera = self.model.scene.camera
        return float(camera.center[-2]), float(camera.center[-1]), float(camera.zoom)

    def _on_camera(self) -> None:
        # Painting, the canvas sets its camera again, with errors of rounding.
        now = self._camera_now()
        if self._setting_camera or np.allclose(now, self._camera_set, rtol=1e-4, atol=1e-2):
            return
        self._fitted = False
        if not np.isclose(now[2], self._camera_set[2], rtol=1e-4):
            self.overlays.set_zoom(self.zoom)
            self.zoomed.emit(self.name, self.zoom)
        self._camera_set = now

    # ---------------------------------------------------------------- mouse and keys

    def _on_drag(self, _: Any, event: Any) -> Any:
        at, keys = xy_of(event.position), modifiers_of(event.modifiers)
        button = int(event.button)
        for tool in self.tools:
            if tool.on_press(self, at, button, keys):
                break
        else:
            yield from self._await_click(event, at, button, keys)
            return
        # The camera does not pan with a drag that a tool has taken.
        event.handled = True
        yield
        while event.type == "mouse_move":
            event.handled = True
            tool.on_drag(self, xy_of(event.position), modifiers_of(event.modifiers))
            yield
        event.handled = True
        tool.on_release(self, xy_of(event.position), modifiers_of(event.modifiers))

    def _await_click(self, event: Any, at: Point, button: int, keys: Modifiers) -> Any:
        """The image is panned, unless the mouse goes up where it went down."""
        start, far = np.array(event.pos), 0.0
        yield
        while event.type == "mouse_move":
            far = max(far, float(np.abs(np.array(event.pos) - start).max()))
            yield
        if max(far, float(np.abs(np.array(event.pos) - start).max())) <= _STILL:
            for tool in self.tools:
                if tool.on_click(self, at, button, keys):
                    break

    def _on_move(self, _: Any, event: Any) -> None:
        at = xy_of(event.position)
        for tool in self.tools:
            tool.on_move(self, at)

    def _on_wheel(self, _: Any, event: Any) -> None:
        at, keys = xy_of(event.position), modifiers_of(event.modifiers)
        if not keys:
            return
        # With Alt held, Qt turns the wheel sideways.
        steps = float(event.delta[1] or event.delta[0])
        for tool in self.tools:
            if tool.on_wheel(self, at, steps, keys):
                break

    def show_hint(self, text: str) -> None:
        """A tooltip at the mouse; empty takes it away."""
        if text:
            QToolTip.showText(self.native.cursor().pos(), text, self.native)
        else:
            QToolTip.hideText()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Let the tools know when the mouse leaves."""
        if event is not None and watched is self.native and event.type() == QEvent.Type.Leave:
            for tool in self.tools:
                tool.on_leave(self)
        return super().eventFilter(watched, event)

    def _claims(self, event: QKeyEvent) -> bool:
        key, modifiers = key_name(event), held_modifiers(event)
        return not modifiers - {"Shift"} or any(t.claims(key, modifiers) for t in self.tools)

    def _on_key(self, event: QKeyEvent) -> None:
        key, modifiers = key_name(event), held_modifiers(event)
        if event.type() == QEvent.Type.KeyPress:
            for tool in self.tools:
                if tool.on_key(self, key, modifiers):
                    break
        elif not event.isAutoRepeat():
            for tool in self.tools:
                tool.on_key_up(self, key)
