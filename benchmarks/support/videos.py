"""The videos that the video benchmark runs on, made once and kept in a folder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 1280, 1024
KINDS = {
    "GOP 250": {"g": "250", "bf": "2", "sc_threshold": "0"},
    "GOP 30": {"g": "30", "bf": "2", "sc_threshold": "0"},
    "all-intra": {"g": "1"},
}


def make_video(
    path: Path, n_frames: int, options: dict[str, str], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Path:
    """Render a textured floor under a slowly moving camera, with noise, in H.264."""
    import av

    if path.exists():
        return path
    width, height = size
    rng = np.random.default_rng(0)
    floor = rng.integers(0, 255, (height // 8 + 40, width // 8 + 40, 3)).astype(np.float32)
    floor = np.kron(floor, np.ones((8, 8, 1), np.float32))
    noise = [rng.normal(0, 3, (height, width, 1)).astype(np.float32) for _ in range(8)]
    draft = path.with_name(f"part-{path.name}")
    with av.open(str(draft), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23", **options}
        for n in range(n_frames):
            y, x = 100 + int(90 * np.sin(n / 40)), 100 + int(90 * np.cos(n / 55))
            image = floor[y : y + height, x : x + width] * 0.8 + 20 + noise[n % 8]
            # An animal that crosses the floor.
            left, top = n * 3 % (width - 120), 300 + int(100 * np.sin(n / 9))
            image[top : top + 80, left : left + 120] = 20, 25, 30
            frame = av.VideoFrame.from_ndarray(image.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    draft.rename(path)
    return path


def make_long(source: Path, path: Path, seconds: int = 3600, rate: int = 30) -> Path:
    """A long video: the packets of a short one again and again, without encoding anything.

    An MP4 with "fragments" in its name is written without an index, as while recording.
    """
    import av

    if path.exists():
        return path
    draft = path.with_name(f"part-{path.name}")
    flags = {"movflags": "frag_keyframe+empty_moov"} if "fragments" in path.name else {}
    with av.open(str(source)) as given, av.open(str(draft), "w", options=flags) as out:
        stream = given.streams.video[0]
        copied = out.add_stream_from_template(stream)
        assert stream.time_base is not None
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in given.demux(stream) if p.size]
        length = int(len(packets) / rate / stream.time_base)
        for i in range(seconds * rate // len(packets)):
            for data, pts, dts, key in packets:
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + i * length, dts + i * length
                packet.time_base, packet.stream = Fraction(stream.time_base), copied
                packet.is_keyframe = key
                out.mux(packet)
    draft.rename(path)
    return path
