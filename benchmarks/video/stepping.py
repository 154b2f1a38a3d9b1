"""What a step along napari's time axis costs: a long recording against a short one.

Compared: the layers of a result of 200,000 frames and of 1,000 frames, both with 30 keypoints in 6
views, made from a random walk. The plugin draws a window of frames around the current one and
refills it on the way (`napari_pose3d.gui.layers.frame_window`); these refills are part of the steps
measured.

Two ways of stepping: frame by frame, as playing does, and jumping anywhere, as dragging the slider
does. A jump in the long recording has to refill every layer, so it costs more by nature; it is
printed, and the goal is about playing.

Two places: napari's `ViewerModel` alone (slicing, no painting), and a real viewer that paints every
step, where a display is there (or `xvfb-run`, with software OpenGL).

Fair, because both recordings have the same layers and the same steps; the mean counts, so that rare
costly steps are not hidden, and the rounds of the two are interleaved, so that a busy machine
troubles both.

Goal: the mean step costs less than 1.3 times as much in the long recording.

    python -m benchmarks.video.stepping [--quick] [--no-paint]
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.processes import on_a_display
from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d import Poses2D, Poses3D, Report, Result

N_KEYPOINTS = 30
N_VIEWS = 6
SHORT, LONG = 1_000, 200_000
GOAL = 1.3
COLUMNS = ("frames", "stepping", "mean, ms", "median, ms", "p99, ms", "max, ms")


def made_up_result(n_frames: int) -> Result:
    """A result with everything a real one has, from a random walk."""
    rng = np.random.default_rng(0)
    cells = (N_VIEWS, n_frames, N_KEYPOINTS)
    walk = rng.standard_normal((*cells, 2), dtype=np.float32)
    np.cumsum(walk, axis=1, out=walk)
    # Folded into the image, as an animal stays in its arena.
    xy = np.abs((walk + 320) % 1280 - 640)
    del walk
    variance = np.ones_like(xy)
    views = tuple(f"Cam-{'ABCDEF'[i]}" for i in range(N_VIEWS))
    keypoints = tuple(f"keypoint{i}" for i in range(N_KEYPOINTS))
    poses2d = Poses2D(
        xy,
        np.full(cells, 0.9, np.float32),
        views,
        keypoints,
        variance=variance,
        ensemble_median=xy + np.float32(0.5),
        ensemble_variance=variance,
        session="long",
    )
    xyz = np.concatenate([xy[0], xy[1, ..., :1]], axis=-1).astype(np.float64)
    poses3d = Poses3D(
        xyz,
        np.broadcast_to(np.eye(3), (*xyz.shape, 3)),
        np.full(cells[1:], N_VIEWS),
        np.ones(cells, np.float32),
        np.zeros(cells[1:], bool),
        views,
        keypoints,
        session="long",
    )
    report = Report(
        mode="calibrated",
        smooth_param=dict.fromkeys(keypoints, 1.0),
        searched=False,
        observations=int(np.prod(cells)),
        missing=0,
        rejected=0,
        inferred=0,
    )
    return Result(poses2d, poses3d, np.ones(N_KEYPOINTS), report)


def fill(viewer: Any, result: Result) -> None:
    """Add the result's layers as the widget does."""
    from napari.layers import Layer

    from napari_pose3d.gui.layers.frame_window import keep_windows
    from napari_pose3d.gui.layers.recording_layers import result_layers

    for data in result_layers(result):
        viewer.add_layer(Layer.create(*data))
    keep_windows(viewer, print)


def step_times(
    viewer: Any, frames: Sequence[int], paint: Callable[[], None]
) -> NDArray[np.float64]:
    """Seconds of each step to one of the frames, painting included."""
    seconds = np.empty(len(frames))
    for i, frame in enumerate(frames):
        started = time.perf_counter()
        viewer.dims.set_current_step(0, frame)
        paint()
        seconds[i] = time.perf_counter() - started
    return seconds


def compare(
    title: str, viewers: dict[int, Any], paint: Callable[[Any], None], rounds: int, n_steps: int
) -> None:
    """Print the table of one place, and whether the goal is met there."""
    table = Table(f"{title}: {N_KEYPOINTS} keypoints x {N_VIEWS} views", COLUMNS)
    rng = np.random.default_rng(1)
    seconds: dict[tuple[str, int], list[NDArray[np.float64]]] = {}
    for _ in range(rounds):
        for n_frames, viewer in viewers.items():
            start = int(rng.integers(n_frames - n_steps - 1))
            jumps = rng.integers(n_frames, size=max(n_steps // 10, 5))
            # The jump to where playing starts is none of playing's cost.
            step_times(viewer, [start], partial(paint, viewer))
            for way, frames in (
                ("frame by frame", range(start + 1, start + 1 + n_steps)),
                ("jumping", jumps.tolist()),
            ):
                gc.collect()
                times = step_times(viewer, frames, partial(paint, viewer))
                seconds.setdefault((way, n_frames), []).append(times)
    means: dict[tuple[str, int], float] = {}
    for key in sorted(seconds):
        way, n_frames = key
        # The round that was disturbed least.
        means[key] = min(float(times.mean()) for times in seconds[key])
        ms = 1000 * np.concatenate(seconds[key])
        median, p99 = (float(q) for q in np.percentile(ms, (50, 99)))
        table.add(n_frames, way, 1000 * means[key], median, p99, float(ms.max()))
    table.notes.append(
        f"mean: of the best of {rounds} rounds of {n_steps} steps (a tenth of it jumps); median, "
        "p99 and max: of all"
    )
    table.show()
    ratio = means["frame by frame", LONG] / means["frame by frame", SHORT]
    goal(f"{title}: {ratio:.2f} times the step of {SHORT:,} frames; below {GOAL}", ratio < GOAL)
    ratio = means["jumping", LONG] / means["jumping", SHORT]
    print(f"Jumping: {ratio:.2f} times the jump in {SHORT:,} frames.", flush=True)


def without_painting(rounds: int, n_steps: int) -> None:
    """Step viewer models."""
    from napari.components import ViewerModel

    viewers = {n: ViewerModel() for n in (SHORT, LONG)}
    for n_frames, viewer in viewers.items():
        fill(viewer, made_up_result(n_frames))
    compare("without painting (ViewerModel)", viewers, lambda viewer: None, rounds, n_steps)


def with_painting(rounds: int, n_steps: int) -> None:
    """Step viewers on a display; each step waits until it is painted."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewers = {n: napari.Viewer(show=True) for n in (SHORT, LONG)}
    for n_frames, viewer in viewers.items():
        viewer.window.resize(1280, 800)
        fill(viewer, made_up_result(n_frames))

    def paint(viewer: Any) -> None:
        viewer.window._qt_viewer.canvas.native.update()
        QApplication.processEvents()

    for viewer in viewers.values():
        paint(viewer)
    compare("with painting", viewers, paint, rounds, n_steps)
    for viewer in viewers.values():
        viewer.close()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--no-paint", action="store_true", help="viewer models only")
    options.add_argument("--only-paint", action="store_true", help="viewers only")
    chosen = options.parse_args()
    if chosen.only_paint:
        # Software OpenGL takes a second for a step.
        with_painting(1 if chosen.quick else 2, 40)
        return
    begin("Stepping through long recordings")
    without_painting(1 if chosen.quick else 2, 100 if chosen.quick else 150)
    if not chosen.no_paint:
        on_a_display(__spec__.name, "--only-paint", *(["--quick"] if chosen.quick else []))


if __name__ == "__main__":
    main()
