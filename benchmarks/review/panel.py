"""How fast the panel Review answers: its timeline, and the track after a correction.

The strip of 30 keypoints is painted over all frames and at every step of the wheel down to ten
frames, for 10,000 and for a million frames; events are painted by kind as well. A correction goes
the way that it goes in the panel: kept on disk, the track smoothed anew around the frame, what
was compared with bars brought up to date, everything that draws it told. "Track alone" is the
smoothing in it. The recording has 20,000 frames, six views, and failures of all kinds; corrected is
a view that is lost, frame by frame.

Goals: a repaint of a million frames takes at most 16 ms, a correction at most 0.2 s.

    QT_QPA_PLATFORM=offscreen python -m benchmarks.review.panel [--quick]
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from benchmarks.support.report import Table, begin, goal, parser
from benchmarks.support.scenes import HARSH
from napari_pose3d import smooth
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.review.session_review import review_result
from napari_pose3d.core.smoothing.certain.local_update import LiveCorrections
from napari_pose3d.gui.tasks.review.corrections.correction_controller import CorrectionController
from napari_pose3d.gui.tasks.review.review_model import ReviewModel
from napari_pose3d.gui.tasks.review.timeline.heat_rows import HeatRows
from napari_pose3d.gui.tasks.review.timeline.heat_strip import HeatStrip
from napari_pose3d.synthetic.network_errors import simulate_predictions
from napari_pose3d.synthetic.scene import make_scene

GOAL_PAINT, GOAL_CORRECTION = 16.0, 0.2
_N_ROWS, _WIDTH = 30, 1600


def wheel(strip: HeatStrip, steps: int) -> None:
    """Zoom in about a place right of the middle."""
    at = QPointF(0.6 * strip.width(), 10.0)
    event = QWheelEvent(
        at,
        at,
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    strip.wheelEvent(event)


def paint_times(n_frames: int) -> tuple[float, float, float]:
    """Milliseconds of a repaint: over all frames, and median and longest while zooming in."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (_N_ROWS, n_frames), dtype=np.uint8)
    strip = HeatStrip()
    strip.show_rows(HeatRows([f"keypoint {k}" for k in range(_N_ROWS)], codes))
    strip.resize(_WIDTH, strip.height())

    def once() -> float:
        started = time.perf_counter()
        strip.grab()
        return 1000 * (time.perf_counter() - started)

    once()
    whole = float(np.median([once() for _ in range(20)]))
    zooming = []
    while strip.shown_range[1] - strip.shown_range[0] > 10:
        wheel(strip, 1)
        zooming.append(min(once() for _ in range(3)))
    return whole, float(np.median(zooming)), max(zooming)


def timeline(quick: bool) -> None:
    table = Table(
        f"Timeline of {_N_ROWS} rows, {_WIDTH} px wide: ms a repaint",
        ("frames", "all frames", "zooming in, median", "longest"),
    )
    found = {}
    for n_frames in (10_000, 100_000 if quick else 1_000_000):
        found[n_frames] = paint_times(n_frames)
        table.add(f"{n_frames:,}", *found[n_frames])
    table.show()
    many = found[max(found)]
    goal(f"a repaint takes {max(many):.1f} ms; at most {GOAL_PAINT:g}", max(many) <= GOAL_PAINT)


def corrections(quick: bool) -> None:
    times = 2 if quick else 10
    scene = make_scene(2000, 6, 700, size=(1280, 1024))
    short, truth = simulate_predictions(scene, 3, seed=700, errors=HARSH)
    ensemble: Any = replace(
        short,
        xy=np.tile(short.xy, (1, 1, times, 1, 1)),
        likelihood=np.tile(short.likelihood, (1, 1, times, 1)),
    )
    result = smooth(ensemble, scene.rig)
    review = review_result(result, scene.rig, scene.skeleton, fps=scene.fps, watch_cameras=False)
    view = int(np.flatnonzero(truth.lost.any(axis=1))[0])
    name, true = scene.rig.names[view], scene.rig.project(scene.xyz)[view]
    frames = np.flatnonzero(truth.lost[view])[::5] + len(scene.xyz)
    own = LiveCorrections.follow
    alone: list[float] = []

    def timed(self: LiveCorrections, positions: Any) -> Any:
        started = time.perf_counter()
        found = own(self, positions)
        alone.append(time.perf_counter() - started)
        return found

    whole = []
    with tempfile.TemporaryDirectory() as scratch:
        session = Session("recording", Path(scratch), scene.rig.names)
        model = ReviewModel()
        # What the model needs of an open session.
        model.opened = SimpleNamespace(
            project=SimpleNamespace(folder=Path(scratch)), session=session
        )  # type: ignore[assignment]
        model.base = model.review = review
        model.rig = scene.rig
        controller = CorrectionController(model)
        model.found.emit()
        LiveCorrections.follow = timed  # type: ignore[method-assign]
        try:
            for i, frame in enumerate(frames.tolist()):
                k = i % len(scene.keypoints)
                x, y = true[frame % len(scene.xyz), k].tolist()
                started = time.perf_counter()
                controller.move(name, frame, scene.keypoints[k], (x, y))
                whole.append(time.perf_counter() - started)
        finally:
            LiveCorrections.follow = own  # type: ignore[method-assign]
        model.stop()
    table = Table(
        f"A correction in {ensemble.n_frames:,} frames, 6 views: seconds",
        ("corrections", "median", "longest", "track alone, median", "longest "),
    )
    table.add(len(whole), np.median(whole), max(whole), np.median(alone), max(alone))
    table.show()
    slowest = float(np.max(whole[1:]))
    goal(
        f"after the first, a correction takes {slowest:.2f} s; at most {GOAL_CORRECTION}",
        slowest <= GOAL_CORRECTION,
    )


def main() -> None:
    chosen = parser(__doc__).parse_args()
    begin("The panel Review")
    application = QApplication.instance() or QApplication([])
    timeline(chosen.quick)
    corrections(chosen.quick)
    application.processEvents()


if __name__ == "__main__":
    main()
