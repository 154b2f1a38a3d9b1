"""What each key of `keys.LABEL_KEYS` does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from napari_pose3d.core.labels import label_actions as actions

if TYPE_CHECKING:
    from .label_controller import LabelController

_STEP, _FINE_STEP = 1.0, 0.1  # px
_WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def key_actions(control: LabelController) -> dict[str, Callable[[], object]]:
    """Functions by the action's name; keys that act while they are held are not among them."""
    do, panel = control, control.panel
    found: dict[str, Callable[[], object]] = {
        "next_keypoint": lambda: do.step_keypoint(1),
        "previous_keypoint": lambda: do.step_keypoint(-1),
        "next_view": lambda: do.step_view(1),
        "previous_view": lambda: do.step_view(-1),
        "step_forward": lambda: panel.step(1),
        "step_back": lambda: panel.step(-1),
        "next_labeled": lambda: do.go("labeled", 1),
        "previous_labeled": lambda: do.go("labeled", -1),
        "next_queued": lambda: do.go("queued", 1),
        "previous_queued": lambda: do.go("queued", -1),
        "next_incomplete": lambda: do.go("incomplete", 1),
        "previous_incomplete": lambda: do.go("incomplete", -1),
        "worst": do.go_to_worst,
        "look_at_suspect": do.look_at_suspect,
        "place_here": do.place_here,
        "confirm": lambda: do.confirm([do.label_key]),
        "confirm_all": lambda: do.confirm(list(do.labeling.labels(do.frame))),
        "occluded": do.toggle_occluded,
        "clear": lambda: do.edit(actions.clear, do.label_key),
        "clear_everywhere": lambda: do.edit(actions.clear_everywhere, [do.keypoint]),
        "project": lambda: do.project([do.keypoint]),
        "project_all": lambda: do.project(None),
        "start_from_predictions": do.start_from_predictions,
        "copy_previous": lambda: do.copy_pose(-1, in_space=False),
        "copy_previous_in_space": lambda: do.copy_pose(-1, in_space=True),
        "copy_next": lambda: do.copy_pose(1, in_space=False),
        "copy_next_in_space": lambda: do.copy_pose(1, in_space=True),
        "zoom_to_keypoint": do.zoom_to_keypoint,
        "loupe": do.toggle_loupe,
        "undo": lambda: do.step_history(back=True),
        "redo": lambda: do.step_history(back=False),
        "save": do.save_wanted.emit,
        "show_keys": do.keys_wanted.emit,
    }
    for name, (dx, dy) in _WAYS.items():
        found[f"nudge_{name}"] = partial(do.nudge, _STEP * dx, _STEP * dy)
        found[f"nudge_{name}_finely"] = partial(do.nudge, _FINE_STEP * dx, _FINE_STEP * dy)
    return found
