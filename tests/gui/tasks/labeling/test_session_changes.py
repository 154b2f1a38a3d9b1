"""Sessions opened again, switched and closed at random with every panel open: nothing is left."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel
from napari.qt import QtViewer
from qtpy.QtCore import QEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.support.projects.label_sessions import (
    SESSION,
    VIEWS,
    calibrated_project,
    open_labeling,
    truth,
)
from tests.support.windows.label_window import until

from napari_pose3d.core.labels import label_actions as actions
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.projects.project import Project, open_project
from napari_pose3d.gui.camera_views.views_panel import SPACE
from napari_pose3d.gui.layers.session_layers import SESSION_KEY
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.workspace import panel_plan

pytestmark = pytest.mark.gui

PLUGIN = "napari-pose3d"
PANELS = tuple(kind.name for kind in panel_plan.PANELS)
LABELED = (0, 3)
# What happens to a session before it, or the other one, is opened again.
CHANGES = ("switch", "close", "video", "look", "maximise")
# A reader keeps three decoders at most; images of labels are read by another one.
MOST_DECODERS = 6
DESCRIPTORS = Path("/proc/self/fd")


def labeled_project(folder: Path) -> Project:
    """Real videos, a calibration, and labels of two frames in their files."""
    labeling = open_labeling(calibrated_project(folder, videos=True))
    for frame in LABELED:
        for k, keypoint in enumerate(labeling.keypoints):
            for v in (0, 2):
                x, y = truth(frame)[v, k]
                actions.place(labeling, frame, LabelKey(VIEWS[v], keypoint), (float(x), float(y)))
    labeling.save()
    labeling.close()
    return open_project(folder)


class Workspace:
    """A window with all panels, and what a user does to sessions in it."""

    def __init__(self, viewer: Any, projects: list[Project]) -> None:
        self.viewer, self.projects = viewer, projects
        self.widgets = {
            name: viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=False)[1]
            for name in PANELS
        }
        self.session = self.widgets["Session"]

    @property
    def panel(self) -> Any:
        return self.widgets["Camera views"].panel

    def open(self, project: Project) -> None:
        self.session._show_project(project)
        self.session.sessions.choose(SESSION)
        self.session.open_session()
        until(lambda: not self.session.bar.is_busy)
        until(lambda: self.widgets["Label"].control is not None)
        until(lambda: set(VIEWS) <= set(self.panel.views))
        until(lambda: self.panel.is_settled)

    def go(self, frame: int) -> None:
        self.panel.go_to(frame)
        until(lambda: self.panel.is_settled and self.panel.frame == frame)

    def close(self) -> None:
        """Take the session's layers away, as a user does who selects and deletes them."""
        for layer in [each for each in self.viewer.layers if SESSION_KEY in each.metadata]:
            self.viewer.layers.remove(layer)
        current_session(self.viewer).set(None)
        until(lambda: not self.panel.views)

    def remove_a_video(self, chance: random.Random) -> None:
        videos = [each for each in self.viewer.layers if each.metadata.get("view") in VIEWS]
        if videos:
            gone = chance.choice(videos)
            self.viewer.layers.remove(gone)
            view = gone.metadata["view"]
            until(lambda: view not in self.panel.views or self._is_empty(view))

    def _is_empty(self, view: str) -> bool:
        return self.panel.views[view].source.video is None

    def show_main_layers(self, chance: random.Random) -> None:
        """Bring the main canvas back for a while."""
        for layer in self.viewer.layers:
            layer.visible = chance.random() < 0.5
        QTest.qWait(chance.choice([0, 20, 200]))

    def maximise(self, chance: random.Random) -> None:
        names = [name for name in self.panel.grid.order if name != SPACE]
        if names:
            self.panel._toggle_maximised(chance.choice(names))

    @staticmethod
    def open_files() -> Counter[str]:
        """Files by name that this process has open, where the system says so."""
        found: Counter[str] = Counter()
        for each in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
            with contextlib.suppress(OSError):
                target = os.readlink(each)
                if target.startswith("/") and not target.startswith(("/dev", "/proc")):
                    found[target] += 1
        return found

    def counts(self) -> dict[str, int]:
        """What must not grow."""
        QTest.qWait(100)
        for _ in range(3):
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QApplication.processEvents()
            gc.collect()
        return {
            "canvases": sum(isinstance(each, QtViewer) for each in QApplication.allWidgets()),
            "viewers": sum(type(each) is ViewerModel for each in gc.get_objects()),
            "threads": threading.active_count(),
            # Videos of the session that is shown may be open, or their frames still in memory.
            "files": sum(
                not name.startswith(str(self.projects[-1].folder)) for name in self.open_files()
            ),
            "layers": len(self.viewer.layers),
        }


@pytest.fixture
def workspace(
    make_napari_viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    projects = [labeled_project(tmp_path / name) for name in ("one", "two")]
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1500, 900)
    return Workspace(viewer, projects)


@pytest.mark.parametrize("n_random", [0, pytest.param(200, marks=pytest.mark.slow)])
def test_sessions_come_and_go(workspace: Workspace, n_random: int) -> None:
    """Each step paints: what an OpenGL context has lost ends the program there."""
    chance = random.Random(n_random)
    steps = [*CHANGES, *chance.choices(["again", "again", *CHANGES], k=n_random)]
    for project in workspace.projects:
        workspace.open(project)
        workspace.go(LABELED[0])
    before = workspace.counts()
    shown = workspace.projects[-1]
    for step in steps:
        if step == "switch":
            shown = next(each for each in workspace.projects if each is not shown)
        elif step == "close":
            workspace.close()
        elif step == "video":
            workspace.remove_a_video(chance)
        elif step == "look":
            workspace.show_main_layers(chance)
        elif step == "maximise":
            workspace.maximise(chance)
        workspace.open(shown)
        workspace.go(chance.choice(LABELED))
        QTest.qWait(chance.choice([0, 30, 150]))
        assert workspace.widgets["Label"].labeling.labeled_frames == list(LABELED)
    workspace.open(workspace.projects[-1])
    workspace.go(LABELED[0])
    after = workspace.counts()
    # Threads that have no more work end when they like.
    grown = {name: (before[name], after[name]) for name in before if after[name] > before[name]}
    assert grown == {}
    often = {name: n for name, n in workspace.open_files().items() if n > MOST_DECODERS}
    assert often == {}
