"""The first smoothing on a machine, where no kernel is compiled yet, beside the second.

``napari-pose3d smooth`` in a process of its own, on the sample session, from its start to its end:
first with an empty cache of compiled kernels, then with what the first one has left there.

Goal: the first in at most 20 s, on two processor cores with nothing else to do.

    python -m benchmarks.projects.first_run [--quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d.synthetic.sample import make_sample

GOAL = 20.0
CACHE = "NUMBA_CACHE_DIR"


def smooth(sample: Path, out: Path, cache: Path) -> tuple[float, float]:
    """Seconds from start to end, and of processor time with that of its own processes."""
    command = [sys.executable, "-m", "napari_pose3d.cli", "smooth", str(sample), "--out", str(out)]
    before, begun = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {CACHE: str(cache)})
    seconds, after = time.perf_counter() - begun, os.times()
    return seconds, sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    chosen = parser(__doc__).parse_args()
    found: dict[str, list[tuple[float, float]]] = {"first": [], "second": []}
    with tempfile.TemporaryDirectory() as work:
        sample = make_sample(Path(work) / "sample")
        for n in range(1 if chosen.quick else 3):
            cache = Path(work) / f"kernels{n}"
            for name, times in found.items():
                times.append(smooth(sample, Path(work) / f"{name}{n}", cache))
    begin("The first run")
    table = Table(
        "the sample, 600 frames of 4 views and 3 sets, smoothed in 3-D by the command line, s",
        ("run", "median", "longest", "processor time"),
    )
    for name, times in found.items():
        seconds = [each[0] for each in times]
        table.add(name, median(seconds), max(seconds), median(each[1] for each in times))
    table.show()
    first = median(each[0] for each in found["first"])
    goal(f"the first run takes {first:.1f} s; at most {GOAL:.0f}", first <= GOAL)


if __name__ == "__main__":
    main()
