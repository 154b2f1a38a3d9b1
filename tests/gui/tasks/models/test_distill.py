"""A set is distilled in the panel, and one network trained on it; litpose is a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.projects.session_files import video
from tests.support.projects.training_projects import SESSIONS, VIEWS, smoothed_session
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, models_panel, open_in, open_section

from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.gui.tasks.models.models_widget import ModelsWidget

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("litpose", "nothing_left")]


@pytest.fixture
def widget(shared_viewer: Any, qtbot: Any, project: Path) -> ModelsWidget:
    for view in VIEWS:
        video(project / "videos" / f"{SESSIONS[0]}_{view}.mp4")
    open_in(shared_viewer, project)
    made = models_panel(shared_viewer, qtbot)
    open_section(made, "Distill")
    return made


def done(widget: ModelsWidget) -> str:
    until(lambda: not widget.jobs.is_busy)
    return widget.jobs.status


def test_a_network_learns_what_is_certain(widget: ModelsWidget, project: Path) -> None:
    panel = widget.distillation
    assert "no distilled set" in panel.train.toolTip()
    assert not panel.train.isEnabled()
    click(panel.compare)
    assert "Predict and smooth first" in done(widget)
    smoothed_session(project)
    panel.certainty.setValue(0.5)
    click(panel.compare)
    assert "0.5 px: 0 frames; none of 60 labeled positions is certain" in done(widget)
    table = panel.table
    lines = [[table.text(row, column) for column in range(3)] for row in range(6)]
    # Labels of frames 3, 7 and 20 are certain to 1 px; that of 31 is not.
    assert lines[:2] == [["0.5 px", "0", "0 of 60"], ["1 px", "30", "45 of 60"]]
    click(panel.make)
    assert "no frame is certain enough" in done(widget)
    assert not panel.train.isEnabled()
    panel.certainty.setValue(3)
    panel.budget.setValue(12)
    panel.name.setText("first")
    click(panel.make)
    assert done(widget).startswith("Set first: 12 frames of mouse1_day1 with pseudo-labels; 13 ")
    click(panel.make)
    assert "this set is there already" in done(widget)
    assert panel.sets.currentText() == "first"
    before = {path: path.read_bytes() for path in project.glob("*.csv")}
    widget.check.form.main.widget("seeds").native.setText("4, 5")
    widget.check.form.main.widget("epochs").native.setText("3")
    click(panel.train)
    until(lambda: [each.name for each in widget.models.networks] == ["first-seed4"])
    assert widget.section("Train").is_open
    until(lambda: widget.models.networks[0].state.state is State.DONE)
    assert {path: path.read_bytes() for path in project.glob("*.csv")} == before
    open_section(widget, "Models")
    until(lambda: "of the distilled set first" in widget.networks.details.text.message)


def test_a_damaged_set_is_not_trained_on(widget: ModelsWidget, project: Path) -> None:
    smoothed_session(project)
    panel = widget.distillation
    click(panel.make)
    done(widget)
    (project / "napari-pose3d" / "distillation" / "distilled" / "Train_cam1.csv").unlink()
    click(panel.train)
    assert done(widget) == "Not trained: 1 error."
    assert "Train_cam1.csv" in panel.errors.message
    assert not (project / "models").exists()
