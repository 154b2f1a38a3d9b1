"""Files of other programs for the trials of reading: made, imported, and compared again."""

from __future__ import annotations

import importlib.util
import json
import random
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .project import KEYPOINTS, N_FRAMES, SESSION, VIEWS, rig_of_project

# What is damaged, by format; the first of several is what is imported.
_POSES = {
    "anipose": f"{SESSION}.csv",
    "trc": f"{SESSION}.trc",
    "tidy-csv": f"{SESSION}.csv",
    "tidy-parquet": f"{SESSION}.parquet",
    "sleap-anipose": f"{SESSION}.h5",
    "movement": f"{SESSION}.nc",
    "c3d": f"{SESSION}.c3d",
    "nwb": f"{SESSION}.nwb",
    "dannce": f"{SESSION}.mat",
    "dlc-csv": f"{SESSION}_{VIEWS[0]}.csv",
    "dlc-h5": f"{SESSION}_{VIEWS[0]}.h5",
}
_LABELED = f"set/labeled-data/{SESSION}_{VIEWS[0]}/CollectedData_stress"
_LABELS = {
    "coco": "labels.json",
    "label3d": "labels.mat",
    "sleap": "labels.slp",
    "jarvis": "set/annotations/instances_train.json",
    "jarvis, cameras": f"set/calib_params/{SESSION}/{VIEWS[0]}.yaml",
    "dlc-project": "set/config.yaml",
    "dlc-project, csv": f"{_LABELED}.csv",
    "dlc-project, h5": f"{_LABELED}.h5",
}
_SIDE = {"side file": f"{SESSION}.csv.json"}
_LIBRARIES = {
    "tidy-parquet": "pyarrow",
    "sleap-anipose": "h5py",
    "movement": "h5netcdf",
    "nwb": "ndx_pose",
    "sleap": "sleap_io",
}
# Nothing looks into a hidden folder: the project holds the files, and does not use them.
_HOME = ".exchange"
_SIZE = (640, 480)


def _key(name: str) -> str:
    return "anipose" if name == "side file" else name.partition(",")[0]


def _is_there(name: str) -> bool:
    library = _LIBRARIES.get(_key(name))
    return library is None or importlib.util.find_spec(library) is not None


_ALL = {
    name: f"{_HOME}/{name.replace(', ', '-').replace(' ', '-')}/{file}"
    for name, file in {**_POSES, **_SIDE, **_LABELS}.items()
}
FILES = {f"exchange, {name}": file for name, file in _ALL.items() if _is_there(name)}
"""Formats, and where the file of each lies in the project."""
LEFT_OUT = tuple(name for name in _ALL if not _is_there(name))
"""Formats whose library is not installed."""


def write_files(folder: Path) -> None:
    """Put them into the project."""
    from napari_pose3d.core.formats.exchange.destination import Destination
    from napari_pose3d.core.pipeline.exchange.export_run import export_poses
    from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
    from napari_pose3d.core.storage.atomic_files import FileGroup
    from napari_pose3d.settings import ExportSettings

    labels = _labels(folder / "images")
    for name, file in FILES.items():
        short = name.removeprefix("exchange, ")
        chosen = FORMATS[_key(short)]
        home = folder / _HOME / Path(file).parts[1]
        if chosen.content == "poses":
            export_poses(_poses(), chosen.key, home)
        else:
            target = home / Path(file).parts[2]
            with FileGroup() as files:
                chosen.write()(labels, Destination(target, files, ExportSettings()))
        if chosen.key == "dlc-project":
            # The scorer is who runs this.
            for found in sorted(home.rglob("CollectedData_*")):
                found.rename(found.with_name(f"CollectedData_stress{found.suffix}"))
        if short == "dlc-project, h5":
            for found in home.rglob("CollectedData_*.csv"):
                found.unlink()
        assert (folder / file).is_file(), f"{name}: {sorted(home.rglob('*'))}"


def _poses() -> Any:
    from napari_pose3d.core.formats.exchange.session_poses import SessionPoses, poses3d_of
    from napari_pose3d.core.poses.arrays import Poses2D

    rig, rng = rig_of_project(), np.random.default_rng(0)
    xyz = rng.uniform(-1, 1, (N_FRAMES, len(KEYPOINTS), 3))
    xy = rig.project(xyz).astype(np.float32)
    likelihood = rng.uniform(0.5, 1, xy.shape[:-1]).astype(np.float32)
    return SessionPoses(
        poses3d_of(xyz, KEYPOINTS, session=SESSION, units="mm"),
        Poses2D(xy, likelihood, VIEWS, KEYPOINTS, session=SESSION),
        fps=100.0,
        skeleton=(KEYPOINTS,),
        rig=rig,
    )


def _labels(folder: Path) -> Any:
    from napari_pose3d.core.formats.exchange.session_labels import ImageKey, SessionLabels

    rig, rng, frames = rig_of_project(), np.random.default_rng(1), (3, 4, 8)
    xy = rig.project(rng.uniform(-1, 1, (len(frames), len(KEYPOINTS), 3)))
    keys = [ImageKey(SESSION, view, frame) for view in VIEWS for frame in frames]
    folder.mkdir()
    images = {}
    for key in keys:
        images[key] = folder / f"{key.view}-img{key.frame:08d}.png"
        images[key].write_bytes(_png(*_SIZE))
    return SessionLabels(
        tuple((SESSION, frame) for frame in frames),
        VIEWS,
        KEYPOINTS,
        xy,
        np.zeros(xy.shape[:-1], bool),
        (KEYPOINTS,),
        images,
        dict.fromkeys(keys, _SIZE),
        {SESSION: rig},
        lengths={SESSION: N_FRAMES},
    )


def _png(width: int, height: int) -> bytes:
    """A black image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = zlib.compress((b"\0" * (width + 1)) * height)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def commands(name: str, folder: Path, path: Path, rng: random.Random) -> list[list[str]]:
    """What is done with such a file on the command line."""
    given, out = str(_given(name, path)), str(folder.parent / "out")
    found = [["import", given], ["import", given, "--out", out], ["info", str(path)]]
    if name in ("exchange, dlc-csv", "exchange, dlc-h5"):
        found.append(["triangulate", str(path.parent), "--out", out])
        found.append(["export", str(path.parent), "--format", "tidy-csv", "--out", out])
    return found


def _given(name: str, path: Path) -> Path:
    """What is imported: the folder of a data set, the file beside its side file, or the file."""
    if name == "exchange, side file":
        return path.with_suffix("")
    parts = path.parts
    return Path(*parts[: parts.index("set") + 1]) if "set" in parts else path


def _read_poses(name: str) -> Callable[[Path, Path], str]:
    def check(folder: Path, path: Path) -> str:
        from napari_pose3d import import_file, read_poses

        given = _given(name, path)
        key = _key(name.removeprefix("exchange, "))
        poses = read_poses(given, key)
        with tempfile.TemporaryDirectory(prefix="stress-") as out:
            files = import_file(given, out, key).files
            return _wrong_poses(poses) or _other_than_poses(poses, files)

    return check


def _wrong_poses(poses: Any) -> str:
    for part, axes in ((poses.poses3d, "xyz"), (poses.poses2d, "xy")):
        if part is None:
            continue
        positions = getattr(part, axes)
        if np.isinf(positions).any():
            return "an infinite position"
        if positions.shape[-2:] != (len(part.keypoints), len(axes)):
            return f"shape {positions.shape}"
        if len(set(part.keypoints)) != len(part.keypoints):
            return "two keypoints of one name"
    if poses.fps is not None and not (np.isfinite(poses.fps) and poses.fps > 0):
        return f"{poses.fps} frames a second"
    return ""


def _other_than_poses(poses: Any, files: tuple[Path, ...]) -> str:
    """What is not as it was read, in the files that an import wrote."""
    from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
    from napari_pose3d.core.formats.predictions.prediction_csv import read_prediction_csv

    space = [file for file in files if file.name == f"{poses.session or 'recording'}_3d.csv"]
    if poses.poses3d is not None and not _equal(
        read_poses3d_csv(space[0]).xyz, poses.poses3d.xyz, 1e-4
    ):
        return "other positions in space after the import"
    for v, view in enumerate(poses.views):
        (file,) = (each for each in files if each.name.endswith(f"_{view}.csv"))
        if not _equal(read_prediction_csv(file).xy, poses.poses2d.xy[v], 1e-2):
            return f"other positions in {view} after the import"
    return ""


def _equal(a: Any, b: Any, tolerance: float) -> bool:
    # Half of a position is none.
    a, b = (np.where(np.isfinite(each).all(axis=-1)[..., None], each, np.nan) for each in (a, b))
    return bool(a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=tolerance, equal_nan=True))


def _read_labels(name: str) -> Callable[[Path, Path], str]:
    def check(folder: Path, path: Path) -> str:
        from napari_pose3d import import_file
        from napari_pose3d.core.pipeline.exchange.format_table import format_of

        given = _given(name, path)
        key = _key(name.removeprefix("exchange, "))
        labels = format_of(key).read()(given)
        with tempfile.TemporaryDirectory(prefix="stress-") as out:
            import_file(given, out, key)
            wrong = _wrong_labels(labels) or _other_than_labels(labels, Path(out))
        if not wrong and path.suffix == ".json":
            wrong = _not_in_json(labels, path)
        return wrong

    return check


def _wrong_labels(labels: Any) -> str:
    if np.isinf(labels.xy).any():
        return "an infinite position"
    shape = (len(labels.views), len(labels.frames), len(labels.keypoints), 2)
    if labels.xy.shape != shape:
        return f"shape {labels.xy.shape} of {shape}"
    for names in (labels.views, labels.keypoints, labels.frames):
        if len(set(names)) != len(names):
            return "one name twice"
    if any(frame < 0 for _, frame in labels.frames):
        return "a frame below zero"
    if any(min(size) <= 0 for size in labels.sizes.values()):
        return "an image without a size"
    for rig in labels.rigs.values():
        for camera in rig.cameras:
            numbers = (camera.matrix, camera.distortion, camera.rotation, camera.translation)
            if not all(np.isfinite(values).all() for values in numbers):
                return "a camera with a number that is none"
    return ""


def _other_than_labels(labels: Any, out: Path) -> str:
    """What is not as it was read, in the project that an import wrote."""
    from napari_pose3d import open_project
    from napari_pose3d.core.labels.files.label_files import LabelFiles
    from napari_pose3d.core.labels.label_arrays import label_arrays

    found = label_arrays(LabelFiles(open_project(out)))
    if set(found.views) != set(labels.views):
        return f"views {found.views} of {labels.views} after the import"
    rows = {(key.session, key.frame): n for n, key in enumerate(found.frames)}
    positions = found.in_order(labels.views, labels.keypoints)
    for n, frame in enumerate(labels.frames):
        expected = labels.xy[:, n]
        if frame not in rows:
            if np.isfinite(expected).all(axis=-1).any():
                return f"frame {frame} is not there after the import: {sorted(rows)[:5]}"
        elif not _equal(positions[:, rows[frame]], expected, 1e-2):
            return f"other positions in frame {frame} after the import"
    return ""


def _not_in_json(labels: Any, path: Path) -> str:
    """Whether there is a position that the annotations do not hold."""
    content = json.loads(path.read_text("utf-8-sig"))
    written = {
        (float(x), float(y))
        for each in content["annotations"]
        for x, y in zip(each["keypoints"][::3], each["keypoints"][1::3], strict=False)
    }
    if path.name.startswith("instances_"):
        other = path.with_name("instances_val.json")
        if other.is_file():
            written |= {
                (float(x), float(y))
                for each in json.loads(other.read_text("utf-8-sig"))["annotations"]
                for x, y in zip(each["keypoints"][::3], each["keypoints"][1::3], strict=False)
            }
    known = labels.xy[np.isfinite(labels.xy).all(axis=-1)]
    lost = {tuple(xy) for xy in known.tolist()} - written
    return f"positions that are not in the file: {sorted(lost)[:3]}" if lost else ""


READERS: dict[str, Callable[[Path, Path], str]] = {
    name: _read_labels(name)
    if _key(name.removeprefix("exchange, ")) in {_key(each) for each in _LABELS}
    else _read_poses(name)
    for name in FILES
}
"""By format: what is wrong about what was read, or ""."""
