"""Every way in tells the same session, view, set and alignment of every file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import counted, put_predictions, touch
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import save_rig
from napari_pose3d.core.formats.predictions.prediction_csv import write_prediction_csv
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.pipeline.file_run import FileRun
from napari_pose3d.core.projects.alignment.project_alignment import alignment_of
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.matching.match_table import MatchTable
from napari_pose3d.core.projects.matching.prediction_matching import match_predictions
from napari_pose3d.core.projects.project import Project, open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.summary import describe
from napari_pose3d.settings import ReadingSettings

SESSIONS = ("mouse1", "2024-05-01_run.2", "fly-4", "a.b_c", "trial_3", "x_heatmap", "käfig 7")
VIEWS = (("top", "side"), ("Cam-1", "Cam-10"), ("A", "B", "C"), ("left", "top-left"), ("1", "2"))
SCORERS = ("", "heatmap_tracker", "DLC_resnet50_armJan1shuffle1_1000", "anna")
SEEDS = ((), ("rng=0", "rng=12"), ("seed=1", "seed=2", "seed=3"))

Told = dict[Path, tuple[str, str, str, ViewAlignment]]
"""Session, view, set and alignment by file."""


@dataclass
class Drawn:
    """A folder that was made, with what is known of its files."""

    folder: Path
    truth: dict[Path, tuple[str, str]]
    views: tuple[str, ...]


def put(path: Path, scorer: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    xy = counted(3).astype(np.float32)
    likelihood = np.full(xy.shape[:2], 0.9, np.float32)
    write_prediction_csv(path, PredictionTable(("nose", "tail"), xy, likelihood, scorer=scorer))
    return path


def draw(root: Path, number: int) -> Drawn:
    """A folder by its number: layout, names, scorer, seeds and alignments by chance."""
    rng = np.random.default_rng([7, number])
    layout = ("plain", "lightning", "anipose", "folders", "models")[number % 5]
    views = VIEWS[rng.integers(len(VIEWS))]
    sessions = list(rng.choice(SESSIONS, size=rng.integers(1, 4), replace=False))
    scorer = SCORERS[rng.integers(len(SCORERS))]
    # The name of a scorer is joined without anything between, or with a delimiter.
    ending = f"{'' if scorer.startswith('DLC') else '_'}{scorer}" if scorer else ""
    seeds = SEEDS[rng.integers(len(SEEDS))] or ("",)
    with_videos = bool(rng.integers(2))
    folder = root / f"data {number}"
    folder.mkdir()
    truth: dict[Path, tuple[str, str]] = {}
    for session in sessions:
        for view in views:
            stem = f"{session}_{view}"
            place = {
                "lightning": folder / "videos",
                "anipose": folder / "day" / "videos-raw",
                "folders": folder / f"of {session}" / "videos",
            }.get(layout, folder)
            if with_videos or layout == "anipose":
                touch(place / f"{stem}.mp4")
            for i, seed in enumerate(seeds):
                dotted = f"{stem}.{seed}" if seed else stem
                name = f"{dotted}{ending if not seed else ''}.csv"
                place = {
                    "lightning": folder / "models" / f"net{i}" / "video_preds",
                    "anipose": folder / "day" / "pose-2d",
                    "folders": folder / f"of {session}" / "predictions",
                    "models": folder / "models" / f"net{i}" / "video_preds",
                }.get(layout, folder)
                path = put(place / name, scorer or "net")
                truth[path] = (session, view)
    if layout == "lightning":
        names = ", ".join(f'"{view}"' for view in views)
        touch(folder / "project.yaml", f"view_names: [{names}]\nkeypoint_names: [nose, tail]\n")
    else:
        rig = ring_rig(len(views))
        cameras = (replace(c, name=n) for c, n in zip(rig.cameras, views, strict=True))
        place = folder / "day" / "calibration" if layout == "anipose" else folder
        place.mkdir(parents=True, exist_ok=True)
        save_rig(replace(rig, cameras=tuple(cameras)), place / "calibration.toml")
    if rng.integers(3):
        update_own_project(
            folder,
            alignments={
                (sessions[0], views[0]): ViewAlignment(offset=4),
                (None, views[1]): ViewAlignment(scale=(2.0, 2.0)),
            },
        )
    return Drawn(folder, truth, views)


def of_project(project: Project) -> Told:
    return {
        path: (session.name, view, each.name, session.alignment(view))
        for session in project.sessions
        for each in session.sets
        for view, path in each.files.items()
    }


def of_table(table: MatchTable) -> Told:
    return {
        row.path: (
            row.session,
            row.view,
            row.model,
            table.alignments[row.session].get(row.view, ViewAlignment()),
        )
        for row in table.rows
    }


@pytest.mark.parametrize("number", range(30))
def test_every_way_in_tells_the_same(tmp_path: Path, number: int) -> None:
    drawn = draw(tmp_path, number)
    folder = drawn.folder
    project = open_project(folder)
    told = of_project(project)
    assert {path: each[:2] for path, each in told.items()} == drawn.truth
    if (folder / "napari-pose3d").exists():
        assert any(each[3].offset == 4 for each in told.values())

    assert of_table(match_predictions(folder)) == told
    files = sorted(drawn.truth)
    assert of_table(match_predictions(files)) == told
    assert of_project(open_project(files)) == told
    rng = np.random.default_rng([8, number])
    some = [files[i] for i in rng.choice(len(files), min(2, len(files)), replace=False)]
    assert of_table(match_predictions(some)) == {path: told[path] for path in some}
    assert of_project(open_project(some[:1])) == {some[0]: told[some[0]]}

    text = describe(folder).splitlines()
    for session in project.sessions:
        assert any(line.startswith(f"{session.name} ") for line in text)
        work = FileRun(folder, reading=ReadingSettings(session=session.name))
        table = work.inputs.table
        assert of_table(table) == {p: each for p, each in told.items() if each[0] == session.name}
        assert {(s.path, s.view, s.model) for s in work.ensemble.sources} == {
            (row.path, row.view, row.model) for row in table.rows
        }
        alignment = alignment_of(table)
        used = {} if alignment is None else dict(alignment.views)
        assert used == dict(session.alignments)
        loaded = session.load_predictions()
        assert (loaded.models, loaded.views) == (work.ensemble.models, work.ensemble.views)
        np.testing.assert_array_equal(loaded.in_memory().xy, work.ensemble.in_memory().xy)


def test_the_scorer_in_the_header_is_no_part_of_the_session(tmp_path: Path) -> None:
    for view in ("top", "side"):
        put(tmp_path / f"mouse1_{view}_heatmap_tracker.csv", "heatmap_tracker")
        put(tmp_path / f"mouse2_{view}_heatmap_tracker.csv", "another")
    update_own_project(
        tmp_path,
        view_names=["top", "side"],
        alignments={("mouse1", "side"): ViewAlignment(offset=3)},
    )
    project = open_project(tmp_path)
    assert [each.name for each in project.sessions] == ["mouse1", "mouse2_heatmap_tracker"]
    assert project.session("mouse1").alignment("side").offset == 3
    assert (
        FileRun(tmp_path, reading=ReadingSettings(session="mouse1"))
        .ensemble.in_memory(lambda *_: None)
        .xy.shape[2]
        == 6
    )


def test_a_file_opened_by_itself_is_named_by_those_around_it(tmp_path: Path) -> None:
    for day in ("day1", "day2"):
        for view in ("left", "right"):
            touch(tmp_path / day / "videos" / f"{view}.mp4")
            put_predictions(tmp_path / day / "predictions" / f"{view}.csv", counted())
    (row,) = match_predictions(tmp_path / "day1" / "predictions" / "left.csv").rows
    assert (row.session, row.view) == ("day1", "left")
