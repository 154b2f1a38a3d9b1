"""The widget "Smooth and triangulate" in a real window: what a user does, and what goes wrong."""

from __future__ import annotations

import dataclasses
import json
import threading

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from tests.support.windows.gui_helpers import VIEWS, make_result
from tests.support.windows.smooth_panel import TIMEOUT, choose, run

from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.gui.layers.colours import keypoint_rgba
from napari_pose3d.gui.layers.layer_poses import poses_of
from napari_pose3d.gui.qt.jobs import Job
from napari_pose3d.gui.session.current_session import current_session
from napari_pose3d.gui.tasks.smooth import smooth_job as work
from napari_pose3d.gui.tasks.smooth import smooth_widget as smooth_module
from napari_pose3d.gui.tasks.smooth.settings_panel import MORE_READING, MORE_SMOOTHING, PARTS
from napari_pose3d.settings import ReadingSettings, SmootherParts, SmoothingSettings
from napari_pose3d.synthetic import sample

pytestmark = pytest.mark.gui
SHOWN = False


def notifications() -> list[str]:
    return [record.message for record in notification_manager.records]


def names(widget) -> set[str]:
    return {layer.name for layer in widget.viewer.layers}


# --- choosing --------------------------------------------------------------------------------


def test_run_says_why_it_cannot_be_clicked(widget, qtbot, session) -> None:
    assert not widget.bar.is_ready
    assert "Choose predictions" in widget.bar.status
    choose(widget, qtbot, *session)
    assert widget.bar.is_ready
    widget.keypoints.check(())
    assert not widget.bar.is_ready
    assert "keypoint" in widget.bar.status
    widget.keypoints.check(("kp1",))
    assert widget.bar.is_ready


def test_what_was_found_is_shown_before_running(widget, qtbot, session) -> None:
    folder, calibration = session
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    (folder / "walk_Cam-C_seed=1.csv").unlink()
    choose(widget, qtbot, folder, calibration)
    table = widget.matches.table
    assert table.views == VIEWS
    assert table.models == ("seed=0", "seed=1")
    grid = widget.matches._grid
    cells = [[grid.item(row, column).text() for column in range(2)] for row in range(3)]
    assert cells == [["found", "found"], ["found", "found"], ["found", "missing"]]
    assert "notes.csv" in widget.matches._notes.text()
    assert widget.keypoints.offered == ("kp0", "kp1", "kp2")


def test_guessed_views_are_said_to_be_guessed(widget, qtbot, session) -> None:
    folder, calibration = session
    choose(widget, qtbot, folder)
    assert "guessed" in widget.matches._notes.text()
    choose(widget, qtbot, calibration)
    assert "guessed" not in widget.matches._notes.text()


def test_a_toml_becomes_the_calibration_and_other_files_are_refused(
    widget, qtbot, tmp_path
) -> None:
    (tmp_path / "video.mp4").touch()
    (tmp_path / "rig.toml").touch()
    widget.inputs.add([tmp_path / "video.mp4", tmp_path / "rig.toml"])
    assert widget.inputs.calibration == tmp_path / "rig.toml"
    assert widget.inputs.paths == []
    assert any("video.mp4" in message for message in notifications())


def test_a_choice_that_cannot_be_used_is_explained_in_place(widget, qtbot, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    choose(widget, qtbot, tmp_path / "empty")
    assert "empty" in widget.matches._summary.text()
    assert "What was found" in widget.bar.status
    assert not widget.bar.is_ready


def test_advice_names_places_in_the_widget_not_options(widget, qtbot, session) -> None:
    folder, calibration = session
    (folder / "walk_Cam-C_seed=1.csv").unlink()
    choose(widget, qtbot, folder, calibration)
    run(widget, qtbot)
    assert "--" not in widget.bar.status
    assert "More options" in widget.bar.status


def test_a_mirrored_recording_is_recognised_and_read_by_one_click(widget, qtbot, tmp_path) -> None:
    keypoints = ("nose_top", "paw_top", "tail_top", "nose_bot", "paw_bot", "tail_bot")
    rng = np.random.default_rng(0)
    for seed in range(2):
        xy = rng.normal(200, 5, (40, 6, 2)).astype(np.float32)
        table = PredictionTable(keypoints, xy, np.ones((40, 6), np.float32))
        write_prediction_csv(tmp_path / f"mouse.seed={seed}.csv", table)
    choose(widget, qtbot, tmp_path)
    said = widget.matches._notes.text()
    assert "several views in one table (top, bot)" in said
    assert "'Each file holds all views'" in said
    widget.smoothing._more_reading.widget("mirrored").value = True
    qtbot.waitUntil(lambda: widget._matching.job is None, timeout=TIMEOUT)
    assert widget.matches.table.views == ("top", "bot")
    assert widget.keypoints.offered == ("nose", "paw", "tail")
    assert "several views" not in widget.matches._notes.text()
    widget.smoothing._more_reading.widget("mirrored").value = False
    qtbot.waitUntil(lambda: widget._matching.job is None, timeout=TIMEOUT)
    assert widget.keypoints.offered == keypoints


def test_forgetting_the_choice(widget, qtbot, session) -> None:
    choose(widget, qtbot, *session)
    widget.inputs.clear()
    assert not widget.bar.is_ready
    assert widget.matches.table is None
    assert widget.keypoints.offered == ()


# Chosen elsewhere in the widget.
ELSEWHERE = {
    "keypoints",
    "session",
    "individual",
    "smooth_param",
    "mode",
    "min_likelihood",
    "parts",
    # In the window frames are those of the session.
    "output_times",
}


@pytest.mark.parametrize("settings", [ReadingSettings, SmoothingSettings])
def test_no_setting_is_forgotten(settings) -> None:
    fields = {field.name for field in dataclasses.fields(settings)}
    assert fields <= ELSEWHERE | set(MORE_READING) | set(MORE_SMOOTHING)
    assert set(PARTS) == {field.name for field in dataclasses.fields(SmootherParts)}


def test_settings_follow_the_form(widget) -> None:
    panel = widget.smoothing
    assert panel.smoothing() == SmoothingSettings()
    assert ReadingSettings(**panel.reading()) == ReadingSettings()
    panel.set_smooth_param(100.0)
    panel._form.widget("mode").value = "linear"
    panel._more.widget("s_frames").value = "0:50, 80:"
    panel._more_reading.widget("views").value = "top, bot"
    panel._likelihood.widget("min_likelihood").value = 0.3
    settings = panel.smoothing()
    assert settings.smooth_param == pytest.approx(100)
    assert settings.mode == "linear"
    assert settings.s_frames == ((0, 50), (80, None))
    assert panel.reading()["views"] == ("top", "bot")
    assert panel.reading()["min_likelihood"] == 0.3
    assert "close to the data" in panel._word.text()
    panel._more.widget("robust").value = "12.5"
    panel._more.widget("max_gap").value = "30"
    assert (panel.smoothing().robust, panel.smoothing().max_gap) == (12.5, 30)
    panel._parts.widget("bursts").value = False
    assert panel.smoothing().parts == SmootherParts(bursts=False)
    panel._more.widget("max_gap").value = "some"
    with pytest.raises(PoseDataError, match="Longest gap"):
        panel.smoothing()
    panel._more.widget("max_gap").value = ""
    panel._more.widget("s_frames").value = "lots"
    with pytest.raises(PoseDataError, match="0:500"):
        panel.smoothing()


def test_the_bones_of_the_project_are_one_click_away(widget, qtbot, session) -> None:
    folder = session[0]
    assert widget.smoothing._take_bones.isHidden()
    (folder / "napari-pose3d").mkdir()
    skeleton = [["kp0", "kp1"], ["kp1", "kp2"], ["kp1", "of another animal"]]
    text = f"schema_version = 1\nskeleton = {json.dumps(skeleton)}\n"
    (folder / "napari-pose3d" / "project.toml").write_text(text)
    choose(widget, qtbot, *session)
    button = widget.smoothing._take_bones
    assert not button.isHidden()
    assert "2 bones" in button.text()
    button.click()
    assert widget.smoothing.smoothing().skeleton == (("kp0", "kp1"), ("kp1", "kp2"))


def test_settings_for_keypoints_that_are_left_out_are_left_out() -> None:
    pairs = (("a", "b"), ("b", "c"))
    settings = SmoothingSettings(skeleton=pairs, left_right=pairs, blocks=(("a", "c"), ("c",)))
    offered = ("a", "b", "c")
    assert work.for_keypoints(settings, offered, offered) == settings
    some = work.for_keypoints(settings, offered, ("a", "b"))
    assert (some.skeleton, some.left_right, some.blocks) == (pairs[:1], pairs[:1], (("a",),))
    # Without any pair they would be told by names; nothing that nobody named is exchanged.
    swaps = SmoothingSettings(left_right=pairs[1:], fix_swaps=True)
    assert work.for_keypoints(swaps, offered, offered).fix_swaps
    assert not work.for_keypoints(swaps, offered, ("a", "b")).fix_swaps
    named = SmoothingSettings(fix_swaps=True)
    assert work.for_keypoints(named, offered, ("a", "b")).fix_swaps
    # What is no keypoint at all is an error, and the smoother says so.
    typo = SmoothingSettings(skeleton=(("a", "x"),))
    assert work.for_keypoints(typo, offered, ("a",)) == typo


# --- running ---------------------------------------------------------------------------------


def test_from_files_to_layers_and_back_to_files(
    widget, qtbot, session, tmp_path, monkeypatch
) -> None:
    choose(widget, qtbot, *session)
    run(widget, qtbot)
    assert widget.bar.status == "Done."
    assert "60 frames x 3 keypoints x 3 views" in widget.results.text
    assert {"3-D", "3-D tracks", "cameras", "raw Cam-A", "smoothed Cam-B", "tracks Cam-C"} <= names(
        widget
    )
    assert widget.smoothing.smooth_param == pytest.approx(
        np.median(widget._finished.result.smooth_param), rel=0.2
    ), "the slider starts where the search ended"
    truth = make_result(60, 3).poses3d.xyz
    found = poses_of(widget.viewer.layers["3-D"].metadata).positions
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.05
    assert widget.viewer.dims.ndisplay == 2

    widget.results.space_chosen.emit("3-D")
    assert widget.viewer.dims.ndisplay == 3
    assert widget.viewer.layers["3-D"].visible
    widget.viewer.dims.ndisplay = 2
    assert widget.results._spaces["2-D"].isChecked(), "napari's own button counts, too"

    target = tmp_path / "out"
    monkeypatch.setattr(smooth_module, "ask_where", lambda *_: (target, False, False))
    widget.save()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)
    assert sorted(path.name for path in target.iterdir()) == [
        "walk_3d.csv",
        *(f"walk_{view}.csv" for view in VIEWS),
        "walk_run.json",
    ]
    assert "Saved 5 files" in widget.bar.status

    widget.save()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)
    assert "exists already" in widget.bar.status, "nothing is replaced without being asked for"


def test_a_new_run_takes_the_place_of_the_old_one(widget, qtbot, session) -> None:
    choose(widget, qtbot, *session)
    run(widget, qtbot)
    before = list(widget.viewer.layers)
    points = widget.viewer.layers["smoothed Cam-A"]
    points.opacity = 0.5
    old = points.data.copy()
    widget.show_space("3-D")
    widget.smoothing.set_smooth_param(1e-4)
    widget.keypoints.check(("kp0", "kp2"))
    run(widget, qtbot)
    assert list(widget.viewer.layers) == before
    assert widget.viewer.dims.ndisplay == 3, "the user stays where they are"
    assert points.opacity == 0.5
    assert set(points.features["keypoint"]) == {"kp0", "kp2"}
    same = widget._finished.result.poses2d.xy[0, :, 1]
    np.testing.assert_allclose(points.data[60:, [3, 2]], same)
    assert not np.allclose(points.data[60:], old[120:])
    colours = points.face_color[[0, 60]], widget.viewer.layers["tracks Cam-A"].track_colors[[0, 60]]
    for found in colours:
        np.testing.assert_allclose(found, keypoint_rgba([0, 2]), err_msg="keypoints keep colours")


def test_another_input_takes_the_place_of_the_first(widget, qtbot, session) -> None:
    choose(widget, qtbot, *session)
    run(widget, qtbot)
    widget.smoothing._form.widget("mode").value = "single"
    run(widget, qtbot)
    assert "3-D" not in names(widget)
    assert "smoothed Cam-A" in names(widget)
    assert not any("[1]" in name for name in names(widget))
    widget.keep_layers.setChecked(True)
    count = len(widget.viewer.layers)
    run(widget, qtbot)
    assert len(widget.viewer.layers) > count


def test_without_calibration_there_is_no_3d(widget, qtbot, session) -> None:
    choose(widget, qtbot, session[0])
    run(widget, qtbot)
    assert "3-D" not in names(widget)
    assert not widget.results._spaces["3-D"].isEnabled()


# --- when it goes wrong ----------------------------------------------------------------------


def test_a_bad_calibration_is_explained_and_changes_nothing(widget, qtbot, session) -> None:
    folder, calibration = session
    choose(widget, qtbot, folder, calibration)
    calibration.write_text(calibration.read_text().replace("matrix", "matrlx", 1))
    widget.viewer.add_points([[1, 2]], name="mine")
    run(widget, qtbot)
    assert "matrix" in widget.bar.status
    assert "rig.toml" in widget.bar.status
    assert any("rig.toml" in message for message in notifications())
    assert names(widget) == {"mine"}
    assert widget.bar.is_ready, "mended, it can be run again"


def test_cancel_stops_the_work_and_changes_nothing(widget, qtbot, session, gate) -> None:
    choose(widget, qtbot, *session)
    widget.run()
    qtbot.waitUntil(lambda: "Pretending" in widget.bar.status, timeout=TIMEOUT)
    assert not widget.bar.is_ready
    widget.bar.cancel_clicked.emit()
    assert not widget.bar.is_busy, "free at once, without waiting for the thread"
    qtbot.waitUntil(gate.stopped.is_set, timeout=TIMEOUT)
    qtbot.wait(100)
    assert "Cancelled" in widget.bar.status
    assert names(widget) == set()
    assert widget.bar.is_ready


def test_the_result_of_an_abandoned_run_is_ignored(widget, qtbot, session, monkeypatch) -> None:
    go_on = threading.Event()
    real = work.smooth

    def slow(*arguments):
        go_on.wait(60)
        return real(*arguments[:-1], lambda: False)

    choose(widget, qtbot, *session)
    monkeypatch.setattr(work, "smooth", slow)
    widget.run()
    job = widget._running.job
    widget.cancel()
    with qtbot.waitSignal(job._done, timeout=TIMEOUT):
        go_on.set()
    qtbot.wait(50)
    assert names(widget) == set()
    assert "Cancelled" in widget.bar.status


def test_cancel_while_layers_are_added_takes_them_out_again(widget, qtbot, session) -> None:
    choose(widget, qtbot, *session)
    run(widget, qtbot)
    before = list(widget.viewer.layers)
    widget.keep_layers.setChecked(True)
    widget.run()
    qtbot.waitUntil(lambda: len(widget.viewer.layers) > len(before) + 2, timeout=TIMEOUT)
    widget.cancel()
    qtbot.wait(50)
    assert list(widget.viewer.layers) == before


def test_closing_the_widget_stops_the_job(widget, qtbot, session, gate) -> None:
    choose(widget, qtbot, *session)
    widget.run()
    qtbot.waitUntil(gate.entered.is_set, timeout=TIMEOUT)
    widget.viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    qtbot.waitUntil(gate.stopped.is_set, timeout=TIMEOUT)
    widget.viewer.dims.ndisplay = 3


# --- jobs ------------------------------------------------------------------------------------


def test_progress_that_comes_too_fast_is_thinned_out(qtbot) -> None:
    def work_fast(progress, cancelled):
        for i in range(2000):
            progress("one", i + 1, 2000)
        progress("two", 0, 1)

    job = Job(work_fast)
    seen: list[tuple[str, int, int]] = []
    job.progressed.connect(lambda *report: seen.append(report))
    with qtbot.waitSignal(job.succeeded, timeout=TIMEOUT):
        job.start()
    assert len(seen) < 100
    assert ("one", 2000, 2000) in seen, "the end of a stage is always told"
    assert seen[-1] == ("two", 0, 1)


def test_errors_for_the_user_are_told_in_words(qtbot) -> None:
    def fail(progress, cancelled):
        raise PoseDataError("the file is damaged", file="x.csv")

    job = Job(fail)
    with qtbot.waitSignal(job.failed, timeout=TIMEOUT) as failed:
        job.start()
    assert failed.args == ["x.csv: the file is damaged."]


def test_the_save_dialog_asks_before_replacing(qtbot, tmp_path) -> None:
    from napari_pose3d.gui.tasks.smooth.save_dialog import SaveDialog

    dialog = SaveDialog(make_result(), tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.can_save
    assert "walk_Cam-A.csv" in dialog._files.message
    (tmp_path / "walk_3d.csv").touch()
    dialog._refresh()
    assert not dialog.can_save
    dialog._replace.setChecked(True)
    assert dialog.can_save
    dialog._edit.setText("  ")
    assert not dialog.can_save


# --- the sample ------------------------------------------------------------------------------


def test_the_sample_opens_with_the_widget_ready_to_run(
    viewer, qtbot, tmp_path, monkeypatch
) -> None:
    small = sample.SampleRecipe(n_frames=80, n_cameras=2, size=(64, 48), seeds=2, labeled_frames=1)
    real = sample.make_sample

    def make_small(**callbacks):
        return real(tmp_path / "sample", recipe=small, **callbacks)

    monkeypatch.setattr(sample, "make_sample", make_small)
    viewer.open_sample("napari-pose3d", "session")
    assert {"views", "predicted Cam-A", "predicted Cam-B"} <= {
        layer.name for layer in viewer.layers
    }
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Smooth and triangulate")
    qtbot.waitUntil(lambda: widget.bar.is_ready, timeout=TIMEOUT)
    widget.run()
    qtbot.waitUntil(lambda: not widget.bar.is_busy, timeout=TIMEOUT)
    assert not viewer.layers["predicted Cam-A"].visible, "the result takes its place"
    assert viewer.layers["smoothed Cam-A"].visible
    assert len(viewer.layers["views"].data) == 2
    assert sum(layer.name.startswith("views") for layer in viewer.layers) == 1


def test_the_sample_takes_the_place_of_the_session_before(
    viewer, qtbot, tmp_path, monkeypatch
) -> None:
    real, made = sample.make_sample, []

    def make_small(**callbacks):
        made.append(tmp_path / f"sample{len(made)}")
        recipe = sample.SampleRecipe(
            n_frames=80, n_cameras=4 - len(made), size=(64, 48), seeds=1, labeled_frames=1
        )
        return real(made[-1], recipe=recipe, **callbacks)

    monkeypatch.setattr(sample, "make_sample", make_small)
    viewer.open_sample("napari-pose3d", "session")
    own = viewer.add_points([[1.0, 2.0]], name="mine")
    assert "predicted Cam-C" in viewer.layers
    assert current_session(viewer).open.project.folder == made[0]
    viewer.open_sample("napari-pose3d", "session")
    assert current_session(viewer).open.project.folder == made[1]
    names = [layer.name for layer in viewer.layers]
    assert own in viewer.layers, "what is the user's own stays"
    assert "predicted Cam-C" not in names, "the second one has two cameras"
    assert not [name for name in names if name.endswith("]")], "none is there twice"
    _, widget = viewer.window.add_plugin_dock_widget("napari-pose3d", "Smooth and triangulate")
    qtbot.waitUntil(lambda: widget.bar.is_ready, timeout=TIMEOUT)
    assert widget.matches.table.views == ("Cam-A", "Cam-B")
    assert all(made[1] in path.parents for path in widget.inputs.paths)


def test_making_the_sample_can_be_cancelled(qtbot, monkeypatch) -> None:
    from napari_pose3d.gui.qt import job_wait as waiting

    def cancelled_at_once(progress, cancelled):
        raise Cancelled

    assert waiting.wait_for(cancelled_at_once, "Making") is None
    assert waiting.wait_for(lambda progress, cancelled: 7, "Making") == 7
