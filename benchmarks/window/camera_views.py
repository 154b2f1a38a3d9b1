"""The camera views against bare napari: a step of the time axis, and what idling costs.

Bare napari shows N videos as N layers side by side in one viewer; the camera views show them in N
canvases. The videos are arrays in memory on both sides, so that nothing is decoded, and have as
many pixels. A step is timed from the slider's new value to the last view's new image; "with
painting" until everything is painted as well, "without" in a window that is not shown.

Then the same with predictions of a long recording on the views (200,000 frames, 30 keypoints)
against none, and the share of a processor that the open views take while nothing happens.

Goals: without painting at most 1.0 times bare napari, with painting 1.5; predictions at most 1.3
times none; idle below 2 %.

    xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks.window.camera_views [--quick]

Painting by software, as on a machine without graphics card, takes most of the time then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from benchmarks.support.report import Table, begin, goal, parser
from napari_pose3d.core.poses.arrays import Poses2D
from napari_pose3d.gui.camera_views.camera_views_widget import CameraViewsWidget
from napari_pose3d.gui.layers.layer_styles import points_layer, view_poses
from napari_pose3d.gui.layers.video_layers import video_layers

WIDTH, HEIGHT, FRAMES = 640, 480, 60
KEYPOINTS, LONG = 30, 200_000
GOAL_MODEL, GOAL_PAINTED, GOAL_POSES, GOAL_IDLE = 1.0, 1.5, 1.3, 0.02


class MemoryVideo:
    """Images in memory, with what the views ask of a video."""

    def __init__(self, seed: int, n_frames: int) -> None:
        rng = np.random.default_rng(seed)
        self._images = rng.integers(0, 255, (FRAMES, HEIGHT, WIDTH), np.uint8)
        self.shape = (n_frames, HEIGHT, WIDTH)
        self.dtype = self._images.dtype
        self.ndim, self.size = 3, n_frames * HEIGHT * WIDTH
        self.is_grey, self.bits, self.warnings, self.damaged = True, 8, [], ()
        self.frame_rate = Fraction(30)
        self.index = type("Index", (), {"how": "memory"})()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, slice):
            return self._images[np.arange(len(self))[first] % FRAMES][(slice(None), *rest)]
        return self._images[(int(first) % FRAMES, *rest)]

    def on_damage(self, tell: Callable[[], None]) -> None: ...

    def frame(self, number: int, wanted: Callable[[], bool] | None = None) -> Any:
        return self._images[number % FRAMES]


def wait_until(done: Callable[[], bool]) -> None:
    while not done():
        QApplication.processEvents()


def fill(viewer: Any, n_views: int, n_frames: int, poses: bool) -> None:
    """Videos, and predictions if wanted, as the plugin makes them."""
    videos = [
        (Path(f"video{i}.mp4"), "session", f"view{i}", MemoryVideo(i, n_frames))
        for i in range(n_views)
    ]
    layers = video_layers(videos, {})  # type: ignore[arg-type]
    if poses:
        rng = np.random.default_rng(0)
        some = rng.uniform(50, 400, (1, 1_000, KEYPOINTS, 2)).astype(np.float32)
        xy = np.resize(some, (1, n_frames, KEYPOINTS, 2))
        names = tuple(f"keypoint{k}" for k in range(KEYPOINTS))
        for i in range(n_views):
            part = Poses2D(xy, np.ones(xy.shape[:-1], np.float32), (f"view{i}",), names)
            one = view_poses(part, 0, "predicted")
            one.window = one.window_around(0)
            layers.append(points_layer(one, f"predicted view{i}"))
    for data, attributes, kind in layers:
        viewer.add_layer(napari.layers.Layer.create(data, attributes, kind))


def bare_steps(n_views: int, painted: bool, steps: int) -> float:
    """Seconds of a step in bare napari."""
    viewer = napari.Viewer(show=painted)
    for i in range(n_views):
        data = MemoryVideo(i, FRAMES)._images[:, None]
        place = (0, 0, (i // 3) * HEIGHT, (i % 3) * WIDTH)
        viewer.add_image(data, translate=place, contrast_limits=(0, 255))
    QApplication.processEvents()
    seconds = []
    for i in range(steps):
        begun = time.perf_counter()
        viewer.dims.set_current_step(0, (i + 1) % FRAMES)
        if painted:
            QApplication.processEvents()
        seconds.append(time.perf_counter() - begun)
    viewer.close()
    return median(seconds[2:])


def our_steps(
    n_views: int, painted: bool, steps: int, n_frames: int = FRAMES, poses: bool = False
) -> tuple[float, float]:
    """Seconds of a step in the camera views, and the share of a processor while idle."""
    viewer = napari.Viewer(show=painted)
    fill(viewer, n_views, n_frames, poses)
    widget = CameraViewsWidget(viewer)
    viewer.window.add_dock_widget(widget, name="views")
    panel = widget.panel
    wait_until(lambda: panel.frame >= 0)
    # Until the views have the room of the main canvas, which is empty then.
    pause(0.5)
    seconds = []
    for i in range(steps):
        begun = time.perf_counter()
        panel.go_to(i + 1)
        wait_until(lambda i=i: panel.frame == i + 1)
        if painted:
            QApplication.processEvents()
        seconds.append(time.perf_counter() - begun)
    idle = idle_share(2.0 if steps < 20 or poses else 10.0) if painted else float("nan")
    widget.shut_down()
    viewer.close()
    return median(seconds[2:]), idle


def pause(seconds: float) -> None:
    """Let the window do what it does by itself."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def idle_share(seconds: float) -> float:
    """Processor time per time while nothing is asked for."""
    before = sum(os.times()[:2])
    pause(seconds)
    return (sum(os.times()[:2]) - before) / seconds


def main() -> None:
    chosen = parser(__doc__).parse_args()
    steps, rounds = (12, 1) if chosen.quick else (24, 3)
    counts = (2, 4) if chosen.quick else (2, 4, 6, 12)
    begin("Camera views")
    table = Table(
        f"a step of N videos of {WIDTH} x {HEIGHT}, ms",
        ("views", "painting", "bare napari", "camera views", "ratio", "idle, %"),
    )
    worst = {False: 0.0, True: 0.0}
    laziest = 0.0
    for n_views in counts:
        for painted in (False, True):
            bares, pairs = [], []
            # In turns, and the least counts: a busy machine troubles both alike.
            for _ in range(rounds):
                bares.append(bare_steps(n_views, painted, steps))
                pairs.append(our_steps(n_views, painted, steps))
            bare, ours = min(bares), min(seconds for seconds, _ in pairs)
            idle = min(share for _, share in pairs)
            word = "with" if painted else "without"
            table.add(n_views, word, 1000 * bare, 1000 * ours, ours / bare, 100 * idle)
            worst[painted] = max(worst[painted], ours / bare)
            laziest = max(laziest, 0.0 if np.isnan(idle) else idle)
    table.show()
    poses = Table(
        f"6 views with predictions of {LONG:,} frames x {KEYPOINTS} keypoints, ms",
        ("painting", "no predictions", "predictions", "ratio"),
    )
    ratios = []
    for painted in (False, True):
        nones, somes = [], []
        for _ in range(rounds):
            nones.append(our_steps(6, painted, steps, LONG)[0])
            somes.append(our_steps(6, painted, steps, LONG, poses=True)[0])
        none, some = min(nones), min(somes)
        poses.add("with" if painted else "without", 1000 * none, 1000 * some, some / none)
        ratios.append(some / none)
    poses.show()
    goal(f"without painting {worst[False]:.2f}; at most {GOAL_MODEL}", worst[False] <= GOAL_MODEL)
    goal(f"with painting {worst[True]:.2f}; at most {GOAL_PAINTED}", worst[True] <= GOAL_PAINTED)
    goal(f"predictions {max(ratios):.2f}; at most {GOAL_POSES}", max(ratios) <= GOAL_POSES)
    goal(f"idle {100 * laziest:.1f} %; at most {100 * GOAL_IDLE:.0f} %", laziest <= GOAL_IDLE)


if __name__ == "__main__":
    main()
