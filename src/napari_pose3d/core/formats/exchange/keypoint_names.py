"""Names of keypoints that a reader of a format would lose: changed, and listed."""

from __future__ import annotations

import re
from collections.abc import Collection

from napari_pose3d.errors import PoseDataError, Remedy

from .session_poses import SessionPoses


def with_readable_names(
    poses: SessionPoses, refused: str, reserved: Collection[str] = ()
) -> tuple[SessionPoses, dict[str, str]]:
    """Change what the readers of a format cannot read.

    Parameters
    ----------
    refused : str
        Regular expression of the characters that become ``_``.
    reserved : collection of str
        Names that mean something else; they get ``_`` at their end.

    Returns
    -------
    poses : SessionPoses
    changed : dict of old to new name

    Raises
    ------
    PoseDataError
        Two keypoints would have one name.
    """
    new: dict[str, str] = {}
    for name in poses.keypoints:
        readable = re.sub(refused, "_", name) or "_"
        new[name] = f"{readable}_" if readable in reserved else readable
    for name, readable in new.items():
        twins = [other for other, each in new.items() if each == readable]
        if len(twins) > 1:
            raise PoseDataError(
                f"the keypoints {' and '.join(twins)} would both be called {readable}",
                place=f"keypoint {name}",
                expected="names that differ in letters, digits or underscores",
                todo="Rename one of them, or leave it out",
                remedy=Remedy("keypoints"),
            )
    changed = {old: name for old, name in new.items() if old != name}
    return (poses.renamed(changed) if changed else poses), changed


def notes_of(changed: dict[str, str]) -> list[str]:
    """What was renamed, in one sentence or none."""
    pairs = ", ".join(f"{old} -> {new}" for old, new in changed.items())
    return [f"renamed, since its readers would lose them: {pairs}"] if changed else []
