"""Which panels there are, where in the window each belongs, and how large the places are.

A panel is added by one line in `PANELS` and by its entry in ``napari.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from qtpy.QtCore import Qt

PLUGIN = "napari-pose3d"
DISPLAY_NAME = "Multi-camera pose 3D"

Place = Literal["tasks", "images", "time"]
Mark = Literal["", "running", "done", "attention"]
SIGNS: Mapping[Mark, str] = {"": "", "running": " …", "done": " ✓", "attention": " !"}


@dataclass(frozen=True)
class PanelKind:
    """One line of the plan.

    Attributes
    ----------
    name : str
        In napari's menu and in the manifest.
    tab : str
        On the tab.
    place : {"tasks", "images", "time"}
    works_on_images : bool
        While it is open, most of the window belongs to the images.
    """

    name: str
    tab: str
    place: Place
    works_on_images: bool = False


PANELS = (
    PanelKind("Session", "Session", "tasks"),
    PanelKind("Calibration", "Calibration", "tasks"),
    PanelKind("Label", "Label", "tasks", works_on_images=True),
    PanelKind("Models", "Models", "tasks"),
    PanelKind("Smooth and triangulate", "Smooth", "tasks"),
    PanelKind("Review", "Review", "tasks"),
    PanelKind("Export", "Export", "tasks"),
    PanelKind("Camera views", "Camera views", "images"),
    PanelKind("Traces", "Traces", "time"),
)
"""All panels; the tasks in the order of the work."""

KINDS = {kind.name: kind for kind in PANELS}
ORDER = {kind.name: place for place, kind in enumerate(PANELS)}
AREAS: Mapping[Place, Qt.DockWidgetArea] = {
    "tasks": Qt.DockWidgetArea.RightDockWidgetArea,
    "images": Qt.DockWidgetArea.TopDockWidgetArea,
    "time": Qt.DockWidgetArea.BottomDockWidgetArea,
}

# Of the window's width that the tasks have, and their limits in px.
TASKS_SHARE, NARROWEST, WIDEST = 0.2, 340, 480
TIME_HEIGHT, LOWEST = 240, 130
# Of the window's area that shows images while somebody works on them.
IMAGES_SHARE = 0.61
# Where images and other layers are both there, of the height for the former.
VIEWS_SHARE = 0.6
# What surrounds the images in their dock, and the borders between docks, px.
ROUND_IMAGES = (22, 44)
BORDER = 9
# By their object names: what napari shows of the main viewer's layers.
LAYER_DOCKS = ("layer list", "layer controls")
SETTLED_MS = 30
HORIZONTAL, VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
