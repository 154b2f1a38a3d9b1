"""``CollectedData_<view>.unlabeled.jsonl``: the images of one view that wait to be labeled.

Notes
-----
One JSON object in each line: ``{"frame_path": ..., "predictions": null or {...}}``. Lines that do
not change stay as they are. Why a frame waits is kept in ``napari-pose3d/labels/<key>.queue.csv``.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_pose3d.core.storage.input_files import input_errors, read_bytes, read_text
from napari_pose3d.errors import PoseDataError

SUFFIX = ".unlabeled.jsonl"
_PATH = "frame_path"
_PREDICTIONS = "predictions"
# Who proposed, where it was us.
_MODEL = "napari-pose3d"
_REASON_FIELDS = ("session", "frame", "reason")
_LARGEST_PIXEL = 1e9


@dataclass(frozen=True, eq=False)
class LabelQueue:
    """The lines of a queue, and the image of each.

    Attributes
    ----------
    path : Path
    lines : tuple of str
        Those that hold something, without line feeds.
    images : tuple of str
        The image of each line, relative to the project.
    """

    path: Path
    lines: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    def predictions(self, image: str) -> dict[str, tuple[float, float]]:
        """Positions that a model proposed for an image, px by keypoint; those that are no numbers
        are left out."""
        if image not in self.images:
            return {}
        entry = json.loads(self.lines[self.images.index(image)]).get(_PREDICTIONS)
        listed = entry.get(_PREDICTIONS) if isinstance(entry, dict) else None
        found = {}
        for each in listed if isinstance(listed, list) else ():
            if not isinstance(each, dict) or not isinstance(each.get("keypoint_name"), str):
                continue
            x, y = _pixel(each.get("x")), _pixel(each.get("y"))
            if x is not None and y is not None:
                found[each["keypoint_name"]] = (x, y)
        return found

    def with_added(
        self,
        images: Sequence[str],
        predictions: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    ) -> LabelQueue:
        """The queue with further images at its end; those in it already stay where they are.

        Parameters
        ----------
        images : sequence of str
        predictions : mapping of image to positions by keypoint, optional
            px; what is proposed for them.
        """
        known = set(self.images)
        new = [p for p in dict.fromkeys(images) if p not in known]
        entries = [{_PATH: p, _PREDICTIONS: _proposed((predictions or {}).get(p))} for p in new]
        lines = [json.dumps(entry, separators=(",", ":"), ensure_ascii=False) for entry in entries]
        return replace(self, lines=(*self.lines, *lines), images=(*self.images, *new))

    def without(self, images: Collection[str]) -> LabelQueue:
        """The queue without some images."""
        kept = [i for i, image in enumerate(self.images) if image not in images]
        return replace(
            self,
            lines=tuple(self.lines[i] for i in kept),
            images=tuple(self.images[i] for i in kept),
        )

    def text(self) -> str:
        """The whole file as it is to be written; empty for an empty queue."""
        return "".join(f"{line}\n" for line in self.lines)


def read_label_queue(path: str | os.PathLike[str], data: bytes | None = None) -> LabelQueue:
    """Read a queue; one that is not there is empty.

    Parameters
    ----------
    data : bytes, optional
        Its content, where that has been read already.

    Raises
    ------
    PoseDataError
        When it cannot be read, or a line is not what it should be; names the line.
    """
    path = Path(path)
    if data is None and not os.path.lexists(path):
        return LabelQueue(path)
    content = read_bytes(path) if data is None else data
    with input_errors(path):
        text = content.decode("utf-8-sig")
    lines, images = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        lines.append(line)
        images.append(_image_of(line, path, number))
    return LabelQueue(path, tuple(lines), tuple(images))


def read_reasons(path: Path) -> dict[tuple[str, int], str]:
    """Why frames are to be labeled, by session and frame, from ``<key>.queue.csv``.

    A file that is not there is empty; lines that are damaged are left out.

    Raises
    ------
    PoseDataError
        When it cannot be read.
    """
    if not os.path.lexists(path):
        return {}
    found = {}
    with input_errors(path):
        for row in csv.DictReader(io.StringIO(read_text(path), newline="")):
            session, frame, reason = (row.get(name) for name in _REASON_FIELDS)
            if isinstance(session, str) and isinstance(reason, str) and _is_frame(frame):
                found[session, int(str(frame))] = reason
    return found


def reasons_text(reasons: Mapping[tuple[str, int], str]) -> str:
    """The whole text of ``<key>.queue.csv``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_REASON_FIELDS)
    writer.writerows([*place, reason] for place, reason in reasons.items())
    return stream.getvalue()


def _is_frame(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 13


def _pixel(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < _LARGEST_PIXEL else None


def _proposed(positions: Mapping[str, tuple[float, float]] | None) -> dict[str, Any] | None:
    """Predictions as Lightning Pose's app writes them."""
    if not positions:
        return None
    listed = [{"keypoint_name": k, "x": x, "y": y} for k, (x, y) in positions.items()]
    milliseconds = round(datetime.now(UTC).timestamp() * 1000)
    return {"model_name": _MODEL, "date_time": milliseconds, _PREDICTIONS: listed}


def _image_of(line: str, path: Path, number: int) -> str:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error).partition("\n")[0]
        raise PoseDataError(
            f"this is not valid JSON ({reason})",
            file=path,
            place=f"line {number}",
            todo="Correct or remove this line",
        ) from error
    image = entry.get(_PATH) if isinstance(entry, dict) else None
    if not isinstance(image, str) or not image:
        raise PoseDataError(
            "the line names no image",
            file=path,
            place=f"line {number}",
            expected='{"frame_path": "labeled-data/...", "predictions": ...}',
        )
    return image.replace("\\", "/")
