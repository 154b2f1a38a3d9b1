"""The tabs Labels and Compare in a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from tests.gui.tasks.review.test_review_widget import (
    FIRST,
    LAST,
    VIEW,
    find,
    opened,
    planted_project,
)
from tests.support.projects.label_sessions import KEYPOINTS, VIEWS, open_labeling, truth
from tests.support.windows.label_window import until

from napari_pose3d.core.labels.label_actions import place
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.review.audit.dismissals import Dismissals
from napari_pose3d.gui.workspace.workspace import workspace

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
# What was labeled wrongly.
FRAME, WRONG = 9, LabelKey(VIEWS[1], KEYPOINTS[3])


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """A project with five labeled frames, one label of which is 12 px off."""
    folder = planted_project(tmp_path)
    labeling = open_labeling(folder)
    labeling.auto_project = False
    rng = np.random.default_rng(2)
    for frame in (3, FRAME, 17, 25, 33):
        for v, view in enumerate(VIEWS):
            for k, name in enumerate(KEYPOINTS):
                x, y = truth(frame)[v, k] + rng.normal(0, 0.2, 2)
                if (frame, LabelKey(view, name)) == (FRAME, WRONG):
                    x, y = x + 9, y - 8
                place(labeling, frame, LabelKey(view, name), (float(x), float(y)))
    labeling.save()
    labeling.close()
    return folder


def test_a_finding_is_accepted_undone_and_dismissed(make_napari_viewer, labeled: Path) -> None:
    viewer = make_napari_viewer(show=True)
    widget = opened(viewer, labeled)
    audit = widget.audit
    widget.tabs.setCurrentIndex(widget.tabs.count() - 1)
    assert audit.isVisible()
    assert not widget.bar.isVisible()
    QTest.mouseClick(audit.bar._run, LEFT)
    until(lambda: not audit.bar.is_busy)
    assert audit.audit is not None
    one = next(f for f in audit.table.records if f.frame == FRAME and f.views == (WRONG.view,))
    assert one.keypoints == (WRONG.keypoint,)
    audit.table.selectRow(audit.table.records.index(one))
    assert "Suggested" in audit.details
    before = len(audit.table.records)

    QTest.mouseClick(audit.buttons["accept"], LEFT)
    label = workspace(viewer).find("Label")
    until(lambda: label.labeling is not None and bool(label.labeling.unsaved))
    at = label.labeling.label(FRAME, WRONG).position
    assert np.hypot(*(at - truth(FRAME)[1, 3])) < 3
    assert label.control.frame == FRAME
    until(lambda: len(audit.table.records) == before - 1)
    # Taken back in the tab Label, it is open again.
    label.control.step_history(back=True)
    until(lambda: len(audit.table.records) == before)

    audit.table.selectRow(audit.table.records.index(one))
    QTest.mouseClick(audit.buttons["dismiss"], LEFT)
    assert one in Dismissals(labeled)
    assert one not in audit.table.records
    audit.done.setChecked(True)
    assert audit.table.text(audit.table.records.index(one), 2) == "dismissed"
    QTest.mouseClick(audit.undo, LEFT)
    assert one not in Dismissals(labeled)


def test_two_sets_are_compared(make_napari_viewer, labeled: Path) -> None:
    viewer = make_napari_viewer(show=True)
    widget = opened(viewer, labeled)
    find(widget)
    until(lambda: not widget.layers.is_adding)
    compare = widget.compare
    assert compare.found is None
    widget.tabs.setCurrentIndex(2)
    until(lambda: compare.found is not None)
    assert (compare.found.first, compare.found.second) == ("raw", "smoothed")
    # Where the view was wrong, the smoother moved the point most.
    worst = compare.table.records[0]
    assert worst.view == VIEWS[VIEW]
    assert FIRST <= worst.frame <= LAST
    assert worst.above == LAST - FIRST + 1
    compare.table.selectRow(0)
    assert viewer.dims.current_step[0] == worst.frame
    assert len(compare.plot.names) == len(VIEWS)
    assert compare.scatter.reach >= 10
    assert compare.heading.message.startswith(f"{worst.keypoint}: ")
    # A click on a dot goes to its frame.
    widget.tabs.setCurrentIndex(2)
    dot = compare.scatter.place_of(VIEWS[VIEW], FIRST + 1)
    QTest.mouseClick(compare.scatter, LEFT, pos=dot.toPoint())
    assert FIRST <= viewer.dims.current_step[0] <= LAST
    before = viewer.dims.current_step[0]
    QTest.mouseClick(compare.scatter, LEFT, pos=QPoint(3, compare.scatter.height() - 4))
    assert viewer.dims.current_step[0] == before
    compare.view.setCurrentIndex(compare.view.findData(VIEWS[0]))
    assert {row.view for row in compare.table.records} == {VIEWS[0]}
    assert len(compare.plot.names) == 1

    compare.first.setCurrentText("net0")
    compare.second.setCurrentText("net1")
    until(lambda: compare.found is not None and compare.found.second == "net1")
    assert compare.found.rows[0].largest < 3
    compare.second.setCurrentText("net0")
    assert "two different" in compare.message.message
    assert compare.table.records == ()
