"""The only module that uses napari's private API, and what the rest of the GUI needs of it.

Notes
-----
`Layer.refresh` slices a layer, emits its events and sets up everything that its visual has.
In a camera view nothing but the image and the places of the marks changes from frame to frame,
and each view has two such layers: that took most of the time of a step (3 to 4 ms a layer). Here
the same numbers go straight to the visual. Where napari or vispy are not as expected, the layer is
refreshed as usual.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable
from typing import Any

from napari.qt import QtViewer
from napari.utils.task_status import Status
from qtpy.QtWidgets import QApplication, QWidget

_NOTIFICATION = "NapariQtNotification"


def redraw_image(canvas: Any, layer: Any) -> None:
    """Draw an Image layer whose array was written in place.

    Parameters
    ----------
    canvas : QtViewer
        The canvas that the layer is in.
    layer : Image
        In 2-D, of one image.
    """
    with contextlib.suppress(AttributeError, KeyError):
        # This is what napari's own visual does last, and all of it that concerns the pixels.
        canvas.canvas.layer_to_visual[layer].node.set_data(layer.data)
        return
    _refresh(layer)


def redraw_points(canvas: Any, layer: Any) -> None:
    """Draw a Points layer whose positions were written in place, all of which are displayed.

    Parameters
    ----------
    canvas : QtViewer
        The canvas that the layer is in.
    layer : Points
    """
    with contextlib.suppress(AttributeError, KeyError, IndexError, ValueError):
        markers = canvas.canvas.layer_to_visual[layer].node.points_markers
        rows, positions = markers._data, layer.data
        if len(rows) == len(positions):
            rows["a_position"][:, : positions.shape[1]] = positions[:, ::-1]
            markers._vbo.set_data(rows)
            markers.update()
            return
    _refresh(layer)


def draw_marks_only(canvas: Any, layer: Any) -> None:
    """Leave out what a Points layer draws beside its points: highlights, selection box, text.

    All of it is empty in a layer that nobody can edit, and is drawn all the same.

    Parameters
    ----------
    canvas : QtViewer
        The canvas that the layer is in.
    layer : Points
    """
    with contextlib.suppress(AttributeError, KeyError):
        node = canvas.canvas.layer_to_visual[layer].node
        for part in (node.selection_markers, node.highlight_lines, node.text):
            part.visible = False


def _refresh(layer: Any) -> None:
    layer.refresh(thumbnail=False, extent=False, highlight=False)


def native_canvas(canvas: Any) -> Any:
    """The Qt widget that a QtViewer draws in: it gets mouse and keys."""
    return canvas.canvas.native


def move_notifications(canvas: Any, place: QWidget) -> None:
    """Show the notifications that napari put on a canvas somewhere else.

    Parameters
    ----------
    canvas : QtViewer
        May be hidden.
    place : QWidget
        They appear in its lower right corner.
    """
    for child in native_canvas(canvas).children():
        if type(child).__name__ != _NOTIFICATION or child.isHidden():
            continue
        child.setParent(place)
        child.destroyed.connect(functools.partial(_forget, type(child), child))
        # Its own `show` would count it twice.
        child.setVisible(True)
        child.raise_()
        with contextlib.suppress(AttributeError):
            # What runs already would end without a word, and the message stay transparent.
            child.opacity_anim.stop()
            child.geom_anim.stop()
            child.move_to_bottom_right()
            child.slide_in()


def _forget(kind: Any, notification: QWidget, _: Any = None) -> None:
    """Take a notification whose place was closed off napari's list, which it goes through later."""
    with contextlib.suppress(AttributeError, ValueError):
        kind._instances.remove(notification)


def free_in_own_context(canvas: Any) -> None:
    """Let a canvas free the graphics memory of a removed layer in its own drawing context.

    Parameters
    ----------
    canvas : QtViewer
        Its own canvas frees what its layers leave behind, from now on.

    Notes
    -----
    When a layer is removed, napari calls ``finish`` of the canvas's context, which sends vispy's
    waiting commands, the deletions among them, to whichever OpenGL context happens to be current.
    With several canvases that is often another one's: programs and buffers vanish while their own
    context still has them bound, and the next painting there reads freed memory (seen with Mesa's
    llvmpipe in ``glDrawArrays``: the process ends).
    """
    with contextlib.suppress(AttributeError):
        scene = canvas.canvas._scene_canvas
        context, native = scene.context, native_canvas(canvas)
        finish = type(context).finish

        def finish_here() -> None:
            # A canvas that was never painted has nothing to free, and no context to do it in.
            if native.isValid():
                scene.set_current()
                finish(context)

        context.finish = finish_here


def main_canvas(viewer: Any) -> QtViewer | None:
    """The QtViewer that shows a napari viewer; None where it has no window."""
    # Plugins get a proxy of the viewer, which forbids the way through its window.
    shown = getattr(viewer, "__wrapped__", viewer)
    canvases = (each for each in QApplication.allWidgets() if isinstance(each, QtViewer))
    return next((each for each in canvases if each.viewer is shown), None)


def name_dock_also(viewer: Any, dock: Any, name: str) -> None:
    """Let napari find a dock under another name, too; with None for a dock, no longer.

    napari's menu looks for ``Label (display name of the plugin)``, while `add_plugin_dock_widget`
    makes and finds ``Label (name of the plugin)``: each would open a panel that the other knows
    nothing of, and the menu's check mark would be missing.

    Parameters
    ----------
    viewer : napari.Viewer
    dock : QtViewerDockWidget or None
    name : str
    """
    with contextlib.suppress(AttributeError):
        docks = viewer.window._wrapped_dock_widgets
        if dock is None:
            docks.pop(name, None)
        else:
            docks[name] = dock


class AnnouncedWork:
    """Work that napari knows of: it asks before its window closes, and stops the work then.

    Parameters
    ----------
    viewer : napari.Viewer
    description : str
        What napari shows when it asks.
    cancel : callable
        Stops the work; napari also calls it for work that has ended.
    """

    def __init__(self, viewer: Any, description: str, cancel: Callable[[], bool]) -> None:
        self._window: weakref.ref[Any] | None = None
        with contextlib.suppress(AttributeError):
            window = viewer.window
            self._id = window._register_task_status(
                "napari-pose3d", Status.BUSY, description, cancel
            )
            self._window = weakref.ref(window)

    def update(self, description: str) -> None:
        """Show something else."""
        self._set(Status.BUSY, description)

    def end(self) -> None:
        """Say that it is over."""
        self._set(Status.COMPLETED, "")

    def _set(self, status: Status, description: str) -> None:
        window = None if self._window is None else self._window()
        if window is not None:
            window._update_task_status(self._id, status, description)
