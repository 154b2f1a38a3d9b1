"""All benchmarks in turn, each in a process of its own; prints their tables.

    python benchmarks/run_all.py [--quick] [--data PATH]

A benchmark that fails is named at the end; the others run all the same. The output is Markdown.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from _common import on_a_display, parser

HERE = Path(__file__).resolve().parent
BENCHMARKS = (
    "first_run.py",
    "smoothing_speed.py",
    "smoothing_sizes.py",
    "smoothing_accuracy.py",
    "own_times.py",
    "real_recording.py",
    "triangulation_speed.py",
    "calibration.py",
    "mending_rigs.py",
    "long_recording.py",
    "table_speed.py",
    "batch.py",
    "reviewing.py",
    "review_kinds.py",
    "review_panel.py",
    "proposals.py",
    "labeling.py",
    "saving_labels.py",
    "choosing_frames.py",
    "opening_projects.py",
    "responsiveness.py",
    "stepping.py",
    "video_speed.py",
    "videos_in_napari.py",
)
# These need a display from their first line on.
PAINTED = ("camera_views.py", "traces.py", "closing.py")


def main() -> int:
    chosen = parser(__doc__).parse_args()
    extra = ["--data", str(chosen.data), *(["--quick"] if chosen.quick else [])]
    failed = []
    print("# Benchmarks of napari-pose3d", flush=True)
    for name in BENCHMARKS:
        if subprocess.run([sys.executable, str(HERE / name), *extra]).returncode:
            failed.append(name)
    failed += [name for name in PAINTED if not on_a_display(HERE / name, *extra)]
    if failed:
        print(f"\nNot finished: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
