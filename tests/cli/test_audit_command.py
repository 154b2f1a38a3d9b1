"""``napari-pose3d audit``: findings on the labels of a project, and its exit code."""

from __future__ import annotations

import json
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

from napari_pose3d.cli import main
from napari_pose3d.core.pipeline.quality.audit_run import audit_project
from napari_pose3d.core.poses.left_right import left_right_pairs
from napari_pose3d.core.review.audit.dismissals import Dismissals

FRAMES = range(0, 36, 3)


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def put_labels(project: Path, *, shifted: tuple[str, int, float] | None = None) -> None:
    """Labels of a few frames; ``shifted`` moves one keypoint of a view and frame."""
    rng = np.random.default_rng(3)
    rig = small_rig()
    for v, view in enumerate(rig.names):
        rows = []
        for frame in FRAMES:
            xy = rig.project(points(frame))[v] + rng.normal(0, 0.2, (len(KEYPOINTS), 2))
            if shifted and shifted[:2] == (view, frame):
                xy[2] += shifted[2]
            cells = ",".join(f"{x:.3f},{y:.3f}" for x, y in xy)
            rows.append(f"labeled-data/{SESSION}_{view}/img{frame:08d}.png,{cells}\n")
        (project / f"CollectedData_{view}.csv").write_text(header(KEYPOINTS) + "".join(rows))


def test_clean_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = calibrated_project(tmp_path)
    put_labels(project)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert run("audit", project) == 0
    said = capsys.readouterr().out
    assert "240 labels in 12 frames: 0 findings" in said
    assert "without predictions" in said
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert after == before


def test_a_label_that_disagrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = calibrated_project(tmp_path)
    put_labels(project, shifted=("Cam-C", 9, 14.0))
    out = tmp_path / "audit.csv"
    assert run("audit", project, "--out", out) == 1
    said = capsys.readouterr().out
    assert f"error: {SESSION} frame 9: neck in Cam-C: disagrees" in said
    table = pd.read_csv(out)
    assert table[
        ["session", "frame", "severity", "views", "keypoints", "which"]
    ].to_numpy().tolist() == [[SESSION, 9, "error", "Cam-C", "neck", "all"]]
    (suggestion,) = json.loads(table.suggestion[0])
    truth = small_rig().project(points(9))[2, 2]
    assert np.hypot(*(np.array(suggestion["xy"]) - truth)) < 1.0
    assert run("audit", project, "--out", out) == 2
    assert "exists" in capsys.readouterr().err


def test_sides_that_names_do_not_tell_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = calibrated_project(tmp_path)
    put_labels(project)
    run("audit", project)
    told = left_right_pairs((), KEYPOINTS)
    assert ("left and right of each other is not told" in capsys.readouterr().out) is not bool(told)
    run("audit", project, "--left-right", f"{KEYPOINTS[0]},{KEYPOINTS[1]}")
    assert "left and right of each other" not in capsys.readouterr().out


def test_what_was_dismissed_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = calibrated_project(tmp_path)
    put_labels(project, shifted=("Cam-C", 9, 14.0))
    found = audit_project(project, use_predictions=False)
    Dismissals(project, "Ada").dismiss(found.findings)
    assert run("audit", project) == 0
    said = capsys.readouterr().out
    assert "0 findings" in said
    assert "1 dismissed finding left out" in said
    assert run("audit", project, "--dismissed") == 1
    assert "neck in Cam-C: disagrees" in capsys.readouterr().out


def test_without_calibration_the_note_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = calibrated_project(tmp_path, rig=False)
    put_labels(project)
    assert run("audit", project) == 0
    assert "without a calibration" in capsys.readouterr().out


@pytest.mark.parametrize("option", [("--sessions", "run"), ()])
def test_nothing_to_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    project = calibrated_project(tmp_path)
    if option:
        put_labels(project)
    assert run("audit", project, *option) == 2
    assert "has no labels" in capsys.readouterr().err


def test_rows_that_are_there_twice_or_of_no_frame_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = calibrated_project(tmp_path)
    put_labels(project)
    first, second, *others = (project / f"CollectedData_{v}.csv" for v in small_rig().names)
    lines = first.read_text().splitlines(keepends=True)
    first.write_text("".join([*lines, lines[3].replace(lines[3].split(",")[1], "999")]))
    text = second.read_text()
    second.write_text(text + text.splitlines()[-1].replace("img000000", "image_none_") + "\n")
    run("audit", project)
    said = capsys.readouterr().out
    assert f"{first.name}: frame 0 of session '{SESSION}' is there 2 times" in said
    # The files of two cameras under each other's name: no row is of a frame of its view.
    for path in others:
        path.unlink()
    first.write_text("".join(lines).replace(first.stem[14:], second.stem[14:]))
    second.write_text("".join(lines))
    assert run("audit", project) == 2
    said = capsys.readouterr().err
    assert "cannot be distinguished by session and frame" in said
    assert "no labels" not in said
