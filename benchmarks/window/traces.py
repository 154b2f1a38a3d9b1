"""The widget Traces on a long recording against a short one.

Timed is what a user waits for: the line moving to another frame, and the view zooming and panning,
each until it is painted (a step that paints nothing is an error). 200,000 frames against 1,000,
four curves in both.

Goal: at most 2 times as long, or less than a frame of the screen takes (1/60 s); what is drawn is
thinned to what the screen can show.

    xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks.window.traces [--quick]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d.gui.traces.trace_plot import Curve, TracePlot

LONG, SHORT, CURVES = 200_000, 1_000, 4
GOAL, SCREEN = 2.0, 1 / 60


class Paints(QObject):
    """Counts how often a widget is painted."""

    count = 0

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if event is not None and event.type() == QEvent.Type.Paint:
            self.count += 1
        return False


def seconds(do: Callable[[int], object], steps: int, paints: Paints) -> float:
    times = []
    paints.count = 0
    for i in range(steps):
        begun = time.perf_counter()
        do(i)
        QApplication.processEvents()
        times.append(time.perf_counter() - begun)
    # One may fall together with the painting before it.
    if paints.count < steps - 1:
        raise RuntimeError(f"only {paints.count} of {steps} steps were painted")
    return median(times)


def measure(n_frames: int, steps: int) -> tuple[float, float, float]:
    """Seconds to move the line, to zoom into the middle, and to pan with most of it in view."""
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
    paints = Paints()
    plot.plot.viewport().installEventFilter(paints)
    line = seconds(lambda i: plot.show_frame((i + 1) * n_frames // (steps + 1)), steps, paints)
    box = plot.plot.getViewBox()
    half = n_frames / 2
    zoom = seconds(
        lambda i: box.setXRange(half - n_frames / (i + 3), half + n_frames / (i + 3)),
        steps,
        paints,
    )
    # Within the plot's limits: beyond them it would stand still and paint nothing.
    shift = 0.1 * n_frames / steps
    pan = seconds(
        lambda i: box.setXRange(i * shift, i * shift + 0.9 * n_frames, padding=0), steps, paints
    )
    plot.close()
    return line, zoom, pan


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
    names = ("moving the line", "zooming", "panning, 90 % in view")
    for name, a, b in zip(names, short, long, strict=True):
        table.add(name, 1000 * a, 1000 * b, b / a)
    table.show()
    for name, a, b in zip(names, short, long, strict=True):
        goal(f"{name}: {b / a:.2f} times as long", b / a <= GOAL or b < SCREEN)
    app.processEvents()


if __name__ == "__main__":
    main()
