"""``<file>.json`` beside a file whose format has no place for units, frame rate and the mask."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d._version import __version__
from napari_pose3d.core.poses.stretches import stretches
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

from .session_poses import SessionPoses, poses3d_of

_PROGRAM = "napari-pose3d"
_CONVENTIONS = (
    "frames count from 0; x right, y down, an integer is the centre of a pixel; 3-D in units of "
    "the calibration"
)


def side_path(path: Path) -> Path:
    """Where it lies: ``poses.csv`` has ``poses.csv.json``."""
    return path.with_name(f"{path.name}.json")


def facts_of(poses: SessionPoses, renamed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a format may have no place for, as plain values."""
    facts: dict[str, Any] = {
        "program": _PROGRAM,
        "version": __version__,
        "conventions": _CONVENTIONS,
        "session": poses.session,
        "individual": poses.individual,
        "units": poses.units,
        "fps": poses.fps,
        "frames": poses.n_frames,
        "keypoints": list(poses.keypoints),
        "views": list(poses.views),
        "skeleton": [list(pair) for pair in poses.skeleton],
    }
    if renamed:
        facts["renamed"] = dict(renamed)
    if poses.poses3d is not None:
        facts["filled"] = {
            name: [[first, end - 1] for first, end in stretches(mask).tolist()]
            for name, mask in zip(poses.keypoints, poses.poses3d.inferred.T, strict=True)
        }
    return facts


def write_side_file(
    poses: SessionPoses, path: Path, files: FileGroup, renamed: Mapping[str, str] | None = None
) -> None:
    """Write it beside the file of the poses."""
    files.open(side_path(path)).write(json.dumps(facts_of(poses, renamed), indent=1) + "\n")


def is_exported(path: Path) -> bool:
    """Whether what lies beside a file says that we wrote both."""
    try:
        return bool(read_side_file(path).text("program"))
    except PoseDataError:
        return False  # another program's JSON, which is damaged


def read_side_file(path: Path) -> Facts:
    """What lies beside a file; nothing is known where there is no side file.

    Raises
    ------
    PoseDataError
        It is no JSON.
    """
    beside = side_path(path)
    if not beside.exists():
        return Facts({})
    with input_errors(beside, expected="what napari-pose3d wrote beside the file"):
        content = json.loads(read_text(beside))
    if not isinstance(content, dict) or content.get("program") != _PROGRAM:
        return Facts({})
    return Facts(content)


class Facts:
    """Values of a side file, or of a file's own text of them; unknown where not as expected."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    @property
    def units(self) -> str:
        return self.text("units")

    @property
    def session(self) -> str:
        return self.text("session")

    @property
    def fps(self) -> float | None:
        """Images per second; None where unknown or not above 0."""
        found = self._content.get("fps")
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found) if 0 < found < math.inf else None

    @property
    def keypoints(self) -> tuple[str, ...]:
        """Names as they are in the file; empty where unknown or not all different."""
        found = self._content.get("keypoints")
        names = tuple(str(name) for name in found) if isinstance(found, list) else ()
        return names if len(set(names)) == len(names) else ()

    @property
    def views(self) -> tuple[str, ...]:
        found = self._content.get("views")
        return tuple(str(name) for name in found) if isinstance(found, list) else ()

    @property
    def renamed(self) -> dict[str, str]:
        """Names as they were, by those in the file."""
        found = self._content.get("renamed")
        pairs = found.items() if isinstance(found, dict) else ()
        return {new: old for old, new in pairs if isinstance(new, str)}

    @property
    def skeleton(self) -> tuple[tuple[str, str], ...]:
        """Pairs of keypoints; empty where unknown."""
        found = self._content.get("skeleton")
        pairs = [pair for pair in found if isinstance(pair, list) and len(pair) == 2] \
            if isinstance(found, list) else []  # fmt: skip
        return tuple((str(a), str(b)) for a, b in pairs)

    def text(self, key: str) -> str:
        """The text of a key; empty where there is none."""
        found = self._content.get(key)
        return found if isinstance(found, str) else ""

    def filled(self, keypoints: tuple[str, ...], n_frames: int) -> NDArray[np.bool_]:
        """The mask of what was filled in, ``(frame, keypoint)``."""
        mask = np.zeros((n_frames, len(keypoints)), bool)
        found = self._content.get("filled")
        for k, name in enumerate(keypoints):
            pairs = found.get(name) if isinstance(found, dict) else None
            for pair in pairs if isinstance(pairs, list) else ():
                if isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair):
                    mask[max(pair[0], 0) : max(pair[1] + 1, 0), k] = True
        return mask


def names_in_order(facts: Facts, n: int) -> tuple[tuple[str, ...], list[str]]:
    """Names for the `n` keypoints of a file that holds none, and a note where they are made up."""
    if len(facts.keypoints) == n:
        return facts.keypoints, []
    names = tuple(f"node{k}" for k in range(n))
    return names, ["the file names no keypoints; they are called node0, node1, ..."]


def poses_with_facts(
    xyz: NDArray[np.float64],
    keypoints: tuple[str, ...],
    facts: Facts,
    name: str,
    *,
    scores: NDArray[np.float32] | None = None,
    notes: Sequence[str] = (),
    **others: Any,
) -> SessionPoses:
    """The 3-D positions of a file, ``(frame, keypoint, 3)``, with what lies beside it.

    Parameters
    ----------
    name : str
        The session, where the side file names none.
    scores : (frame, keypoint), optional
    notes : sequence of str
    others
        As for `poses3d_of`.
    """
    space = poses3d_of(
        xyz,
        keypoints,
        session=facts.session or name,
        units=facts.units,
        inferred=facts.filled(keypoints, len(xyz)) & np.isfinite(xyz[..., 0]),
        **others,
    )
    return SessionPoses(
        space, fps=facts.fps, skeleton=facts.skeleton, scores=scores, notes=tuple(notes)
    )


def parsed_facts(text: str, path: Path) -> Facts:
    """Facts that a file holds as JSON text; nothing where it is none."""
    try:
        with input_errors(path):
            content = json.loads(text)
    except PoseDataError:
        return Facts({})
    return Facts(content if isinstance(content, dict) else {})
