"""The fast reader of prediction tables gives what the general one gives, or stands aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_pose3d.core.formats.number_text import plain_csv
from napari_pose3d.core.formats.number_text.plain_csv import read_plain
from napari_pose3d.core.formats.predictions.table_header import read_header
from napari_pose3d.errors import Cancelled

HEADER = "scorer,s,s,s\nbodyparts,paw,paw,paw\ncoords,x,y,likelihood\n"


def read(folder: Path, body: str, header: str = HEADER) -> np.ndarray | None:
    path = folder / "session_left.csv"
    path.write_bytes((header + body).encode())
    return read_plain(path, read_header(path)[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5", -1.5),
        ("0.1", 0.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("007", 7.0),
        ("0", 0.0),
        ("1e-05", 1e-05),
        ("1.25E+3", 1250.0),
        ("1e-300", 0.0),
        ("1e-44", 1e-44),
        ("123456789.123456789123456789", 123456789.123456789),
        ("0.000000000000000000000000000001234", 1.234e-30),
        ("340282346638528859811704183484516925440", 3.4028235e38),
        ("", np.nan),
        ("nan", np.nan),
        ("NaN", np.nan),
    ],
)
def test_numbers_are_read_as_python_reads_them(tmp_path: Path, text: str, value: float) -> None:
    found = read(tmp_path, f"0,{text},2,3\n1,4,{text},6\n2,7,8,{text}\n")
    expected = np.float32(value)
    assert found is not None
    np.testing.assert_array_equal(np.diagonal(found), [expected] * 3)
    np.testing.assert_array_equal(found[0, 1:], [2, 3])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "0,1,2\n",
        "0,1,2,3,4\n",
        "0,1,2,3\n2,1,2,3\n",
        "1,1,2,3\n",
        ",1,2,3\n",
        "0,1,2,x\n",
        "0,1,2,1e\n",
        "0,1,2,-\n",
        "0,1,2,.\n",
        "0,1,2,--1\n",
        "0,1, 2,3\n",
        '0,1,"2",3\n',
        "0,1,2,1e39\n",
        "0,1,2,inf\n",
        "0,1,2,3\n\n1,1,2,3\n",
        "0,1,2,3\r\r\n",
        "0,1,2,n\n",
        "0,1,2,na\n",
        "0,1,2,3\n1,1",
    ],
)
def test_anything_else_is_left_to_the_general_reader(tmp_path: Path, body: str) -> None:
    assert read(tmp_path, body) is None


def test_a_column_set_is_left_to_the_general_reader(tmp_path: Path) -> None:
    header = "scorer,s,s,s,set\nbodyparts,paw,paw,paw,\ncoords,x,y,likelihood,\n"
    assert read(tmp_path, "0,1,2,3,train\n", header) is None


@pytest.mark.parametrize("body", ["0,1,2,3\r\n1,4,5,6\r\n", "0,1,2,3\n1,4,5,6"])
def test_line_ends(tmp_path: Path, body: str) -> None:
    np.testing.assert_array_equal(read(tmp_path, body), [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("block", [16, 17, 64, 1000])
def test_blocks_may_end_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(plain_csv, "_BLOCK", block)
    # The first lines are the shortest, so that the room must grow.
    values = np.round(np.geomspace(1, 1e6, 300), 3).astype(np.float32).reshape(100, 3)
    body = "".join(f"{i},{a:.9g},{b:.9g},{c:.9g}\n" for i, (a, b, c) in enumerate(values))
    found = read(tmp_path, body[:-1])
    if block < 40:
        assert found is None  # lines longer than a block
    else:
        np.testing.assert_array_equal(found, values)


def test_it_can_be_cancelled_between_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_csv, "_BLOCK", 64)
    path = tmp_path / "session_left.csv"
    path.write_text(HEADER + "".join(f"{i},1,2,3\n" for i in range(100)))
    seen = []

    def progress(stage: str, done: int, total: int) -> None:
        seen.append(done / total)

    with pytest.raises(Cancelled):
        read_plain(path, read_header(path)[0], progress=progress, cancelled=lambda: len(seen) >= 2)
    assert len(seen) == 2
    assert 0 < seen[0] < seen[1] < 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            *[
                st.one_of(
                    st.floats(-(2.0**120), 2.0**120, width=32),
                    st.just(float("nan")),
                )
            ]
            * 3
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["{!r}", "{:.9g}", "{:.8e}"]),
)
def test_single_precision_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, ...]], form: str
) -> None:
    lines = [
        ",".join([str(i), *("" if v != v else form.format(v) for v in row)])
        for i, row in enumerate(rows)
    ]
    found = read(tmp_path_factory.mktemp("x"), "\n".join(lines) + "\n")
    np.testing.assert_array_equal(found, np.array(rows, np.float32))
