"""Files that are of one view by their names: two networks, trackers or filters in one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.projects.session_files import counted, put_predictions, touch
from tests.support.recordings.scenes import ring_rig

from napari_pose3d import load_predictions, save_rig
from napari_pose3d.cli import main
from napari_pose3d.core.projects.matching.prediction_matching import match_predictions
from napari_pose3d.core.projects.naming.file_names import stem_of
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError

VIEWS = ring_rig(2).names
SCORER = "DLC_dlcrnetms5_armJan1shuffle1_2000"
# Endings of the names of two networks' files, as DeepLabCut writes them.
PAIRS = (
    (f"{SCORER}_el", f"{SCORER}_sk"),
    (f"{SCORER}_el", "DLC_dlcrnetms5_armJan1shuffle2_2000_el"),
    ("DLC_Resnet50_armJan1shuffle1_snapshot_100", "DLC_Resnet50_armJan1shuffle1_snapshot_best-200"),
)


def two_networks(folder: Path, endings: tuple[str, str]) -> Path:
    """Predictions of two networks side by side; those of the second begin at 100 px."""
    save_rig(ring_rig(2), folder / "calibration.toml")
    for view in VIEWS:
        for ending, start in zip(endings, (0.0, 100.0), strict=True):
            put_predictions(folder / f"day1_{view}{ending}.csv", counted(5, start))
    return folder


@pytest.mark.parametrize("endings", PAIRS)
def test_of_two_networks_neither_is_taken_unasked(
    tmp_path: Path, endings: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = two_networks(tmp_path, endings)
    with pytest.raises(PoseDataError, match="nothing in their names tells") as caught:
        load_predictions(folder)
    assert all(ending in str(caught.value) for ending in endings)
    with pytest.raises(PoseDataError, match="nothing in their names tells"):
        open_project(folder).session("day1").load_predictions()
    for command in ("smooth", "triangulate"):
        assert main([command, str(folder), "--out", str(tmp_path / "out")]) == 2
        assert "seed=0" in capfd.readouterr().err
    assert main(["info", str(folder)]) == 0
    assert "cannot be distinguished" in capfd.readouterr().out


@pytest.mark.parametrize("endings", [*PAIRS, (SCORER, f"{SCORER}_filtered")])
@pytest.mark.parametrize("which", [0, 1])
def test_the_files_that_were_asked_for_are_taken(
    tmp_path: Path, endings: tuple[str, str], which: int
) -> None:
    folder = two_networks(tmp_path, endings)
    files = [folder / f"day1_{view}{endings[which]}.csv" for view in VIEWS]
    table = match_predictions(files)
    assert [row.path for row in table.rows] == files
    ensemble = load_predictions(files)
    assert ensemble.session == "day1"
    assert ensemble.xy[0, 0, 0, 0, 0] == 100 * which


def test_a_damaged_file_leaves_its_place_to_the_other(tmp_path: Path) -> None:
    folder = two_networks(tmp_path, PAIRS[0])
    for view in VIEWS:
        touch(folder / f"day1_{view}{PAIRS[0][0]}.csv", "scorer,net\n")
    assert load_predictions(folder).xy[0, 0, 0, 0, 0] == 100


@pytest.mark.parametrize("tracker", ["el", "sk", "bx", "tr", "ctd"])
@pytest.mark.parametrize("filtered", ["", "_filtered"])
def test_all_trackers_of_deeplabcut(tracker: str, filtered: str) -> None:
    # With a hyphen in the name of the project only the header tells what the scorer is.
    for scorer in (SCORER, "DLC_dlcrnetms5_two-armsJan1shuffle1_2000", "superanimal_mouse_net"):
        name = f"day1_{VIEWS[0]}_{scorer}_{tracker}{filtered}.csv"
        assert stem_of(name, scorer, VIEWS) == f"day1_{VIEWS[0]}"
