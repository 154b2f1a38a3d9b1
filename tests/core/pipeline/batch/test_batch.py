"""Many sessions at once: nothing is lost, nothing half-written, and nothing done twice."""

from __future__ import annotations

import csv
import glob
import os
import pickle
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.damage.kills import traces
from tests.support.projects.batch_projects import (
    KEYPOINTS,
    VIEWS,
    all_smoothed,
    batch_project,
    corrupt,
    prediction,
    smoothed_files,
)
from tests.support.projects.session_files import counted, put_predictions, touch, video

from napari_pose3d import (
    BatchSettings,
    Cancelled,
    PoseDataError,
    ReadingSettings,
    SmoothingSettings,
    batch,
    open_inputs,
    open_video,
    read_poses,
    smooth,
)
from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv
from napari_pose3d.core.pipeline.batch import session_steps
from napari_pose3d.core.pipeline.batch.batch_plan import BatchPlan, SessionTask
from napari_pose3d.core.pipeline.batch.batch_run import session_tasks
from napari_pose3d.core.pipeline.batch.local_workers import LocalWorkers
from napari_pose3d.core.pipeline.batch.session_steps import run_session
from napari_pose3d.core.pipeline.batch.step_record import StepRecord
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.projects.matching.prediction_matching import predictions_scan
from napari_pose3d.core.review.decisions.corrections import Corrections
from napari_pose3d.settings import ExportSettings, RenderSettings, ReviewSettings

SMOOTH = BatchSettings(steps=("smooth",), workers=2)


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as stream:
        return {row["session"]: row for row in csv.DictReader(stream)}


def test_all_steps_of_all_sessions(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"])
    settings = BatchSettings(
        steps=("export", "smooth", "review"), workers=2, formats=("anipose", "trc"), fps=50
    )
    said: list[tuple[str, int, int]] = []
    stages: list[str] = []
    ended: list[str] = []
    done = batch(
        folder,
        settings,
        progress=lambda *told: said.append(told),
        on_stage=lambda task, stage, *_: stages.append(f"{task.session} {stage}"),
        on_outcome=lambda outcome: ended.append(outcome.task.session),
    )
    assert sorted(ended) == ["day1", "day2"]
    assert {each.split()[0] for each in stages} == {"day1", "day2"}

    assert [each.status for each in done.outcomes] == ["done", "done"]
    own = folder / "napari-pose3d"
    for name in ("day1", "day2"):
        assert smoothed_files(folder, name) == all_smoothed(name)
        assert {p.name for p in (own / "review" / name).iterdir()} >= {"events.csv", "report.html"}
        assert (own / "exported" / name / "anipose" / f"{name}.csv").is_file()
        assert read_poses(own / "exported" / name / "trc" / f"{name}.trc").fps == 50
    assert said[-1] == ("sessions", 2, 2)
    assert traces(tmp_path) == []

    rows = table(own / "batch" / "batch.csv")
    assert rows["day1"]["frames"] == "60"
    assert rows["day1"]["mode"] == "calibrated"
    assert "2 sessions: 2 done" in (own / "batch" / "batch.html").read_text()
    assert "day2: done" in (own / "batch" / "batch.log").read_text()

    # The same numbers as without a batch.
    ensemble, rig = open_inputs(folder, reading=ReadingSettings(session="day1"))
    expected = smooth(ensemble, rig, threads=1)
    found = read_poses3d_csv(own / "smoothed" / "day1" / "day1_3d.csv")
    assert expected.poses3d is not None
    np.testing.assert_allclose(found.xyz, expected.poses3d.xyz, atol=1e-4)


def test_how_exports_are_written_is_a_setting(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    settings = BatchSettings(steps=("smooth", "export"), workers=1)
    aligned = ExportSettings(body_frame="nose,tail")
    [task], _ = session_tasks([folder])
    usual = BatchPlan(settings, SmoothingSettings(), ReviewSettings())

    def exported(plan: BatchPlan) -> tuple[str, float]:
        status = run_session(plan, task).steps[1].status
        poses = read_poses(
            folder / "napari-pose3d" / "exported" / "day1" / "tidy-csv" / "day1.csv"
        ).poses3d
        assert poses is not None
        return status, float(np.abs(poses.xyz[:, poses.keypoints.index("nose")]).max())

    assert exported(usual)[0] == "done"
    status, largest = exported(replace(usual, export=aligned))
    assert (status, largest < 1e-6) == ("done", True)
    assert exported(replace(usual, export=aligned))[0] == "not needed"
    status, largest = exported(usual)
    assert (status, largest > 1) == ("done", True)
    formats = replace(settings, formats=("dlc-csv",))
    with pytest.raises(PoseDataError, match="cannot be in the frame of an animal"):
        batch(folder, formats, export=aligned)


def test_names_are_looked_through_once_and_again_when_the_project_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2", "day3"])
    scans: list[Path] = []
    monkeypatch.setattr(
        session_steps,
        "predictions_scan",
        lambda path, reading: scans.append(path) or predictions_scan(path, reading),
    )
    plan = BatchPlan(SMOOTH, SmoothingSettings(), ReviewSettings(), token="one")
    tasks, _ = session_tasks([folder])
    assert [run_session(plan, task).status for task in tasks] == ["done"] * 3
    assert scans == [folder.resolve()]
    # The offset is for all: what was scanned before is of no use any more.
    align = "[views.Cam-A]\noffset = 2\n"
    touch(folder / "napari-pose3d" / "project.toml", align)
    assert [run_session(plan, task).status for task in tasks] == ["done"] * 3
    assert len(scans) == 2
    shifted = read_poses3d_csv(folder / "napari-pose3d" / "smoothed" / "day1" / "day1_3d.csv")
    assert len(shifted.xyz) == 62


def test_rendering_follows_results_and_videos(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"], n_frames=40)
    for view in VIEWS:
        video(folder / "videos" / f"day1_{view}.mp4")
    settings = BatchSettings(steps=("render", "smooth"), workers=1)
    render = RenderSettings(frames=(0, 4), scale=0.5)
    done = batch(folder, settings, render=render)
    file = folder / "napari-pose3d" / "rendered" / "day1" / "day1.mp4"
    assert len(open_video(file)) == 4
    assert table(folder / "napari-pose3d" / "batch" / "batch.csv")["day1"]["frames_rendered"] == "4"
    # A session without videos fails in this step only.
    assert [step.status for step in done.outcomes[1].steps] == ["done", "failed"]
    assert "no video" in done.failed[0].why

    def statuses(**changes: RenderSettings) -> list[str]:
        again = batch(folder, settings, sessions=["day1"], **{"render": render, **changes})
        return [step.status for step in again.outcomes[0].steps]

    assert statuses() == ["not needed", "not needed"]
    assert statuses(render=RenderSettings(frames=(0, 3), scale=0.5)) == ["not needed", "done"]
    other = folder / "videos" / f"day1_{VIEWS[0]}.mp4"
    other.unlink()
    video(other, "h264-b-frames.mp4")
    assert statuses() == ["not needed", "done"]


def test_a_killed_worker_and_a_corrupt_session_among_ten(tmp_path: Path) -> None:
    names = [f"day{i}" for i in range(9)]
    folder = batch_project(tmp_path / "mice", ["day_long", *names], long=["day_long"])
    corrupt(prediction(folder, "day3"))
    tasks, _ = session_tasks([folder])
    assert len(tasks) == 10
    killed: list[int] = []

    def kill(task: SessionTask, *_: object) -> None:
        if task.session == "day_long" and not killed:
            # All that there are, so that it is hit for certain.
            for pid in workers.pids:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    plan = BatchPlan(SMOOTH, SmoothingSettings(threads=1), ReviewSettings())
    with LocalWorkers(plan, 2, 1 << 40, kill) as workers:
        found = {each.task.session: each for each in workers.outcomes(tasks, lambda: False)}
    assert workers.pids == ()

    assert killed
    assert found["day_long"].attempts == 2
    assert [name for name, each in found.items() if each.status == "failed"] == ["day3"]
    assert found["day3"].why.startswith(str(prediction(folder, "day3")))
    for name in ("day_long", *names):
        assert smoothed_files(folder, name) == (all_smoothed(name) if name != "day3" else set())
    assert traces(tmp_path) == []


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2", "day3"])
    tasks, _ = session_tasks([folder])

    def statuses(settings: BatchSettings = SMOOTH, **smoothing: Any) -> list[str]:
        plan = BatchPlan(settings, SmoothingSettings(**smoothing), ReviewSettings())
        return [run_session(plan, task).status for task in tasks]

    assert statuses() == ["done"] * 3
    written = prediction(folder, "day1").stat()
    assert statuses() == ["not needed"] * 3

    # Another time and the same content is the same input.
    os.utime(prediction(folder, "day1"), ns=(1, written.st_mtime_ns - 10**12))
    assert statuses() == ["not needed"] * 3
    put_predictions(prediction(folder, "day1"), counted(60), KEYPOINTS)
    (folder / "napari-pose3d" / "smoothed" / "day2" / "day2_3d.csv").unlink()
    assert statuses() == ["done", "done", "not needed"]
    assert statuses(smooth_param=1.0) == ["done"] * 3
    # Threads change no result.
    assert statuses(smooth_param=1.0, threads=2) == ["not needed"] * 3
    again = BatchSettings(steps=("smooth",), again=True)
    assert statuses(again, smooth_param=1.0) == ["done"] * 3

    # What persons decide is an input, and so is the rig.
    corrected = Corrections(folder, "day3", VIEWS, KEYPOINTS, "Ada")
    corrected.move({Cell(VIEWS[0], 3, "nose"): (310.0, 220.0)})
    assert statuses(smooth_param=1.0) == ["not needed", "not needed", "done"]
    rig = folder / "calibration.toml"
    rig.write_text(rig.read_text() + "# measured again\n")
    assert statuses(smooth_param=1.0) == ["done"] * 3

    # A damaged record is no record; what was found before is in the table all the same.
    (folder / "napari-pose3d" / "batch" / "day1.json").write_text("{")
    done = batch(folder, SMOOTH, smoothing=SmoothingSettings(smooth_param=1.0))
    assert [each.status for each in done.outcomes] == ["done", "not needed", "not needed"]
    rows = table(folder / "napari-pose3d" / "batch" / "batch.csv")
    assert rows["day2"]["observations"] == rows["day1"]["observations"] == "360"


def test_another_version_does_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    plan = BatchPlan(SMOOTH, SmoothingSettings(), ReviewSettings())
    [task], _ = session_tasks([folder])
    assert run_session(plan, task).status == "done"
    monkeypatch.setattr("napari_pose3d.core.pipeline.batch.step_record.__version__", "99")
    assert run_session(plan, task).status == "done"
    assert run_session(plan, task).status == "not needed"


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    damaged = touch(prediction(folder, "day1"), "scorer,net\nbodyparts,nose\ncoords,x\n0,1\n")
    plan = BatchPlan(SMOOTH, SmoothingSettings(), ReviewSettings())
    [task], _ = session_tasks([folder])
    assert str(damaged) in run_session(plan, task).why


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and devices on this system")
@pytest.mark.parametrize("what", ["a named pipe", "a device"])
def test_what_never_ends_is_no_input(what: str, tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    plan = BatchPlan(SMOOTH, SmoothingSettings(), ReviewSettings())
    [task], _ = session_tasks([folder])
    path = folder / "project.yaml"
    path.unlink()
    if what == "a device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path)
    assert f"{path}: this is {what}" in run_session(plan, task).why


@pytest.mark.parametrize("text", ["[" * 100_000, '{"steps": {"smooth": 1}}', "\0", "{"])
def test_a_damaged_record_is_as_none(text: str, tmp_path: Path) -> None:
    path = touch(tmp_path / "napari-pose3d" / "batch" / "day1.json", text)
    record = StepRecord(tmp_path, "day1")
    key = record.key("smooth", {}, [])
    assert not record.is_done("smooth", key)
    record.add("smooth", key, [], {})
    assert StepRecord(tmp_path, "day1").is_done("smooth", key)
    # A name that no file can have is that of no file.
    path.write_text(path.read_text().replace('"outputs": {', '"outputs": {"a\\u0000b": [1, 2]'))
    assert not StepRecord(tmp_path, "day1").is_done("smooth", key)


def test_a_step_that_fails_leaves_out_those_after_it(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    settings = BatchSettings(steps=("smooth", "export"), workers=1)
    rough = SmoothingSettings(blocks=(("nose", "ear"),))
    told: list[str] = []
    done = batch(folder, settings, smoothing=rough, message=told.append)
    assert [step.status for step in done.outcomes[0].steps] == ["failed", "left out"]
    assert "ear" in done.outcomes[0].why
    assert told == [f"mice/day1: {done.outcomes[0].why}"]
    assert len(done.failed) == 1


def test_too_much_memory_fails_one_session(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"], long=["day1"])
    done = batch(folder, BatchSettings(steps=("smooth",), workers=1, memory=0.02))
    assert "GB of memory" in done.outcomes[0].why
    assert smoothed_files(folder, "day1") == set()


def test_cancelling_leaves_nothing_half_written(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"], long=["day1", "day2"])
    own = folder / "napari-pose3d"

    def in_the_middle() -> bool:
        return bool(list(own.glob("smoothed/*/.*")))

    with pytest.raises(Cancelled):
        batch(folder, SMOOTH, cancelled=in_the_middle)
    for name in ("day1", "day2"):
        assert smoothed_files(folder, name) in (set(), all_smoothed(name))
    assert traces(tmp_path) == []
    assert "cancelled" in (folder / "napari-pose3d" / "batch" / "batch.log").read_text()


def test_which_sessions(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2", "night1"])
    other = batch_project(tmp_path / "rats", ["day1"])
    touch(folder / "videos" / "empty_Cam-A.mp4")
    tasks, notes = session_tasks([folder, other, folder], ["day*", "empty"])
    assert [each.label for each in tasks] == ["mice/day1", "mice/day2", "rats/day1"]
    assert notes == ("mice/empty has no predictions, and is left out",) * 2
    with pytest.raises(PoseDataError, match=r"no session is called 'dya1'.*day1"):
        session_tasks([folder], ["dya1"])
    with pytest.raises(PoseDataError, match="no session has predictions"):
        session_tasks([folder], ["empty"])


def test_a_name_may_hold_what_patterns_are_made_of(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day[12]", "day1"])
    assert [each.session for each in session_tasks([folder], ["day[12]"])[0]] == ["day1", "day[12]"]
    escaped = glob.escape("day[12]")
    assert [each.session for each in session_tasks([folder], [escaped])[0]] == ["day[12]"]


def test_how_predictions_are_read_is_a_setting(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    usual = BatchPlan(SMOOTH, SmoothingSettings(), ReviewSettings())
    nose = replace(usual, reading=ReadingSettings(keypoints=("nose",)))
    [task], _ = session_tasks([folder])
    numbers = []
    for plan in (usual, nose, nose, usual):
        [step] = run_session(plan, task).steps
        numbers.append((step.status, step.numbers["keypoints"]))
    assert numbers == [("done", 2), ("done", 1), ("not needed", 1), ("done", 2)]
    assert StepRecord(folder, "day1").finished == ("smooth",)
    (folder / "napari-pose3d" / "smoothed" / "day1" / "day1_3d.csv").unlink()
    assert StepRecord(folder, "day1").finished == ()


def test_a_plain_folder_and_the_page_names_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "plain"
    for view in ("top", "side"):
        put_predictions(plain / f"walk_{view}.csv", counted(30), KEYPOINTS)
    folder = batch_project(tmp_path / "mice", ["day1"])
    monkeypatch.chdir(tmp_path)
    done = batch([plain, folder], BatchSettings(steps=("smooth", "export"), workers=2))
    assert [each.status for each in done.outcomes] == ["done", "done"]
    assert (plain / "napari-pose3d" / "smoothed" / "walk" / "walk_top.csv").is_file()
    assert str(plain) in (tmp_path / "batch" / "batch.html").read_text()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"steps": ("smoth",)}, "smoth"),
        ({"steps": ()}, "no steps"),
        ({"workers": 0}, "workers is 0"),
        ({"memory": 0.0}, "memory is 0"),
        ({"fps": -1.0}, "frame rate is -1"),
    ],
)
def test_bad_settings(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(PoseDataError, match=problem):
        BatchSettings(**settings)  # type: ignore[arg-type]


def test_a_format_for_labels_is_refused(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    with pytest.raises(PoseDataError, match="for labels"):
        batch(folder, BatchSettings(formats=("coco",)))
    assert not (folder / "napari-pose3d").exists()


def test_videos_and_predictions_pickle_by_path(tmp_path: Path) -> None:
    path = video(tmp_path / "walk_top.mp4")
    opened = open_video(path)
    sent = pickle.dumps(opened)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent)[7], opened[7])

    folder = batch_project(tmp_path / "mice", ["day1"], long=["day1"])
    ensemble, _ = open_inputs(folder)
    sent = pickle.dumps(ensemble)
    assert len(sent) < 20_000
    there = pickle.loads(sent)
    np.testing.assert_array_equal(there.one_view(0).xy, ensemble.one_view(0).xy)
    assert len(pickle.dumps(ensemble)) < 20_000
