"""Sessions are predicted once, and count as predicted when their files are there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.session_files import touch, video
from tests.support.projects.training_projects import (
    SESSIONS,
    VIEWS,
    trained_network,
    training_project,
)

from napari_pose3d.core.models.configuration.config_file import (
    config_text,
    read_config,
    with_values,
)
from napari_pose3d.core.models.installation.litpose_facts import Gpu, LitposeFacts
from napari_pose3d.core.models.installation.litpose_search import Installation, find_installations
from napari_pose3d.core.models.predictions.chain_progress import ChainMeter, ChainStep
from napari_pose3d.core.models.predictions.prediction_batch import prediction_batch
from napari_pose3d.core.models.predictions.prediction_chain import (
    ChainResult,
    chosen_jobs,
    chosen_networks,
    run_chain,
)
from napari_pose3d.core.models.predictions.prediction_record import (
    RECORD,
    SessionPrediction,
    fingerprint,
    is_done,
    read_predictions,
)
from napari_pose3d.core.models.predictions.prediction_run import predict_command
from napari_pose3d.core.models.proposals.exported_network import check_kind
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import SmoothingSettings


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return find_installations(litpose_environment(tmp_path / "lp"))[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = training_project(tmp_path / "lab")
    for session in SESSIONS:
        for view in VIEWS:
            video(folder / "videos" / f"{session}_{view}.mp4")
    trained_network(folder, "net-seed0")
    trained_network(folder, "net-seed1", 1)
    return folder


def predicted(
    folder: Path, installation: Installation, sessions: object = "new", **options: object
) -> ChainResult:
    project = open_project(folder)
    jobs = chosen_jobs(project, chosen_networks(folder), sessions)  # type: ignore[arg-type]
    return run_chain(project, jobs, installation, **options)  # type: ignore[arg-type]


def test_all_sessions_by_all_networks_and_only_once(
    project: Path, installation: Installation
) -> None:
    done = predicted(project, installation)
    assert len(done.predicted) == 4
    assert done.failed == {}
    names = sorted(p.name for p in (project / "models" / "net-seed0" / "video_preds").iterdir())
    assert len(names) == 6
    recorded = read_predictions(project / "models" / "net-seed0")
    assert recorded["mouse1_day1"].n_frames == 40
    assert predicted(project, installation) == ChainResult()
    again = predicted(project, installation, "all")
    assert len(again.skipped) == 4
    assert again.predicted == []


def test_what_changed_is_predicted_again(project: Path, installation: Installation) -> None:
    predicted(project, installation)
    # Another video of the same name, which litpose alone would pass over.
    video(project / "videos" / "mouse1_day1_cam1.mp4", "h264-b-frames.mp4")
    jobs = chosen_jobs(open_project(project), chosen_networks(project), "new")
    assert {(j.session.name, j.network.name) for j in jobs} == {
        ("mouse1_day1", "net-seed0"),
        ("mouse1_day1", "net-seed1"),
    }
    # Other weights.
    trained_network(project, "net-seed1", 5)
    jobs = chosen_jobs(open_project(project), chosen_networks(project), ["mouse2_day1"])
    assert [job.done for job in jobs] == [True, False]
    # A table that is gone, or cut.
    path = project / "models" / "net-seed0" / "video_preds" / "mouse2_day1_cam0.csv"
    text = path.read_text()
    path.write_text(text[: len(text) // 2].rsplit("\n", 1)[0] + "\n")
    jobs = chosen_jobs(open_project(project), chosen_networks(project), ["mouse2_day1"])
    assert [job.done for job in jobs] == [False, False]


def test_then_they_are_smoothed_with_one_progress(
    project: Path, installation: Installation
) -> None:
    said: list[tuple[str, int, int]] = []
    done = predicted(
        project,
        installation,
        "all",
        smooth=SmoothingSettings(),
        progress=lambda *each: said.append(each),
    )
    assert done.failed == {}
    files = [path.name for path in done.smoothed["mouse1_day1"]]
    assert "mouse1_day1_3d.csv" in files
    assert done.smoothed["mouse1_day1"][0].is_relative_to(project / "napari-pose3d" / "smoothed")
    # One measure over all of it, which never goes back, and the present step by name.
    values = [value for _, value, _ in said]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 1000)
    assert {total for _, _, total in said} == {1000}
    steps = list(dict.fromkeys(words.split(":")[0] for words, _, _ in said))
    assert steps == [
        "predicting mouse1_day1 by net-seed0 (1 of 6)",
        "predicting mouse1_day1 by net-seed1 (2 of 6)",
        "predicting mouse2_day1 by net-seed0 (3 of 6)",
        "predicting mouse2_day1 by net-seed1 (4 of 6)",
        "smoothing mouse1_day1 (5 of 6)",
        "smoothing mouse2_day1 (6 of 6)",
    ]
    # Predicting takes longer than smoothing.
    smoothing = next(value for words, value, _ in said if words.startswith("smoothing"))
    assert smoothing == int(1000 * 160 / 168)


def test_progress_of_steps_that_are_passed_over_or_of_unknown_length() -> None:
    said: list[tuple[str, int, int]] = []
    steps = [ChainStep("a", 10), ChainStep("b", 10), ChainStep("c", 20)]
    meter = ChainMeter(steps, lambda *each: said.append(each))
    report = meter.begin("a")
    report("", 0, 0)
    report("", 3, 4)
    # The step b could not be begun.
    report = meter.begin("c")
    for stage in ("reading", "computing", "computing", "writing"):
        report(stage, 1, 1)
    report("reading", 0, 9)
    meter.end()
    assert said == [
        ("a (1 of 3)", 0, 1000),
        ("a (1 of 3)", 0, 1000),
        ("a (1 of 3)", 187, 1000),
        ("c (3 of 3)", 500, 1000),
        ("c (3 of 3): reading", 750, 1000),
        ("c (3 of 3): computing", 875, 1000),
        ("c (3 of 3): computing", 875, 1000),
        ("c (3 of 3): writing", 937, 1000),
        ("c (3 of 3): reading", 937, 1000),
        ("c (3 of 3)", 1000, 1000),
    ]
    empty = ChainMeter([], lambda *each: said.append(each))
    empty.end()
    assert len(said) == 10


def test_exit_code_0_without_files_is_a_failure(project: Path, installation: Installation) -> None:
    # A view that litpose does not find: it writes nothing and ends with 0.
    assert predicted(project, installation, ["mouse1_day1"]).failed == {}
    preds = project / "models" / "net-seed1" / "video_preds"
    before = {path: path.read_bytes() for path in preds.iterdir()}
    trained_network(project, "net-seed1", 7)
    environment = litpose_environment(project.parent / "silent")
    program = environment / "bin" / "litpose"
    program.write_text("#!/bin/sh\necho 'grouped 3 videos into 0 sessions'\nexit 0\n")
    silent = find_installations(environment)[0]
    failed = predicted(project, silent, ["mouse1_day1"]).failed
    error = str(failed["mouse1_day1 by net-seed1"])
    assert "no new predictions of view cam0" in error
    assert "a view of the session is missing" in error
    assert {path: path.read_bytes() for path in preds.iterdir()} == before


def test_exit_code_1_with_all_files_is_a_success(project: Path, installation: Installation) -> None:
    path = project / "models" / "net-seed0" / "config.yaml"
    moved = with_values(read_config(path), {"data.data_dir": "/moved/elsewhere"})
    path.write_text(config_text(moved))
    assert predicted(project, installation, ["mouse1_day1"]).failed == {}


def test_wrong_lengths_and_failures_do_not_keep_the_others(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"rows": 39}))
    failed = predicted(project, installation, "all", smooth=SmoothingSettings())
    assert len(failed.failed) == 4
    assert "have 39 rows, and the video 40 frames" in str(next(iter(failed.failed.values())))
    assert failed.smoothed == {}
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"fail": "CUDA out of memory"}))
    failed = predicted(project, installation, ["mouse1_day1"])
    assert "GPU's memory" in str(failed.failed["mouse1_day1 by net-seed0"])


def test_cancelling_ends_the_program(
    project: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LITPOSE", json.dumps({"pause": 600}))
    asked = iter([False, False, True, True, True])
    with pytest.raises(Cancelled):
        predicted(project, installation, cancelled=lambda: next(asked))
    assert read_predictions(project / "models" / "net-seed0") == {}


def test_videos_of_other_names_are_given_the_right_ones(
    project: Path, installation: Installation
) -> None:
    for view in VIEWS:
        old = project / "videos" / f"mouse1_day1_{view}.mp4"
        old.rename(project / "videos" / f"{view}-mouse1_day1.mp4")
    done = predicted(project, installation, "all")
    assert done.failed == {}
    assert read_predictions(project / "models" / "net-seed0")["mouse1_day1"].files == {
        view: f"mouse1_day1_{view}.csv" for view in VIEWS
    }


def test_what_cannot_be_predicted(project: Path) -> None:
    opened = open_project(project)
    (project / "videos" / "mouse1_day1_cam1.mp4").unlink()
    jobs = chosen_jobs(open_project(project), chosen_networks(project), "new")
    assert {job.session.name for job in jobs} == {"mouse2_day1"}
    with pytest.raises(PoseDataError, match="has no video of view cam1"):
        chosen_jobs(open_project(project), chosen_networks(project), ["mouse1_day1"])
    with pytest.raises(PoseDataError, match="no session is called"):
        chosen_jobs(opened, chosen_networks(project), ["nothing"])
    with pytest.raises(PoseDataError, match="there is no network 'other'"):
        chosen_networks(project, ["other"])
    for path in (project / "models").rglob("*.ckpt"):
        path.unlink()
    with pytest.raises(PoseDataError, match="no trained network"):
        chosen_networks(project)
    with pytest.raises(PoseDataError, match="has no weights"):
        chosen_jobs(open_project(project), chosen_networks(project, ["net-seed0"]), "new")


def test_boxes_are_needed_by_networks_trained_on_crops(project: Path) -> None:
    path = project / "models" / "net-seed0" / "config.yaml"
    path.write_text(config_text(with_values(read_config(path), {"data.bbox_file": ["a"]})))
    with pytest.raises(PoseDataError, match="no bounding boxes of view cam0, cam1, cam2"):
        chosen_jobs(open_project(project), chosen_networks(project, ["net-seed0"]), "new")
    for session in SESSIONS:
        for view in VIEWS:
            touch(project / "videos" / f"{session}_{view}_bbox.csv", "x,y,h,w\n0,0,9,9\n")
    jobs = chosen_jobs(open_project(project), chosen_networks(project), "new")
    assert set(jobs[0].wanted.settings["boxes"]) == set(VIEWS)


def test_a_session_that_cannot_be_read_does_not_keep_the_others_from_it(
    project: Path, installation: Installation
) -> None:
    path = project / "videos" / "mouse1_day1_cam1.mp4"
    path.rename(path.with_suffix(".avi"))
    done = predicted(project, installation, "all", smooth=SmoothingSettings())
    assert {session for _, session in done.predicted} == {"mouse2_day1"}
    assert set(done.smoothed) == {"mouse2_day1"}
    names = {"mouse1_day1 by net-seed0", "mouse1_day1 by net-seed1"}
    assert done.failed.keys() == names
    assert ".mp4 only" in str(done.failed["mouse1_day1 by net-seed0"])
    with pytest.raises(PoseDataError, match=r"\.mp4 only"):
        predicted(project, installation, ["mouse1_day1"])


def test_predictions_of_others_are_not_replaced_unasked(
    project: Path, installation: Installation
) -> None:
    for view in VIEWS:
        preds = project / "models" / "net-seed0" / "video_preds"
        touch(preds / f"mouse1_day1_{view}.csv", "of the app")
    done = predicted(project, installation)
    assert done.kept == [("net-seed0", "mouse1_day1")]
    assert ("net-seed1", "mouse1_day1") in done.predicted
    assert (preds / "mouse1_day1_cam1.csv").read_text() == "of the app"
    again = predicted(project, installation)
    assert (again.kept, again.predicted) == (done.kept, [])
    asked = predicted(project, installation, ["mouse1_day1"])
    assert asked.predicted == [("net-seed0", "mouse1_day1")]
    assert (preds / "mouse1_day1_cam1.csv").read_text() != "of the app"


def test_what_was_predicted_in_half_precision_is_not_done_for_litpose(tmp_path: Path) -> None:
    full = SessionPrediction({"cam0": "v"}, "w", {"boxes": {}}, {"cam0": "a.csv"}, 2)
    half = replace(full, settings={"boxes": {}, "precision": "fp16"})
    other = replace(full, settings={"boxes": {"cam0": "b"}})
    head = "scorer,a,a,a\nbodyparts,n,n,n\ncoords,x,y,likelihood\n"
    touch(tmp_path / "video_preds" / "a.csv", f"{head}0,1,2,0.9\n1,1,2,0.9\n")
    whole = [is_done(tmp_path, had, full) for had in (full, half, other)]
    coarse = [is_done(tmp_path, had, half) for had in (full, half, other)]
    assert whole == [True, False, False]
    assert coarse == [True, True, False]


def cropped(project: Path, **values: object) -> None:
    """The first network as if it had been trained on crops."""
    path = project / "models" / "net-seed0" / "config.yaml"
    changed = {key.replace("__", "."): value for key, value in values.items()}
    path.write_text(config_text(with_values(read_config(path), changed)))


@pytest.mark.parametrize("linked", [False, True])
def test_boxes_are_handed_to_litpose(
    project: Path, installation: Installation, linked: bool
) -> None:
    """Also of videos whose names litpose would not understand, which are linked."""
    cropped(project, data__bbox_file=["a", "b", "c"])
    if linked:
        for path in sorted((project / "videos").glob("*_cam1.mp4")):
            path.rename(path.with_name(f"{path.stem.replace('_cam1', '.cam1')}.mp4"))
    for path in sorted((project / "videos").glob("*.mp4")):
        rows = "\n".join(f"{n},100,200,96,128" for n in range(40))
        touch(path.with_name(f"{path.stem}_bbox.csv"), f",x,y,h,w\n{rows}\n")
    found = open_project(project)
    networks = chosen_networks(project, ["net-seed0"])
    jobs = chosen_jobs(found, networks, ["mouse1_day1"])
    assert run_chain(found, jobs, installation).failed == {}
    table = project / "models" / "net-seed0" / "video_preds" / "mouse1_day1_cam1.csv"
    x, y = table.read_text().splitlines()[3].split(",")[1:3]
    assert (float(x), float(y)) == (111.0, 220.0)


@pytest.mark.parametrize(
    "values",
    [
        {"data__bbox_file": ["a", "b", "c"]},
        {"data__data_dir": "/lab/models/net/cropped_images"},
        {"data__csv_file": ["cropped_CollectedData_cam0.csv"]},
    ],
)
def test_networks_trained_on_crops_do_not_see_whole_images(
    project: Path, values: dict[str, object]
) -> None:
    folder = project / "models" / "net-seed0"
    check_kind(read_config(folder / "config.yaml"), folder)
    cropped(project, **values)
    with pytest.raises(PoseDataError, match="trained on crops"):
        check_kind(read_config(folder / "config.yaml"), folder)


def test_the_command() -> None:
    given = [Path("a_cam0.mp4"), Path("a_cam1.mp4")]
    command = predict_command(Path("lp"), Path("net"), given, 8, progress_file=Path("p"))
    assert command == [
        *["lp", "predict", "net", "a_cam0.mp4", "a_cam1.mp4", "--skip_viz", "--overwrite"],
        *["--batch_size", "8", "--reader", "opencv", "--progress_file", "p"],
    ]
    assert "--reader" not in predict_command(Path("lp"), Path("net"), given, 8, gpu=True)


def test_batches_fit_the_memory(project: Path) -> None:
    config = read_config(project / "models" / "net-seed0" / "config.yaml")

    def on(gigabytes: int) -> int:
        return prediction_batch(config, LitposeFacts("3", {}, (Gpu("A", gigabytes << 30),)))

    assert on(80) == 96
    assert 1 <= on(4) < on(8) < 96
    assert 1 <= prediction_batch(config, None) <= 8


def test_fingerprints(tmp_path: Path) -> None:
    path = tmp_path / "video"
    content = bytearray(5 << 20)
    path.write_bytes(content)
    first = fingerprint(path)
    for at in (0, len(content) // 2, len(content) - 1):
        changed = content.copy()
        changed[at] = 1
        path.write_bytes(changed)
        assert fingerprint(path) != first
    path.write_bytes(content + b"\0")
    assert fingerprint(path) != first
    touch(tmp_path / RECORD, '{"schema": 9}')
    with pytest.raises(PoseDataError, match="later version"):
        read_predictions(tmp_path)
    good = {"videos": {"top": "1-a"}, "weights": "2-b"}
    for damaged in (
        *("[]", {"day1": []}, {"day1": {**good, "videos": 3}}, {"day1": {**good, "files": [1]}}),
        *({"day1": {**good, "n_frames": "3"}}, {"day1": {"videos": {}}}),
    ):
        touch(tmp_path / RECORD, json.dumps({"schema": 1, "sessions": damaged}))
        with pytest.raises(PoseDataError, match=RECORD):
            read_predictions(tmp_path)
    touch(tmp_path / RECORD, json.dumps({"schema": 1, "sessions": {"day1": good}}))
    assert read_predictions(tmp_path)["day1"].videos == {"top": "1-a"}
