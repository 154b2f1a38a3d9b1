"""How fast videos are read, against the decoder itself as the limit and against other readers.

Videos of 1280 x 1024 in H.264 are made on first use: groups of pictures (GOP) of 250 and of 30 with
B-frames, and without prediction. The limits are bare loops over PyAV's decoder that convert the
requested frames to RGB and do nothing else. Compared: OpenCV (seeking by frame number), a dask
array with one block per frame (OpenCV inside, as other plugins do it), and napari-pyav 0.1.1 in a
virtual environment of its own, because it needs numpy < 2 (``.venv-peers-video`` in the checkout,
made on first use; the environment variable POSE3D_VIDEO_PEERS names another place). Without it, its
column is empty.

Times are the minimum of several rounds in which all take turns, so that a busy machine affects all
alike. Readers that take seconds for one frame are given fewer frames, and the mean counts.

    python -m benchmarks.video.speed [--quick] [--videos FOLDER]
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.support.processes import describe_end
from benchmarks.support.report import Table, begin, goal, parser
from benchmarks.support.videos import KINDS, make_long, make_video
from benchmarks.video.readers import (
    PEER,
    bare_in_order,
    bare_random,
    frame_by_frame_dask,
    opencv,
    ours,
    peer,
    peer_python,
    read_all,
    timed,
)
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.core.video.video_array import open_video

_FILLING = 100  # frames of six videos that fill the cache
Task = Callable[[], float]


def least(tasks: dict[str, Task], rounds: int) -> dict[str, float]:
    """The least time of each task over rounds in which all take turns."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            times[name].append(task())
    return {name: min(values) for name, values in times.items()}


# --- the comparisons --------------------------------------------------------------------------

COLUMNS = ("video", "reading", "limit", "ours", "ours / limit", PEER, "OpenCV", "dask by frame")


def compare(videos: dict[str, Path], python: Path | None, rounds: int, n: int) -> None:
    table = Table("Milliseconds a frame, 1280 x 1024, RGB", COLUMNS)
    for kind, video in videos.items():
        compare_one(table, kind, video, python, rounds, n)
    table.notes.append(
        "dask by frame: the same for all ways of reading, since each block is opened anew"
    )
    table.show()


def compare_one(
    table: Table, kind: str, video: Path, python: Path | None, rounds: int, n: int
) -> None:
    index = build_index(video)
    in_order = range(_FILLING, _FILLING + n)
    shuffled = random.Random(0).sample(range(len(index)), 20)
    few = shuffled[:5]
    last = len(index) - 21
    backward = range(last, max(-1, last - 250), -1)
    dask_time = frame_by_frame_dask(video, few, len(index)) / len(few)

    best = least(
        {
            "limit": lambda: bare_in_order(video, n),
            # The cache is small and full, as the cache of any size is after some time.
            "ours": lambda: ours(video, in_order, warm=range(_FILLING), cache_bytes=100_000_000),
        },
        rounds,
    )
    others = [peer(python, video, range(40)) / 40, opencv(video, range(1, n + 1)) / n, dask_time]
    add(table, kind, "in order", best, n, others)
    ratio = best["ours"] / best["limit"]
    goal(f"{kind}, in order: {ratio:.2f} of the bare decoder's time (1.1)", ratio <= 1.1)

    best = least(
        {
            "limit": lambda: bare_in_order(video, n),
            "ours": lambda: ours(video, range(n), cache_bytes=1 << 30),
        },
        rounds,
    )
    add(table, kind, "in order, empty cache", best, n, [float("nan")] * 3)
    ratio = best["ours"] / best["limit"]
    goal(f"{kind}, in order, empty cache: {ratio:.2f} of the bare decoder (1.1)", ratio <= 1.1)

    best = least(
        {
            "limit": lambda: bare_random(video, index, shuffled),
            # Nothing is met again by chance: room for a few images only.
            "ours": lambda: ours(video, shuffled, cache_bytes=10_000_000),
        },
        rounds,
    )
    others = [peer(python, video, few) / len(few), opencv(video, few) / len(few), dask_time]
    add(table, kind, "at random", best, len(shuffled), others)
    ratio = best["ours"] / best["limit"]
    goal(f"{kind}, at random: {ratio:.2f} of decoding from the keyframe (1.1)", ratio <= 1.1)

    mine = least({"ours": lambda: ours(video, backward)}, rounds)["ours"] / len(backward)
    # From the middle of the way, where the keyframe is half a group away.
    steps = backward[len(backward) // 2 :][:6]
    others = [peer(python, video, steps) / 6, opencv(video, steps) / 6, dask_time]
    table.add(kind, "backward", float("nan"), 1e3 * mine, float("nan"), *(1e3 * o for o in others))
    if kind == "GOP 250":
        for name, other in zip((PEER, "OpenCV"), others, strict=False):
            times = other / mine
            goal(f"backward, {times:.0f} times faster than {name} (50)", times >= 50)


def add(
    table: Table, kind: str, reading: str, best: dict[str, float], n: int, others: list[float]
) -> None:
    limit, mine = 1e3 * best["limit"] / n, 1e3 * best["ours"] / n
    table.add(kind, reading, limit, mine, mine / limit, *(1e3 * other for other in others))


def six_videos(video: Path, rounds: int, n: int) -> None:
    """Six views in step, as a session is played: frame n of each, then frame n + 1."""

    def step() -> float:
        videos = [open_video(video, color="rgb") for _ in range(6)]

        def play(first: int, last: int) -> None:
            for i in range(first, last):
                for opened in videos:
                    read_all(opened.__getitem__, (i,))

        # Until the cache is full and its memory is used again, as it is after some seconds.
        play(0, _FILLING)
        seconds = timed(lambda: play(_FILLING, _FILLING + n))
        for opened in videos:
            opened.close()
        return seconds

    def limit_together() -> float:
        threads = [
            threading.Thread(target=bare_in_order, args=(video, n, 1, "SLICE")) for _ in range(6)
        ]

        def run() -> None:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        return timed(run)

    best = least(
        {
            "limit, one after the other": lambda: sum(bare_in_order(video, n) for _ in range(6)),
            "limit, six threads": limit_together,
            "ours, six videos in step": step,
        },
        rounds,
    )
    table = Table(
        "Six videos in step, 1280 x 1024, RGB, after the cache is full", ("way", "images / s")
    )
    for name, seconds in best.items():
        table.add(name, 6 * n / seconds)
    table.show()
    *limits, mine = best.values()
    goal(f"{min(limits) / mine:.0%} of the decode limit (90 %)", mine <= min(limits) / 0.9)


def long_videos(videos: dict[str, Path], folder: Path, seconds: int) -> None:
    """Opening an hour of video: first image, and what the index costs over a bare demux."""
    import av

    from napari_pose3d.core.video import reader_factory as opening

    # As if it were opened for the first time.
    opening.load_index = lambda path: None  # type: ignore[assignment]
    columns = ("video", "frames", "GB", "first image, s", "index, s", "bare demux, s", "open, s")
    table = Table(f"Opening a video of {seconds // 60} min", columns)

    def demux(path: Path) -> None:
        with av.open(str(path)) as container:
            for _ in container.demux(container.streams.video[0]):
                pass

    for ending in ("mp4", "mkv"):
        path = make_long(videos["GOP 30"], folder / f"long.{ending}", seconds)
        demux(path)  # into the system's cache, for all alike
        best = least(
            {
                "first": lambda path=path: timed(lambda: opening.first_image(path)),
                "index": lambda path=path: timed(lambda: build_index(path)),
                "demux": lambda path=path: timed(lambda: demux(path)),
                "open": lambda path=path: timed(lambda: open_video(path)[0]),
            },
            3,
        )
        n, size = len(build_index(path)), path.stat().st_size / 1e9
        table.add(ending, n, size, *(best[name] for name in ("first", "index", "demux", "open")))
        goal(f"{ending}: first image after {best['first']:.2f} s (0.5)", best["first"] <= 0.5)
        ratio = best["index"] / best["demux"]
        goal(f"{ending}: index in {ratio:.2f} of a bare demux (1.1)", ratio <= 1.1)
    table.notes.append("open: index and first image; napari shows the first image before")
    table.show()


def dask_mean(video: Path, rounds: int, n: int) -> None:
    import av

    def plain() -> float:
        def run() -> None:
            total = np.zeros((1024, 1280, 3))
            with av.open(str(video)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                for i, frame in enumerate(container.decode(stream)):
                    if i == n:
                        break
                    total += frame.to_ndarray(format="rgb24")
            _ = total / n

        return timed(run)

    def lazy() -> float:
        with open_video(video, color="rgb") as opened:
            return timed(lambda: opened.to_dask()[:n].mean(axis=0).compute())

    best = least({"plain": plain, "lazy": lazy}, rounds)
    ratio = best["lazy"] / best["plain"]
    table = Table(f"Mean image of {n} frames", ("way", "seconds"))
    table.add("decode loop with a running sum", best["plain"])
    table.add("to_dask().mean(axis=0)", best["lazy"])
    table.show()
    goal(f"to_dask() takes {ratio:.2f} of a plain decode loop's time (1.15)", ratio <= 1.15)


def memory(video: Path) -> None:
    """How much a process grows that has read everything, over the bound of its cache."""
    code = (
        "import sys, psutil\n"
        "from napari_pose3d.core.video.video_array import open_video, set_video_cache\n"
        "bound = 200_000_000\n"
        "set_video_cache(bound)\n"
        "size = lambda: psutil.Process().memory_info().rss\n"
        "videos = [open_video(sys.argv[1], color='rgb') for _ in range(3)]\n"
        "before, most = size(), 0\n"
        "for n in [*range(300), *range(300, 0, -1)]:\n"
        "    for opened in videos:\n"
        "        video[n]\n"
        "    most = max(most, size())\n"
        "print(most - before - bound)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(video)], capture_output=True, text=True)
    if ended.returncode:
        print(f"memory: {describe_end(ended)}")
        return
    over = float(ended.stdout) / 1e6
    goal(f"memory: {over:.0f} MB over the cache's bound after three videos (150)", over <= 150)


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--videos", type=Path, help="folder in which the videos are kept")
    command.add_argument("--only", help="one part: compare, six, long, dask or memory")
    chosen = command.parse_args()
    folder = chosen.videos or Path(tempfile.gettempdir()) / "napari-pose3d-videos"
    folder.mkdir(parents=True, exist_ok=True)
    # Indices of these videos would only fill the user's cache folder.
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    begin("Reading videos")
    rounds, n = (3, 100) if chosen.quick else (5, 200)
    videos = {
        kind: make_video(folder / f"{kind.replace(' ', '-')}.mp4", 520, options)
        for kind, options in KINDS.items()
    }

    def part(name: str) -> bool:
        return chosen.only in (None, name)

    if part("compare"):
        python, text = peer_python()
        print(f"\nPeer: {text}")
        compare(videos, python, rounds, n)
    if part("six"):
        six_videos(videos["GOP 250"], min(rounds, 3), n)
    if part("dask"):
        dask_mean(videos["GOP 250"], rounds, 500 if not chosen.quick else 250)
    if part("long"):
        long_videos(videos, folder, 600 if chosen.quick else 3600)
    if part("memory"):
        memory(videos["GOP 250"])


if __name__ == "__main__":
    main()
