"""The list of issues says where in the widget a setting is that helps."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton

from napari_pose3d.core.projects.issues import Issue
from napari_pose3d.errors import Remedy
from napari_pose3d.gui.session.issue_list import IssueList

pytestmark = pytest.mark.gui


def test_remedies_are_in_the_words_of_the_widget(qtbot: Any) -> None:
    issues = IssueList()
    qtbot.addWidget(issues)
    issues.show_issues(
        [Issue("note", "views are unclear", todo="Name the views", remedies=(Remedy("views"),))]
    )
    text = " ".join(label.text() for label in issues.findChildren(QLabel))
    assert "views are unclear. Name the views: 'New…'" in text
    assert "--" not in text


def test_cameras_are_mapped_by_a_button(qtbot: Any) -> None:
    issues = IssueList()
    qtbot.addWidget(issues)
    issues.show_issues([Issue("error", "Cam-C is not in it", remedies=(Remedy("cameras"),))])
    (button,) = issues.findChildren(QPushButton)
    with qtbot.waitSignal(issues.mapping_wanted):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_that_cameras_are_triggered_together_is_a_button(qtbot: Any) -> None:
    issues = IssueList()
    qtbot.addWidget(issues)
    issues.show_issues([Issue("error", "rates differ", remedies=(Remedy("triggered"),))])
    (button,) = issues.findChildren(QPushButton)
    assert button.text() == "Triggered together"
    with qtbot.waitSignal(issues.trigger_stated):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
