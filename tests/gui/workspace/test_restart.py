"""The arrangement of the panels survives the end of the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.paths import REPO
from tests.support.projects.label_sessions import SESSION, calibrated_project

pytestmark = pytest.mark.gui

CHILD = """
import json
import sys
from pathlib import Path

import napari
from qtpy.QtCore import QPoint
from tests.support.windows.label_window import until
from tests.support.windows.napari_window import Window
from tests.support.windows.view_helpers import drag

from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.workspace.kernel_preparation import KernelPreparation

KernelPreparation.start = lambda self: None
viewer = napari.Viewer()
window = Window(viewer)
window.main.resize(1400, 900)
window.choose("Session")
session = window.places.find("Session")
session.open_paths((Path(sys.argv[1]),))
until(lambda: session.bar.is_ready)
session.open_session()
until(lambda: current_session(viewer).open is not None)
window.settle()
if sys.argv[2] == "arrange":
    for name in ("Traces", "Smooth and triangulate", "Session"):
        window.choose(name) if not window.is_open(name) else window.places.open(name)
        window.settle()
    window.press("Camera views", "QTitleBarCloseButton")
    # The border beside the tasks.
    edge = window.dock("Session").geometry()
    at = QPoint(edge.left() - 3, edge.center().y())
    drag(window.main, at, at - QPoint(60, 0))
    window.settle()
docks = {
    name: [window.dock(name).width(), window.dock(name).isVisible()]
    for name in ("Session", "Smooth and triangulate", "Traces", "Camera views")
    if window.is_open(name)
}
print(json.dumps({"state": window.places.state(), "docks": docks}), flush=True)
window.main.close()
"""


def run_napari(project: Path, what: str, home: Path) -> Any:
    """What a napari of its own shows of the project, at last."""
    path = os.pathsep.join([str(REPO), str(REPO / "src")])
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "NAPARI_CONFIG": str(home / "napari.yaml"),
        "XDG_DATA_HOME": str(home),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(project), what],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_panels_are_as_they_were(tmp_path: Path) -> None:
    project = calibrated_project(tmp_path / "project", videos=True)
    for view in ("Cam-C", "Cam-D"):
        (project / "videos" / f"{SESSION}_{view}.mp4").unlink()
    before = run_napari(project, "arrange", tmp_path)
    assert before["state"]["panels"] == ["Session", "Smooth and triangulate", "Traces"]
    assert before["state"]["tasks_width"] > 0
    after = run_napari(project, "look", tmp_path)
    assert after["state"] == before["state"]
    assert after["docks"].keys() == before["docks"].keys()
    for name, (width, visible) in after["docks"].items():
        assert abs(width - before["docks"][name][0]) <= 2, name
        assert visible == before["docks"][name][1], name
