"""The section "Many sessions": what is offered, what runs, what is said, and that it stops."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices
from tests.support.projects.batch_projects import (
    all_smoothed,
    batch_project,
    corrupt,
    prediction,
    smoothed_files,
)
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, open_in

from napari_pose3d.gui.tasks.export.batch import batch_runner as runners
from napari_pose3d.gui.tasks.export.export_widget import MANY, ONE, ExportWidget
from napari_pose3d.gui.tasks.smooth.smooth_widget import SmoothWidget
from napari_pose3d.settings import ExportSettings, RenderSettings

pytestmark = pytest.mark.gui
_MISSING = ("pyarrow", "distributed")


@pytest.fixture(autouse=True)
def without_a_runner(alone: None, shared_viewer: Any) -> None:
    runners._RUNNERS.pop(shared_viewer, None)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sessions, one of which is corrupt."""
    folder = batch_project(tmp_path_factory.mktemp("batch") / "mice", ["day1", "day2", "day3"])
    corrupt(prediction(folder, "day2"))
    return folder


def opened(viewer: Any, qtbot: Any, folder: Path | None) -> ExportWidget:
    if folder is not None:
        open_in(viewer, folder)
    made = ExportWidget(viewer)
    if qtbot is not None:
        qtbot.addWidget(made)
    made.resize(340, 1600)
    made.show()
    made.section(ONE).unfold(False)
    made.section(MANY).unfold()
    until(lambda: not made.batch.is_listing)
    return made


def states(panel: ExportWidget) -> dict[str, str]:
    table = panel.batch.table
    return {table.text(i, 0): table.text(i, 1) for i in range(len(table.records))}


def check(panel: ExportWidget, *names: str) -> None:
    """With the mouse: the check boxes of the table."""
    model = panel.batch.table.model()
    for row, each in enumerate(panel.batch.table.records):
        on = Qt.CheckState.Checked if each.name in names else Qt.CheckState.Unchecked
        model.setData(model.index(row, 0), on.value, Qt.ItemDataRole.CheckStateRole)


def test_three_sessions_of_which_one_is_corrupt(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = opened(shared_viewer, None, project)
    part, runner = panel.batch, panel.batch.view._runner
    assert states(panel) == {"day1": "-", "day2": "-", "day3": "-"}
    assert part.button.text().endswith("3 sessions")
    assert not part.view.summary.isEnabled()
    click(part.steps.boxes["review"])
    click(part.steps.boxes["export"])
    part.steps.choose_formats("anipose")
    part.workers.set_workers(1)
    seen: list[str] = []
    runner.stepped.connect(lambda name: seen.append(f"{name} {runner.states[name].words}"))
    click(part.button)
    assert runner.is_running
    assert not part.button.isEnabled()
    # The panel is closed and opened again: the batch goes on.
    panel.close()
    panel.deleteLater()
    until(lambda: not isalive(panel))
    until(lambda: runner.n_ended > 0)
    panel = opened(shared_viewer, qtbot, None)
    part = panel.batch
    until(lambda: not runner.is_running and not part.is_listing)

    assert states(panel) == {"day1": "done", "day2": "smooth failed", "day3": "done"}
    assert panel.section(MANY).words == "1 failed"
    assert runner.mark == "attention"
    assert part.view.status.message == "3 sessions: 2 done, 1 failed."
    assert part.view.failures.text().startswith("day2: ")
    assert prediction(project, "day2").name in part.view.failures.text()
    assert any("smoothing" in each or "reading" in each for each in seen), seen
    for name in ("day1", "day3"):
        assert smoothed_files(project, name) == all_smoothed(name)
        assert (project / "napari-pose3d" / "exported" / name / "anipose" / f"{name}.csv").is_file()
    click(part.view.show_log)
    assert "day1: done" in part.view.log.toPlainText()
    assert "day2: smooth failed" in part.view.log.toPlainText()
    urls: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: urls.append(url.toLocalFile()))
    click(part.view.summary)
    assert Path(urls[0]).read_text().count("day2")

    # What is done is not done again.
    click(part.new)
    assert len(part.table.checked) == 3, "none was reviewed"
    click(part.steps.boxes["review"])
    click(part.new)
    assert part.table.checked == ("day2",)
    click(part.every)
    click(part.button)
    until(lambda: not runner.is_running and not part.is_listing)
    assert states(panel)["day1"] == "done before"
    # The results are offered for export.
    until(lambda: not panel.jobs.is_busy)
    assert panel.sources.currentText() == "Smoothed"


def test_settings_are_those_of_the_tab_smooth(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    smooth = SmoothWidget(shared_viewer)
    qtbot.addWidget(smooth)
    panel = opened(shared_viewer, qtbot, project)
    part = panel.batch
    assert part.steps.as_in_smooth.isVisible()
    smooth.smoothing.set_smooth_param(10.0)
    smooth.smoothing._likelihood.widget("min_likelihood").value = 0.4
    check(panel, "day3")
    request = part.request()
    assert request.sessions == ("day3",)
    assert request.smoothing.smooth_param == pytest.approx(10)
    assert request.reading.min_likelihood == pytest.approx(0.4)
    click(part.steps.as_in_smooth)
    assert part.request().smoothing.smooth_param is None
    assert part.request().reading.min_likelihood == 0
    click(part.steps.as_in_smooth)
    # What cannot be read there is reported here.
    smooth.smoothing._more.widget("max_gap").value = "many"
    click(part.button)
    assert "'many' is not understood" in part.hint.message
    assert not part.view._runner.is_running


def test_cancelling_leaves_what_was_done(shared_viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"], long=["day2"])
    panel = opened(shared_viewer, qtbot, folder)
    part, runner = panel.batch, panel.batch.view._runner
    part.workers.set_workers(1)
    click(part.steps.boxes["review"])
    click(part.button)
    until(lambda: runner.states["day2"].status == "running")
    assert shared_viewer.window._task_status_manager.get_status() == [
        "napari-pose3d: 1 of 2 sessions of mice are done"
    ]
    part.view.progress.cancel()
    until(lambda: not runner.is_running)
    assert "of 2 sessions 1 had been done" in part.view.status.message
    assert shared_viewer.window._task_status_manager.get_status() == []
    assert smoothed_files(folder, "day1") == all_smoothed("day1")
    assert smoothed_files(folder, "day2") == set()
    assert runner.states["day2"].words == "not done"
    until(lambda: not part.is_listing)
    assert part.button.isEnabled()


def test_how_exports_are_written_and_what_videos_show(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    panel = opened(shared_viewer, qtbot, project)
    steps = panel.batch.steps
    click(steps.boxes["export"])
    steps.choose_formats("c3d")
    assert steps.option("split").native.isVisible()
    assert not steps.option("movement_dims").native.isVisible()
    assert not steps.drawn("labels").native.isVisible()
    click(steps.boxes["render"])
    steps.option("body_frame").value = "nose,tail"
    steps.option("movement_dims").value = "plural"
    steps.drawn("uncertainty").value = True
    request = panel.batch.request()
    # What no format that is checked takes is left out.
    assert request.export == ExportSettings(body_frame="nose,tail")
    assert request.render == RenderSettings(uncertainty=True)
    click(steps.boxes["render"])
    assert panel.batch.request().render == RenderSettings()


def test_what_stands_in_the_way_is_named(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = opened(shared_viewer, qtbot, None)
    part = panel.batch
    assert "Open a session first" in part.hint.message
    open_in(shared_viewer, project)
    until(lambda: not part.is_listing)
    assert not part.hint.isVisible()
    click(part.none)
    assert part.hint.message == "Check a session."
    click(part.every)
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in _MISSING else real(name)
    )
    click(part.steps.boxes["export"])
    part.steps.choose_formats("tidy-parquet")
    assert "pip install 'napari-pose3d[parquet]'" in part.hint.message
    part.steps.choose_formats("trc")
    assert part.button.isEnabled()
    part.workers.place.setCurrentIndex(1)
    assert "pip install 'napari-pose3d[cluster]'" in part.hint.message
    assert not part.button.isEnabled()
    part.workers.place.setCurrentIndex(0)
    for box in part.steps.boxes.values():
        box.setChecked(False)
    assert part.hint.message == "Check a step."


def test_a_cluster_that_does_not_answer(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    from napari_pose3d.core.pipeline.batch import dask_workers

    monkeypatch.setattr(dask_workers, "_CONNECT_SECONDS", 0.2)
    panel = opened(shared_viewer, qtbot, project)
    part = panel.batch
    part.workers.place.setCurrentIndex(1)
    assert "Type the address" in part.hint.message
    part.workers.address.setText("tcp://127.0.0.1:9")
    click(part.button)
    until(lambda: not part.view._runner.is_running)
    assert "no scheduler answers at 'tcp://127.0.0.1:9'" in part.view.status.message
    assert part.view._runner.mark == "attention"
