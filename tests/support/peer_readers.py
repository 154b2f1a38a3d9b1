"""Other programs' readers, run by the Python of an environment that has them.

``python peer_readers.py READER FILE`` prints names of keypoints and positions as JSON; this file
imports nothing of ours.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import warnings
from typing import Any


def opensim_trc(path: str) -> tuple[list[str], Any, str]:
    opensim = importlib.import_module("opensim")
    table = opensim.TimeSeriesTableVec3(path)
    names = list(table.getColumnLabels())
    rows = [table.getRowAtIndex(i) for i in range(table.getNumRows())]
    xyz = [[[row[k][axis] for axis in range(3)] for k in range(len(names))] for row in rows]
    return names, xyz, opensim.GetVersion()


def movement_anipose(path: str) -> tuple[list[str], Any, str]:
    load_poses = importlib.import_module("movement.io").load_poses
    return _movement(load_poses.from_anipose_file(path, fps=120))


def movement_netcdf(path: str) -> tuple[list[str], Any, str]:
    dataset = importlib.import_module("xarray").load_dataset(path)
    validators = importlib.import_module("movement.validators.datasets")
    validators.ValidPosesInputs.validate(dataset)
    return _movement(dataset)


def scipy_mat(path: str) -> tuple[list[str], Any, str]:
    pred = importlib.import_module("scipy.io").loadmat(path)["pred"]
    return [], pred.transpose(0, 2, 1).tolist(), importlib.import_module("scipy").__version__


def pynwb_nwb(path: str) -> tuple[list[str], Any, str]:
    pynwb = importlib.import_module("pynwb")
    importlib.import_module("ndx_pose")
    assert pynwb.validate(path=path) == []
    with pynwb.NWBHDF5IO(path, "r") as io:
        series = io.read().processing["behavior"]["PoseEstimation"].pose_estimation_series
        names = list(series)
        columns = [series[name].data[:].tolist() for name in names]
    xyz = [[column[i] for column in columns] for i in range(len(columns[0]))]
    return names, xyz, pynwb.__version__


def nwbinspector_nwb(path: str) -> tuple[list[str], Any, str]:
    """Beside the positions: archives accept the file with nothing but suggestions."""
    nwbinspector = importlib.import_module("nwbinspector")
    importlib.import_module("ndx_pose")
    graver = nwbinspector.Importance.BEST_PRACTICE_SUGGESTION
    found = [
        f"{each.importance.name}: {each.object_name}: {each.message}"
        for each in nwbinspector.inspect_nwbfile(nwbfile_path=path)
        if each.importance.value > graver.value
    ]
    assert found == [], found
    names, xyz, _ = pynwb_nwb(path)
    return names, xyz, importlib.import_module("importlib.metadata").version("nwbinspector")


def movement_nwb(path: str) -> tuple[list[str], Any, str]:
    importlib.import_module("ndx_pose")
    return _movement(importlib.import_module("movement.io").load_poses.from_nwb_file(path))


def movement_dlc(path: str) -> tuple[list[str], Any, str]:
    return _movement(importlib.import_module("movement.io").load_poses.from_dlc_file(path))


def pandas_dlc(path: str) -> tuple[list[str], Any, str]:
    pandas = importlib.import_module("pandas")
    table = pandas.read_hdf(path)
    names = list(dict.fromkeys(table.columns.get_level_values("bodyparts")))
    return names, table.to_numpy().reshape(len(table), len(names), -1).tolist(), pandas.__version__


def scipy_label3d(path: str) -> tuple[list[str], Any, str]:
    scipy = importlib.import_module("scipy.io")
    content = scipy.loadmat(path)
    names = [str(each[0]) for each in content["skeleton"]["joint_names"][0, 0].ravel()]
    clicks = content["handLabeled2D"][:, 0].transpose(2, 0, 1) - 1
    return names, clicks.tolist(), importlib.import_module("scipy").__version__


def sleapio_slp(path: str) -> tuple[list[str], Any, str]:
    sleap_io = importlib.import_module("sleap_io")
    labels = sleap_io.load_slp(path, open_videos=False)
    (recording,) = labels.sessions
    first = recording.get_video(recording.cameras[0])
    frames = sorted(
        (each for each in labels.labeled_frames if each.video is first), key=lambda f: f.frame_idx
    )
    values = [each.instances[0].numpy().tolist() for each in frames]
    return list(labels.skeletons[0].node_names), values, sleap_io.__version__


def sleapio_dlc(path: str) -> tuple[list[str], Any, str]:
    sleap_io = importlib.import_module("sleap_io")
    labels = sleap_io.load_file(path)
    frames = sorted(labels.labeled_frames, key=lambda each: each.frame_idx)
    values = [each.instances[0].numpy().tolist() for each in frames]
    return list(labels.skeletons[0].node_names), values, sleap_io.__version__


def dannce_label3d(path: str) -> tuple[list[str], Any, str]:
    """Its 3-D labels; and seen by its cameras they are at the pixels that it would train with."""
    numpy, io = importlib.import_module("numpy"), _dannce()
    labels, cameras = io.load_labels(path), io.load_camera_params(path)
    assert len(labels) == len(cameras) == len(io.load_camnames(path)) == len(io.load_sync(path))
    n = len(labels[0]["data_frame"].ravel())
    xyz = labels[0]["data_3d"].reshape(n, -1, 3)
    for label, camera in zip(labels, cameras, strict=True):
        # [R; t] K with rows for points, as its `ops.project_to2d`.
        seen = (xyz @ camera["R"] + camera["t"]) @ camera["K"]
        pixels = label["data_2d"].reshape(n, -1, 2)
        if not camera["RDistort"].any() and not camera["TDistort"].any():
            numpy.testing.assert_allclose(seen[..., :2] / seen[..., 2:], pixels, atol=1e-3)
    return [], xyz.tolist(), "of 201e378"


def moseq_anipose(path: str) -> tuple[list[str], Any, str]:
    return _moseq(path, "anipose")


def moseq_h5(path: str) -> tuple[list[str], Any, str]:
    return _moseq(path, "sleap-anipose")


def moseq_mat(path: str) -> tuple[list[str], Any, str]:
    return _moseq(path, "dannce")


def moseq_nwb(path: str) -> tuple[list[str], Any, str]:
    return _moseq(path, "nwb")


def _moseq(path: str, kind: str) -> tuple[list[str], Any, str]:
    io = importlib.import_module("keypoint_moseq.io")
    positions, confidences, names = io.load_keypoints(path, kind)
    ((key, xyz),) = positions.items()
    assert confidences[key].shape == xyz.shape[:2]
    version = importlib.import_module("importlib.metadata").version("keypoint-moseq")
    # Made up, or none, where the file has none.
    named = [] if not names or str(names[0]).startswith("bodypart") else list(names)
    return named, xyz.tolist(), version


def _dannce() -> Any:
    """DANNCE's own reader, which is no package: the file that an environment variable names."""
    spec = importlib.util.spec_from_file_location("dannce_io", os.environ["NAPARI_POSE3D_DANNCE"])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _movement(dataset: Any) -> tuple[list[str], Any, str]:
    version = importlib.import_module("importlib.metadata").version("movement")
    names = "keypoints" if "keypoints" in dataset.dims else "keypoint"
    xyz = dataset.position.values[..., 0].transpose(0, 2, 1)
    return [str(name) for name in dataset[names].values], xyz.tolist(), version


def ezc3d_c3d(path: str) -> tuple[list[str], Any, str]:
    ezc3d = importlib.import_module("ezc3d")
    file = ezc3d.c3d(path)
    names = list(file["parameters"]["POINT"]["LABELS"]["value"])
    xyz = file["data"]["points"][:3].transpose(2, 1, 0)
    return names, xyz.tolist(), ezc3d.__version__


def c3d_c3d(path: str) -> tuple[list[str], Any, str]:
    c3d = importlib.import_module("c3d")
    version = importlib.import_module("importlib.metadata").version("c3d")
    with open(path, "rb") as stream:
        reader = c3d.Reader(stream)
        names = [label.strip() for label in reader.point_labels]
        frames = [points.copy() for _, points, _ in reader.read_frames()]
    xyz = [[row[:3].tolist() if row[3] >= 0 else [None] * 3 for row in points] for points in frames]
    return names, xyz, version


def h5py_tracks(path: str) -> tuple[list[str], Any, str]:
    h5py = importlib.import_module("h5py")
    with h5py.File(path) as file:
        xyz = file["tracks"][:, 0]
    return [], xyz.tolist(), h5py.__version__


def pandas_csv(path: str) -> tuple[list[str], Any, str]:
    pandas = importlib.import_module("pandas")
    return _tidy(pandas.read_csv(path), pandas.__version__)


def pandas_parquet(path: str) -> tuple[list[str], Any, str]:
    pandas = importlib.import_module("pandas")
    return _tidy(pandas.read_parquet(path), pandas.__version__)


def _tidy(table: Any, version: str) -> tuple[list[str], Any, str]:
    names = [str(name) for name in table["keypoint"].unique()]
    xyz = table[["x", "y", "z"]].to_numpy().reshape(-1, len(names), 3)
    return names, xyz.tolist(), version


def pycocotools_json(path: str) -> tuple[list[str], Any, str]:
    coco = importlib.import_module("pycocotools.coco").COCO(path)
    version = importlib.import_module("importlib.metadata").version("pycocotools")
    evaluation = importlib.import_module("pycocotools.cocoeval")
    names = coco.loadCats(coco.getCatIds())[0]["keypoints"]
    annotations = coco.loadAnns(coco.getAnnIds())
    # The labels as their own detections: the similarity must be 1.
    found = coco.loadRes([{**each, "score": 1.0} for each in annotations])
    judge = evaluation.COCOeval(coco, found, "keypoints")
    judge.params.kpt_oks_sigmas = importlib.import_module("numpy").full(len(names), 0.05)
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == 1.0, judge.stats
    return names, [each["keypoints"] for each in annotations], version


def main() -> None:
    warnings.simplefilter("ignore")
    names, values, version = globals()[sys.argv[1]](sys.argv[2])
    # The readers print, too.
    print(f"\n{json.dumps({'names': names, 'values': values, 'version': version})}")


if __name__ == "__main__":
    main()
