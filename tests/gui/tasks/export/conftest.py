"""The panel Export, with no session left open before or after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.tasks.export.export_widget import ExportWidget


@pytest.fixture(autouse=True)
def alone(shared_viewer: Any) -> Iterator[None]:
    current_session(shared_viewer).set(None)
    yield
    current_session(shared_viewer).set(None)


@pytest.fixture
def panel(shared_viewer: Any, qtbot: Any) -> ExportWidget:
    made = ExportWidget(shared_viewer)
    qtbot.addWidget(made)
    made.resize(340, 1400)
    made.show()
    return made
