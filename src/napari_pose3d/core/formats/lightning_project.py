"""``project.yaml`` of a Lightning Pose project: the names of views and keypoints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PoseDataError

FILE_NAME = "project.yaml"


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
        _names(content, "keypoint_names", path),
    )


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
        names.append(str(value).strip())
    if twice := [name for i, name in enumerate(names) if name in names[:i]]:
        raise PoseDataError(f"'{twice[0]}' is in '{key}' twice", file=path, todo="Remove one")
    return tuple(names)
