"""A calibration file that is none, or is damaged, ends in a message that names it."""

from __future__ import annotations

import os
import random
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.recordings.scenes import arc_rig

from napari_pose3d.core.cameras.rig_file import load_rig, save_rig
from napari_pose3d.errors import PoseDataError


@pytest.fixture
def good(tmp_path: Path) -> str:
    save_rig(arc_rig(("Cam-A", "Cam-B")), tmp_path / "good.toml")
    return (tmp_path / "good.toml").read_text()


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "calibration.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "[" * 50_000, "too deep"),
        ("a = " + "{b = " * 50_000, "too deep"),
        ("[cam_0]\nmatrix = " + "[" * 200 + "1" + "]" * 200, "not an array of numbers"),
        ("a = " + "9" * 5000, "cannot be read|not valid TOML"),
        ("[cam_0]\nmatrix = [[1e999, 0, 0], [0, 1, 0], [0, 0, 1]]", "infinite"),
        ("[cam_0]\nmatrix = [[1e200, 0, 0], [0, 1, 0], [0, 0, 1]]", "larger than"),
        ("[cam_0]\nmatrix = [[" + "9" * 400 + ", 0, 0], [0, 1, 0], [0, 0, 1]]", "64 bits"),
        ("[cam_0]\nmatrix = [[1, 0], [0, 1, 0], [0, 0, 1]]", "not an array"),
        ("[cam_0]\nmatrix = {a = 1}", "not an array"),
        ("x" * 30_000_000, "more than 4 MB"),
        (b"\x00" * 100, "a binary file"),
        (b'[cam_0]\nname = "\xe4"', "not in UTF-8"),
        ('[cam_0]\nname = "a"'.encode("utf-16"), "UTF-16"),
        ("", "holds no camera"),
        ("cam_0 = 1", "holds no camera"),
    ],
    ids=[
        "deep list",
        "deep table",
        "deep matrix",
        "long integer",
        "infinite",
        "large",
        "large integer",
        "ragged",
        "table",
        "long line",
        "zeros",
        "latin1",
        "utf16",
        "empty",
        "number",
    ],
)
def test_what_is_no_calibration_is_named(text: str | bytes, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PoseDataError, match=message) as caught:
        load_rig(path)
    assert caught.value.file == str(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["a/b", "a\\b", "../x", "a\0b", "a\nb", "", "  "])
def test_names_that_lead_out_of_the_folder_are_refused(
    name: str, good: str, tmp_path: Path
) -> None:
    escaped = name.replace("\\", "\\\\").replace("\0", "\\u0000").replace("\n", "\\n")
    path = written(tmp_path, good.replace("Cam-A", escaped))
    with pytest.raises(PoseDataError, match="cannot be in the name of a file"):
        load_rig(path)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has them")
def test_a_pipe_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "calibration.toml")
    with pytest.raises(PoseDataError, match="named pipe"):
        load_rig(tmp_path / "calibration.toml")


def test_damaged_files_are_read_or_refused(good: str, tmp_path: Path) -> None:
    rng = random.Random(0)
    content = good.encode()
    outcomes = set()
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(changed))
            kind = rng.randrange(3)
            if kind == 0:
                changed[at] = rng.randrange(256)
            elif kind == 1:
                del changed[at : at + rng.randint(1, 30)]
            else:
                changed[at:at] = rng.choice([b"]", b"[", b"=", b"nan", b"1e308", b'"', b"\n"])
        try:
            load_rig(written(tmp_path, bytes(changed)))
            outcomes.add("read")
        except PoseDataError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_any_text_in_the_metadata_is_written_as_toml(tmp_path: Path) -> None:
    metadata = {"note": 'two\nlines, "quoted", \\ and \x7f', "units": "mm", "error": float("inf")}
    rig = replace(arc_rig(("Käfig 1", "b")), extra={"metadata": metadata})
    save_rig(rig, tmp_path / "a.toml")
    assert tomllib.loads((tmp_path / "a.toml").read_text(encoding="utf-8"))["metadata"] == metadata
    again = load_rig(tmp_path / "a.toml")
    assert again.names == rig.names
    np.testing.assert_allclose(again.cameras[0].matrix, rig.cameras[0].matrix)


CAMERA = "size = [640, 480]\nmatrix = [[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]]\n"
POSE = "rotation = [0.1, 0.2, 0.3]\ntranslation = [0, 0, 500]\n"
LENS = "distortions = [0.1, 0, 0, 0, 0]\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # Sizes as decimals, four distortions, vectors as columns, sections with names of their own.
        (
            "pose2sim.toml",
            (
                '[cam_01]\nname = "a"\nsize = [640.0, 480.0]\n'
                "matrix = [[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]]\n"
                "distortions = [0.1, 0, 0, 0]\n"
                "rotation = [[0.1], [0.2], [0.3]]\ntranslation = [[0.0], [0.0], [500.0]]\n"
                "fisheye = false\n[metadata]\nadjusted = false\n"
            ),
        ),
        ("numbered.toml", f'[0]\nname = "a"\n{CAMERA}{LENS}{POSE}'),
        ("nameless.toml", f"[a]\n{CAMERA}{LENS}{POSE}"),
    ],
)
def test_calibrations_of_other_programs_are_read(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    rig = load_rig(path)
    assert rig.names == ("a",)
    assert rig.cameras[0].size == (640, 480)
    assert rig.cameras[0].distortion[0] == 0.1
    np.testing.assert_allclose(rig.cameras[0].translation, [0, 0, 500])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("array.toml", f"[cameras.0]\n{CAMERA}{LENS}{POSE}", "within \\[cameras\\].*Caliscope"),
        (
            "config.toml",
            'cam_regex = "x"\n[calibration]\nboard_type = "charuco"\n',
            "configuration of Anipose",
        ),
        (
            "Config.toml",
            "[project]\nframe_rate = 30\n[calibration]\ncalibration_type = 'convert'\n",
            "configuration of Pose2Sim",
        ),
        ("intri.yml", "%YAML:1.0\n---\nK_1: !!opencv-matrix\n  rows: 3\n", "OpenCV"),
        ("rig.json", '{"cameras": [{"id": 0}]}', "JSON"),
        ("rig.mat", "MATLAB 5.0 MAT-file\x00\x00", "binary.*convert"),
        ("dlt.csv", "1.0,2.0\n" * 11, "another program"),
        ("lens.toml", f'[c]\nname = "c"\n{CAMERA}{POSE}', "'distortions': the key is missing"),
    ],
)
def test_calibrations_of_other_programs_are_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(PoseDataError, match=message) as raised:
        load_rig(path)
    assert name in str(raised.value)
    assert "Anipose" in str(raised.value) or "Expected" in str(raised.value)
