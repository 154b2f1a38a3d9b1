"""The panel Models: the program, networks and what is known of them; litpose is a stand-in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QDialog, QFileDialog
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.paths import RECORDED_LITPOSE
from tests.support.projects.session_files import touch
from tests.support.projects.training_projects import config_of, edited, trained_network
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, models_panel, open_in, open_section

from napari_pose3d.core.models.configuration.config_file import config_text
from napari_pose3d.core.models.installation.litpose_search import VARIABLE, remembered_place
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.tasks.models.models_widget import ModelsWidget
from napari_pose3d.gui.tasks.models.networks.error_table import NumberTable, without_prefix
from napari_pose3d.gui.tasks.models.networks.settings_dialog import SettingsDialog

pytestmark = pytest.mark.gui


def test_without_litpose_the_commands_can_be_copied(shared_viewer: Any, qtbot: Any) -> None:
    widget = models_panel(shared_viewer, qtbot)
    panel = widget.program
    assert widget.section("Program").is_open
    assert "was not found" in panel.text.message
    panel.commands.which.setCurrentIndex(0)
    click(panel.commands.copy)
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert "--no-deps lightning-pose" in clipboard.text()
    assert "whl/cpu" in clipboard.text()
    panel.commands.which.setCurrentIndex(1)
    click(panel.commands.copy)
    assert "whl/cpu" not in clipboard.text()
    assert not widget.networks.export.isEnabled()
    assert "Open a session first" in widget.networks.nothing.message


def test_an_environment_is_chosen_and_remembered(
    shared_viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = models_panel(shared_viewer, qtbot)
    panel = widget.program
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "empty"))
    click(panel.choose)
    until(lambda: not widget.models.is_asking)
    assert "there is no litpose here" in panel.problem.message
    assert panel.commands.isVisible()
    environment = litpose_environment(tmp_path / "lp")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(environment))
    click(panel.choose)
    until(lambda: not widget.models.is_asking)
    assert "Lightning Pose 2.4.3" in panel.text.message
    assert "no DALI" in panel.text.message
    assert remembered_place() == environment / "bin" / "litpose"
    assert not widget.section("Program").is_open, "what works needs no room"
    # A wrong choice later takes nothing away.
    open_section(widget, "Program")
    panel.place.setText(str(tmp_path / "empty"))
    qtbot.keyClick(panel.place, "\r")
    until(lambda: not widget.models.is_asking)
    assert "there is no litpose here" in panel.problem.message
    assert "Lightning Pose 2.4.3" in panel.text.message
    assert remembered_place() == environment / "bin" / "litpose"


def recorded_project(folder: Path) -> Path:
    """A project with the two networks of a recorded run, and one whose record is damaged."""
    for name in ("seed0", "seed1"):
        shutil.copytree(RECORDED_LITPOSE / "models" / name, folder / "models" / name)
    # The third keypoint is much worse than the others in Cam-B.
    edited(
        folder / "models" / "seed0" / "predictions_Cam-B_pixel_error.csv",
        lambda rows: [rows[0], *([*row[:3], "500.0", *row[4:]] for row in rows[1:])],
    )
    damaged = folder / "models" / "torn"
    damaged.mkdir()
    (damaged / "config.yaml").write_text("data: [")
    return folder


def test_recorded_networks_are_listed_with_their_errors(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    open_in(shared_viewer, recorded_project(project))
    widget = models_panel(shared_viewer, qtbot)
    open_section(widget, "Models")
    table = widget.networks.table
    until(lambda: len(table.records) == 3)
    assert [table.text(row, 1) for row in range(3)] == ["done", "done", "damaged"]
    table.clearSelection()
    table.selectRow(0)
    details = widget.networks.details
    assert "seed0: done" in details.text.message
    assert "heatmap_multiview_transformer" in details.text.message
    assert details.table.isVisible()
    validation = [details.table.text(row, 1) for row in range(3)]
    details.which.setCurrentIndex(1)
    assert [details.table.text(row, 1) for row in range(3)] != validation
    assert "19 frames" in details.note.message
    marked = [(r, c) for r in range(13) for c in range(1, 5) if details.table.is_marked(r, c)]
    # The first is so in the recording itself.
    assert marked == [(0, 4), (2, 2)]
    details.which.setCurrentIndex(2)
    assert not details.table.isVisible()
    assert "held out" in details.note.message
    table.selectRow(2)
    assert "config.yaml" in details.text.message


def test_networks_of_others_appear_by_themselves(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    assert "no networks yet" in widget.networks.nothing.message
    until(lambda: widget.models._reading.job is None)
    trained_network(project, "theirs")
    widget.models.refresh()
    until(lambda: len(widget.networks.table.records) == 1)
    assert widget.networks.details.isVisibleTo(widget)
    current_session(shared_viewer).set(None)
    assert widget.networks.table.records == ()


def test_what_is_found_for_a_project_that_was_left_is_not_shown(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    gone_on: list[Any] = []
    widget.check.run(gone_on.append)
    current_session(shared_viewer).set(None)
    until(lambda: not widget.jobs.is_busy)
    assert "no longer open" in widget.jobs.status
    assert widget.check.result is None
    assert not gone_on
    # Another project begins without what was said about the one before.
    open_in(shared_viewer, project)
    assert widget.jobs.status == ""


def exported(widget: ModelsWidget) -> str:
    click(widget.networks.export)
    until(lambda: not widget.jobs.is_busy)
    return widget.jobs.status


def test_a_network_is_exported(
    shared_viewer: Any,
    qtbot: Any,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, str(litpose_environment(tmp_path / "lp")))
    folder = trained_network(project, "net")
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    until(lambda: len(widget.networks.table.records) == 1)
    open_section(widget, "Models")
    program = tmp_path / "lp" / "bin" / "litpose"
    at = folder / "exports_onnx" / "epoch=3-step=40-best_fp32.onnx"
    # An empty file is no export.
    program.write_text(f"#!/bin/sh\nmkdir '{at.parent}'\ntouch '{at}'\n")
    assert "the export failed" in exported(widget)
    shutil.rmtree(folder / "exports_onnx")
    program.write_text(f"#!/bin/sh\nmkdir '{at.parent}'\necho net > '{at}'\n")
    assert exported(widget) == "Exported: net."
    until(lambda: "exported to ONNX" in widget.networks.details.text.message)


def test_settings_that_took_effect_otherwise_stand_first(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained_network(project, "net")
    asked = folder / "asked_config.yaml"
    touch(asked, config_text(config_of(project, training__train_batch_size=77)))
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    until(lambda: len(widget.networks.table.records) == 1)
    open_section(widget, "Models")
    shown: list[SettingsDialog] = []
    monkeypatch.setattr(QDialog, "exec", lambda self: shown.append(self))
    click(widget.networks.settings)
    dialog = shown.pop()
    row = [dialog.table.text(0, column) for column in range(3)]
    assert row == ["training.train_batch_size", "77", "8"]
    n = len(dialog.table.records)
    assert dialog.summary.message.startswith("1 of ")
    assert "data.data_dir" in [each.key for each in dialog.table.records]
    dialog.search.setText("BATCH_size")
    assert all("batch_size" in each.key for each in dialog.table.records)
    dialog.differing.setChecked(True)
    assert [each.key for each in dialog.table.records] == ["training.train_batch_size"]
    dialog.search.setText("nowhere")
    assert dialog.nothing.isVisibleTo(dialog)
    dialog.search.clear()
    dialog.differing.setChecked(False)
    assert len(dialog.table.records) == n
    # What others trained, and what is damaged.
    asked.unlink()
    click(widget.networks.settings)
    other = shown.pop()
    assert "trained by others" in other.summary.message
    assert other.table.isColumnHidden(1)
    assert not other.differing.isEnabled()
    (folder / "config.yaml").write_text("data: [")
    click(widget.networks.settings)
    assert shown == []
    assert "config.yaml" in widget.jobs.status


def test_large_errors_and_long_views_are_readable(qtbot: Any) -> None:
    table = NumberTable("errors")
    qtbot.addWidget(table)
    values = np.array([[123.44, 9.96, np.nan]])
    views = ("Camera-A", "Camera-B", "Camera-C")
    table.show_numbers(["hindpaw_right_end"], views, values, values > 100)
    assert [table.text(0, column) for column in range(1, 4)] == ["123", "10.0", "-"]
    header = table.horizontalHeader()
    model = table.model()
    assert header is not None
    assert model is not None
    names = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(1, 4)]
    assert names == ["A", "B", "C"], "there is no room for what all begin with"
    whole = model.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert whole == "Camera-A"
    width = table.fontMetrics().horizontalAdvance("123")
    assert header.sectionSize(1) > width + 6
    assert without_prefix(("top", "side")) == ("top", "side")
    assert without_prefix(("Cam-", "Cam-1")) == ("Cam-", "Cam-1")
