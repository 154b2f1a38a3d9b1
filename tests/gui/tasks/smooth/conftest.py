"""The Smooth panel in a window, and a small session on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.gui_helpers import write_session

from napari_pose3d.gui.tasks.smooth import smooth_widget as smooth_module


@pytest.fixture
def widget(make_napari_viewer, qtbot, monkeypatch):
    """The widget in a window, without the compilation in the background."""
    viewer = make_napari_viewer()
    made = smooth_module.SmoothWidget(viewer)
    viewer.window.add_dock_widget(made, name="smooth")
    made.viewer = viewer
    yield made
    made.viewer = None


@pytest.fixture
def session(tmp_path: Path) -> tuple[Path, Path]:
    return write_session(tmp_path)
