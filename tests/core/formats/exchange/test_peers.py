"""What we write, read by the programs it is for.

They live in an environment of their own: ``make test-peers`` makes it and runs these tests. With
``NAPARI_POSE3D_PROOFS`` set to a file, what held is written there, for the table of
``docs/interchange.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import peer_readers
from tests.support.exchange_poses import KEYPOINTS, poses_of
from tests.support.session_files import lightning_project, video

from napari_pose3d import export_poses, export_session
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.settings import ExportSettings

PEERS = os.environ.get("NAPARI_POSE3D_PEERS", "")
PROOFS = os.environ.get("NAPARI_POSE3D_PROOFS", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PEERS, reason="NAPARI_POSE3D_PEERS names no environment of peers"),
]

READERS = {
    "anipose": ["movement_anipose"],
    "trc": ["opensim_trc"],
    "tidy-csv": ["pandas_csv"],
    "tidy-parquet": ["pandas_parquet"],
    "sleap-anipose": ["h5py_tracks"],
    "movement": ["movement_netcdf"],
    "dannce": ["scipy_mat"],
    "nwb": ["pynwb_nwb", "movement_nwb"],
    "c3d": ["ezc3d_c3d", "c3d_c3d"],
}
MODULES = {"hdf5": "h5py", "netcdf": "h5netcdf", "nwb": "ndx_pose", "parquet": "pyarrow"}
PLURAL = ExportSettings(movement_dims="plural")
"""For movement 0.15, which is the last for Python 3.11."""


def read_by_peer(reader: str, path: Path) -> dict[str, Any]:
    python = Path(PEERS) / "bin" / "python"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), str(peer_readers.__file__), reader, str(path)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def note_proof(key: str, reader: str, version: str) -> None:
    if PROOFS:
        path = Path(PROOFS)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known.setdefault(key, {})[reader.partition("_")[0]] = version
        path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def test_each_format_of_poses_has_a_reader() -> None:
    assert set(READERS) == {key for key, each in FORMATS.items() if each.content == "poses"}


@pytest.mark.parametrize(("key", "reader"), [(k, r) for k, rs in READERS.items() for r in rs])
def test_positions_are_read_by_name(key: str, reader: str, tmp_path: Path) -> None:
    if FORMATS[key].extra:
        pytest.importorskip(MODULES[FORMATS[key].extra])
    poses = poses_of()
    assert poses.poses3d is not None
    done = export_poses(poses, key, tmp_path, PLURAL)
    found = read_by_peer(reader, done.files[0])
    xyz = np.array(found["values"], dtype=float)
    names = found["names"] or list(KEYPOINTS)
    assert sorted(names) == sorted(KEYPOINTS)
    at = [names.index(name) for name in KEYPOINTS]
    np.testing.assert_allclose(xyz[:, at], poses.poses3d.xyz, rtol=1e-6, atol=1e-7)
    note_proof(key, reader, found["version"])


def test_labels_are_judged_equal_to_themselves_by_coco(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path / "project", ("day1",), ("top",), models=())
    path = folder / "videos" / "day1_top.mp4"
    path.unlink()
    video(path)
    text = "scorer,me,me,me,me\nbodyparts,nose,nose,tail,tail\ncoords,x,y,x,y\n"
    text += "labeled-data/day1_top/img3.png,10.5,20,,\nlabeled-data/day1_top/img7.png,1,5,40,50\n"
    (folder / "CollectedData_top.csv").write_text(text, encoding="utf-8")
    done = export_session(folder, "coco", tmp_path / "labels.json")
    found = read_by_peer("pycocotools_json", done.files[0])
    assert found["names"] == ["nose", "tail"]
    assert found["values"] == [[10.5, 20, 2, 0, 0, 0], [1, 5, 2, 40, 50, 2]]
    note_proof("coco", "pycocotools", found["version"])
