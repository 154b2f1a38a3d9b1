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
from tests.support.labeled_projects import labeled_project
from tests.support.session_files import lightning_project, video

from napari_pose3d import export_poses, export_session, open_project
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.core.pipeline.exchange.label_exchange import labels_of_project
from napari_pose3d.settings import ExportSettings

PEERS = os.environ.get("NAPARI_POSE3D_PEERS", "")
PROOFS = os.environ.get("NAPARI_POSE3D_PROOFS", "")

pytestmark = pytest.mark.peers

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
    "dlc-csv": ["movement_dlc"],
    "dlc-h5": ["movement_dlc"],
}
LABEL_READERS = {
    "coco": "pycocotools_json",
    "jarvis": "pycocotools_json",
    "label3d": "scipy_label3d",
    "sleap": "sleapio_slp",
    "dlc-project": "sleapio_dlc",
}
PLURAL = ExportSettings(movement_dims="plural")
"""For movement 0.15, which is the last for Python 3.11."""


@pytest.fixture(scope="module", autouse=True)
def _environment() -> None:
    assert PEERS, "NAPARI_POSE3D_PEERS names no environment of peers: use make test-peers"


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
        program = reader.partition("_")[0].replace("sleapio", "sleap-io")
        known.setdefault(key, {})[program] = version
        path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def test_each_format_has_a_reader() -> None:
    assert set(READERS) | set(LABEL_READERS) == set(FORMATS)


@pytest.mark.parametrize(("key", "reader"), [(k, r) for k, rs in READERS.items() for r in rs])
def test_positions_are_read_by_name(key: str, reader: str, tmp_path: Path) -> None:
    poses = poses_of()
    assert poses.poses3d is not None
    assert poses.poses2d is not None
    done = export_poses(poses, key, tmp_path, PLURAL)
    found = read_by_peer(reader, done.files[0])
    positions = np.array(found["values"], dtype=float)
    names = found["names"] or list(KEYPOINTS)
    assert sorted(names) == sorted(KEYPOINTS)
    at = [names.index(name) for name in KEYPOINTS]
    # DeepLabCut's tables are one view each, and 3-D another.
    expected = poses.poses2d.xy[0] if reader == "movement_dlc" else poses.poses3d.xyz
    np.testing.assert_allclose(positions[:, at], expected, rtol=1e-6, atol=1e-7)
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


def test_movement_reads_the_3d_of_deeplabcut(tmp_path: Path) -> None:
    poses = poses_of()
    assert poses.poses3d is not None
    export_poses(poses, "dlc-h5", tmp_path)
    found = read_by_peer("pandas_dlc", tmp_path / "day1_3d.h5")
    at = [found["names"].index(name) for name in KEYPOINTS]
    np.testing.assert_allclose(np.array(found["values"], float)[:, at], poses.poses3d.xyz)


@pytest.mark.parametrize("key", ["jarvis", "label3d", "sleap", "dlc-project"])
def test_labels_are_read_by_name(key: str, tmp_path: Path) -> None:
    """The labels of the first view, which all readers give; each in px counted from 0."""
    project = labeled_project(tmp_path / "project")
    labels = labels_of_project(open_project(project))
    settings = ExportSettings(validation=0)
    done = export_session(project, key, tmp_path / f"labels{FORMATS[key].suffix}", settings)
    path = done.files[0]
    if key == "jarvis":
        path = tmp_path / "labels/annotations/instances_train.json"
    if key == "dlc-project":
        (path,) = tmp_path.glob("labels/labeled-data/day1_Cam-A/*.csv")
    found = read_by_peer(LABEL_READERS[key], path)
    assert sorted(found["names"]) == sorted(labels.keypoints)
    values = np.array(found["values"], dtype=float)
    if key == "jarvis":
        values = values.reshape(-1, len(labels.views), len(labels.keypoints), 3)[:, 0, :, :2]
        values[(values == 0).all(axis=-1)] = np.nan
    at = [found["names"].index(name) for name in labels.keypoints]
    np.testing.assert_allclose(values[:, at], labels.xy[0], atol=1e-3)
    note_proof(key, LABEL_READERS[key], found["version"])
