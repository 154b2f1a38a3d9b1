"""The Smooth panel in a window, and a small session on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.windows.gui_helpers import write_session
from tests.support.windows.napari_window import emptied
from tests.support.windows.smooth_panel import Gate

from napari_pose3d.gui.tasks.smooth import smooth_job
from napari_pose3d.gui.tasks.smooth.smooth_widget import SmoothWidget


@pytest.fixture
def viewer(shared_viewer: Any) -> Iterator[Any]:
    """An empty window."""
    yield shared_viewer
    emptied(shared_viewer)


@pytest.fixture
def widget(viewer: Any) -> Iterator[Any]:
    """The widget in an empty window."""
    made = SmoothWidget(viewer)
    viewer.window.add_dock_widget(made, name="smooth")
    made.viewer = viewer
    yield made
    made.viewer = None


@pytest.fixture
def session(tmp_path: Path) -> tuple[Path, Path]:
    return write_session(tmp_path)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    monkeypatch.setattr(smooth_job, "smooth", made)
    return made
