"""Where the settings that help are in the widget "Smooth and triangulate"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari_pose3d.errors import PoseDataError, Remedy, RemedyKind, todo_in_words

_MORE = "under 'More options'"
_CONTROLS: dict[RemedyKind, str] = {
    "views": f"'Names of the views' {_MORE}",
    "calibration": "the field 'Calibration'",
    "cameras": "'Map cameras…' in the tab Session",
    "session": "the box 'Session'",
    "individual": "the box 'Individual'",
    "any_individual": "the box 'Individual'",
    "keypoints": "the list of keypoints",
    "mirrored": f"'Each file holds all views' {_MORE}",
    "triggered": "'Triggered together' among the issues in the tab Session",
    "allow_missing": f"'Go on with incomplete sets' {_MORE}",
    "shared_keypoints": f"'Go on with shared keypoints' {_MORE}",
    "replace": "'Replace'",
    "skeleton": f"'Bones' {_MORE}",
    "convert": "the command 'napari-pose3d rig convert FILE calibration.toml'",
}


def control_of(remedy: Remedy) -> str:
    """The control for a setting, as it is called in the widget; "" where there is none."""
    return _CONTROLS.get(remedy.kind, "")


@contextmanager
def in_words_of_the_widget() -> Iterator[None]:
    """Say in an error that passes where its remedies are."""
    try:
        yield
    except PoseDataError as error:
        raise PoseDataError(
            error.problem,
            file=error.file,
            place=error.place,
            expected=error.expected,
            todo=todo_in_words(error.todo or "", error.remedies, control_of),
        ) from error
