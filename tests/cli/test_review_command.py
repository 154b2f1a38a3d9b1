"""``napari-pose3d review``: from files to events, frames to label, measures and a page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.projects.label_projects import header
from tests.support.projects.label_sessions import (
    KEYPOINTS,
    SESSION,
    calibrated_project,
    points,
    small_rig,
)
from tests.support.recordings.review_scenes import planted_failures, recording

from napari_pose3d import Ensemble, compute_measures, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def put(folder: Path, session: str, ensemble: Ensemble) -> None:
    """Write the files of an ensemble, a folder for each network."""
    for i, model in enumerate(ensemble.models):
        into = folder / "models" / f"net{i}" / "video_preds"
        into.mkdir(parents=True, exist_ok=True)
        poses = ensemble.poses(model)
        for view in poses.views:
            table = PredictionTable.from_poses(poses, view)
            write_prediction_csv(into / f"{session}_{view}.csv", table)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sessions of one rig, with planted failures; the second with other predictions."""
    made = recording(4, 31)
    put(tmp_path, "mouse1", made.ensemble)
    put(tmp_path, "mouse2", recording(4, 21, 400).ensemble)
    save_rig(made.scene.rig, tmp_path / "calibration.toml")
    return tmp_path


def test_events_frames_and_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "found"
    assert run("review", folder, "--session", "mouse1", "--out", out, "--budget", 12) == 0
    said = capsys.readouterr().out
    assert "12 frames to label" in said
    events = pd.read_csv(out / "events.csv", keep_default_na=False)
    assert list(events.columns) == [
        "session",
        "kind",
        "keypoints",
        "views",
        "start",
        "end",
        "peak",
        "value",
        "unit",
        "severity",
    ]
    planted = planted_failures(recording(4, 31))
    for each in planted:
        near = events[(events.start <= each.end) & (events.end >= each.start)]
        assert any(each.view in views.split(";") for views in near.views), each
    frames = pd.read_csv(out / "frames.csv")
    assert list(frames.columns) == ["session", "frame", "score", "reason"]
    assert len(frames) == 12
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "mouse1" in page
    assert "lost view" in page
    assert "Nothing was found that speaks against the calibration." in page
    assert all(f"<td>{view}</td>" in page for view in recording(4, 31).scene.rig.names)
    # One file: nothing is fetched from elsewhere.
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_measures_are_in_the_layout_of_lightning_pose(folder: Path) -> None:
    out = folder / "found"
    names = ["correction", "epipolar", "uncertainty"]
    assert run("review", folder, "--session", "mouse2", "--out", out, "--measures", *names) == 0
    written = sorted(path.name for path in (out / "measures").iterdir())
    assert written == sorted(
        [f"mouse2_Cam-{v}_{name}.csv" for name in names[:2] for v in "ABCD"]
        + ["mouse2_uncertainty.csv"]
    )
    table = pd.read_csv(out / "measures" / "mouse2_Cam-B_correction.csv", index_col=0)
    assert list(table.columns) == list(recording(4, 21, 400).scene.keypoints)
    assert table.index.tolist() == list(range(400))
    # Written a few at a time, they are what is measured in memory.
    made = recording(4, 21, 400)
    in_memory = compute_measures(made.result, made.scene.rig, ["correction"])["correction"][1]
    np.testing.assert_allclose(table.to_numpy(), in_memory, atol=0.01)
    # None of these files is taken for predictions, by us either.
    assert run("info", folder) == 0


def test_all_sessions_and_one_that_is_damaged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = folder / "models" / "net1" / "video_preds" / "mouse2_Cam-C.csv"
    lines = bad.read_text().splitlines(keepends=True)
    lines[40] = lines[40].replace(",", ",x", 1)
    bad.write_text("".join(lines))
    assert run("review", folder, "--out", folder / "found", "--budget", 30) == 1
    said = capsys.readouterr().out
    assert "not reviewed: mouse2" in said
    assert "mouse2_Cam-C.csv" in said
    frames = pd.read_csv(folder / "found" / "frames.csv")
    assert set(frames.session) == {"mouse1"}
    assert "could not be reviewed" in (folder / "found" / "report.html").read_text()


def test_only_some_prediction_sets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--session", "mouse2", "--out", folder / "found")
    assert run("review", folder, *options, "--sets", "net7") == 2
    assert "no prediction set is called 'net7'" in capsys.readouterr().err
    assert run("review", folder, *options, "--sets", "net0") == 0
    kinds = set(pd.read_csv(folder / "found" / "events.csv").kind)
    assert "seeds disagree" not in kinds


def test_an_earlier_review_stays_unless_it_is_to_be_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("review", folder, "--session", "mouse2", "--out", folder / "found")
    assert run(*options) == 0
    before = (folder / "found" / "events.csv").read_bytes()
    capsys.readouterr()
    assert run(*options, "--sensitivity", 3) == 2
    assert "exists" in capsys.readouterr().err
    assert (folder / "found" / "events.csv").read_bytes() == before
    assert run(*options, "--sensitivity", 3, "--force") == 0
    assert (folder / "found" / "events.csv").read_bytes() != before


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--measures", "corection", "some of likelihood"),
        ("--budget", "0", "1 or more"),
        ("--sensitivity", "nan", "above 0"),
        ("--sensitivity", "-1", "above 0"),
        ("--measures", "pixel_error", "need labels"),
    ],
)
def test_bad_settings_say_what_would_be_right(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, expected: str
) -> None:
    out = folder / "found"
    assert run("review", folder, "--session", "mouse2", "--out", out, option, value) == 2
    assert expected in capsys.readouterr().err
    assert not out.exists()


def test_labels_of_a_project_are_compared_and_not_proposed_again(tmp_path: Path) -> None:
    project = calibrated_project(tmp_path)
    rig = small_rig()
    truth_xy = rig.project(np.stack([points(frame) for frame in range(60)]))
    rng = np.random.default_rng(0)
    xy = truth_xy + rng.normal(0, 0.3, (2, *truth_xy.shape))
    # One view is wrong for a while, in the middle of which somebody labeled a frame.
    xy[:, 1, 20:31, 0] += 30.0
    confident = np.full(xy.shape[:-1], 0.95)
    names = KEYPOINTS[: xy.shape[3]]
    ensemble = Ensemble(
        xy.astype(np.float32), confident.astype(np.float32), ("a", "b"), rig.names, names
    )
    put(project, SESSION, ensemble)
    for v, view in enumerate(rig.names):
        cells = ",".join(f"{x},{y}" for x, y in truth_xy[v, 25])
        row = f"labeled-data/{SESSION}_{view}/img{25:08d}.png,{cells}\n"
        (project / f"CollectedData_{view}.csv").write_text(header(names) + row)
    assert run("review", project, "--measures", "pixel_error") == 0
    out = project / "napari-pose3d" / "review"
    assert sorted(path.name for path in out.iterdir()) == [
        "events.csv",
        "frames.csv",
        "measures",
        "report.html",
    ]
    view = rig.names[1]
    error = pd.read_csv(out / "measures" / f"{SESSION}_{view}_pixel_error.csv", index_col=0)
    assert error.notna().any(axis=1).to_numpy().nonzero()[0].tolist() == [25]
    assert error.loc[25, names[0]] == pytest.approx(30.0 * 2**0.5, abs=1.0)
    events = pd.read_csv(out / "events.csv")
    assert ((events.start <= 20) & (events.end >= 30)).any()
    # The event is there, but a frame of it is labeled already.
    assert not pd.read_csv(out / "frames.csv").frame.between(18, 32).any()
