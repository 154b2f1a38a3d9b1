"""A training checked, started, followed, stopped and continued in the window."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QDialog, QInputDialog
from tests.support.paths import RECORDED_LITPOSE
from tests.support.projects.training_projects import edited, trained_network
from tests.support.windows.label_window import until
from tests.support.windows.models_panel import click, models_panel, open_in, open_section

from napari_pose3d.core.models.runs.model_folder import event_files
from napari_pose3d.core.models.runs.training_progress import TRAIN_ERROR, VALIDATION_ERROR
from napari_pose3d.core.models.runs.training_state import State
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.tasks.models.check.check_panel import ConfigDialog
from napari_pose3d.gui.tasks.models.check.finding_list import CALIBRATE, LABEL, RENAME, SPLIT
from napari_pose3d.gui.tasks.models.models_widget import ModelsWidget

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("nothing_left")]


def checked(widget: ModelsWidget) -> None:
    open_section(widget, "Check and settings")
    click(widget.check.check)
    until(lambda: not widget.jobs.is_busy)


def states(widget: ModelsWidget) -> list[str]:
    return [row.progress.state.state.value for row in widget.training.table.records]


def with_settings(widget: ModelsWidget, **values: str) -> None:
    open_section(widget, "Check and settings")
    for name, text in values.items():
        widget.check.form.main.widget(name).value = text


# ------------------------------------------------------------------ checking


def test_a_good_project_has_no_errors_and_says_what_it_comes_to(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = models_panel(shared_viewer, qtbot)
    assert "Open a session first" in widget.check.check.toolTip()
    assert "Open a session first" in widget.check.obstacle.message
    open_in(shared_viewer, project)
    assert not widget.check.obstacle.isVisibleTo(widget.check)
    assert "litpose is needed" in widget.training.obstacle.message
    checked(widget)
    panel = widget.check
    assert "No errors" in widget.jobs.status
    assert widget.section("Check and settings").words == "no errors"
    assert "acts from epoch 61, in full from 160" in panel.summary.message
    assert "(2 animals, by the names of the sessions)" in panel.labels_title.message
    assert panel.labels.text(0, 0) == "nose"
    assert panel.labels.text(0, 1) == "16"
    assert not panel.trial.isEnabled()
    assert "litpose is needed" in panel.trial.toolTip()
    shown: list[str] = []
    monkeypatch.setattr(QDialog, "exec", lambda self: shown.append(self.text.toPlainText()))
    assert ConfigDialog.exec is QDialog.exec
    click(panel.show_config)
    assert "max_epochs: 500" in shown[0]
    with_settings(widget, epochs="30")
    assert panel.result is None, "what was found is of other settings"
    checked(widget)
    assert "30 epochs" in panel.summary.message
    assert "acts from epoch 7" in panel.summary.message


def test_what_is_not_possible_cannot_be_chosen_and_says_why(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    form = widget.check.form

    def field(name: str) -> Any:
        return form.views.widget(name).native

    open_section(widget, "Check and settings")
    form.shared.unfold()
    until(lambda: widget.check._possible is not None)
    assert not form.why.isVisible()
    for name in ("reprojection_loss", "reprojection_from", "augmentation_3d", "mask_full"):
        assert field(name).isEnabled(), name
    # What is switched off needs no epochs, and what was typed there does not count.
    form.views.widget("reprojection_from").value = "5"
    form.views.widget("reprojection_loss").value = "off"
    form.views.widget("mask_share").value = "0"
    assert field("reprojection_from").toolTip() == "The 3-D loss is off."
    assert not field("mask_from").isEnabled()
    assert form.settings().reprojection_from is None
    # A calibration is taken away, and the section unfolded again.
    (project / "calibrations" / "mouse2_day1.toml").unlink()
    form.views.widget("reprojection_loss").value = "on"
    open_section(widget, "Train")
    open_section(widget, "Check and settings")
    until(lambda: not field("augmentation_3d").isEnabled())
    assert "needs a calibration for each labeled session" in field("reprojection_loss").toolTip()
    assert "Without a calibration: mouse2_day1." in form.why.message
    assert form.shared.words == "2 of 3 not possible"
    assert form.settings().reprojection_loss == "auto"
    assert field("mask_share").isEnabled()
    form.more.widget("model_type").value = "heatmap"
    assert not field("mask_share").isEnabled()
    assert "needs the model heatmap_multiview_transformer" in form.why.message
    assert form.settings().mask_share is None
    # What this project lacks is not held against another one, also where the form is not seen.
    open_section(widget, "Train")
    assert form.settings().reprojection_loss == "auto"
    shutil.copytree(project, project.with_name("other"))
    open_in(shared_viewer, project.with_name("other"))
    assert form.settings().reprojection_loss == "on"
    assert form.why.message == ""


def test_epochs_of_loss_and_masking_are_those_of_the_form(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    with_settings(widget, epochs="60")
    for name, text in (("reprojection_from", "5"), ("reprojection_full", "9")):
        widget.check.form.views.widget(name).value = text
    for name, text in (("mask_share", "0.25"), ("mask_from", "3"), ("mask_full", "40")):
        widget.check.form.views.widget(name).value = text
    checked(widget)
    summary = widget.check.summary.message
    assert "acts from epoch 5, in full from 9" in summary
    assert "from epoch 3, 25 % of them from 40" in summary
    widget.check.form.views.widget("mask_share").value = "1.5"
    click(widget.check.check)
    assert "the share of hidden patches is 1.5" in widget.jobs.status


def test_findings_come_with_remedies(shared_viewer: Any, qtbot: Any, project: Path) -> None:
    open_in(shared_viewer, project)
    # A view that lacks a keypoint in all rows, and a session without calibration.
    edited(
        project / "CollectedData_cam1.csv",
        lambda rows: [*rows[:3], *([row[0], "", "", *row[3:]] for row in rows[3:])],
    )
    (project / "calibrations" / "mouse2_day1.toml").unlink()
    widget = models_panel(shared_viewer, qtbot)
    wanted: list[str] = []
    widget.check.panel_wanted.disconnect()
    widget.check.panel_wanted.connect(wanted.append)
    checked(widget)
    findings = widget.check.findings
    assert findings.texts[0].startswith("✗ Error")
    assert any("never labeled in a view" in text for text in findings.texts)
    assert widget.check.labels.is_marked(0, 2)
    assert "1 error" in widget.jobs.status
    click(findings.buttons[LABEL])
    click(findings.buttons[CALIBRATE])
    assert wanted == ["Label", "Calibration"]
    click(findings.buttons[SPLIT])
    until(lambda: not widget.jobs.is_busy)
    assert widget.check.form.settings().train_share == 0.9
    assert SPLIT not in findings.buttons, "it is done"


def test_nothing_is_squeezed_in_a_low_window(shared_viewer: Any, qtbot: Any, project: Path) -> None:
    (project / "calibrations" / "mouse2_day1.toml").unlink()
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    widget.resize(340, 500)
    checked(widget)
    field = widget.check.form.main.widget("seeds").native
    until(lambda: field.height() >= field.minimumSizeHint().height())
    label = widget.check.summary
    until(lambda: label.height() >= label.heightForWidth(label.width()))
    section = widget.section("Check and settings")
    section.unfold(False)
    until(lambda: section.height() < 60)


def test_a_field_that_cannot_be_read_is_named(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    with_settings(widget, seeds="0, one")
    click(widget.check.check)
    assert "'one' is not understood" in widget.jobs.status
    with_settings(widget, seeds="3, 3")
    click(widget.check.check)
    assert "different whole numbers" in widget.jobs.status


def test_a_name_that_is_used_gives_way(shared_viewer: Any, qtbot: Any, project: Path) -> None:
    trained_network(project, "net-seed0")
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    until(lambda: len(widget.models.networks) == 1)
    checked(widget)
    assert "holds something already" in widget.check.findings.texts[0]
    click(widget.check.findings.buttons[RENAME])
    until(lambda: not widget.jobs.is_busy)
    assert widget.training.name.text() == "net-2"
    assert "No errors" in widget.jobs.status


@pytest.mark.usefixtures("litpose")
def test_a_trial_step_says_what_it_took(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    open_section(widget, "Check and settings")
    click(widget.check.trial)
    until(lambda: not widget.jobs.is_busy)
    assert "One step worked" in widget.jobs.status
    assert "GB" in widget.jobs.status
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"fail": "CUDA out of memory. Tried 2 GiB"}))
    click(widget.check.trial)
    until(lambda: not widget.jobs.is_busy)
    assert "GPU's memory" in widget.jobs.status


# ------------------------------------------------------------------ training


@pytest.mark.usefixtures("litpose")
def test_a_training_is_followed_to_its_end_also_by_a_window_opened_later(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = project / "half"
    half.touch()
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"hold": str(half)}))
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    with_settings(widget, epochs="20", seeds="0, 4")
    open_section(widget, "Train")
    widget.training.at_once.setValue(2)
    click(widget.training.train)
    until(lambda: "2 networks are being trained" in widget.jobs.status)
    training = widget.training
    key = ("net-seed0", TRAIN_ERROR)
    until(lambda: training.curves.drawn.get(key, 0) == 10)
    until(lambda: training.table.text(0, 2) == "10/20")
    until(lambda: widget.section("Train").words == "2 running")
    # The window is closed; another one finds the trainings.
    widget.close()
    other = models_panel(shared_viewer, qtbot)
    open_section(other, "Train")
    until(lambda: states(other) == ["running", "running"])
    assert other.training.curves.drawn[key] == 10
    half.unlink()
    until(lambda: states(other) == ["done", "done"])
    assert other.training.curves.drawn["net-seed4", TRAIN_ERROR] == 20
    assert other.training.curves.drawn["net-seed4", VALIDATION_ERROR] == 10
    assert other.training.table.text(1, 3) == "2.0"
    until(lambda: other.section("Models").words == "2 of 2 done")
    # In another theme the names of the curves can still be read.
    other.training.curves.set_colours("#ffffff", "#102030")
    names = [label.item.toHtml() for _, label in other.training.curves.legend.items]
    assert ["#102030" in name for name in names] == [True, True]
    assert not other.training.stop.isEnabled()


@pytest.mark.usefixtures("litpose")
def test_a_failure_is_told_in_plain_words(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"fail": "CUDA out of memory. Tried 2 GiB"}))
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    with_settings(widget, epochs="20", seeds="0")
    open_section(widget, "Train")
    click(widget.training.train)
    until(lambda: states(widget) == ["failed"])
    assert "GPU's memory was not enough" in widget.training.words.message
    assert "smaller batch" in widget.training.words.message
    until(lambda: widget.jobs.status == "Trainings are over: 1 failed.")
    assert not widget.training.curves.errors.isVisible(), "there is nothing to draw"
    click(widget.training.log_section.button)
    assert "Tried 2 GiB" in widget.training.log.toPlainText()
    assert not widget.training.go_on.isEnabled()


@pytest.mark.usefixtures("litpose")
def test_a_training_is_stopped_and_continued(
    shared_viewer: Any, qtbot: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 0.05}))
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    with_settings(widget, epochs="5000", seeds="0, 1")
    open_section(widget, "Train")
    training = widget.training
    click(training.train)
    until(lambda: states(widget) == ["running", "waiting"])
    key = ("net-seed0", VALIDATION_ERROR)
    until(lambda: training.curves.drawn.get(key, 0) > 0)
    click(training.stop)
    until(lambda: states(widget) == ["stopped", "cancelled"])
    assert "weights so far are kept" in widget.jobs.status
    training.table.selectRow(1)
    assert not training.go_on.isEnabled(), "it has no weights"
    training.table.selectRow(0)
    monkeypatch.setenv("FAKE_LITPOSE", "{}")
    monkeypatch.setattr(QInputDialog, "getInt", lambda *_: (6, True))
    until(lambda: training.go_on.isEnabled())
    # It is checked as any other training.
    calibration = project / "calibrations" / "mouse2_day1.toml"
    aside = calibration.rename(calibration.with_suffix(".aside"))
    click(training.go_on)
    until(lambda: not widget.jobs.is_busy)
    assert "Not continued: 1 error" in widget.jobs.status
    assert "mouse2_day1" in widget.jobs.status
    aside.rename(calibration)
    click(training.go_on)
    until(lambda: training.group.currentText() == "net-on")
    until(lambda: states(widget) == ["done"])
    until(lambda: widget.models.network("net-on-seed0").state.state is State.DONE)  # type: ignore[union-attr]
    network = widget.models.network("net-on-seed0")
    assert network is not None
    assert network.record is not None
    assert network.record.continued_from.endswith("net-seed0")


@pytest.mark.usefixtures("litpose")
def test_errors_forbid_training_unless_one_insists(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    (project / "calibrations" / "mouse2_day1.toml").unlink()
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    with_settings(widget, epochs="10", seeds="0")
    open_section(widget, "Train")
    click(widget.training.train)
    until(lambda: not widget.jobs.is_busy)
    assert "Not trained: 1 error" in widget.jobs.status
    assert not (project / "models").exists()
    click(widget.training.in_spite)
    click(widget.training.train)
    until(lambda: not widget.jobs.is_busy)
    assert "1 network is being trained" in widget.jobs.status
    until(lambda: states(widget) == ["done"])


def test_the_curves_of_a_recorded_run_are_in_epochs_and_grow(
    shared_viewer: Any, qtbot: Any, project: Path
) -> None:
    folder = project / "models" / "seed1"
    shutil.copytree(RECORDED_LITPOSE / "models" / "seed1", folder)
    (path,) = event_files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    status = folder / "train_status.json"
    done = status.read_text()
    status.write_text(done.replace("COMPLETED", "TRAINING"))
    open_in(shared_viewer, project)
    widget = models_panel(shared_viewer, qtbot)
    open_section(widget, "Train")
    until(lambda: states(widget) == ["running"])
    key = ("seed1", TRAIN_ERROR)
    few = widget.training.curves.drawn[key]
    # A record that is half written is left for later, and no damage.
    path.write_bytes(whole[: len(whole) // 2])
    until(lambda: widget.training.curves.drawn[key] > few)
    assert widget.training.words.message == ""
    path.write_bytes(whole)
    status.write_text(done)
    until(lambda: states(widget) == ["done"])
    assert widget.training.curves.losses.getPlotItem().getAxis("bottom").labelText == "epoch"
    drawn = widget.training.curves.errors.getPlotItem().listDataItems()
    assert max(item.xData.max() for item in drawn) == pytest.approx(5, abs=0.01)
    current_session(shared_viewer).set(None)
    assert not widget.training.shown.isVisibleTo(widget)
