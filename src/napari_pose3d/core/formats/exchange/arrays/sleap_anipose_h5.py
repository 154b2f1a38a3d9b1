"""``points3d.h5`` of sleap-anipose: tracks in space, without names of keypoints.

Notes
-----
``/tracks (frame, track, node, 3)``; ours adds ``/point_scores (frame, track, node)``, which
keypoint-moseq reads. Names, units and frame rate lie in the side file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_pose3d.core.formats.containers.hdf5_files import numbers_of, open_hdf5
from napari_pose3d.core.formats.containers.optional_library import library
from napari_pose3d.errors import PoseDataError

from ..destination import Destination
from ..frame_rows import checked_positions
from ..session_poses import SessionPoses
from ..side_file import names_in_order, poses_with_facts, read_side_file, write_side_file

_PROGRAM = "sleap-anipose's points3d.h5"
_EXPECTED = "sleap-anipose's points3d.h5: /tracks (frame, track, node, 3)"


def write_sleap_anipose(poses: SessionPoses, to: Destination) -> list[str]:
    """Write 3-D positions and their confidence.

    Raises
    ------
    PoseDataError
        There are no 3-D positions, or h5py is not installed.
    """
    h5py = library("h5py", "hdf5", to.path)
    space = poses.in_space(_PROGRAM)
    n_frames, n_keypoints = space.xyz.shape[:2]
    with h5py.File(str(to.files.path(to.path)), "w") as file:
        tracks = file.create_dataset(
            "tracks",
            data=space.xyz[:, None].astype(np.float64),
            chunks=(min(n_frames, 1000), 1, n_keypoints, 3),
            compression="gzip",
            compression_opts=1,
        )
        tracks.attrs["Description"] = "Shape: (frames, tracks, nodes, 3)"
        file.create_dataset(
            "point_scores",
            data=poses.confidence3d()[:, None].astype(np.float32),
            compression="gzip",
            compression_opts=1,
        )
        file.create_dataset("frames", data=np.array([0, n_frames]))
    write_side_file(poses, to.path, to.files)
    return [
        "names: the file has none; the side file lists them in order",
        "not kept: uncertainty",
    ]


def read_sleap_anipose(path: Path) -> SessionPoses:
    """Read 3-D positions of a file with one track.

    Raises
    ------
    PoseDataError
        It is no such file, is damaged, has several tracks, or h5py is not installed.
    """
    with open_hdf5(path, "hdf5", _EXPECTED) as file:
        tracks = numbers_of(file, "tracks", path, 4).astype(np.float64)
        if tracks.shape[1] != 1 or tracks.shape[3] != 3 or 0 in tracks.shape:
            raise PoseDataError(
                f"the tracks have the shape {tracks.shape}",
                file=path,
                expected="(frames, 1, nodes, 3): one animal",
            )
        scores = None
        if "point_scores" in file:
            scores = numbers_of(file, "point_scores", path, 3).astype(np.float32)
            if scores.shape != tracks.shape[:3]:
                raise PoseDataError(
                    f"point_scores has the shape {scores.shape}",
                    file=path,
                    expected=str(tracks.shape[:3]),
                )
    xyz = checked_positions(tracks[:, 0], path)
    facts = read_side_file(path)
    names, notes = names_in_order(facts, xyz.shape[1])
    scores = None if scores is None else scores[:, 0]
    return poses_with_facts(xyz, names, facts, path.stem, scores=scores, notes=notes)
