"""``project.yaml`` of a Lightning Pose project: the names of views and keypoints.

And ``calibrations.csv``, which says which calibration belongs to which labeled frame.
"""

from __future__ import annotations

import csv
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.storage.group_recovery import recover

FILE_NAME = "project.yaml"
CALIBRATIONS_CSV = "calibrations.csv"
_KEYPOINTS = "keypoint_names"


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
    import yaml

    path = Path(folder)
    if path.name != FILE_NAME:
        path = path / FILE_NAME
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PoseDataError(f"cannot be read ({error.strerror or error})", file=path) from error
    except UnicodeDecodeError as error:
        raise PoseDataError(
            "the text is not in UTF-8", file=path, todo="Save the file as UTF-8"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PoseDataError(
            f"this is not valid YAML ({getattr(error, 'problem', None) or 'cannot be parsed'})",
            file=path,
            place=None if mark is None else f"line {mark.line + 1}, column {mark.column + 1}",
            todo="Mend this line; lists are written as '- name', one below the other",
        ) from error
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise PoseDataError(
            "the file is not a list of settings", file=path, expected="'view_names:' and the like"
        )
    return LightningProject(
        path.parent,
        _names(content, "view_names", path),
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

    Raises
    ------
    PoseDataError
        When the file cannot be read.
    """
    import yaml

    project = read_project(folder)
    path = project.folder / FILE_NAME
    text = path.read_text(encoding="utf-8-sig")
    block = yaml.safe_dump({_KEYPOINTS: list(keypoint_names)}, allow_unicode=True)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, value in root.value if root is not None else ():
        if key.value == _KEYPOINTS:
            after = text[value.end_mark.index :].lstrip("\n")
            return text[: key.start_mark.index] + block + after
    return text + ("" if not text or text.endswith("\n") else "\n") + block


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
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream) if len(row) >= 2]
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PoseDataError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})", file=path
        ) from error
    found: dict[str, set[str]] = {}
    for image, calibration, *_ in rows:
        parts = PurePosixPath(image.strip().replace("\\", "/")).parts
        if len(parts) >= 2 and calibration.strip():
            found.setdefault(parts[-2], set()).add(calibration.strip())
    return {session: folder / files.pop() for session, files in found.items() if len(files) == 1}


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
                f"'{value}' in '{key}' is not a name",
                file=path,
                todo="Write the name in quotes",
            )
        names.append(unicodedata.normalize("NFC", str(value).strip()))
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise PoseDataError(f"'{twice[0]}' is in '{key}' twice", file=path, todo="Remove one")
    return tuple(names)
