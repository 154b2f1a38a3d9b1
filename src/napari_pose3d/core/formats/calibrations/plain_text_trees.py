"""YAML and OpenCV's YAML and XML as trees of dictionaries, lists and text.

Notes
-----
OpenCV's files are not quite YAML: the header has a colon and matrices carry a tag of its own. They
are read with the parser of PyYAML, from its events, so that no tag makes an object; references
within the file are refused, since a few of them make a text of gigabytes. All scalars stay text:
what is a number is known by its reader.

References
----------
OpenCV documentation, "File Input and Output using XML / YAML / JSON files".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.errors import PoseDataError

from .camera_sections import Float64

_LARGEST = 1 << 20
_DEEPEST = 30
# 500 cameras have half as many names and numbers.
_MOST_VALUES = 60_000
_HEADER = re.compile(r"^\ufeff?%YAML[^\n]*\n")
_MATRIX = {"rows", "cols", "data"}


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; OpenCV's matrices are lists of rows.

    Raises
    ------
    PoseDataError
        It is no YAML, or refers to parts of itself.
    """
    import yaml

    text = _HEADER.sub("", read_text(path, largest=_LARGEST))
    root: list[Any] = []
    # Each open collection with the key that waits for its value.
    open_ones: list[tuple[Any, list[str]]] = []

    def add(value: Any) -> None:
        if not open_ones:
            root.append(value)
            return
        holder, key = open_ones[-1]
        if isinstance(holder, list):
            holder.append(value)
        elif key:
            holder[key.pop()] = value
        elif isinstance(value, str):
            key.append(value)
        else:
            raise PoseDataError("a list stands where a name should", file=path)

    with input_errors(path, yaml.YAMLError):
        for n_events, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
            if n_events > _MOST_VALUES:
                raise PoseDataError(
                    f"the file holds more than {_MOST_VALUES} values, which no calibration has",
                    file=path,
                )
            if isinstance(event, yaml.AliasEvent):
                raise PoseDataError(
                    "the file refers to parts of itself, which calibrations do not", file=path
                )
            if isinstance(event, yaml.ScalarEvent):
                add(event.value)
            elif isinstance(event, yaml.CollectionStartEvent):
                made: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
                add(made)
                open_ones.append((made, []))
                if len(open_ones) > _DEEPEST:
                    raise PoseDataError("lists lie too deep in each other", file=path)
            elif isinstance(event, yaml.CollectionEndEvent):
                open_ones.pop()
    return _with_matrices(root[0] if root else {}, path, "")


def read_opencv(path: Path) -> Any:
    """The content of a file of OpenCV's, YAML or XML; matrices are lists of rows.

    Raises
    ------
    PoseDataError
        It is damaged, or holds declarations, which OpenCV never writes.
    """
    text = read_text(path, largest=_LARGEST)
    if not text.lstrip().startswith("<"):
        return read_yaml(path)
    if "<!" in text.replace("<!--", ""):
        raise PoseDataError("the XML holds declarations, which OpenCV does not write", file=path)
    with input_errors(path, ElementTree.ParseError):
        root = ElementTree.fromstring(text)
    return _with_matrices(_tree(root, path, 0), path, "")


def _tree(element: ElementTree.Element, path: Path, depth: int) -> Any:
    if depth > _DEEPEST:
        raise PoseDataError("elements lie too deep in each other", file=path)
    children = list(element)
    if not children:
        text = (element.text or "").strip()
        quoted = len(text) > 1 and text[0] == text[-1] == '"'
        return text[1:-1] if quoted else text
    if all(child.tag == "_" for child in children):
        return [_tree(child, path, depth + 1) for child in children]
    return {child.tag: _tree(child, path, depth + 1) for child in children}


def _with_matrices(value: Any, path: Path, place: str) -> Any:
    if isinstance(value, list):
        return [_with_matrices(each, path, place) for each in value]
    if not isinstance(value, dict):
        return value
    if not value.keys() >= _MATRIX:
        return {key: _with_matrices(each, path, key) for key, each in value.items()}
    data = value["data"]
    numbers = data if isinstance(data, list) else str(data).split()
    try:
        rows, columns = int(value["rows"]), int(value["cols"])
    except (TypeError, ValueError):
        rows = columns = -1
    if rows < 0 or columns < 0 or rows * columns != len(numbers):
        raise PoseDataError(
            f"the matrix has {len(numbers)} numbers, not rows x cols",
            file=path,
            place=f"'{place}'",
        )
    return [numbers[row * columns : (row + 1) * columns] for row in range(rows)]


def yaml_matrix(key: str, matrix: Float64, indent: str = "") -> list[str]:
    """The lines of a matrix in OpenCV's YAML, with all digits."""
    data = ", ".join(repr(float(value)) for value in matrix.ravel())
    return [
        f"{indent}{key}: !!opencv-matrix",
        f"{indent}   rows: {matrix.shape[0]}",
        f"{indent}   cols: {matrix.shape[1]}",
        f"{indent}   dt: d",
        f"{indent}   data: [ {data} ]",
    ]


def xml_matrix(key: str, matrix: Float64) -> list[str]:
    """The lines of a matrix in OpenCV's XML, with all digits."""
    data = " ".join(repr(float(value)) for value in matrix.ravel())
    return [
        f'<{key} type_id="opencv-matrix">',
        f"<rows>{matrix.shape[0]}</rows><cols>{matrix.shape[1]}</cols><dt>d</dt>",
        f"<data>{data}</data></{key}>",
    ]


def yaml_text(lines: Iterable[str]) -> str:
    """A file of OpenCV's in YAML."""
    return "\n".join(["%YAML:1.0", "---", *lines, ""])


def quoted(text: str) -> str:
    """A text as YAML reads it back."""
    return json.dumps(text, ensure_ascii=False)
