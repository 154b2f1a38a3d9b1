"""What we write, read by the programs it is for.

They live in environments of their own: ``make test-peers`` makes them and runs these tests;
``NAPARI_POSE3D_PEERS`` lists them. A program that is in several, such as movement, is asked in
each. One that is in none is skipped, and says how to install it. With ``NAPARI_POSE3D_PROOFS`` set
to a file, what held is written there, for the table of ``docs/interchange.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support import peer_readers
from tests.support.projects.labeled_projects import labeled_project, labeled_rig
from tests.support.projects.session_files import lightning_project, video
from tests.support.recordings.exchange_poses import KEYPOINTS, poses_of

from napari_pose3d import export_poses, export_session, open_project
from napari_pose3d.core.cameras.triangulation.triangulation import triangulate
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.core.pipeline.exchange.label_exchange import labels_of_project
from napari_pose3d.settings import ExportSettings

PEERS = tuple(filter(None, os.environ.get("NAPARI_POSE3D_PEERS", "").split(os.pathsep)))
PROOFS = os.environ.get("NAPARI_POSE3D_PROOFS", "")

pytestmark = pytest.mark.peers

READERS = {
    "anipose": ["movement_anipose", "moseq_anipose"],
    "trc": ["opensim_trc"],
    "tidy-csv": ["pandas_csv"],
    "tidy-parquet": ["pandas_parquet"],
    "sleap-anipose": ["h5py_tracks", "moseq_h5"],
    "movement": ["movement_netcdf"],
    "dannce": ["scipy_mat", "moseq_mat"],
    "nwb": ["pynwb_nwb", "nwbinspector_nwb", "movement_nwb", "moseq_nwb"],
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
SETTINGS = {
    "nwbinspector_nwb": ExportSettings(
        subject=(
            *(("subject_id", "m1"), ("species", "Mus musculus"), ("sex", "F"), ("age", "P90D")),
            ("session_start", "2026-11-28T10:30:00+01:00"),
        )
    ),
    "moseq_nwb": ExportSettings(nwb="single"),
}
"""What some readers need."""
MODULES = {
    "moseq": "keypoint_moseq",
    "sleapio": "sleap_io",
    "pynwb": "ndx_pose",
    "dannce": "scipy",
    "pandas_parquet": "pyarrow",
}
"""What stands for a program, where it is not called as our readers call it."""
PROGRAMS = {"moseq": "keypoint-moseq", "sleapio": "sleap-io", "dannce": "DANNCE's io.py"}
"""What people call it."""
SINGULAR_FROM = (0, 17)
"""Versions of movement that want the dimensions in the singular."""


_proven: dict[tuple[str, str], list[str]] = {}


@pytest.fixture(scope="module", autouse=True)
def _peers() -> None:
    assert PEERS, "NAPARI_POSE3D_PEERS names no environments: use make test-peers"


@cache
def homes_with(module: str) -> tuple[str, ...]:
    """The environments that have a library."""
    look = "import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)"
    return tuple(
        home
        for home in PEERS
        if subprocess.run([python_of(home), "-c", look, module], env=_environment()).returncode == 0
    )


def homes_of(reader: str) -> tuple[str, ...]:
    """The environments with the program of a reader; skips the test where there is none."""
    program = reader.partition("_")[0]
    if program == "dannce" and not os.environ.get("NAPARI_POSE3D_DANNCE"):
        pytest.skip("DANNCE is no package: NAPARI_POSE3D_DANNCE names its dannce/engine/io.py")
    module = MODULES.get(reader) or MODULES.get(program, program)
    if not (found := homes_with(module)):
        name = PROGRAMS.get(program, program)
        pytest.skip(f"{name} is in none of {', '.join(PEERS)}: pip install {name}")
    return found


def python_of(home: str) -> str:
    return str(Path(home) / "bin" / "python")


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def read_by_peer(reader: str, path: Path, home: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [python_of(home or homes_of(reader)[0]), peer_readers.__file__, reader, str(path)],
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def note_proof(key: str, reader: str, version: str) -> None:
    if PROOFS:
        path = Path(PROOFS)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        program = reader.partition("_")[0]
        program = PROGRAMS.get(program, program)
        versions = _proven.setdefault((key, program), [])
        versions += [] if version in versions else [version]
        known.setdefault(key, {})[program] = ", ".join(sorted(versions))
        path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def test_each_format_has_a_reader() -> None:
    assert set(READERS) | set(LABEL_READERS) == set(FORMATS)


@pytest.mark.parametrize(("key", "reader"), [(k, r) for k, rs in READERS.items() for r in rs])
def test_positions_are_read_by_name(key: str, reader: str, tmp_path: Path) -> None:
    poses = poses_of()
    assert poses.poses3d is not None
    assert poses.poses2d is not None
    homes = homes_of(reader)
    for i, home in enumerate(homes if reader.startswith("movement") else homes[:1]):
        settings = SETTINGS.get(reader)
        if reader == "movement_netcdf" and movement_of(home) < SINGULAR_FROM:
            settings = ExportSettings(movement_dims="plural")
        done = export_poses(poses, key, tmp_path / str(i), settings)
        found = read_by_peer(reader, done.files[0], home)
        positions = np.array(found["values"], dtype=float)
        names = found["names"] or list(KEYPOINTS)
        assert sorted(names) == sorted(KEYPOINTS)
        at = [names.index(name) for name in KEYPOINTS]
        # DeepLabCut's tables are one view each, and 3-D another.
        expected = poses.poses2d.xy[0] if reader == "movement_dlc" else poses.poses3d.xyz
        np.testing.assert_allclose(positions[:, at], expected, rtol=1e-6, atol=1e-7)
        note_proof(key, reader, found["version"])


def movement_of(home: str) -> tuple[int, ...]:
    ask = "import importlib.metadata as m; print(m.version('movement'))"
    done = subprocess.run(
        [python_of(home), "-c", ask], capture_output=True, text=True, env=_environment(), check=True
    )
    return tuple(int(part) for part in done.stdout.split(".")[:2])


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


@pytest.mark.parametrize("distortion", [(0.0,) * 5, (-0.1, 0.02, 0.001, -0.001, 0.003)])
def test_dannce_reads_the_labels_and_cameras(distortion: tuple[float, ...], tmp_path: Path) -> None:
    rig = labeled_rig(distortion)
    project = labeled_project(tmp_path / "project", rig=rig)
    labels = labels_of_project(open_project(project))
    done = export_session(project, "label3d", tmp_path / "labels.mat")
    found = read_by_peer("dannce_label3d", done.files[0])
    expected = triangulate(rig, labels.xy).xyz
    np.testing.assert_allclose(np.array(found["values"], float), expected, atol=1e-4)
    note_proof("label3d", "dannce_label3d", found["version"])


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
