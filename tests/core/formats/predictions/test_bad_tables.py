"""Whatever is called .csv ends in a table or in a message that names the file, and soon."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.formats.predictions.anipose3d_csv import (
    is_anipose3d_csv,
    read_anipose3d_csv,
)
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import (
    count_frames,
    is_prediction_csv,
    read_prediction_csv,
    write_header,
)
from napari_pose3d.core.formats.predictions.table_header import read_header
from napari_pose3d.errors import PoseDataError

Read = Callable[[Path], object]
READERS: list[Read] = [read_prediction_csv, read_poses3d_csv, read_anipose3d_csv]
SNIFFERS = [is_prediction_csv, is_anipose3d_csv]
posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has them")


def table(coords: tuple[str, ...] = ("x", "y", "likelihood"), n_frames: int = 5) -> str:
    stream = io.StringIO()
    write_header(stream, "net", ("nose", "tail"), coords)
    for frame in range(n_frames):
        cells = ",".join(f"{frame + i / 8}" for i in range(2 * len(coords)))
        stream.write(f"{frame},{cells}\n")
    return stream.getvalue()


def anipose(frames: tuple[object, ...] = (0, 1, 2), cell: str = "1.5") -> str:
    columns = [f"nose_{name}" for name in ("x", "y", "z", "error", "ncams", "score")]
    turned = [f"M_{i}{j}" for i in range(3) for j in range(3)]
    lines = [",".join([*columns, *turned, "center_0", "center_1", "center_2", "fnum"])]
    for frame in frames:
        lines.append(
            ",".join(
                [cell] * 6
                + ["1", "0", "0"]
                + ["0", "1", "0"]
                + ["0", "0", "1"]
                + ["0", "0", "0", str(frame)]
            )
        )
    return "\n".join(lines) + "\n"


GOOD = {
    read_prediction_csv: table(),
    read_poses3d_csv: table(("x", "y", "z")),
    read_anipose3d_csv: anipose(),
}


@pytest.mark.parametrize("read", READERS)
def test_the_good_ones_are_read(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "run1_top.csv"
    path.write_text(GOOD[read])
    read(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(os.mkfifo if os.name == "posix" else None, marks=posix, id="pipe"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), marks=posix, id="device"),
        pytest.param(lambda path: path.symlink_to(path), marks=posix, id="loop"),
        pytest.param(lambda path: path.mkdir(), id="folder"),
        pytest.param(lambda path: None, id="missing"),
    ],
)
def test_what_is_no_file(read: Read, make: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "run1_top.csv"
    make(path)
    for is_ours in SNIFFERS:
        assert not is_ours(path)
    for each in (read, read_header, count_frames):
        with pytest.raises(PoseDataError) as caught:
            each(path)
        assert caught.value.file == str(path)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n\n",
        b"\0" * 1000,
        b"scorer,a\0b\n" * 4,
        b"scorer," + b"a" * 30_000_000,
        b"a" * 30_000_000,
        b"a," * 10_000_000,
        b'"' * 300_000,
        b'scorer,"' + b"a" * 300_000,
        b"scorer,net\nbodyparts,a\ncoords,x\n0," + b"1" * 300_000,
        b"\xff\xfe" + "scorer,net".encode("utf-16-le"),
        b"scorer,n\xe4t,n\xe4t,n\xe4t\nbodyparts,a,a,a\ncoords,x,y,likelihood\n0,1,2,3\n",
        b"{}",
        b"fnum,a_x,a_y,a_z\n0,1\n1,2,3,4,5,6,7\n",
    ],
    ids=range(14),
)
def test_what_is_no_table(read: Read, text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run1_top.csv"
    path.write_bytes(text)
    for is_ours in SNIFFERS:
        assert is_ours(path) in (True, False)
    with pytest.raises(PoseDataError) as caught:
        read(path)
    assert caught.value.file == str(path)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("read", [read_prediction_csv, read_poses3d_csv])
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("inf", "line 6.*not a finite number"),
        ("-Infinity", "line 6.*not a finite number"),
        ("1e200", "line 6.*not a finite number"),
        ("1e999", "line 6.*not a finite number"),
        ("9" * 400, "line 6.*not a finite number"),
        ("1_000", "line 6.*not a number"),
        ("a" * 200_000, "line 6"),
        ("1," * 1_000_000, "line 6"),
        ("1" * 30_000_000, "line 6"),
        ("\0", "not a text file"),
        ("0x10", "line 6.*not a number"),
        ('"1', "line 8.*cut short"),
    ],
    ids=range(12),
)
def test_cells_that_are_no_numbers(read: Read, cell: str, message: str, tmp_path: Path) -> None:
    lines = GOOD[read].splitlines()
    cells = lines[5].split(",")
    lines[5] = ",".join([*cells[:2], cell, *cells[3:]])
    path = tmp_path / "run1_top.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(PoseDataError, match=message) as caught:
        read(path)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("read", [read_prediction_csv, read_poses3d_csv])
@pytest.mark.parametrize(
    "cell", ["\0", "1\0", "1\0002", "\0001", "1\r", "\u0661", "\ufffd", "1\x85"]
)
def test_cells_far_below_that_are_no_numbers(read: Read, cell: str, tmp_path: Path) -> None:
    coords = ("x", "y", "z") if read is read_poses3d_csv else ("x", "y", "likelihood")
    lines = table(coords, 2000).split("\n")
    cells = lines[1503].split(",")
    lines[1503] = ",".join([*cells[:2], cell, *cells[3:]])
    path = tmp_path / "run1_top.csv"
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    with pytest.raises(PoseDataError, match=r"line 150[3-5]"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (anipose((0, 1, 10**12)), "the last frame is 1000000000000, and there are 3 lines"),
        (anipose((0, 1, 10**30)), "cannot be read|do not rise"),
        (anipose((0, "nan", 2)), "cannot be read"),
        (anipose((0, "a", 2)), "cannot be read"),
        (anipose((2, 1, 0)), "do not rise"),
        (anipose(cell="inf"), "line 2: a position is infinite"),
        (anipose(cell="a"), "cannot be read"),
        (anipose().replace("1,0,0,0,1,0,0,0,1", "0,0,0,0,0,0,0,0,0"), "rotation"),
        (anipose().replace("1,0,0,0,1,0,0,0,1", "2,0,0,0,2,0,0,0,2"), "no rotation and shift"),
        (anipose().replace("1,0,0,0,1,0,0,0,1", "nan,0,0,0,1,0,0,0,1"), "no rotation and shift"),
        (anipose().replace("0,0,0,0\n", "inf,0,0,0\n"), "no rotation and shift"),
        (anipose().replace("0,0,0,1\n", "5,0,0,1\n"), "differ from line to line"),
    ],
    ids=range(12),
)
def test_positions_of_anipose_that_cannot_be(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run1.csv"
    path.write_text(text)
    with pytest.raises(PoseDataError, match=message):
        read_anipose3d_csv(path)


def test_a_hundred_thousand_keypoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run1_top.csv"
    names = [f"keypoint{i}" for i in range(100_000)]
    with path.open("w") as stream:
        write_header(stream, "net", names, ("x", "y", "likelihood"))
        stream.write("0" + ",1,2,.5" * len(names) + "\n")
    assert not is_prediction_csv(path)
    with pytest.raises(PoseDataError, match="header rows have more than 4 MB"):
        read_prediction_csv(path)


def test_ten_thousand_keypoints_are_read(tmp_path: Path) -> None:
    path = tmp_path / "run1_top.csv"
    names = tuple(f"k{i}" for i in range(10_000))
    with path.open("w") as stream:
        write_header(stream, "net", names, ("x", "y", "likelihood"))
        for frame in range(3):
            stream.write(f"{frame}" + ",1,2,.5" * len(names) + "\n")
    assert read_prediction_csv(path).xy.shape == (3, 10_000, 2)


def as_others_read(text: str, n_cells: int) -> list[list[float]] | None:
    """The numbers of a table by Python's own reader; None where it is no table of that width."""
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    try:
        numbers = [[float(cell) if cell.strip() else np.nan for cell in row] for row in rows[3:]]
    except ValueError:
        return None
    good = all(len(row) == n_cells and row[0] == i for i, row in enumerate(numbers))
    return [row[1:] for row in numbers] if good and numbers else None


@pytest.mark.parametrize("seed", range(4))
def test_damaged_tables_are_refused_or_read_as_they_are(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    path = tmp_path / "run1_top.csv"
    good = table(n_frames=12)
    start = len("\n".join(good.splitlines()[:3])) + 1
    outcomes = set()
    for _ in range(150):
        text = good
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(start, len(text))
            length = rng.choice([0, 1, 1, 3, 20])
            text = (
                text[:at]
                + rng.choice(["", "", "7", ",", "\n", ".", "-", "e5"])
                + text[at + length :]
            )
        path.write_text(text)
        expected = as_others_read(text, 7)
        try:
            found = read_prediction_csv(path)
        except PoseDataError:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        assert expected is not None, text
        numbers = np.array(expected).reshape(-1, 2, 3).astype(np.float32)
        np.testing.assert_array_equal(found.xy, numbers[..., :2])
        np.testing.assert_array_equal(found.likelihood, numbers[..., 2])
    assert outcomes == {"read", "refused"}
