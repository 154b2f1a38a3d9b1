"""Corners of markers in a grid are found to a tenth of a pixel, also in blurred images."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.detection import detector_of
from napari_pose3d.core.calibration.board.marker_corners import refined_corners

cv2 = pytest.importorskip("cv2")
BOARD = Board(5, 4, 40.0, kind="aruco", marker=28.0)
SIZE, FINER, PER_MM, MARGIN = (640, 480), 4, 8, 20


def shown(
    per_square: float, blur: float, inverted: bool = False, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The board turned and tilted in an image, and where its corners are, px."""
    rng = np.random.default_rng(seed)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    width, height = (
        int((n * BOARD.square + 2 * MARGIN) * PER_MM) for n in (BOARD.columns, BOARD.rows)
    )
    print_, n = np.full((height, width), 255, np.uint8), int(BOARD.marker * PER_MM)
    for marker in range(BOARD.n_markers):
        row, column = divmod(marker, BOARD.columns)
        x, y = (int((MARGIN + k * BOARD.square) * PER_MM) for k in (column, row))
        print_[y : y + n, x : x + n] = cv2.aruco.generateImageMarker(dictionary, marker, n)
    to_mm = np.array([[1 / PER_MM, 0, 0.5 / PER_MM - MARGIN], [0, 1 / PER_MM, 0], [0, 0, 1]])
    to_mm[1, 2] = to_mm[0, 2]
    angle, scale = rng.uniform(-0.6, 0.6), per_square / BOARD.square
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_px = np.eye(3)
    to_px[:2, :2] = turn
    middle = np.array([BOARD.columns, BOARD.rows]) * BOARD.square / 2
    to_px[:2, 2] = np.array(SIZE) / 2 + rng.uniform(-20, 20, 2) - turn @ middle
    to_px[2, :2] = rng.uniform(-4e-4, 4e-4, 2)
    finer = np.array([[FINER, 0, (FINER - 1) / 2], [0, FINER, (FINER - 1) / 2], [0, 0, 1]])
    large = cv2.warpPerspective(
        print_, finer @ to_px @ to_mm, (SIZE[0] * FINER, SIZE[1] * FINER), borderValue=200
    )
    image = large.reshape(SIZE[1], FINER, SIZE[0], FINER).mean((1, 3))
    image = cv2.GaussianBlur(image, (0, 0), blur) if blur else image
    image = np.clip(40 + 0.6 * image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
    there = np.c_[BOARD.points[:, :2], np.ones(BOARD.n_corners)] @ to_px.T
    return 255 - image if inverted else image, there[:, :2] / there[:, 2:]


@pytest.mark.parametrize("per_square", [40, 60, 90])
@pytest.mark.parametrize("blur", [0.0, 1.2])
def test_corners_are_where_they_are(per_square: float, blur: float) -> None:
    away = []
    for seed in range(3):
        image, expected = shown(per_square, blur, seed=seed)
        away.append(detector_of(BOARD)(image) - expected)
    errors = np.concatenate(away)
    errors = errors[np.isfinite(errors).all(axis=1)]
    assert len(errors) >= 2 * BOARD.n_corners
    assert np.median(np.linalg.norm(errors, axis=1)) < 0.1
    assert np.abs(np.median(errors, axis=0)).max() < 0.05


def test_white_markers_on_black() -> None:
    from dataclasses import replace

    image, expected = shown(60, 0.7, inverted=True)
    found = detector_of(replace(BOARD, inverted=True))(image)
    assert np.nanmedian(np.linalg.norm(found - expected, axis=1)) < 0.1


def test_corners_stay_where_no_side_is_found() -> None:
    square = np.array([[[10, 10], [40, 10], [40, 40], [10, 40]]], dtype=float)
    plain = np.full((60, 60), 128, np.uint8)
    np.testing.assert_allclose(refined_corners(cv2, plain, square, 6), square, atol=3)
    assert refined_corners(cv2, plain, np.empty((0, 4, 2)), 6).shape == (0, 4, 2)
