"""Sessions predicted and smoothed from the panel; litpose is a stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from tests.support.projects.session_files import video
from tests.support.projects.training_projects import SESSIONS, VIEWS, trained_network
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, models_panel, open_in, open_section

from napari_pose3d.gui.qt.run_bar import ProgressRow
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.tasks.models.models_widget import ModelsWidget

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("litpose")]


@pytest.fixture
def widget(shared_viewer: Any, qtbot: Any, project: Path) -> ModelsWidget:
    """The panel over two sessions with videos, and two networks."""
    for session in SESSIONS:
        for view in VIEWS:
            video(project / "videos" / f"{session}_{view}.mp4")
    trained_network(project, "net-seed0")
    trained_network(project, "net-seed1", 1)
    open_in(shared_viewer, project)
    made = models_panel(shared_viewer, qtbot)
    until(lambda: len(made.models.networks) == 2)
    open_section(made, "Models")
    return made


def predicted(widget: ModelsWidget) -> str:
    click(widget.networks.predict.predict)
    until(lambda: not widget.jobs.is_busy)
    return widget.jobs.status


def test_the_open_session_is_predicted_smoothed_and_open_with_it(
    widget: ModelsWidget, shared_viewer: Any
) -> None:
    panel = widget.networks.predict
    assert panel.checked == ["mouse1_day1"]
    widget.networks.table.selectAll()
    assert "net-seed0, net-seed1" in panel.title.message
    said = predicted(widget)
    assert "Predicted: mouse1_day1 by net-seed0, net-seed1." in said
    assert "Smoothed: mouse1_day1." in said
    opened = current_session(shared_viewer).open
    assert opened is not None
    assert len(opened.session.ensemble_sets) == 2
    assert widget.models.folder is not None
    assert (widget.models.folder / "napari-pose3d" / "smoothed" / "mouse1_day1").is_dir()
    # It is not done twice; the other session is still new.
    until(lambda: widget.networks.table.text(0, 3) == "1")
    widget.networks.table.selectAll()
    click(panel.smooth)
    assert "Done already: mouse1_day1" in predicted(widget)
    click(panel.new)
    assert panel.checked == ["mouse2_day1"]
    assert "Predicted: mouse2_day1 by" in predicted(widget)


def test_one_bar_goes_over_the_whole_chain_and_names_the_present_step(
    widget: ModelsWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, float]] = []
    show = ProgressRow.show_progress

    def note(row: ProgressRow, stage: str, done: int, total: int) -> None:
        show(row, stage, done, total)
        if total:
            seen.append((row.stage, row.fraction))

    monkeypatch.setattr(ProgressRow, "show_progress", note)
    widget.networks.table.selectAll()
    assert "Smoothed: mouse1_day1." in predicted(widget)
    stages, shares = zip(*seen, strict=True)
    assert stages[0] == "Predicting mouse1_day1 by net-seed0 (1 of 3)…"
    assert "Predicting mouse1_day1 by net-seed1 (2 of 3)…" in stages
    assert stages[-1].startswith("Smoothing mouse1_day1 (3 of 3)")
    assert list(shares) == sorted(shares)
    assert shares[-1] == 1


def test_what_fails_is_named_and_the_other_goes_on(
    widget: ModelsWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"rows": 39}))
    click(widget.networks.predict.every)
    said = predicted(widget)
    assert "mouse2_day1 by net-seed0 failed" in said
    assert "have 39 rows, and the video 40 frames" in said
    click(widget.networks.predict.none)
    assert not widget.networks.predict.predict.isEnabled()
    assert "Check a session" in widget.networks.predict.predict.toolTip()


def test_prediction_can_be_cancelled(widget: ModelsWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 600}))
    click(widget.networks.predict.predict)
    until(lambda: "by net-seed0" in widget.jobs.stage)
    widget.jobs.cancel()
    until(lambda: not widget.jobs.is_busy)
    assert widget.jobs.status == "Cancelled; what was finished stays."
    item = widget.networks.predict.sessions.item(0)
    assert item is not None
    assert item.checkState() == Qt.CheckState.Checked
