"""The widget Traces on a long recording against a short one.

Timed is what a user waits for: the line moving to another frame, and the view zooming and panning,
each until it is painted. 200,000 frames against 1,000, four curves in both.

Goal: at most 2 times as long, or less than a frame of the screen takes (1/60 s); what is drawn is
thinned to what the screen can show.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/traces.py [--quick]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from qtpy.QtWidgets import QApplication

from _common import Table, begin, goal, parser
from napari_pose3d.gui.widgets.trace_plot import Curve, TracePlot

LONG, SHORT, CURVES = 200_000, 1_000, 4
GOAL, SCREEN = 2.0, 1 / 60


def seconds(do: Callable[[int], object], steps: int) -> float:
    times = []
    for i in range(steps):
        begun = time.perf_counter()
        do(i)
        QApplication.processEvents()
        times.append(time.perf_counter() - begun)
    return median(times)


def measure(n_frames: int, steps: int) -> tuple[float, float, float]:
    """Seconds to move the line, to zoom into the middle, and to show all again."""
    plot = TracePlot()
    plot.resize(1200, 300)
    plot.show()
    rng = np.random.default_rng(0)
    colours = rng.random((CURVES, 4)).astype(np.float32)
    curves = [
        Curve(f"keypoint{k}", rng.normal(size=n_frames).cumsum(), colours[k]) for k in range(CURVES)
    ]
    plot.show_curves(curves, "x (px)", fit=True)
    for _ in range(5):
        QApplication.processEvents()
    line = seconds(lambda i: plot.show_frame(i * n_frames // steps), steps)
    box = plot.plot.getViewBox()
    half = n_frames / 2
    zoom = seconds(
        lambda i: box.setXRange(half - n_frames / (i + 2), half + n_frames / (i + 2)), steps
    )
    whole = seconds(lambda i: box.setXRange(-i, n_frames + i), steps)
    plot.close()
    return line, zoom, whole


def main() -> None:
    chosen = parser(__doc__).parse_args()
    steps = 10 if chosen.quick else 40
    begin("Traces")
    app = QApplication.instance() or QApplication([])
    long, short = measure(LONG, steps), measure(SHORT, steps)
    table = Table(
        f"{CURVES} curves, ms until painted",
        ("what", f"{SHORT:,} frames", f"{LONG:,} frames", "ratio"),
    )
    names = ("moving the line", "zooming", "panning over everything")
    for name, a, b in zip(names, short, long, strict=True):
        table.add(name, 1000 * a, 1000 * b, b / a)
    table.show()
    for name, a, b in zip(names, short, long, strict=True):
        goal(f"{name}: {b / a:.2f} times as long", b / a <= GOAL or b < SCREEN)
    app.processEvents()


if __name__ == "__main__":
    main()
