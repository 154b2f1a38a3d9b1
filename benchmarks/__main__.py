"""All benchmarks in turn, each in a process of its own; prints their tables.

    python -m benchmarks [--quick] [--data PATH]

A benchmark that fails is named at the end; the others run all the same. The output is Markdown.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.support.processes import module_command, on_a_display
from benchmarks.support.report import parser

BENCHMARKS = (
    "projects.first_run",
    "smoothing.speed",
    "smoothing.sizes",
    "smoothing.accuracy",
    "smoothing.own_times",
    "smoothing.real_recording",
    "smoothing.triangulation",
    "calibration.making",
    "calibration.mending",
    "smoothing.long_recording",
    "smoothing.tables",
    "projects.batch",
    "review.finding",
    "review.kinds",
    "review.panel",
    "labeling.proposals",
    "labeling.geometry",
    "labeling.saving",
    "labeling.choosing_frames",
    "projects.opening",
    "window.responsiveness",
    "video.stepping",
    "video.speed",
    "video.in_napari",
)
# These need a display from their first line on.
PAINTED = ("window.camera_views", "window.traces", "window.closing")


def main() -> int:
    chosen = parser(__doc__).parse_args()
    extra = ["--data", str(chosen.data), *(["--quick"] if chosen.quick else [])]
    failed = []
    print("# Benchmarks of napari-pose3d", flush=True)
    for name in BENCHMARKS:
        if subprocess.run(module_command(f"benchmarks.{name}", *extra)).returncode:
            failed.append(name)
    failed += [name for name in PAINTED if not on_a_display(f"benchmarks.{name}", *extra)]
    if failed:
        print(f"\nNot finished: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
