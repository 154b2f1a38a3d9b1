"""Results of a run after which something was changed: marked, never saved as if they were new."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest
from tests.support.windows.smooth_panel import choose, run

from napari_pose3d import load_rig, save_rig
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.gui.qt.message_text import MessageLabel
from napari_pose3d.gui.session.current_session import OpenSession, current_session
from napari_pose3d.gui.tasks.smooth import smooth_widget as smooth_module
from napari_pose3d.gui.tasks.smooth.save_dialog import SaveDialog

pytestmark = pytest.mark.gui
SHOWN = False
TIMEOUT = 60_000


@pytest.fixture
def finished(widget, qtbot, session):
    """The widget after a run."""
    choose(widget, qtbot, *session)
    run(widget, qtbot)
    assert widget.results.stale == ""
    assert widget.bar.status == "Done."
    return widget


def touch_later(path) -> None:
    """The same content, written again."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 10_000_000))


def test_other_settings_and_the_same_again(finished) -> None:
    panel = finished.smoothing
    for change, back in (
        (lambda: panel.set_smooth_param(10.0), lambda: panel.set_smooth_param(None)),
        (
            lambda: setattr(panel._form.widget("mode"), "value", "linear"),
            lambda: setattr(panel._form.widget("mode"), "value", "auto"),
        ),
        (
            lambda: setattr(panel._more.widget("max_gap"), "value", "3"),
            lambda: setattr(panel._more.widget("max_gap"), "value", ""),
        ),
        (
            lambda: setattr(panel._parts.widget("bursts"), "value", False),
            lambda: setattr(panel._parts.widget("bursts"), "value", True),
        ),
        (
            lambda: setattr(panel._likelihood.widget("min_likelihood"), "value", 0.5),
            lambda: setattr(panel._likelihood.widget("min_likelihood"), "value", 0.0),
        ),
        (
            lambda: finished.keypoints.check(("kp0",)),
            lambda: finished.keypoints.check(finished.keypoints.offered),
        ),
    ):
        change()
        assert "other settings" in finished.results.stale
        assert "Run again" in finished.results.stale
        assert finished.bar.status != "Done."
        assert "earlier" in finished.results._save.text()
        back()
        assert finished.results.stale == ""
        assert "earlier" not in finished.results._save.text()


def test_a_field_that_cannot_be_read_and_what_changes_nothing(finished) -> None:
    panel = finished.smoothing
    panel._more.widget("max_gap").value = "some"
    assert "other settings" in finished.results.stale
    panel._more.widget("max_gap").value = ""
    panel._more.widget("threads").value = "1"
    assert finished.results.stale == ""
    # The slider alone, while s is searched.
    panel._slider.setValue(panel._slider.value() + 5)
    assert finished.results.stale == ""


def test_running_again_makes_it_current(finished, qtbot) -> None:
    finished.smoothing.set_smooth_param(10.0)
    assert finished.results.stale
    run(finished, qtbot)
    assert finished.results.stale == ""
    assert set(finished._finished.result.report.smooth_param.values()) == {10.0}


def test_other_files(finished, qtbot, session) -> None:
    finished.inputs._calibration.clear()
    finished.inputs._calibration_edited()
    qtbot.waitUntil(lambda: finished._matching.job is None)
    assert "other files" in finished.results.stale


@pytest.mark.parametrize("which", [0, 1], ids=["predictions", "calibration"])
def test_files_that_changed_on_disk(finished, session, monkeypatch, which: int) -> None:
    path = session[which]
    if path.is_dir():
        path = sorted(path.glob("*.csv"))[0]
    touch_later(path)
    seen = []
    monkeypatch.setattr(
        smooth_module, "ask_where", lambda result, folder, stale, parent: seen.append(stale)
    )
    # Noticed at the latest when the result is to be saved.
    finished.save()
    assert f"Changed on disk after this run: {path.name}" in seen[0]
    assert finished.results.stale == seen[0]


def test_an_earlier_run_is_saved_as_what_it_is(
    finished, qtbot, session, tmp_path, monkeypatch
) -> None:
    out = tmp_path / "out"
    path = sorted(session[0].glob("*.csv"))[0]
    touch_later(path)
    finished.smoothing.set_smooth_param(10.0)
    monkeypatch.setattr(
        smooth_module, "ask_where", lambda result, folder, stale, parent: (out, False, False)
    )
    finished.save()
    qtbot.waitUntil(lambda: not finished.bar.is_busy)
    (record,) = out.glob("*_run.json")
    content = json.loads(record.read_text())
    assert content["settings"]["smooth_param"] is None
    hashes = {entry["path"]: entry["sha256"] for entry in content["inputs"]}
    assert hashes.pop(str(path.resolve())) is None
    assert all(hashes.values())
    assert any(path.name in note and "changed" in note for note in content["warnings"])
    assert finished.results.stale


def test_a_run_ends_when_another_session_is_opened(
    widget, qtbot, session, tmp_path, monkeypatch
) -> None:
    """Its layers would lie on images of the other one, and the panel would wait without end."""
    opened = []
    for name in ("one", "two"):
        folder = shutil.copytree(session[0], tmp_path / name)
        project = open_project(folder)
        opened.append(OpenSession(project, project.sessions[0]))
    current = current_session(widget.viewer)
    current.set(opened[0])
    qtbot.waitUntil(lambda: widget.bar.is_ready, timeout=TIMEOUT)
    before = list(widget.viewer.layers)
    widget.run()
    # As far as it can be: while its layers are being added.
    qtbot.waitUntil(lambda: len(widget.viewer.layers) > len(before) + 2, timeout=TIMEOUT)
    current.set(opened[1])
    assert not widget.bar.is_busy
    assert "another session" in widget.bar.status
    assert list(widget.viewer.layers) == before
    qtbot.waitUntil(lambda: widget.bar.is_ready, timeout=TIMEOUT)
    run(widget, qtbot)
    assert widget.results.stale == ""


def test_the_dialog_says_whose_results_they_are(finished, tmp_path) -> None:
    result = finished._finished.result
    for stale, expected in (("Made with other settings.", True), ("", False)):
        dialog = SaveDialog(result, tmp_path, stale)
        texts = " ".join(label.message for label in dialog.findChildren(MessageLabel))
        assert ("results of the earlier run. Made with" in texts) == expected
        assert "mouse_Cam-A.csv" in texts or ".csv" in texts


def test_residuals_and_shares_are_shown_by_view(finished, qtbot) -> None:
    result = finished._finished.result
    table = finished.results._fit
    assert not table.isHidden()
    assert not table.isColumnHidden(1)
    for row, (view, found) in zip(table.texts(), result.report.views.items(), strict=True):
        assert row[0] == view
        assert float(row[1]) == pytest.approx(found.calibration_residual, abs=0.006)
        assert float(row[2]) == pytest.approx(found.residual, abs=0.006)
        assert float(row[3].removesuffix(" %")) == pytest.approx(
            100 * found.share_rejected, abs=0.06
        )
    finished.smoothing._form.widget("mode").value = "single"
    run(finished, qtbot)
    # Nothing is compared with what all views give together.
    assert table.isColumnHidden(1)


def test_a_calibration_that_does_not_fit_stands_first(widget, qtbot, session) -> None:
    folder, calibration = session
    rig = load_rig(calibration)
    names = (rig.names[1], rig.names[0], *rig.names[2:])
    cameras = [replace(c, name=n) for c, n in zip(rig.cameras, names, strict=True)]
    save_rig(replace(rig, cameras=tuple(cameras)), calibration)
    choose(widget, qtbot, folder, calibration)
    run(widget, qtbot)
    warning = widget.results._serious.text()
    assert warning.startswith("Warning: the calibration does not fit")
    assert "look exchanged" in warning
    assert "does not fit" not in widget.results._notes.text()
    assert widget._state_of_result() == "attention"
    assert widget.results.stale == ""
