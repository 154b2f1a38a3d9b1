"""What each key of `keys.LABEL_KEYS` does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from qtpy.QtCore import QTimer

from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.gui.camera_views.views_panel import ViewsPanel

from .label_controller import LabelController

Action = Callable[[LabelController], object]

_STEPS = {"": 1.0, "_finely": 0.1}  # px
_FLICKER_MS = 200
_FLICKER_FRAMES = (-2, -1, 0, 1, 2, 1, 0, -1)
_DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def _nudge(dx: float, dy: float) -> Action:
    return lambda control: control.nudge(dx, dy)


ACTIONS: dict[str, Action] = {
    "next_keypoint": lambda control: control.step_keypoint(1),
    "previous_keypoint": lambda control: control.step_keypoint(-1),
    "next_view": lambda control: control.step_view(1),
    "previous_view": lambda control: control.step_view(-1),
    "step_forward": lambda control: control.panel.time.step(1),
    "step_back": lambda control: control.panel.time.step(-1),
    "next_labeled": lambda control: control.go("labeled", 1),
    "previous_labeled": lambda control: control.go("labeled", -1),
    "next_queued": lambda control: control.go("queued", 1),
    "previous_queued": lambda control: control.go("queued", -1),
    "next_incomplete": lambda control: control.go("incomplete", 1),
    "previous_incomplete": lambda control: control.go("incomplete", -1),
    "worst": lambda control: control.go_to_worst(),
    "look_at_suspect": lambda control: control.look_at_suspect(),
    "place_here": lambda control: control.place_here(),
    "confirm": lambda control: control.confirm([control.label_key]),
    "confirm_all": lambda control: control.confirm(list(control.labeling.labels(control.frame))),
    "occluded": lambda control: control.toggle_occluded(),
    "clear": lambda control: control.edit(actions.clear, control.label_key),
    "clear_everywhere": lambda control: control.edit(actions.clear_everywhere, [control.keypoint]),
    "project": lambda control: control.project([control.keypoint]),
    "project_all": lambda control: control.project(None),
    "start_from_predictions": lambda control: control.start_from_predictions(),
    "propose": lambda control: control.propose_wanted.emit(),
    "copy_previous": lambda control: control.copy_pose(-1, in_space=False),
    "copy_previous_in_space": lambda control: control.copy_pose(-1, in_space=True),
    "copy_next": lambda control: control.copy_pose(1, in_space=False),
    "copy_next_in_space": lambda control: control.copy_pose(1, in_space=True),
    "carry_on": lambda control: control.carry_wanted.emit(1),
    "carry_back": lambda control: control.carry_wanted.emit(-1),
    "zoom_to_keypoint": lambda control: control.zoom_to_keypoint(),
    "loupe": lambda control: control.toggle_loupe(),
    "undo": lambda control: control.step_history(back=True),
    "redo": lambda control: control.step_history(back=False),
    "save": lambda control: control.save_wanted.emit(),
    "show_keys": lambda control: control.keys_wanted.emit(),
} | {
    f"nudge_{name}{suffix}": _nudge(step * dx, step * dy)
    for name, (dx, dy) in _DIRECTIONS.items()
    for suffix, step in _STEPS.items()
}
"""What is done once, by the action's name in the table of keys."""


def perform(control: LabelController, action: str) -> None:
    """Do what a key, or a button, stands for."""
    ACTIONS[action](control)


class Flicker:
    """The frames around the current one in a loop: what moves is seen better than what stands.

    Runs until `stop`; the time axis stays where it is.
    """

    def __init__(self, panel: ViewsPanel) -> None:
        self._panel = panel
        self._frames = cycle(panel.frame + by for by in _FLICKER_FRAMES)
        self._timer = QTimer()
        self._timer.timeout.connect(self._next)
        self._timer.start(_FLICKER_MS)
        self._next()

    def stop(self) -> None:
        """Show the current frame again."""
        self._timer.stop()
        self._panel.peek(None)

    def _next(self) -> None:
        self._panel.peek(next(self._frames))


class HeldKeys:
    """The keys that act as long as they are held.

    Parameters
    ----------
    control : LabelController
    """

    def __init__(self, control: LabelController) -> None:
        self._control = control
        self._held: dict[str, str] = {}
        self._flicker: Flicker | None = None

    def press(self, key: str, action: str) -> None:
        """A key went down; again and again while it is held."""
        if key not in self._held:
            self._held[key] = action
            self._set(action, True)

    def release(self, key: str) -> None:
        """A key went up, perhaps one of these."""
        action = self._held.pop(key, None)
        if action is not None:
            self._set(action, False)

    def _set(self, action: str, held: bool) -> None:
        if action == "hide_marks":
            self._control.hide_marks(held)
        elif action == "flicker":
            if self._flicker is not None:
                self._flicker.stop()
            self._flicker = Flicker(self._control.panel) if held else None
