"""The core's advice names options of the command line; here they become places in the widget."""

from __future__ import annotations

import re

_MORE = "under 'More options'"
_PLACES = {
    r"--allow-missing": f"'Go on when views or sets are missing' {_MORE}",
    r"--shared-keypoints": f"'Go on with shared keypoints' {_MORE}",
    r"--session(?: NAME)?": "the box 'Session'",
    r"--individual(?: NAME)?": "the box 'Individual'",
    r"--views": f"'Names of the views' {_MORE}",
    r"a --calibration": "a calibration",
    r"--calibration": "the field 'Calibration'",
    r"--keypoints": "the list of keypoints",
    r"--out": "another folder",
    r"--force": "'Replace'",
    r"--fix-swaps": f"'Exchange confused left and right' {_MORE}",
}


def for_widget(message: str) -> str:
    """The message with every option named as the user finds it in the widget."""
    for option, place in _PLACES.items():
        message = re.sub(option, place, message)
    return message
