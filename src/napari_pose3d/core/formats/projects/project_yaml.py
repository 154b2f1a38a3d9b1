"""``project.yaml`` of a Lightning Pose project: the names of views and keypoints.

And ``calibrations.csv``, which says which calibration belongs to which labeled frame.
"""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from napari_pose3d.core.formats.containers.plain_yaml import yaml_content
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

FILE_NAME = "project.yaml"
CALIBRATIONS_CSV = "calibrations.csv"
_KEYPOINTS = "keypoint_names"
_LARGEST = 4 << 20


@dataclass(frozen=True)
class LightningProject:
    """What ``project.yaml`` says.

    Attributes
    ----------
    folder : Path
        The project.
    view_names : tuple of str
        Empty for a project with a single view.
    keypoint_names : tuple of str
        May be empty.
    """

    folder: Path
    view_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]


def read_project(folder: str | os.PathLike[str]) -> LightningProject:
    """Read ``project.yaml`` in `folder` (or the file itself).

    Raises
    ------
    PoseDataError
        When it cannot be read, is not YAML, or its names are not a list of different names.
    """
    path = Path(folder)
    if path.name != FILE_NAME:
        path = path / FILE_NAME
    content = yaml_content(read_text(path, largest=_LARGEST), path)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise PoseDataError(
            "the file is not a list of settings", file=path, expected="'view_names:' and the like"
        )
    views = _names(content, "view_names", path)
    refuse_unsafe_names(views, "view", path)
    return LightningProject(
        path.parent,
        views,
        _names(content, _KEYPOINTS, path),
    )


def find_project(path: str | os.PathLike[str]) -> LightningProject | None:
    """The Lightning Pose project that `path` lies in: the nearest folder upward that holds
    ``project.yaml``; None when there is none.

    Raises
    ------
    PoseDataError
        When its ``project.yaml`` is damaged.
    """
    start = Path(path).absolute()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            # A change of keypoints that was killed half way is brought to its end first.
            recover(folder)
            return read_project(folder)
    return None


def write_project(stream: TextIO, view_names: Sequence[str], keypoint_names: Sequence[str]) -> None:
    """Write ``project.yaml`` as Lightning Pose does."""
    import yaml

    content = {
        "view_names": list(view_names),
        _KEYPOINTS: list(keypoint_names),
        "schema_version": 1,
    }
    yaml.safe_dump(content, stream, sort_keys=False, allow_unicode=True)


def text_with_keypoints(folder: str | os.PathLike[str], keypoint_names: Sequence[str]) -> str:
    """``project.yaml`` with other keypoints; everything else in it stays, comments too.

    A name that takes the place of another one, or is new, is written there; the lines of the
    others are left as they are, with the comments beside and above them.

    Raises
    ------
    PoseDataError
        When the file cannot be read.
    """
    import yaml

    project = read_project(folder)
    path = project.folder / FILE_NAME
    text = read_text(path, largest=_LARGEST)
    with input_errors(path, yaml.YAMLError):
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        for key, value in root.value if root is not None else ():
            if key.value == _KEYPOINTS:
                if isinstance(value, yaml.SequenceNode) and value.value:
                    return _edited_list(text, value, project.keypoint_names, keypoint_names)
                after = text[value.end_mark.index :].lstrip("\n")
                return text[: key.start_mark.index] + _block(keypoint_names) + after
        return text + ("" if not text or text.endswith("\n") else "\n") + _block(keypoint_names)


def read_calibrations_csv(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """The calibration of each session that ``calibrations.csv`` of a project names.

    Its rows are ``labeled-data/<session>/<image>, <calibration>``, relative to the project.
    Empty where there is no such file. Where the frames of a session have several calibrations,
    the session is left out: no single one is its own.

    Raises
    ------
    PoseDataError
        When the file cannot be read.
    """
    folder = Path(folder)
    path = folder / CALIBRATIONS_CSV
    if not os.path.lexists(path):
        return {}
    text = read_text(path)
    with input_errors(path):
        rows = [row for row in csv.reader(text.splitlines()) if len(row) >= 2]
    found: dict[str, set[str]] = {}
    for image, calibration, *_ in rows:
        parts = PurePosixPath(image.strip().replace("\\", "/")).parts
        if len(parts) >= 2 and calibration.strip():
            session = unicodedata.normalize("NFC", parts[-2])
            found.setdefault(session, set()).add(calibration.strip())
    return {session: folder / files.pop() for session, files in found.items() if len(files) == 1}


def _short(value: Any) -> str:
    """A value for a message; what aliases make of a list can be endless."""
    plain = isinstance(value, str | int | float | bool) or value is None
    return f"'{str(value)[:40]}'" if plain else f"a {type(value).__name__}"


def _names(content: dict[Any, Any], key: str, path: Path) -> tuple[str, ...]:
    values = content.get(key)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise PoseDataError(
            f"'{key}' is not a list", file=path, expected="one name a line, each after '- '"
        )
    names = []
    for value in values:
        # YAML takes an unquoted on, off, yes, no for a truth value and 1 for a number.
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise PoseDataError(
                f"{_short(value)} in '{key}' is not a name",
                file=path,
                todo="Write the name in quotes",
            )
        names.append(unicodedata.normalize("NFC", str(value).strip()))
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise PoseDataError(f"'{twice[0]}' is in '{key}' twice", file=path, todo="Remove one")
    return tuple(names)


def _block(names: Sequence[str]) -> str:
    import yaml

    return str(yaml.safe_dump({_KEYPOINTS: list(names)}, allow_unicode=True))


def _edited_list(text: str, node: Any, old: Sequence[str], new: Sequence[str]) -> str:
    """The text with the names in a list exchanged, taken out and put in, one by one."""
    spans = [(item.start_mark.index, item.end_mark.index) for item in node.value]
    changes: list[tuple[int, int, str]] = []
    for kind, i, j, k, m in SequenceMatcher(None, list(old), list(new), False).get_opcodes():
        if kind == "equal":
            continue
        both = min(j - i, m - k)
        for n in range(both):
            changes.append((*spans[i + n], _scalar(new[k + n])))
        for n in range(i + both, j):
            changes.append((*_whole(text, node, spans, n), ""))
        if added := new[k + both : m]:
            changes.append(_insertion(text, node, spans, i + both, added))
    for start, end, put in sorted(changes, reverse=True):
        text = text[:start] + put + text[end:]
    return text


def _scalar(name: str) -> str:
    """A name as YAML writes it, in quotes where it has to be."""
    import yaml

    return str(yaml.safe_dump([name], allow_unicode=True, width=10_000))[2:].rstrip("\n")


def _whole(text: str, node: Any, spans: Sequence[tuple[int, int]], n: int) -> tuple[int, int]:
    """What is to be taken out for one name: its line, or in brackets a comma as well."""
    start, end = spans[n]
    if node.flow_style:
        return (spans[n - 1][1], end) if n else (start, spans[1][0] if len(spans) > 1 else end)
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    return line, len(text) if stop < 0 else stop + 1


def _insertion(
    text: str, node: Any, spans: Sequence[tuple[int, int]], n: int, names: Sequence[str]
) -> tuple[int, int, str]:
    """New names before the n-th one that there is, or at the end."""
    if node.flow_style:
        joined = ", ".join(map(_scalar, names))
        at = spans[n][0] if n < len(spans) else spans[-1][1]
        return at, at, f"{joined}, " if n < len(spans) else f", {joined}"
    first = text.rfind("\n", 0, spans[0][0]) + 1
    head = text[first : spans[0][0]]
    lines = "".join(f"{head}{_scalar(name)}\n" for name in names)
    if n < len(spans):
        at = text.rfind("\n", 0, spans[n][0]) + 1
        return at, at, lines
    stop = text.find("\n", spans[-1][1])
    if stop < 0:
        return len(text), len(text), f"\n{lines}"
    return stop + 1, stop + 1, lines
