"""Corners lie in the images as they are shown, also where a video says that it is to be turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.calibration.board.detection import detect_corners

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")
BOARD = Board(5, 7, 40.0, marker=30.0)


def write(path: Path, rotation: int) -> None:
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    image = np.full((480, 640, 3), 255, np.uint8)
    pattern = cv2.aruco.CharucoBoard((5, 7), 40.0, 30.0, dictionary).generateImage((250, 350))
    image[60:410, 100:350] = pattern[..., None]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.bit_rate = 8_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def test_a_camera_whose_video_is_to_be_turned(tmp_path: Path) -> None:
    videos = {"upright": tmp_path / "a_upright.mp4", "turned": tmp_path / "a_turned.mp4"}
    write(videos["upright"], 0)
    write(videos["turned"], 90)
    found = detect_corners(videos, BOARD)
    assert found.sizes == ((640, 480), (480, 640))
    assert found.observed.all()
    x, y = found.xy[0, 0].T
    # A quarter turn against the clock.
    np.testing.assert_allclose(found.xy[1, 0], np.column_stack([y, 639 - x]), atol=0.3)
