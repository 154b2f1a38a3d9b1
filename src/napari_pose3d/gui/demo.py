"""``make demo``: the sample session from its files to smoothed 3-D layers in napari."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_pose3d.cli import main as command_line
from napari_pose3d.settings import never_cancelled, no_progress
from napari_pose3d.synthetic.sample import make_sample

_PLUGIN = "napari-pose3d"
_POLL_MS = 100
# Time for the canvas to be drawn once more before it is photographed.
_SETTLE_MS = 1500
# A frame in which one view is lost while the animal moves: raw and smoothed differ visibly.
_FRAME = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the sample, smooth it from the command line, open it in napari and smooth it there."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--screenshots",
        type=Path,
        metavar="DIR",
        help="write images of the window there and close it, instead of leaving it open",
    )
    options = parser.parse_args(arguments)
    folder = make_sample(progress=_Stages())
    print(f"The sample session is in {folder}")
    code = command_line(["smooth", str(folder), "--force"])
    if code:
        return code
    if options.screenshots is not None:
        _plot(folder, options.screenshots)
    _show(folder, options.screenshots)
    if options.screenshots is not None:
        from .tasks.calibration.demo_pictures import take_calibration_pictures

        take_calibration_pictures(options.screenshots, _when)
    return 0


def _plot(folder: Path, images: Path) -> None:
    """Figures of what the sample's project measures; needs matplotlib."""
    images.mkdir(parents=True, exist_ok=True)
    for plot, *more in (
        ("trajectory", "--keypoints", "back", "nose", "hindpaw_left"),
        ("traces", "--frames", "0:300", "--show", "knee", "turning azimuth", "pace"),
        ("polar", "--show", "heading"),
    ):
        out = images / f"plot-{plot}.png"
        command_line(["plot", plot, str(folder), "--out", str(out), "--force", *more])


class _Stages:
    """Prints each stage once: a log and a terminal read alike."""

    def __init__(self) -> None:
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._stage = stage
            print(f"{stage} ...", flush=True)


def _show(folder: Path, screenshots: Path | None) -> None:
    import napari
    from napari.layers import Layer

    from .contributions.samples import sample_session
    from .layers.session_layers import session_layers
    from .session.current_session import current_session

    viewer = napari.Viewer(title="napari-pose3d demo")
    if screenshots is not None:
        viewer.window.resize(1600, 1000)
    opened = sample_session(folder)
    for data in session_layers(opened.session, (), no_progress, never_cancelled):
        viewer.add_layer(Layer.create(*data))
    current_session(viewer).set(opened)
    _, widget = viewer.window.add_plugin_dock_widget(_PLUGIN, "Smooth and triangulate")
    widget.result_shown.connect(lambda: _after_run(viewer, widget, screenshots))
    widget.inputs.add([folder])
    _when(lambda: widget.bar.is_ready, widget.run, widget)
    napari.run()


def _after_run(viewer: Any, widget: Any, screenshots: Path | None) -> None:
    viewer.dims.set_current_step(0, _FRAME)
    if screenshots is None:
        return
    from qtpy.QtCore import QTimer

    screenshots.mkdir(parents=True, exist_ok=True)

    def take(name: str, panel: Any = None) -> None:
        path = screenshots / f"{name}.png"
        if panel is None:
            viewer.screenshot(str(path), canvas_only=False, flash=False)
        else:
            panel.grab().save(str(path))
        print(f"An image of the window: {path.resolve()}", flush=True)

    def then_3d() -> None:
        take("smoothed-2d")
        widget.show_space("3-D")
        QTimer.singleShot(_SETTLE_MS, then_views)

    def then_views() -> None:
        take("smoothed-3d")
        widget.show_space("2-D")
        viewer.window.remove_dock_widget(widget)
        _, views = viewer.window.add_plugin_dock_widget(_PLUGIN, "Camera views")

        def settle() -> None:
            views.panel.select("nose")
            QTimer.singleShot(_SETTLE_MS, then_traces)

        _when(lambda: views.panel.frame == _FRAME, settle, views)

    def then_traces() -> None:
        take("camera-views")
        _, traces = viewer.window.add_plugin_dock_widget(_PLUGIN, "Traces")
        QTimer.singleShot(_SETTLE_MS, lambda: then_measured(traces))

    def then_measured(traces: Any) -> None:
        """What the sample's project measures, of the smoothed positions alone."""
        take("traces")
        controls = traces.controls
        controls.source.setCurrentText("3-D")
        controls.quantity.setCurrentText("knee")
        controls.plot_also("measured turning azimuth")
        controls.raw.setChecked(False)
        controls.seconds.setChecked(True)
        traces.show_frames(_FRAME - 30, _FRAME + 120)
        QTimer.singleShot(_SETTLE_MS, lambda: then_labels(traces))

    def then_labels(traces: Any) -> None:
        # The panel alone: the images above it are those of the one before.
        take("traces-measured", traces)
        viewer.window.remove_dock_widget(traces)
        _, label = viewer.window.add_plugin_dock_widget(_PLUGIN, "Label")
        _when(lambda: label.control is not None, lambda: to_labeled_frame(label), label)

    def to_labeled_frame(label: Any) -> None:
        panel, frame = label.control.panel, label.labeling.labeled_frames[0]
        panel.go_to(frame)
        _when(lambda: panel.is_settled and panel.frame == frame, lambda: spoil(label), label)

    def spoil(label: Any) -> None:
        """One label is wrong for the image, and is put back afterwards."""
        view, keypoint = label.labeling.views[2], label.labeling.keypoints[1]
        label.control.grab(view, keypoint)
        x, y = label.control.label(label.control.label_key).position
        label.control.drag((x + 30, y + 20), along_curve=False)
        QTimer.singleShot(_SETTLE_MS, lambda: finish(label))

    def finish(label: Any) -> None:
        take("labeling")
        label.control.close()
        viewer.close()

    QTimer.singleShot(_SETTLE_MS, then_3d)


def _when(condition: Callable[[], bool], action: Callable[[], None], parent: Any) -> None:
    """Call ``action`` once, as soon as ``condition`` holds."""
    from qtpy.QtCore import QTimer

    timer = QTimer(parent)

    def look() -> None:
        if condition():
            timer.stop()
            action()

    timer.timeout.connect(look)
    timer.start(_POLL_MS)


if __name__ == "__main__":
    raise SystemExit(main())
