"""A Lightning Pose project with a calibration, labels that fit it, and images of its frames."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_pose3d import Rig, save_rig
from napari_pose3d.core.projects.project_toml import update_own_project
from tests.support.projects.session_files import touch, video
from tests.support.recordings.scenes import ARC_VIEWS, arc_rig

SIZE = (128, 96)
KEYPOINTS = ("tail", "nose", "ear")
FRAMES = (3, 7, 8, 12)
OCCLUDED = (1, 0)
"""View and keypoint that is occluded, without a position, in the second frame."""
UNLABELED = (2, 1)
"""View and keypoint that has no label in the third frame."""


def labeled_rig(distortion: tuple[float, ...] = (-0.1, 0.02, 0.001, -0.001, 0.003)) -> Rig:
    rig = arc_rig(size=SIZE, focal=100.0, distortion=distortion)
    return replace(rig, units="mm", extra={"metadata": {"units": "mm"}})


def labeled_project(
    folder: Path,
    sessions: tuple[str, ...] = ("day1",),
    *,
    rig: Rig | None = None,
    seed: int = 0,
) -> Path:
    """The project; labels are exact projections, in px with four digits."""
    rng = np.random.default_rng(seed)
    rig = labeled_rig() if rig is None else rig
    views = ", ".join(f'"{view}"' for view in ARC_VIEWS)
    names = ", ".join(KEYPOINTS)
    touch(folder / "project.yaml", f"view_names: [{views}]\nkeypoint_names: [{names}]\n")
    update_own_project(folder, skeleton=[("nose", "ear")])
    save_rig(rig, folder / "calibration.toml")
    rows: dict[str, list[str]] = {view: [] for view in ARC_VIEWS}
    for session in sessions:
        xy = rig.project(rng.uniform(-1, 1, (len(FRAMES), len(KEYPOINTS), 3)))
        for v, view in enumerate(ARC_VIEWS):
            (folder / "videos").mkdir(exist_ok=True)
            video(folder / "videos" / f"{session}_{view}.mp4")
            for n, frame in enumerate(FRAMES):
                image = f"labeled-data/{session}_{view}/img{frame:08d}.png"
                write_png(folder / image, 40 * v + n)
                cells = []
                for k in range(len(KEYPOINTS)):
                    if n == 1 and (v, k) == OCCLUDED:
                        cells.append(",,1")
                    elif n == 2 and (v, k) == UNLABELED:
                        cells.append(",,0")
                    else:
                        cells.append(f"{xy[v, n, k, 0]:.4f},{xy[v, n, k, 1]:.4f},2")
                rows[view].append(",".join([image, *cells]))
    n = 3 * len(KEYPOINTS)
    head = [
        ",".join(["scorer", *["me"] * n]),
        ",".join(["bodyparts", *[name for name in KEYPOINTS for _ in range(3)]]),
        ",".join(["coords", *["x", "y", "visible"] * len(KEYPOINTS)]),
    ]
    for view, lines in rows.items():
        text = "\n".join([*head, *lines]) + "\n"
        (folder / f"CollectedData_{view}.csv").write_text(text, encoding="utf-8")
    return folder


def write_png(path: Path, grey: int, size: tuple[int, int] = SIZE) -> None:
    """A grey image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    width, height = size
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = (b"\0" + bytes([grey]) * width) * height
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
