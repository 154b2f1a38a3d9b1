"""The one table of keys: it binds them, and it is the help that the user reads.

The keys of a camera view act while the mouse is over it. None of napari's own keys reaches a view.
"""

from __future__ import annotations

from dataclasses import dataclass

Modifiers = frozenset[str]
"""Of "Shift", "Control", "Alt"."""


@dataclass(frozen=True)
class Key:
    """A key and what it does.

    Attributes
    ----------
    action : str
        The name that the code knows it by.
    key : str
        Qt's short name of the key, such as "A", "Left", "Space", "Del".
    modifiers : frozenset of str
    text : str
        What it does, for the user.
    group : str
    held : bool
        Whether it acts as long as it is held.
    """

    action: str
    key: str
    text: str
    group: str
    modifiers: Modifiers = frozenset()
    held: bool = False

    @property
    def label(self) -> str:
        """The key as it is written: "Ctrl+Shift+Z"."""
        names = {"Control": "Ctrl"}
        order = [m for m in ("Control", "Alt", "Shift") if m in self.modifiers]
        return "+".join([*(names.get(m, m) for m in order), _SIGNS.get(self.key, self.key)])


_SIGNS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "Backspace": "⌫", "Backtab": "Tab"}
_SHIFT, _CTRL = frozenset({"Shift"}), frozenset({"Control"})
_CTRL_SHIFT = _CTRL | _SHIFT

_MOVE, _PLACE, _MANY, _LOOK, _FILE = (
    "Go to",
    "One label",
    "Many labels",
    "Look",
    "Undo and save",
)

VIEW_KEYS: tuple[Key, ...] = (
    Key("step_back", "Left", "previous frame", _MOVE),
    Key("step_forward", "Right", "next frame", _MOVE),
    Key("jump_back", "Left", "ten frames back", _MOVE, _SHIFT),
    Key("jump_forward", "Right", "ten frames on", _MOVE, _SHIFT),
    Key("first_frame", "Home", "first frame", _MOVE),
    Key("last_frame", "End", "last frame", _MOVE),
    Key("play", "Space", "play, or stop", _MOVE),
    Key("fit", "F", "whole images", _LOOK),
)
"""The keys of the camera views, whatever else is open."""

LABEL_KEYS: tuple[Key, ...] = (
    Key("next_keypoint", "E", "next keypoint", _MOVE),
    Key("previous_keypoint", "Q", "previous keypoint", _MOVE),
    Key("next_view", "Tab", "next view", _MOVE),
    Key("previous_view", "Backtab", "previous view", _MOVE, _SHIFT),
    Key("step_forward", "D", "next frame", _MOVE),
    Key("step_back", "A", "previous frame", _MOVE),
    Key("next_labeled", "D", "next labeled frame", _MOVE, _SHIFT),
    Key("previous_labeled", "A", "previous labeled frame", _MOVE, _SHIFT),
    Key("next_queued", "N", "next frame of the queue", _MOVE),
    Key("previous_queued", "N", "previous frame of the queue", _MOVE, _SHIFT),
    Key("next_incomplete", "U", "next incomplete frame", _MOVE),
    Key("previous_incomplete", "U", "previous incomplete frame", _MOVE, _SHIFT),
    Key("worst", "J", "to the label that disagrees most", _MOVE),
    Key("look_at_suspect", "G", "to the view that disagrees", _MOVE),
    Key("place_here", "W", "place the keypoint at the mouse", _PLACE),
    Key("confirm", "C", "confirm the label here", _PLACE),
    Key("occluded", "O", "occluded here, or not", _PLACE),
    Key("clear", "Backspace", "clear here", _PLACE),
    Key("clear", "Del", "clear here", _PLACE),
    Key("clear_everywhere", "Backspace", "clear in all views", _PLACE, _SHIFT),
    Key("clear_everywhere", "Del", "clear in all views", _PLACE, _SHIFT),
    Key("nudge_left", "Left", "nudge by 1 px", _PLACE, _CTRL),
    Key("nudge_right", "Right", "nudge by 1 px", _PLACE, _CTRL),
    Key("nudge_up", "Up", "nudge by 1 px", _PLACE, _CTRL),
    Key("nudge_down", "Down", "nudge by 1 px", _PLACE, _CTRL),
    Key("nudge_left_finely", "Left", "nudge by 0.1 px", _PLACE, _CTRL_SHIFT),
    Key("nudge_right_finely", "Right", "nudge by 0.1 px", _PLACE, _CTRL_SHIFT),
    Key("nudge_up_finely", "Up", "nudge by 0.1 px", _PLACE, _CTRL_SHIFT),
    Key("nudge_down_finely", "Down", "nudge by 0.1 px", _PLACE, _CTRL_SHIFT),
    Key("project", "P", "project this keypoint into the other views", _MANY),
    Key("project_all", "P", "project all keypoints", _MANY, _SHIFT),
    Key("confirm_all", "C", "confirm all labels of the frame", _MANY, _SHIFT),
    Key("start_from_predictions", "I", "start from predictions", _MANY),
    Key("propose", "M", "labels by the network of the tab Models", _MANY),
    Key("copy_previous", "V", "copy the previous labeled pose", _MANY),
    Key("copy_previous_in_space", "V", "copy the previous pose through 3-D", _MANY, _SHIFT),
    Key("copy_next", "B", "copy the next labeled pose", _MANY),
    Key("copy_next_in_space", "B", "copy the next pose through 3-D", _MANY, _SHIFT),
    Key("carry_on", "K", "carry the labels on to the next frames", _MANY),
    Key("carry_back", "K", "carry the labels on to the frames before", _MANY, _SHIFT),
    Key("zoom_to_keypoint", "Z", "zoom all views onto the keypoint", _LOOK),
    Key("loupe", "L", "loupe on or off", _LOOK),
    Key("hide_marks", "H", "hide all marks", _LOOK, held=True),
    Key("flicker", "T", "flicker through the ±2 frames", _LOOK, held=True),
    Key("undo", "Z", "undo", _FILE, _CTRL),
    Key("redo", "Z", "redo", _FILE, _CTRL_SHIFT),
    Key("save", "S", "save", _FILE, _CTRL),
    Key("show_keys", "?", "this table", _FILE),
    Key("show_keys", "?", "this table", _FILE, _SHIFT),
)
"""The keys of the camera views while labels are edited; they come before `VIEW_KEYS`."""

_EVENT = "Events (tab Review)"

REVIEW_KEYS: tuple[Key, ...] = (
    Key("next_event", ".", "next event", _EVENT),
    Key("previous_event", ",", "previous event", _EVENT),
    Key("good", "G", "good: nothing is wrong", _EVENT),
    Key("bad", "B", "bad: leave it out of results", _EVENT),
    Key("fix", "F", "fix now in the tab Label", _EVENT),
    Key("queue", "Q", "queue for labeling", _EVENT),
    Key("note", "N", "write a note", _EVENT),
    Key("why", "Y", "show why, or not", _EVENT),
    Key("remove_correction", "Backspace", "take the correction under the mouse away", _EVENT),
    Key("remove_correction", "Del", "take the correction under the mouse away", _EVENT),
    Key("undo", "Z", "undo", _EVENT, _CTRL),
    Key("redo", "Z", "redo", _EVENT, _CTRL_SHIFT),
)
"""The keys of the tab Review."""

MOUSE: tuple[tuple[str, str], ...] = (
    ("Click", "place the current keypoint"),
    ("Drag a label", "move it; projected labels follow"),
    ("Shift + drag a label", "move it along its epipolar line"),
    ("Drag elsewhere", "move the image"),
    ("Wheel", "zoom"),
)
"""What the mouse does in a view, for the help."""


def find_key(table: tuple[Key, ...], key: str, modifiers: Modifiers) -> Key | None:
    """The entry of a table for a key that was pressed."""
    return next((k for k in table if (k.key, k.modifiers) == (key, modifiers)), None)
