"""A process that works in napari, and is closed in the middle of it.

Usage: closing_child.py WORK END STAGE PATH...

It prints "closed" and the time (`time.time`) when it is about to be closed. With WORK "bare" it is
napari without the plugin, with as many canvases beside the main one as STAGE says.
"""

from __future__ import annotations

import faulthandler
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

WORK, END, STAGE = sys.argv[1:4]
PATHS = [Path(argument) for argument in sys.argv[4:]]
faulthandler.enable()
viewer = napari.Viewer()
ended: list[bool] = []


def close() -> None:
    """End, once."""
    if ended:
        return
    ended.append(True)
    print("closed", time.time(), flush=True)
    if END == "window":
        viewer.window._qt_window.close()
    elif END == "viewer":
        viewer.close()
    elif END == "quit":
        QApplication.quit()


def when(condition: Callable[[], bool], then: Callable[[], object]) -> None:
    """Do something as soon as something holds."""
    if ended:
        return
    if condition():
        then()
    else:
        QTimer.singleShot(2, lambda: when(condition, then))


def panel(name: str) -> Any:
    return viewer.window.add_plugin_dock_widget("napari-pose3d", name)[1]


def smooth(then: Callable[[Any], object]) -> None:
    widget = panel("Smooth and triangulate")
    widget.inputs.add(PATHS)
    if STAGE == "matching":
        close()

    def run() -> None:
        widget.run()
        then(widget)

    when(lambda: bool(widget.bar.is_ready), run)


def close_at_stage(widget: Any) -> None:
    """Close as soon as the stage is reached."""

    def reached(stage: str, done: int, total: int) -> None:
        # Stages pass quickly: a later one does as well.
        if STAGE == "reading" or STAGE in stage or "layers" in stage:
            QTimer.singleShot(0, close)

    show = widget.bar.show_progress

    def show_and_look(stage: str, done: int, total: int) -> None:
        show(stage, done, total)
        reached(stage, done, total)

    widget.bar.show_progress = show_and_look
    widget._running.job.progressed.connect(reached)


def save(widget: Any) -> None:
    from napari_pose3d.gui.tasks.smooth import smooth_widget

    def begin() -> None:
        folder = PATHS[0].parent / "results"
        smooth_widget.ask_where = lambda *_: (folder, True, False)
        widget.save()
        when(folder.exists, close)

    when(lambda: not widget.bar.is_busy, begin)


def decode() -> None:
    viewer.open([str(path) for path in PATHS], plugin="napari-pose3d")
    views = panel("Camera views")

    def jump(n: int) -> None:
        if ended:
            return
        views.panel.go_to(n * 37 % 60)
        if n == 20:
            close()
        QTimer.singleShot(3, lambda: jump(n + 1))

    jump(0)


def label() -> None:
    from napari_pose3d.core.labels.label_actions import place
    from napari_pose3d.core.labels.store.label import LabelKey
    from napari_pose3d.core.projects.project import open_project
    from napari_pose3d.gui.layers.session_layers import session_layers
    from napari_pose3d.gui.session.current_session import OpenSession, current_session

    project = open_project(PATHS[0])
    session = project.sessions[0]
    for data in session_layers(session, (), lambda *_: None, lambda: False):
        viewer.add_layer(napari.layers.Layer.create(*data))
    current_session(viewer).set(OpenSession(project, session))
    widget = panel("Label")

    def click() -> None:
        place(widget.labeling, 3, LabelKey(session.views[0], "nose"), (20.0, 30.0))
        close()

    when(lambda: widget.control is not None, click)


def compile_kernels() -> None:
    panel("Smooth and triangulate")
    QTimer.singleShot(1500, close)


def close_in(job: Any, ms: int) -> None:
    """Close some time after a job has come to the stage."""

    def reached(stage: str, done: int, total: int) -> None:
        if STAGE in stage.lower():
            QTimer.singleShot(ms, close)

    job.progressed.connect(reached)


def make_sample() -> None:
    from napari_pose3d.gui.qt.jobs import Job
    from napari_pose3d.synthetic.sample import make_sample as make

    job = Job(lambda progress, cancelled: make(progress=progress, cancelled=cancelled))
    close_in(job, 300)
    job.start()


def calibrate() -> None:
    widget = panel("Calibration")
    widget.show_recording(PATHS[0])
    widget.jobs.changed.connect(
        lambda: close_in(widget.jobs._slot.job, 300) if widget.jobs.is_busy else None
    )
    widget.make.find_board(go_on=True)


def review() -> None:
    from napari_pose3d.gui.contributions.samples import sample_session
    from napari_pose3d.gui.session.current_session import current_session

    current_session(viewer).set(sample_session(PATHS[0]))
    widget = panel("Review")
    widget.run()
    close_in(widget._job, 0)


def views() -> None:
    viewer.open([str(path) for path in PATHS], plugin="napari-pose3d")
    widget = panel("Camera views")
    when(lambda: not widget.panel.frames.is_waiting, lambda: QTimer.singleShot(1000, close))


def bare() -> None:
    import numpy as np
    from napari.components.viewer_model import ViewerModel
    from napari.qt import QtViewer
    from qtpy.QtWidgets import QSplitter

    images = np.zeros((60, 480, 640), np.uint8)
    viewer.add_image(images)
    splitter = QSplitter()
    models = [ViewerModel() for _ in range(int(STAGE))]
    for model in models:
        model.add_image(images[0])
        splitter.addWidget(QtViewer(model))
    if models:
        viewer.window.add_dock_widget(splitter)
        # What napari's own example of several viewers does when the window goes.
        viewer.window._qt_window.destroyed.connect(models.clear)
    QTimer.singleShot(1500, close)


def never_stop() -> None:
    from napari_pose3d.gui.qt import jobs

    jobs._LONGEST_WAIT = 0.5
    job = jobs.Job(lambda progress, cancelled: time.sleep(1000))
    job.start()
    QTimer.singleShot(50, close)


def main() -> None:
    works = {
        "smooth": lambda: smooth(close_at_stage),
        "save": lambda: smooth(save),
        "decode": decode,
        "label": label,
        "compile": compile_kernels,
        "deaf": never_stop,
        "sample": make_sample,
        "calibrate": calibrate,
        "review": review,
        "views": views,
        "bare": bare,
    }
    QTimer.singleShot(0, works[WORK])
    if END == "script":
        # A script that does not run the application, and has an end.
        while not ended:
            QApplication.processEvents()
            time.sleep(0.002)
    else:
        napari.run()


main()
