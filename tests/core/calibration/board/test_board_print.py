"""Boards on paper: true to size, found by OpenCV, and recognised in whatever layout."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.cli import main
from napari_pose3d.cli.rig.calibrate import board_from
from napari_pose3d.core.calibration.board.board import Board, board_text, load_board
from napari_pose3d.core.calibration.board.board_print import board_pdf, print_of
from napari_pose3d.core.calibration.board.detection import detector_of
from napari_pose3d.core.calibration.board.layout import recognised
from napari_pose3d.errors import PoseDataError

CHARUCO = Board(6, 4, 30.0, marker=22.0)
ARUCO = Board(4, 3, 40.0, kind="aruco", marker=28.0, dictionary="DICT_5X5_100")
PER_MM = 6
MM = 72 / 25.4


def sheet(pdf: bytes, page: int = 0) -> np.ndarray:
    """A page of a PDF as an image, `PER_MM` px for each mm."""
    text = pdf.decode("latin-1")
    boxes = re.findall(r"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", text)
    width, height = (float(value) / MM for value in boxes[page])
    image = np.full((round(height * PER_MM), round(width * PER_MM)), 255, np.uint8)
    drawing = re.findall(r"stream\n(.*?)\nendstream", text, re.DOTALL)[page]
    for found in re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", drawing):
        x, y, across, up = (float(value) / MM * PER_MM for value in found)
        top = len(image) - y - up
        image[round(top) : round(top + up), round(x) : round(x + across)] = 0
    return image


@pytest.mark.parametrize(
    "board",
    [
        CHARUCO,
        replace(CHARUCO, legacy=True),
        replace(CHARUCO, inverted=True),
        replace(CHARUCO, rows=5, legacy=True),
        ARUCO,
        replace(ARUCO, inverted=True),
        Board(7, 6, 25.0, kind="checkerboard"),
    ],
    ids=lambda board: board.describe(),
)
def test_a_print_is_found_and_true_to_size(board: Board) -> None:
    corners = detector_of(board)(sheet(board_pdf(board)))
    assert np.isfinite(corners).all()
    found = corners / PER_MM
    wanted = board.points[:, :2]
    if board.kind == "checkerboard" and found[0, 0] > found[-1, 0]:
        found = found[::-1]
    assert np.abs(found - found[0] - (wanted - wanted[0])).max() < 0.1


def test_the_pages_and_the_ruler() -> None:
    pdf = board_pdf(CHARUCO).decode("latin-1")
    width, height = (
        float(value) / MM for value in re.findall(r"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)[0]
    )
    assert (width, height) == pytest.approx((210, 297), abs=0.01)
    assert "the ruler is 100 mm long" in pdf
    assert f"{100 * MM:.5f} {0.2 * MM:.5f} re" in pdf
    assert "/PrintScaling /None" in pdf
    # Every object lies where the table says.
    start = int(pdf.rsplit("startxref\n", 1)[1].split("\n")[0])
    assert pdf[start:].startswith("xref")
    places = re.findall(r"^(\d{10}) 00000 n", pdf[start:], re.MULTILINE)
    for number, place in enumerate(places, 1):
        assert pdf[int(place) :].startswith(f"{number} 0 obj")


def test_a_board_that_does_not_fit_its_paper() -> None:
    with pytest.raises(PoseDataError, match="does not fit A4"):
        board_pdf(replace(CHARUCO, square=80.0, marker=60.0), "A4")
    wide = board_pdf(replace(CHARUCO, square=400.0, marker=300.0)).decode("latin-1")
    assert float(re.findall(r"/MediaBox \[0 0 ([\d.]+)", wide)[0]) / MM > 2400


def test_the_back_of_a_two_sided_board_lies_behind_its_front() -> None:
    board = replace(CHARUCO, thickness=5.0)
    pdf = board_pdf(board)
    n = board.n_face_corners
    assert board.n_corners == 2 * n
    find = detector_of(board)
    front, back = find(sheet(pdf, 0)), find(sheet(pdf, 1))
    assert np.isfinite(front[:n]).all()
    assert np.isnan(front[n:]).all()
    assert np.isnan(back[:n]).all()
    assert np.isfinite(back[n:]).all()
    # Turned about the upright edge: what is left on one page is right on the other.
    width = sheet(pdf, 0).shape[1]
    assert np.allclose(width - 1 - back[n:, 0], front[:n, 0], atol=1.5)
    assert np.allclose(board.points[n:] - board.points[:n], (0, 0, 5.0))
    assert np.linalg.norm(np.diff(board.points[board.neighbours], axis=1), axis=-1) == (
        pytest.approx(30.0)
    )


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_layout_is_recognised(inverted: bool, legacy: bool) -> None:
    true = replace(CHARUCO, inverted=inverted, legacy=legacy)
    image = sheet(board_pdf(true))
    found, notes = recognised({"top": [image], "side": [image]}, CHARUCO)
    assert (found.inverted, found.legacy, found.thickness) == (inverted, legacy, 0)
    assert len(notes) == inverted + legacy


def test_a_view_of_the_back_alone_is_recognised() -> None:
    image = sheet(board_pdf(CHARUCO))
    seen = {"top": [image], "below": [np.ascontiguousarray(image[:, ::-1])]}
    found, notes = recognised(seen, CHARUCO)
    assert found.thickness > 0
    assert "view below" in notes[0]
    corners = detector_of(found)(seen["below"][0])
    assert np.isfinite(corners[found.n_face_corners :]).all()


def test_images_without_a_board_change_nothing() -> None:
    blank = {"top": [np.full((200, 300), 128, np.uint8)], "side": []}
    assert recognised(blank, CHARUCO) == (CHARUCO, ())


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, toml = tmp_path / "board.pdf", tmp_path / "board.toml"
    text = "aruco:4x3:40mm:28mm:DICT_5X5_100:thickness=3mm"
    command = ["rig", "board", text, "--out", str(out), "--toml", str(toml)]
    assert main(command) == 0
    assert out.read_bytes().startswith(b"%PDF-1.4")
    board = load_board(toml)
    assert board == replace(ARUCO, thickness=3.0) == board_from(text)
    assert board_text(board) == toml.read_text()
    assert main(command) == 2
    assert main([*command, "--force"]) == 0
    assert main([*command[:-2], "--force", "--page", "A4"]) == 0
    capsys.readouterr()
    bad = ["rig", "board", "charuco:9x9:3mm:2mm:DICT_NONE", "--out", str(tmp_path / "x.pdf")]
    assert main(bad) == 2
    assert "DICT_NONE" in capsys.readouterr().err
    assert not (tmp_path / "x.pdf").exists()


def test_a_grid_of_markers_needs_markers_in_its_dictionary() -> None:
    with pytest.raises(PoseDataError, match="has 50 markers"):
        print_of(Board(9, 8, 20.0, kind="aruco", marker=15.0))
