"""Calibration files as people have them, good and bad."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import PoseDataError, load_rig, save_rig

CAMERA = """
[{section}]
name = "{name}"
size = [ 640, 480,]
matrix = [ [ 500.0, 0.0, 320.0,], [ 0.0, 500.0, 240.0,], [ 0.0, 0.0, 1.0,],]
distortions = [ -0.1, 0.0, 0.0, 0.0, 0.0,]
rotation = [ 0.1, 0.2, 0.3,]
translation = [ 1.0, 2.0, 30.0,]
"""


def toml(*names: str) -> str:
    sections = [CAMERA.format(section=f"cam_{i}", name=name) for i, name in enumerate(names)]
    return "".join(sections) + "\n[metadata]\nadjusted = false\nerror = 0.5\n"


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "calibration.toml"
        path.write_text(text)
        return path

    return write


def test_the_order_of_the_file_is_kept_beyond_ten_cameras(written) -> None:
    names = [f"view{i}" for i in range(12)]
    assert load_rig(written(toml(*names))).names == tuple(names)


def test_round_trip(tmp_path) -> None:
    rig = ring_rig(4, distortion=(-0.1, 0.02, 0.001, -0.002, 0.003, 0.01, 0.02, 0.03))
    save_rig(rig, tmp_path / "rig.toml")
    again = load_rig(tmp_path / "rig.toml")
    assert again.names == rig.names
    assert again.warnings == ()
    points = np.random.default_rng(0).uniform(-50, 50, (20, 3))
    np.testing.assert_allclose(again.project(points), rig.project(points), atol=1e-9)


def test_what_we_write_aniposelib_reads(tmp_path) -> None:
    cameras = pytest.importorskip("aniposelib.cameras")
    rig = ring_rig(3)
    save_rig(rig, tmp_path / "rig.toml")
    group = cameras.CameraGroup.load(str(tmp_path / "rig.toml"))
    points = np.random.default_rng(0).uniform(-50, 50, (20, 3))
    projected = group.project(points).reshape(3, 20, 2)
    np.testing.assert_allclose(projected, rig.project(points), atol=1e-6)


def test_integers_and_numpy_scalars_are_numbers(written) -> None:
    text = toml("a").replace("1.0, 2.0, 30.0,", '1, "np.float64(2.0)", 30.0,')
    rig = load_rig(written(text))
    np.testing.assert_array_equal(rig.cameras[0].translation, [1, 2, 30])
    assert any("np.float64(2.0)" in warning for warning in rig.warnings)


def test_fisheye(written) -> None:
    text = toml("a").replace("-0.1, 0.0, 0.0, 0.0, 0.0,", "0.1, 0.0, 0.0, 0.0,")
    rig = load_rig(written(text.replace("[metadata]", "fisheye = true\n[metadata]")))
    assert rig.cameras[0].fisheye


def test_last_row_of_the_matrix_is_ignored_with_a_warning(written) -> None:
    rig = load_rig(written(toml("a").replace("[ 0.0, 0.0, 1.0,]", "[ 1451.1, 993.0, 1.0,]")))
    np.testing.assert_array_equal(rig.cameras[0].matrix[2], [0, 0, 1])
    np.testing.assert_array_equal(rig.cameras[0].matrix[:2, 2], [320, 240])
    assert any("1451.1, 993, 1" in warning for warning in rig.warnings)


def test_transposed_matrix_is_turned_with_a_warning(written) -> None:
    text = toml("a").replace("[ 500.0, 0.0, 320.0,]", "[ 500.0, 0.0, 0.0,]")
    text = text.replace("[ 0.0, 500.0, 240.0,]", "[ 0.0, 500.0, 0.0,]")
    rig = load_rig(written(text.replace("[ 0.0, 0.0, 1.0,]", "[ 320.0, 240.0, 1.0,]")))
    np.testing.assert_array_equal(rig.cameras[0].matrix[:2, 2], [320, 240])
    assert any("transposed" in warning for warning in rig.warnings)


@pytest.mark.parametrize("key", ["matrix", "distortions", "rotation", "translation"])
def test_a_missing_key_is_an_error(written, key: str) -> None:
    lines = [line for line in toml("a").splitlines() if not line.startswith(key)]
    with pytest.raises(PoseDataError, match=f"camera a, key '{key}'"):
        load_rig(written("\n".join(lines)))


def test_missing_size_and_name_are_assumed_with_a_warning(written) -> None:
    lines = [li for li in toml("a").splitlines() if not li.startswith(("size", "name"))]
    rig = load_rig(written("\n".join(lines)))
    assert rig.names == ("cam_0",)
    assert rig.cameras[0].size is None
    assert len(rig.warnings) == 2


def test_two_cameras_of_one_name(written) -> None:
    with pytest.raises(PoseDataError, match="two cameras are called a"):
        load_rig(written(toml("a", "a")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rotation = [ 0.1, 0.2, 0.3,]", "rotation = [ 0.1, 0.2,]", "rotation"),
        ("rotation = [ 0.1, 0.2, 0.3,]", "rotation = [[1,0,0],[0,1,0],[0,0,-1]]", "not a rotation"),
        ("rotation = [ 0.1, 0.2, 0.3,]", "rotation = [[2,0,0],[0,1,0],[0,0,1]]", "not a rotation"),
        ("rotation = [ 0.1, 0.2, 0.3,]", "rotation = [ nan, 0.2, 0.3,]", "infinite or NaN"),
        ("rotation = [ 0.1, 0.2, 0.3,]", 'rotation = "none"', "not an array of numbers"),
        ("-0.1, 0.0, 0.0, 0.0, 0.0,", "-0.1, 0.0,", "4 to 14"),
        ("-0.1, 0.0, 0.0, 0.0, 0.0,", "0.0," * 15, "4 to 14"),
        ("[ 640, 480,]", "[ 640,]", "width and height"),
        ("[ 500.0, 0.0, 320.0,]", "[ -500.0, 0.0, 320.0,]", "focal"),
        ("translation = [ 1.0, 2.0, 30.0,]", "translation = [ 1.0, 2.0,]", "3 numbers"),
        ("[cam_0]", "[cam_0", "TOML"),
        ("[cam_0]", "[nothing]\n[other.cam]", "no camera"),
    ],
)
def test_bad_calibrations_name_the_file_and_the_fault(written, old, new, message) -> None:
    assert old in toml("a")
    path = written(toml("a").replace(old, new))
    with pytest.raises(PoseDataError, match=message) as caught:
        load_rig(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_calibration(tmp_path) -> None:
    with pytest.raises(PoseDataError, match="no such file"):
        load_rig(tmp_path / "absent.toml")
    with pytest.raises(PoseDataError, match="folder"):
        load_rig(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PoseDataError, match="UTF-8"):
        load_rig(binary)
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(PoseDataError, match="no camera"):
        load_rig(empty)


def test_subset_keeps_the_order_asked_for() -> None:
    rig = ring_rig(4)
    assert rig.subset(["Cam-2", "Cam-0"]).names == ("Cam-2", "Cam-0")
    with pytest.raises(PoseDataError, match="Cam-9"):
        rig.subset(["Cam-9"])


@pytest.mark.realdata
def test_real_calibrations(shared_data) -> None:
    fly = load_rig(shared_data / "fly" / "calibration.toml")
    assert fly.names == ("Cam-A", "Cam-B", "Cam-C")
    assert fly.cameras[2].matrix[0, 0] > 136_000
    assert fly.warnings == ()


def test_handing_over_to_aniposelib_leaves_qt_alone(tmp_path) -> None:
    save_rig(ring_rig(2), tmp_path / "rig.toml")
    code = (
        "import os, sys\n"
        "from napari_pose3d import load_rig\n"
        f"rig = load_rig({str(tmp_path / 'rig.toml')!r})\n"
        "before = dict(os.environ)\n"
        "assert rig.to_aniposelib().get_names() == list(rig.names)\n"
        "assert 'cv2' in sys.modules\n"
        "print({k for k in os.environ if k.startswith('QT_')} - set(before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
