"""Ways to read frames of a video, timed: the bare decoder, ours, and those of others."""

from __future__ import annotations

import json
import os
import subprocess
import time
import venv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.processes import ROOT, describe_end, module_command
from napari_pose3d.core.video.index.frame_index import FrameIndex
from napari_pose3d.core.video.video_array import open_video

PEER, PEER_VERSION = "napari-pyav", "0.1.1"


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def read_all(read: Callable[[int], object], frames: Iterable[int]) -> None:
    """Read frames and let each go at once, as the bare loops do."""
    for n in frames:
        read(n)


# --- limits -----------------------------------------------------------------------------------


def bare_in_order(video: Path, n_frames: int, threads: int = 0, kind: str = "AUTO") -> float:
    import av

    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = kind
        stream.codec_context.thread_count = threads
        begun = time.perf_counter()
        for n, frame in enumerate(container.decode(stream)):
            frame.to_ndarray(format="rgb24")
            if n == n_frames - 1:
                break
        return time.perf_counter() - begun


def bare_random(video: Path, index: FrameIndex, frames: Sequence[int]) -> float:
    """Jump to the keyframe, decode to the frame, convert that one; nothing is looked up."""
    import av

    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        next(container.decode(stream))
        begun = time.perf_counter()
        for n in frames:
            target = int(index.times[n])
            container.seek(int(index.pts[index.entry(n)]), stream=stream)
            for frame in container.decode(stream):
                if frame.pts == target:
                    frame.to_ndarray(format="rgb24")
                    break
        return time.perf_counter() - begun


# --- readers ----------------------------------------------------------------------------------


def ours(video: Path, frames: Sequence[int], warm: Sequence[int] = (), **options: Any) -> float:
    with open_video(video, color="rgb", **options) as opened:
        read_all(opened.__getitem__, warm)
        return timed(lambda: read_all(opened.__getitem__, frames))


def opencv(video: Path, frames: Sequence[int]) -> float:
    import cv2

    capture = cv2.VideoCapture(str(video))
    capture.read()
    following = 1

    def read(n: int) -> object:
        nonlocal following
        if n != following:
            capture.set(cv2.CAP_PROP_POS_FRAMES, n)
        following = n + 1
        return cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)

    seconds = timed(lambda: read_all(read, frames))
    capture.release()
    return seconds


def frame_by_frame_dask(video: Path, frames: Sequence[int], n_frames: int) -> float:
    """One block a frame, each opened where it is needed."""
    import cv2
    import dask.array

    def block(block_info: Any = None) -> Any:
        capture = cv2.VideoCapture(str(video))
        capture.set(cv2.CAP_PROP_POS_FRAMES, block_info[None]["array-location"][0][0])
        image = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
        capture.release()
        return image[None]

    array = dask.array.map_blocks(
        block,
        chunks=((1,) * n_frames, 1024, 1280, 3),
        dtype=np.uint8,
        meta=np.empty((0,) * 4, "u1"),
    )
    return timed(lambda: read_all(lambda n: array[n].compute(), frames))


def peer_python() -> tuple[Path | None, str]:
    """The Python that has napari-pyav installed; or None and the reason."""
    folder = Path(os.environ.get("POSE3D_VIDEO_PEERS") or ROOT / ".venv-peers-video")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    try:
        if not python.exists():
            print(f"\nMaking a virtual environment for {PEER} {PEER_VERSION} in {folder} ...")
            venv.create(folder, with_pip=True)
        ask = [str(python), "-c", "import napari_pyav._reader"]
        if subprocess.run(ask, capture_output=True).returncode:
            wanted = [f"{PEER}=={PEER_VERSION}", "numpy<2"]
            install = [str(python), "-m", "pip", "install", "--quiet", *wanted]
            ended = subprocess.run(install, capture_output=True, text=True)
            if ended.returncode:
                return None, f"{PEER} could not be installed ({describe_end(ended)})"
    except (OSError, subprocess.CalledProcessError) as error:
        return None, f"{PEER}: no virtual environment could be made ({error})"
    return python, f"{PEER} {PEER_VERSION}"


def peer(python: Path | None, video: Path, frames: Sequence[int]) -> float:
    """Seconds that napari-pyav takes for the frames; NaN where it is not there."""
    if python is None:
        return float("nan")
    tasks = json.dumps({"frames": list(frames)})
    command = module_command("benchmarks.video.child_pyav", video, tasks, python=python)
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        print(f"{PEER}: {describe_end(ended)}")
        return float("nan")
    seconds: float = json.loads(ended.stdout)["frames"]
    return seconds
