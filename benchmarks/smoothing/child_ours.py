"""One process of ours that smooths a recording, from CSV files to written results.

Started by ``smoothing_speed.py``; prints what it measured.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

from benchmarks.support.child import peak_memory_mb, send


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("input", type=Path)
    options.add_argument("calibration", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--s", type=float)
    options.add_argument("--calls", type=int, default=1)
    options.add_argument("--warm-up", action="store_true")
    options.add_argument("--as-published", action="store_true")
    options.add_argument("--arrays", action="store_true", help="arrays in, arrays out: no files")
    chosen = options.parse_args()

    started = time.perf_counter()
    # All that a run needs, so that no call pays for an import.
    import numba  # noqa: F401

    from napari_pose3d import SmoothingSettings
    from napari_pose3d.core.pipeline import smoothing_run as pipeline
    from napari_pose3d.core.pipeline.results import result_files as results
    from napari_pose3d.core.pipeline.warm_up import warm_up
    from napari_pose3d.core.projects.matching import prediction_loading as predictions  # noqa: F401
    from napari_pose3d.core.smoothing import smoothers as eks  # noqa: F401

    send(import_seconds=time.perf_counter() - started, baseline_mb=peak_memory_mb())
    if chosen.warm_up:
        started = time.perf_counter()
        warm_up()
        send(warm_up_seconds=time.perf_counter() - started)

    settings = SmoothingSettings(smooth_param=chosen.s, as_published=chosen.as_published)
    if chosen.arrays:
        stored, rig = pipeline.open_inputs(chosen.input, chosen.calibration)
        in_memory = stored.in_memory()
        seconds = []
        for _ in range(chosen.calls):
            begun = time.perf_counter()
            result = pipeline.run(in_memory, rig, settings)
            seconds.append(time.perf_counter() - begun)
            found = result.smooth_param.tolist()
            send(seconds=seconds, smooth_param=found, peak_mb=peak_memory_mb())
        return
    seconds, parts = [], []
    for _ in range(chosen.calls):
        shutil.rmtree(chosen.out, ignore_errors=True)
        begun = time.perf_counter()
        read = begun

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal read
            if stage.startswith("reading"):
                read = time.perf_counter()

        ensemble, rig = pipeline.open_inputs(chosen.input, chosen.calibration)
        result = pipeline.run(ensemble, rig, settings, progress)
        smoothed = time.perf_counter()
        results.save_result(result, ensemble, rig, chosen.out)
        ended = time.perf_counter()
        seconds.append(ended - begun)
        parts.append((read - begun, smoothed - read, ended - smoothed))
        send(seconds=seconds, parts=parts, ended=time.time(), peak_mb=peak_memory_mb())


if __name__ == "__main__":
    main()
