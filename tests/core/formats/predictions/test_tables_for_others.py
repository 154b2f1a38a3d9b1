"""Other programs read our tables as pandas does, and get row n for frame n."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pose3d.core.formats.predictions.error_csv import write_error_csv
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv, write_poses3d_csv
from napari_pose3d.core.formats.predictions.prediction_csv import (
    read_prediction_csv,
    write_prediction_csv,
)
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.poses.arrays import Poses3D

PAIRS = ("ensemble_median", "ensemble_variance", "variance")


def table_without_first(n_frames: int, n_empty: int, *, smoothed: bool = False) -> PredictionTable:
    """Predictions of two keypoints that begin after some frames."""
    rng = np.random.default_rng(n_frames)

    def numbers(*shape: int) -> np.ndarray:
        values = rng.uniform(1, 500, (n_frames, *shape)).astype(np.float32)
        values[:n_empty] = np.nan
        return values

    pairs = {name: numbers(2, 2) for name in PAIRS} if smoothed else {}
    return PredictionTable(("nose", "tail"), numbers(2, 2), numbers(2), scorer="net", **pairs)


@pytest.mark.parametrize("smoothed", [False, True])
@pytest.mark.parametrize("individual", [None, "m1"])
@pytest.mark.parametrize(("n_frames", "n_empty"), [(1, 1), (2, 1), (6, 0), (6, 3), (6, 6)])
def test_predictions(
    smoothed: bool, individual: str | None, n_frames: int, n_empty: int, tmp_path: Path
) -> None:
    table = replace(
        table_without_first(n_frames, n_empty, smoothed=smoothed), individual=individual
    )
    path = tmp_path / "run1_top.csv"
    write_prediction_csv(path, table)
    rows = [0, 1, 2] if individual is None else [0, 1, 2, 3]
    frame = pd.read_csv(path, header=rows, index_col=0)
    assert list(frame.index) == list(range(n_frames))
    width = 9 if smoothed else 3
    numbers = frame.to_numpy(np.float32).reshape(n_frames, 2, width)
    np.testing.assert_array_equal(numbers[..., :2], table.xy)
    np.testing.assert_array_equal(numbers[..., 2], table.likelihood)
    again = read_prediction_csv(path)
    np.testing.assert_array_equal(again.xy, table.xy)
    assert again.individual == individual


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("n_empty", [0, 1, 4])
def test_positions_in_space(compact: bool, n_empty: int, tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).normal(size=(4, 2, 3))
    xyz[:n_empty] = np.nan
    poses = Poses3D(
        xyz,
        np.where(np.isnan(xyz[..., None]), np.nan, np.eye(3)),
        np.full((4, 2), 2),
        np.zeros((2, 4, 2), np.float32),
        np.zeros((4, 2), bool),
        ("top", "side"),
        ("nose", "tail"),
    )
    path = tmp_path / "run1_3d.csv"
    write_poses3d_csv(path, poses, compact=compact)
    frame = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    assert list(frame.index) == [0, 1, 2, 3]
    numbers = frame.to_numpy().reshape(4, 2, -1)[..., :3]
    np.testing.assert_allclose(numbers, xyz, rtol=1e-6)
    np.testing.assert_allclose(read_poses3d_csv(path).xyz, xyz, rtol=1e-6)


def test_errors_have_one_header_row() -> None:
    error = np.array([[np.nan, np.nan], [1.5, np.nan]], np.float32)
    stream = io.StringIO()
    write_error_csv(stream, error, ("nose", "tail"))
    frame = pd.read_csv(io.StringIO(stream.getvalue()), index_col=0)
    assert list(frame.index) == [0, 1]
    np.testing.assert_array_equal(frame.to_numpy(np.float32), error)


def test_a_table_whose_first_line_is_empty_is_read(tmp_path: Path) -> None:
    """As versions before 0.2 wrote it."""
    path = tmp_path / "run1_top.csv"
    path.write_text(
        "scorer,net,net,net\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n0,,,\n1,5,6,.7\n"
    )
    table = read_prediction_csv(path)
    assert len(table.xy) == 2
    assert np.isnan(table.xy[0]).all()
    np.testing.assert_array_equal(table.xy[1], [[5, 6]])
