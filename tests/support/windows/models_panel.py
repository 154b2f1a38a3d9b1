"""The panel Models in a window, over a small project, and what stands in for litpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QCheckBox

from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.tasks.models.models_widget import ModelsWidget
from tests.support.windows.label_window import until

LEFT = Qt.MouseButton.LeftButton


def open_in(viewer: Any, folder: Path, name: str = "") -> None:
    """Open a session of a project; the first one where none is named."""
    project = open_project(folder)
    session = project.session(name) if name else project.sessions[0]
    current_session(viewer).set(OpenSession(project, session))


def models_panel(viewer: Any, qtbot: Any) -> ModelsWidget:
    """The panel on its own, as wide as in its dock, when it has looked for the program."""
    made = ModelsWidget(viewer)
    qtbot.addWidget(made)
    made.resize(340, 900)
    made.show()
    until(lambda: not made.models.is_asking)
    return made


def open_section(widget: ModelsWidget, name: str) -> None:
    """Unfold a section, and fold the others."""
    for title, section in widget._sections.items():
        section.unfold(title == name)
    QTest.qWait(20)


def click(button: QAbstractButton) -> None:
    """Click where a user can: on a button that is seen and enabled."""
    # What was put into a layout is seen a moment later.
    until(button.isVisible)
    assert button.isEnabled(), button.toolTip()
    middle = button.rect().center()
    # The room beside a check box's text is not it.
    at = QPoint(8, middle.y()) if isinstance(button, QCheckBox) else middle
    QTest.mouseClick(button, LEFT, pos=at)
