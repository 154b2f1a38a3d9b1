"""The one place that touches what napari keeps to itself: drawing what moved, and nothing else.

`Layer.refresh` slices a layer, tells everybody about it and sets up everything that its visual has.
In a camera view nothing but the image and the places of the marks changes from frame to frame,
and each view has two such layers: that took most of the time of a step (3 to 4 ms a layer). Here
the same numbers go straight to the visual. Where napari or vispy are not as expected, the layer is
refreshed as usual.
"""

from __future__ import annotations

import contextlib
from typing import Any


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
