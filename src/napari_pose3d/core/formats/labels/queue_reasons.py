"""``napari-pose3d/labels/<key>.queue.csv``: why frames wait to be labeled."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from napari_pose3d.core.errors import PoseDataError

_FIELDS = ("session", "frame", "reason")


def read_reasons(path: Path) -> dict[tuple[str, int], str]:
    """Reasons by session and frame; a file that is not there is empty.

    Raises
    ------
    PoseDataError
        When it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise PoseDataError(
            f"cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})", file=path
        ) from error
    rows = csv.DictReader(io.StringIO(text))
    return {
        (row["session"], int(row["frame"])): row["reason"]
        for row in rows
        if set(_FIELDS) <= set(row) and str(row["frame"]).isdecimal()
    }


def reasons_text(reasons: Mapping[tuple[str, int], str]) -> str:
    """The whole file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_FIELDS)
    writer.writerows([*place, reason] for place, reason in reasons.items())
    return stream.getvalue()
