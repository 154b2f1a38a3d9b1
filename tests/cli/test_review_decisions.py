"""What was corrected and decided in review, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.cli.test_review_command import put, run
from tests.support.recordings.review_scenes import CLEAN, recording

from napari_pose3d import save_rig
from napari_pose3d.core.poses.certain import Cell
from napari_pose3d.core.review.decisions.corrections import Corrections
from napari_pose3d.core.review.decisions.decisions import Decisions, Verdict

MADE = recording(3, 21, 400, CLEAN)
VIEWS, KEYPOINTS = MADE.scene.rig.names, MADE.scene.keypoints


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, "mouse1", MADE.ensemble)
    save_rig(MADE.scene.rig, tmp_path / "calibration.toml")
    kept = Corrections(tmp_path, "mouse1", VIEWS, KEYPOINTS, "Ada")
    x, y = MADE.result.poses2d.xy[0, 200, 3].tolist()
    kept.move({Cell(VIEWS[0], 200, KEYPOINTS[3]): (x + 60.0, y)})
    return tmp_path


def smoothed(out: Path, view: str) -> pd.DataFrame:
    table = pd.read_csv(out / f"mouse1_{view}.csv", header=[0, 1, 2], index_col=0)
    return table.droplevel(0, axis=1)


def test_smooth_uses_the_corrections_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("smooth", folder, "--out", folder / "a") == 0
    assert "corrected by a person, and taken as certain: 1 position\n" in capsys.readouterr().out
    assert run("smooth", folder, "--out", folder / "b", "--without-corrections") == 0
    assert "corrected by a person" not in capsys.readouterr().out
    with_it, without = (smoothed(folder / name, VIEWS[0])[KEYPOINTS[3]]["x"] for name in "ab")
    assert abs(with_it[200] - without[200]) > 10
    assert np.abs(with_it[:150] - without[:150]).max() < 0.5
    record = json.loads((folder / "a" / "mouse1_run.json").read_text())
    assert any("taken as certain" in note for note in record["warnings"])
    # A corrected set is no prediction set: nothing more was read.
    assert len(record["inputs"]) == len(VIEWS) * len(MADE.ensemble.models) + 1


def test_what_is_bad_is_left_out_of_results(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Decisions(folder, "Ada")
    kept.decide_frames("mouse1", 50, 59, Verdict.BAD)
    kept.decide_frames("mouse1", 100, 101, Verdict.BAD, keypoints=[KEYPOINTS[0]])
    kept.decide_frames("mouse1", 300, 310, Verdict.GOOD)
    kept.decide_frames("mouse2", 0, 399, Verdict.BAD)
    assert run("smooth", folder, "--out", folder / "a") == 0
    n = 10 * len(KEYPOINTS) + 2
    assert f"marked as bad in review, and left out: {n:,} points" in capsys.readouterr().out
    for view in VIEWS:
        x = smoothed(folder / "a", view).xs("x", axis=1, level=1)
        assert x[50:60].isna().all().all()
        assert x[KEYPOINTS[0]][100:102].isna().all()
        assert x.isna().sum().sum() == n
    space = pd.read_csv(folder / "a" / "mouse1_3d.csv", header=[0, 1, 2], index_col=0)
    assert space.droplevel(0, axis=1).xs("x", axis=1, level=1).isna().sum().sum() == n
    assert run("smooth", folder, "--out", folder / "b", "--keep-bad") == 0
    assert smoothed(folder / "b", VIEWS[0]).xs("x", axis=1, level=1).notna().all().all()


def test_triangulate_follows_them_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Decisions(folder, "Ada").decide_frames("mouse1", 50, 59, Verdict.BAD, keypoints=[KEYPOINTS[0]])
    assert run("triangulate", folder, "--out", folder / "a") == 0
    printed = capsys.readouterr().out
    assert "corrected by a person, and taken as certain: 1 position\n" in printed
    assert "marked as bad in review, and left out: 10 points" in printed
    plain = "--without-corrections", "--keep-bad"
    assert run("triangulate", folder, "--out", folder / "b", *plain) == 0
    printed = capsys.readouterr().out
    assert "corrected by" not in printed
    assert "marked as bad" not in printed
    with_it, without = (
        pd.read_csv(folder / name / "mouse1_3d.csv", header=[0, 1, 2], index_col=0)
        .droplevel(0, axis=1)
        .loc[:, pd.IndexSlice[:, ["x", "y", "z"]]]
        for name in "ab"
    )
    corrected, left_out = KEYPOINTS[3], KEYPOINTS[0]
    moved = np.linalg.norm(with_it[corrected] - without[corrected], axis=1)
    assert moved[200] > 1.0
    # Frame by frame: no other frame is another.
    assert np.delete(moved, 200).max() == 0.0
    assert with_it[left_out][50:60].isna().all().all()
    assert without[left_out].notna().all().all()


def test_a_damaged_record_is_no_reason_to_lose_the_rest(folder: Path) -> None:
    record = folder / "napari-pose3d" / "corrections" / "mouse1" / "record.jsonl"
    record.write_text("nothing\n" + record.read_text())
    assert run("smooth", folder, "--out", folder / "a") == 0


def test_decisions_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Decisions(folder, "Ada").decide_frames("mouse1", 3, 9, Verdict.NOTE, "a shadow")
    capsys.readouterr()
    assert run("review", folder, "--decisions") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("session,start,end,kind,keypoints,views,decision,note")
    assert lines[1].startswith("mouse1,3,9,,,,note,a shadow,Ada,")
    out = folder / "found"
    assert run("review", folder, "--decisions", "--out", out) == 0
    assert (out / "decisions.csv").read_text().splitlines() == lines
    assert run("review", folder, "--decisions", "--out", out) == 2


def test_a_review_with_decisions_and_a_comparison(folder: Path) -> None:
    Decisions(folder, "Ada").decide_frames("mouse1", 3, 9, Verdict.BAD)
    out = folder / "found"
    assert run("review", folder, "--out", out, "--compare", "raw", "smoothed") == 0
    assert len(pd.read_csv(out / "decisions.csv")) == 1
    table = pd.read_csv(out / "comparison.csv")
    assert len(table) == len(VIEWS) * len(KEYPOINTS)
    corrected = table[(table["view"] == VIEWS[0]) & (table["keypoint"] == KEYPOINTS[3])]
    assert abs(corrected["frame"].item() - 200) <= 1
    each = pd.read_csv(out / "measures" / f"mouse1_{VIEWS[0]}_difference.csv", index_col=0)
    assert each[KEYPOINTS[3]].max() == pytest.approx(corrected["largest_px"].item(), rel=1e-3)
    assert run("review", folder, "--out", out, "--force", "--compare", "net0", "net9") == 2
    assert run("review", folder, "--out", out, "--force", "--compare", "net0", "net1") == 0
    assert pd.read_csv(out / "comparison.csv")["first"].unique().tolist() == ["net0"]
