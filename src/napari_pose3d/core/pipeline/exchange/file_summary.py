"""What a file of another program holds, in words."""

from __future__ import annotations

from pathlib import Path

from napari_pose3d.core.formats.exchange.session_poses import SessionPoses
from napari_pose3d.core.storage.path_lists import AnyPath
from napari_pose3d.errors import PoseDataError
from napari_pose3d.wording import counted

from .format_table import FORMATS, found_format
from .import_run import lint_of

# Everything here reads and describes these without an import.
_OURS = ("anipose", "dlc-csv", "dlc-h5", "dlc-project")
_SUFFIXES = {each.suffix for each in FORMATS.values()} - {""}


def describe_exchange(path: AnyPath) -> str:
    """What is in a file or data set that `import` reads; "" where it is of no such format.

    Raises
    ------
    PoseDataError
        It is of a format, and damaged, or the library for it is not installed.
    """
    path = Path(path)
    if not path.is_dir() and not (path.suffix.lower() in _SUFFIXES and path.is_file()):
        return ""
    try:
        chosen = found_format(path)
    except PoseDataError:
        return ""
    if chosen.key in _OURS:
        return ""
    if command := chosen.install_command:
        return f"{path}: {chosen.title}. To read it: {command}"
    found = chosen.read()(path)
    lines = [f"{path}: {chosen.title}, {chosen.content}"]
    if isinstance(found, SessionPoses):
        facts = [
            counted(found.n_frames, "frame"),
            f"{counted(len(found.keypoints), 'keypoint')} ({', '.join(found.keypoints)})",
        ]
        facts += [f"{found.fps:g} frames a second"] if found.fps else []
        facts += [f"lengths in {found.units}"] if found.units else []
        lines.append(f"  {', '.join(facts)}")
        lines += [f"  {each.describe()}" for each in lint_of(found)]
    else:
        lines.append(
            f"  {counted(len(found.frames), 'frame')}, views {', '.join(found.views)}, "
            f"keypoints {', '.join(found.keypoints)}"
        )
    lines += [f"  note: {note}" for note in found.notes]
    return "\n".join([*lines, "  read by: napari-pose3d import"])
