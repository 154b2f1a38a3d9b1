"""Calibrations of other programs that are damaged, built to harm, or something else."""

from __future__ import annotations

import pickle
import random
import struct
import zlib
from pathlib import Path

import pytest
from tests.support.recordings.rig_formats import KEPT, rig_with

from napari_pose3d import PoseDataError
from napari_pose3d.core.formats.calibrations.rig_conversion import FORMATS, read_rig, write_rig
from napari_pose3d.core.formats.containers.mat_variables import read_mat


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (str(self.mark),)


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "stereo_params.pickle"
    path.write_bytes(pickle.dumps({"a-b": {"R": Bomb(tmp_path / "mark")}}))
    with pytest.raises(PoseDataError, match="nothing of it was run"):
        read_rig(path)
    assert not (tmp_path / "mark").exists()


def test_a_compressed_mat_of_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    rig = rig_with(n_views=2)
    write_rig(rig, tmp_path / "a.mat", "label3d")
    content = (tmp_path / "a.mat").read_bytes()
    squeeze = zlib.compressobj(9)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(200)) + squeeze.flush()
    (tmp_path / "b.mat").write_bytes(content + struct.pack("<II", 15, len(bomb)) + bomb)
    assert read_mat(tmp_path / "b.mat").keys() == {"params", "camnames"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no known calibration"),
        ("hello", "no known calibration"),
        ('{"a": 1}', "this is JSON"),
        ("<?xml version='1.0'?><qualisys/>", "this is XML"),
        (b"MATLAB 7.3 MAT-file, Platform", "version 7.3"),
        (b"\x89HDF\r\n\x1a\n", "version 7.3"),
        (b"\x80\x04]q.", "pickle"),
        (b"\xff\xfe\x00\x01", "UTF-16"),
        ("%YAML:1.0\n---\na: &x [1]\nb: *x\n", "refers to parts of itself"),
        ("%YAML:1.0\n---\na: " + "[" * 200 + "]" * 200, "too deep"),
        (
            "%YAML:1.0\n---\nK: !!opencv-matrix\n   rows: 3\n   cols: 3\n   data: [1]\n",
            "9|1 number",
        ),
        ("%YAML:1.0\n---\ncamera_matrix: [1, 2]\n", "not where it stands"),
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><opencv_storage/>', "declarations"),
        ("cam0: {camera_model: pinhole}\n", "intrinsics"),
        ("cam0: 3\n", "no camera"),
        ("name,fx,fy,cx,cy\n", "column r1"),
        ("[cameras.0]\ncam_id = 0\n", "none of its cameras has a pose"),
        ("1 THIN_PRISM_FISHEYE 640 480 1 2 3\n", "no known|camera model|no such file"),
        ("a = 1\n", "no camera"),
    ],
)
def test_what_is_no_calibration_is_named(
    content: str | bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PoseDataError, match=message) as caught:
        read_rig(path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"%YAML:1.0\n---\na: [" + b"1, " * 300_000 + b"]\n",
        b"name,fx,fy,cx,cy,r1,r2,r3,t1,t2,t3\n" + b"a,1,1,1,1,0,0,0,0,0,1\n" * 20_000,
        b"".join(b"[c%d]\nmatrix = [[1]]\n" % i for i in range(5_000)),
    ],
    ids=["yaml", "csv", "toml"],
)
def test_files_of_too_many_values_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(PoseDataError, match=r"at most 500|more than 60000 values"):
        read_rig(tmp_path / "file")


def test_large_files_are_refused(tmp_path: Path) -> None:
    for name, start in (("a.yaml", b"%YAML:1.0\n"), ("a.pickle", b"\x80\x04"), ("a.toml", b"a=1")):
        with (tmp_path / name).open("wb") as stream:
            stream.write(start)
            stream.truncate(100 << 20)
        with pytest.raises(PoseDataError, match="too large"):
            read_rig(tmp_path / name)


@pytest.mark.parametrize("key", sorted(KEPT))
def test_damaged_files_are_read_or_refused(key: str, tmp_path: Path) -> None:
    rng = random.Random(sum(map(ord, key)))
    name, distortion = KEPT[key]
    write_rig(rig_with(distortion, 2), tmp_path / name, key)
    folder = FORMATS[key].is_folder
    files = sorted(tmp_path.glob(f"{name}/*")) if folder else [tmp_path / name]
    originals = [path.read_bytes() for path in files]
    refused = 0
    for _ in range(120):
        which = rng.randrange(len(files))
        # A byte more, so that there is always something to change.
        changed = bytearray(originals[which] + b"\n")
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(max(len(changed), 1))
            if rng.random() < 0.4:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            elif rng.random() < 0.5:
                del changed[at : at + rng.randint(1, 40)]
            else:
                changed[at:at] = rng.choice([b"]", b"[", b":", b",", b"nan", b"1e400", b"\n", b"-"])
        files[which].write_bytes(changed)
        for chosen in (None, key):
            try:
                read_rig(tmp_path / name, chosen, sizes=[(1280, 1024)])
            except PoseDataError:
                refused += 1
        files[which].write_bytes(originals[which])
    assert refused > 0


def test_a_file_of_one_format_read_as_another_is_refused(tmp_path: Path) -> None:
    for key, (name, distortion) in KEPT.items():
        write_rig(rig_with(distortion, 2), tmp_path / name, key)
    for key, (name, _) in KEPT.items():
        alike = {"anipose", "pose2sim", "freemocap"}
        for other in set(FORMATS) - {key} - (alike if key in alike else set()):
            with pytest.raises(PoseDataError):
                read_rig(tmp_path / name, other, sizes=[(1280, 1024)])
