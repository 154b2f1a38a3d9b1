"""Panels of tasks: what is unfolded is as high as its text."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.qt.task_layout import FoldedPart, Section, lay_out_task

pytestmark = pytest.mark.gui
_TEXT = "Cam-A 30.99 px, 2.51 px from its epipolar curves, 50.71 px from where others put it; " * 8


@pytest.mark.parametrize("kind", ["folded part", "section"])
def test_text_that_came_later_is_not_cut(qtbot: Any, kind: str) -> None:
    label = MessageLabel()
    if kind == "section":
        part: Any = Section("Check", label)
        unfold = part.unfold
    else:
        part = FoldedPart("Check")
        part.addWidget(label)
        unfold = part.expand
    panel = QWidget()
    qtbot.addWidget(panel)
    lay_out_task(panel, (part,), ())
    panel.resize(340, 500)
    panel.show()
    unfold()
    label.show_message(_TEXT)
    qtbot.waitUntil(lambda: label.width() < 340 and label.height() > 150)
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))
    if kind == "folded part":
        part.collapse()
        qtbot.waitUntil(lambda: part.height() < 60)
        assert part.content().height() == 0
