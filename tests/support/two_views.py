"""A session of two views, cut from one mirrored video as some laboratories record them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from napari_pose3d import open_video

HALVES = {"top": slice(0, 168), "bot": slice(168, 406)}


def write_halves(video: Path, folder: Path, n_frames: int = 60) -> Path:
    """The first frames of a video as two videos ``mouse_<view>.mp4``, one per half."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_video(video, color="grey") as opened:
        images = np.asarray(opened[:n_frames])
    for view, rows in HALVES.items():
        half = images[:, rows]
        # 4:2:0 video has even sides.
        half = half[:, : half.shape[1] // 2 * 2, : half.shape[2] // 2 * 2]
        with av.open(str(folder / f"mouse_{view}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=30, options={"crf": "12"})
            stream.height, stream.width = half.shape[1:]
            stream.pix_fmt = "yuv420p"
            for image in half:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray8")
                container.mux(stream.encode(frame.reformat(format="yuv420p")))
            container.mux(stream.encode(None))
    return folder
