"""Board files, and corners found in images of a board."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import Board, board_text, load_board
from napari_pose3d.core.calibration.board.detection import detector_of
from napari_pose3d.errors import PoseDataError


def test_a_board_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    board = Board(5, 7, 30.0, marker=22.5, dictionary="DICT_5X5_100", inverted=True, thickness=4.0)
    path = tmp_path / "board.toml"
    path.write_text(board_text(board))
    assert load_board(path) == board


def test_caliscopes_board_file(tmp_path: Path) -> None:
    path = tmp_path / "charuco.toml"
    path.write_text(
        'columns = 4\nrows = 5\nboard_height = 11.0\nboard_width = 8.5\nunits = "inch"\n'
        'dictionary = "DICT_4X4_1000"\naruco_scale = 0.75\nsquare_size_override_cm = 5.4\n'
        "inverted = true\n"
    )
    assert load_board(path) == Board(
        4, 5, 54.0, marker=40.5, dictionary="DICT_4X4_1000", inverted=True
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("columns = 4", "'square' is missing"),
        ("columns = 4\nrows = 5\nsquare = 30\nmarker = 40", "markers are 40 mm"),
        ("columns = 4.5\nrows = 5\nsquare = 30\nmarker = 20", "'columns' is 4.5"),
        ("columns = inf\nrows = 5\nsquare = 30\nmarker = 20", "'columns' is inf"),
        ("columns = 4\nrows = nan\nsquare = 30\nmarker = 20", "'rows' is nan"),
        ("columns = 4\nrows = 5\nsquare = nan\nmarker = 20", "'square' is nan"),
        ('columns = 4\nrows = 5\nsquare = "wide"\nmarker = 20', "'square' is 'wide'"),
        ('columns = 4\nrows = 5\nsquare = 1\nmarker = 0.5\nunits = "ell"', "'units' is 'ell'"),
        ("columns = 1\nrows = 5\nsquare = 30\nmarker = 20", "the board has 1 columns"),
        ("columns = 4\nrows = 5\nsquare = 1\nmarker = 0.5\nunits = []", "'units' is "),
        ("columns = [", "not valid TOML"),
        ("a." * 20_000 + "a = 1", "more than 1,000 parts"),
    ],
)
def test_faults_of_a_board_file_are_named(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(text)
    with pytest.raises(PoseDataError, match=words) as caught:
        load_board(path)
    assert str(path) in str(caught.value)


def test_points_and_neighbours() -> None:
    board = Board(4, 5, 10.0, marker=5.0)
    assert board.points.shape == (12, 3)
    length = np.linalg.norm(
        board.points[board.neighbours[:, 0]] - board.points[board.neighbours[:, 1]], axis=1
    )
    np.testing.assert_allclose(length, 10.0)
    assert len(length) == 2 * 4 + 3 * 3


@pytest.mark.parametrize("inverted", [False, True])
def test_corners_are_found_where_they_are(inverted: bool) -> None:
    cv2 = pytest.importorskip("cv2")
    board = Board(5, 7, 40.0, marker=30.0, dictionary="DICT_4X4_50", inverted=inverted)
    pattern = cv2.aruco.CharucoBoard(
        (5, 7), 40.0, 30.0, cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    )
    image = pattern.generateImage((500, 700))
    shown = np.full((800, 640), 255, np.uint8)
    shown[50:750, 70:570] = image
    found = detector_of(board)(255 - shown if inverted else shown)
    across, down = np.meshgrid(np.arange(1, 5), np.arange(1, 7))
    expected = np.column_stack([70 + 100 * across.ravel(), 50 + 100 * down.ravel()]) - 0.5
    np.testing.assert_allclose(found, expected, atol=0.3)


def test_a_dictionary_that_is_none_or_too_small_is_said() -> None:
    with pytest.raises(PoseDataError, match="no dictionary 'DICT_9X9'"):
        detector_of(Board(5, 7, 40.0, marker=30.0, dictionary="DICT_9X9"))
    with pytest.raises(PoseDataError, match="has 50 markers"):
        detector_of(Board(15, 17, 40.0, marker=30.0, dictionary="DICT_4X4_50"))
