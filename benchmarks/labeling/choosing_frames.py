"""Choosing 20 frames to label by k-means over all views: time and memory by the length of videos.

The videos are one short video in H.264 with a keyframe every 250 frames, its packets again and
again. Each row is a process of its own: ``seconds`` is one call from closed videos to the chosen
frames, ``MB in all`` the most memory that the process held, and ``of which before`` what it held
before the call, with everything imported.

Goal: at a million frames in one view, at most 300 MB more than before, and at most 10 times as
long as at 10,000.

    python -m benchmarks.labeling.choosing_frames [--quick]
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.support.child import peak_memory_mb, received, send
from benchmarks.support.processes import describe_end, module_command
from benchmarks.support.report import Table, begin, goal, parser
from benchmarks.support.videos import KINDS, make_long, make_video

SMALL, LARGE = (160, 120), (1280, 1024)
# Size, views, frames.
CASES = (
    (SMALL, 1, 2_000),
    (SMALL, 1, 10_000),
    (SMALL, 1, 20_000),
    (SMALL, 1, 100_000),
    (SMALL, 1, 1_000_000),
    (SMALL, 6, 20_000),
    (SMALL, 6, 1_000_000),
    (LARGE, 1, 20_000),
    (LARGE, 6, 20_000),
)
QUICK = (CASES[0], CASES[1], CASES[3])
GOAL_MEMORY, GOAL_TIME = 300, 10
_RATE = 25
_SOURCE_FRAMES = 500
_CHOSEN = 20


def choose(video: Path, n_views: int, other: Path) -> None:
    """The child: every view of the session shows the same video; an `other` one is for warming."""
    from napari_pose3d.core.labels.frame_selection.kmeans_selection import by_kmeans
    from napari_pose3d.core.projects.session import Session

    views = tuple(f"view{i}" for i in range(n_views))
    session = Session("session", video.parent, views, dict.fromkeys(views, video))
    by_kmeans(Session("other", other.parent, ("a",), {"a": other}), 2, candidates=8)
    stages: dict[str, float] = {}
    before = peak_memory_mb()
    last = started = time.perf_counter()
    longest = 0.0

    def cancelled() -> bool:
        nonlocal last, longest
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
        return False

    def progress(stage: str, done: int, total: int) -> None:
        stages.setdefault(stage, time.perf_counter() - started)

    chosen = by_kmeans(session, _CHOSEN, progress=progress, cancelled=cancelled)
    seconds = time.perf_counter() - started
    assert len(set(chosen)) == _CHOSEN
    opened = stages["Looking through the videos"]
    send(seconds=seconds, opened=opened, mb=peak_memory_mb(), before=before, longest=longest)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--folder", type=Path, help="keep the videos here and use them again")
    options.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        choose(Path(chosen.child[0]), int(chosen.child[1]), Path(chosen.child[2]))
        return
    begin("Choosing frames to label")
    table = Table(
        f"{_CHOSEN} frames by k-means",
        (
            "image, px",
            "views",
            "frames",
            "seconds",
            "before reading, s",
            "MB in all",
            "of which before",
            "between two checks for Cancel, s",
        ),
    )
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for size, n_views, n_frames in QUICK if chosen.quick else CASES:
            name = f"{size[0]}x{size[1]}"
            source = make_video(folder / f"{name}.mp4", _SOURCE_FRAMES, KINDS["GOP 250"], size)
            video = make_long(source, folder / f"{name}-{n_frames}.mp4", n_frames // _RATE, _RATE)
            command = module_command(__spec__.name, "--child", video, n_views, source)
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode:
                raise SystemExit(f"{name}, {n_frames} frames: {describe_end(ended)}")
            facts = received(ended.stdout)
            found[size, n_views, n_frames] = facts
            table.add(
                f"{size[0]} x {size[1]}",
                n_views,
                n_frames,
                *(float(facts[k]) for k in ("seconds", "opened", "mb", "before", "longest")),
            )
    table.notes.append(
        "Lightning Pose's app 2.4 (k-means on the first view only, every image kept in memory), "
        "measured at another time with one view of 160 x 120 px: 2,000, 5,000, 10,000 and 20,000 "
        "frames took 10, 23, 39 and 62 s and 644, 1,277, 2,334 and 4,444 MB of memory in all"
    )
    table.show()
    short, long = found[SMALL, 1, 10_000], found.get((SMALL, 1, 1_000_000))
    if long is not None:
        more, ratio = long["mb"] - long["before"], long["seconds"] / short["seconds"]
        goal(f"{more:.0f} MB more at a million frames; at most {GOAL_MEMORY}", more <= GOAL_MEMORY)
        goal(
            f"a million frames take {ratio:.1f} times as long as 10,000; at most {GOAL_TIME}",
            ratio <= GOAL_TIME,
        )


if __name__ == "__main__":
    main()
