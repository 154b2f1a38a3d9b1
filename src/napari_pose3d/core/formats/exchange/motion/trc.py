"""TRC: markers in space as text, as OpenSim and Pose2Sim read them.

Notes
-----
A gap is ``NaN``: readers that merge separators take an empty cell for none at all and move the
markers behind it one place to the left. OpenSim expects y up.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.storage.input_files import input_errors, open_input
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..frame_rows import check_frames, refuse_repeated
from ..keypoint_names import notes_of, with_readable_names
from ..session_poses import SessionPoses, poses3d_of
from ..side_file import read_side_file, write_side_file

_PROGRAM = "TRC"
_EXPECTED = "a TRC file: PathFileType in the first line, markers in the fourth"
_HEADER_LINES = 5
_LARGEST_LINE = 1 << 22
_BLOCK = 500
_MISSING = ("", "nan", "na", "n/a")
_UNITS = ("mm", "cm", "m", "millimeters", "meters")

# Proper rotations that bring an axis up to y.
_TURNS: dict[str, tuple[tuple[int, int], ...]] = {
    "as-is": ((0, 1), (1, 1), (2, 1)),
    "y": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "z": ((1, 1), (2, 1), (0, 1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
    "x": ((2, 1), (0, 1), (1, 1)),
    "-x": ((1, 1), (0, -1), (2, 1)),
}


def write_trc(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions, and a side file; returns notes.

    Frames are numbered from 1; coordinates have nine digits.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, or no frame rate is known.
    """
    space, fps = poses.in_space(_PROGRAM), poses.rate(_PROGRAM)
    # Tabs and line ends take a name apart.
    named, changed = with_readable_names(poses, r"[\t\r\n]")
    notes = notes_of(changed)
    units = poses.units or "mm"
    if poses.units not in _UNITS:
        notes.append(
            f"units: OpenSim knows {', '.join(_UNITS)}; the file says {units}, and the calibration "
            + (f"'{poses.units}'" if poses.units else "names none")
        )
    if to.settings.up == "as-is":
        notes.append("axes: as in the calibration; OpenSim takes y for up")
    n = poses.n_frames
    stream = to.files.open(to.path)
    rate, names = f"{fps:.10g}", named.keypoints
    stream.write(f"PathFileType\t4\t(X/Y/Z)\t{to.path.name}\n")
    stream.write(
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\t"
        "OrigNumFrames\n"
    )
    stream.write(f"{rate}\t{rate}\t{n}\t{len(names)}\t{units}\t{rate}\t1\t{n}\n")
    stream.write("Frame#\tTime\t" + "".join(f"{name}\t\t\t" for name in names).rstrip("\t") + "\n")
    columns = (f"X{k}\tY{k}\tZ{k}" for k in range(1, len(names) + 1))
    stream.write("\t\t" + "\t".join(columns) + "\n\n")
    axes = [axis for axis, _ in _TURNS[to.settings.up]]
    signs = np.array([sign for _, sign in _TURNS[to.settings.up]], np.float64)
    template = "\t".join(["%.9g"] * (3 * len(names)))
    for start in range(0, n, _BLOCK):
        to.check_cancelled()
        block = (space.xyz[start : start + _BLOCK][..., axes] * signs).reshape(-1, 3 * len(names))
        block[~np.isfinite(block)] = np.nan
        lines = [
            f"{frame + 1}\t{frame / fps:.6f}\t{template % tuple(row)}\n".replace("nan", "NaN")
            for frame, row in enumerate(block.tolist(), start)
        ]
        stream.write("".join(lines))
        to.report(min(start + _BLOCK, n), n)
    write_side_file(named, to.path, to.files, changed)
    return [*notes, "not kept: uncertainty"]


def is_trc(path: Path) -> bool:
    """Whether a file is a TRC, by its first line; never raises."""
    try:
        with open_input(path) as stream, input_errors(path):
            return stream.readline(200).startswith(b"PathFileType")
    except PoseDataError:
        return False


def read_trc(path: Path) -> SessionPoses:
    """Read markers; axes and units stay as they are in the file.

    An empty cell is a gap, as is ``NaN``. Frames are counted from the first of the file.

    Raises
    ------
    PoseDataError
        It is no TRC, or a line does not fit the header; names the line.
    """
    with open_input(path, expected=_EXPECTED) as stream, input_errors(path, expected=_EXPECTED):
        head = [
            stream.readline(_LARGEST_LINE).decode("utf-8-sig").rstrip("\r\n")
            for _ in range(_HEADER_LINES)
        ]
        rates, names = _header(head, path)
        frames: list[float] = []
        rows: list[NDArray[np.float64]] = []
        width, number = 3 * len(names), _HEADER_LINES
        while line := stream.readline(_LARGEST_LINE):
            number += 1
            text = line.decode("utf-8").rstrip("\r\n")
            if not text.strip():
                continue
            cells = text.split("\t")
            if len(cells) < width + 2:
                raise PoseDataError(
                    f"the line has {len(cells)} cells",
                    file=path,
                    place=f"line {number}",
                    expected=f"{width + 2}: frame, time and three for each of {len(names)} markers",
                    todo="Where readers or editors merged tabs, export the file again with NaN "
                    "in the gaps",
                )
            if any(cell.strip() for cell in cells[width + 2 :]):
                raise PoseDataError(
                    "the line has more numbers than the header has markers",
                    file=path,
                    place=f"line {number}",
                    expected=f"{width + 2} cells",
                )
            frames.append(_number(cells[0], path, number, 0))
            values = enumerate(cells[2 : width + 2], 2)
            rows.append(np.array([_number(cell, path, number, i) for i, cell in values]))
    if not rows:
        raise PoseDataError("the file has no frames", file=path, expected=_EXPECTED)
    numbered = check_frames(np.array(frames) - frames[0], path, "column Frame#")
    if (np.diff(numbered) <= 0).any():
        raise PoseDataError(
            "the frames do not rise", file=path, place="column Frame#", expected="each frame once"
        )
    xyz = np.full((int(numbered[-1]) + 1, len(names), 3), np.nan)
    xyz[numbered] = np.array(rows).reshape(len(rows), len(names), 3)
    # A marker that lacks one coordinate is nowhere.
    xyz[~np.isfinite(xyz).all(axis=-1)] = np.nan
    facts = read_side_file(path)
    fps = _rate(rates.get("DataRate", ""), path)
    poses = poses3d_of(
        xyz,
        names,
        session=facts.session or path.stem,
        units=rates.get("Units", "").strip(),
        inferred=facts.filled(names, len(xyz)) & np.isfinite(xyz[..., 0]),
    )
    return SessionPoses(poses, fps=fps, skeleton=facts.skeleton).renamed(facts.renamed)


def _header(head: list[str], path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    if not head[0].startswith("PathFileType"):
        raise PoseDataError("this is no TRC", file=path, place="line 1", expected=_EXPECTED)
    keys, values = (head[i].split("\t") for i in (1, 2))
    cells = head[3].rstrip("\t").split("\t")
    if len(cells) < 3 or not cells[0].strip().lower().startswith("frame"):
        raise PoseDataError(
            "the names of the markers are missing", file=path, place="line 4", expected=_EXPECTED
        )
    if any(cell.strip() for i, cell in enumerate(cells[2:]) if i % 3):
        raise PoseDataError(
            "the names of the markers are not three cells apart",
            file=path,
            place="line 4",
            expected="Frame#, Time, and each name followed by two empty cells",
        )
    names = tuple(cell.strip() for cell in cells[2::3])
    refuse_repeated(names, path)
    return dict(zip((key.strip() for key in keys), values, strict=False)), names


def _number(cell: str, path: Path, line: int, column: int) -> float:
    text = cell.strip()
    if column > 1 and text.lower() in _MISSING:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.inf
    if math.isinf(number) or (column == 0 and math.isnan(number)):
        raise PoseDataError(
            f"'{text[:40]}' is no number",
            file=path,
            place=f"line {line}, cell {column + 1}",
            expected="a number, or NaN where the marker is missing",
        )
    return number


def _rate(text: str, path: Path) -> float | None:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise PoseDataError(
            f"the DataRate is '{text[:40]}'",
            file=path,
            place="line 3",
            expected="frames a second",
        )
    return rate
