"""Numbers as text: few digits, and back to the same number, compiled or not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_pose3d.core.formats.number_text import number_writer
from napari_pose3d.core.formats.number_text.number_writer import write_lines

NUMBERS = st.floats(width=32, allow_nan=True, allow_infinity=True)


def text_of(values: np.ndarray, compiled: bool, monkeypatch) -> str:
    monkeypatch.setattr(number_writer, "_MANY_NUMBERS", 0 if compiled else 10**9)
    stream = io.StringIO()
    write_lines(stream, [values[:, :, None]], np.float32)
    return stream.getvalue()


def read(text: str) -> np.ndarray:
    rows = [line.split(",")[1:] for line in text.splitlines()]
    return np.array([[float(c) if c else np.nan for c in row] for row in rows]).astype(np.float32)


@settings(deadline=None, max_examples=200)
@given(arrays(np.float32, (7, 5), elements=NUMBERS))
def test_every_number_reads_back(values: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as patch:
        text = text_of(values, True, patch)
        plain = text_of(values, False, patch)
    expected = np.where(np.isfinite(values), values, np.nan)
    np.testing.assert_array_equal(read(text), expected)
    assert text.replace("-0,", "0,").replace("-0\n", "0\n") == plain.replace("-0,", "0,").replace(
        "-0\n", "0\n"
    )


def test_as_written_without_the_compiled_loop(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [
            rng.uniform(0, 2000, (300, 20)),
            np.round(rng.uniform(0, 2000, (300, 20)), 2),
            10 ** rng.uniform(-12, 13, (300, 20)) * rng.choice([-1, 1], (300, 20)),
            np.tile([1, 10, 1e8, 1e9, 1e-4, 1e-5, 0.1, 99999.99, 999999.9, np.nan], (2, 2)),
        ]
    ).astype(np.float32)
    text = text_of(values, True, monkeypatch)
    assert text == text_of(values, False, monkeypatch)
    assert text.startswith("0,")
    assert text.splitlines()[250].startswith("250,")
    np.testing.assert_array_equal(read(text), values)


def test_a_number_beyond_the_compiled_loop_is_written_all_the_same(monkeypatch) -> None:
    values = np.array([[1e-30, 5.0], [3e38, 0.25], [np.inf, 1e-45]], dtype=np.float32)
    found = read(text_of(values, True, monkeypatch))
    np.testing.assert_array_equal(found, np.where(np.isinf(values), np.nan, values))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("n_frames", [1, 2, 500])
def test_a_first_line_without_numbers_says_nan(compiled: bool, n_frames: int, monkeypatch) -> None:
    values = np.full((n_frames, 3), np.nan, np.float32)
    values[1:, 0] = 1.5
    lines = text_of(values, compiled, monkeypatch).splitlines()
    assert lines[0] == "0,nan,nan,nan"
    assert lines[1:] == [f"{i},1.5,," for i in range(1, n_frames)]


def test_a_first_line_with_a_number_is_written_as_the_others(monkeypatch) -> None:
    values = np.array([[np.nan, 1], [np.nan, np.nan]], dtype=np.float32)
    assert text_of(values, False, monkeypatch) == "0,,1\n1,,\n"
