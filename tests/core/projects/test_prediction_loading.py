"""From folders and files to an ensemble: what is matched, what is refused, what is left out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.support.work_count import function_calls

from napari_pose3d.core.formats.predictions.prediction_csv import (
    read_prediction_csv,
    write_prediction_csv,
)
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.projects.matching.prediction_loading import (
    load_predictions,
    match_predictions,
)
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import ReadingSettings

KEYPOINTS = ("nose", "tail")
RIG = SimpleNamespace(names=("Cam-C", "Cam-A", "Cam-B"))
LABELS = "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\nlabeled-data/a/img1.png,1,2\n"


def predictions(
    value: float = 0, n_frames: int = 3, keypoints: tuple[str, ...] = KEYPOINTS, nine: bool = False
) -> PredictionTable:
    """Positions that tell where they came from: ``value`` + 0.1 for the first keypoint, ..."""
    xy = np.full((n_frames, len(keypoints), 2), value, np.float32)
    for i, name in enumerate(keypoints):
        xy[:, i] += np.float32(0.1 + KEYPOINTS.index(name) / 10 if name in KEYPOINTS else i)
    likelihood = np.full(xy.shape[:2], 0.9, np.float32)
    pairs = (xy, xy, xy) if nine else (None, None, None)
    return PredictionTable(keypoints, xy, likelihood, *pairs, scorer="net")


def put(path: Path, *args: object, **kwargs: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_prediction_csv(path, predictions(*args, **kwargs))  # type: ignore[arg-type]
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Lightning Pose project: 2 models x 2 views; values 10 * model + view."""
    folder = tmp_path / "mouse-project"
    folder.mkdir()
    (folder / "project.yaml").write_text("view_names: [top, bot]\nkeypoint_names: [nose, tail]\n")
    (folder / "CollectedData_top.csv").write_text(LABELS)
    for m, model in enumerate(("a", "b")):
        for v, view in enumerate(("top", "bot")):
            preds = folder / "models" / model / "video_preds"
            put(preds / f"day1_{view}.csv", 10 * m + v)
            (preds / f"day1_{view}_temporal_norm.csv").write_text(",nose,tail\n0,,\n1,2,3\n")
            (folder / "models" / model / f"predictions_{view}.csv").write_text(LABELS)
    return folder


# --- matching ---------------------------------------------------------------------------------


def test_project(project: Path) -> None:
    ensemble = load_predictions(project)
    assert ensemble.xy.shape == (2, 2, 3, 2, 2)
    assert ensemble.xy.dtype == np.float32
    assert (ensemble.models, ensemble.views) == (("a", "b"), ("top", "bot"))
    assert (ensemble.keypoints, ensemble.session) == (KEYPOINTS, "day1")
    np.testing.assert_array_equal(np.floor(ensemble.xy[:, :, 0, 0, 0]), [[0, 1], [10, 11]])
    assert {s.path.name for s in ensemble.sources} == {"day1_top.csv", "day1_bot.csv"}
    assert {path.name for path, _ in ensemble.unmatched} == {
        "day1_top_temporal_norm.csv",
        "day1_bot_temporal_norm.csv",
    }
    assert ensemble.warnings == ()


def test_one_model_of_a_project(project: Path) -> None:
    ensemble = load_predictions(project / "models" / "b")
    assert (ensemble.models, ensemble.views) == (("b",), ("top", "bot"))
    assert load_predictions(project / "models" / "b" / "video_preds").models == ("b",)


def test_nested_layout_and_deeper_models(project: Path) -> None:
    preds = project / "models" / "day" / "time" / "video_preds"
    for view in ("top", "bot"):
        put(preds / f"day1_{view}.mp4" / "predictions.csv")
    assert load_predictions(project).models == ("a", "b", "day/time")


def test_files_of_one_set_without_any_names(tmp_path: Path) -> None:
    files = [put(tmp_path / f"day1_{view}.csv") for view in ("top", "bot")]
    ensemble = load_predictions(files)
    assert (ensemble.models, ensemble.views) == (("predictions",), ("bot", "top"))
    assert ensemble.session == "day1"
    assert load_predictions(files[0]).views == ("top",)


def test_views_are_matched_by_name_in_the_order_of_the_rig(tmp_path: Path) -> None:
    for seed in (10, 2):
        for v, view in enumerate(("Cam-A", "Cam-B", "Cam-C")):
            put(tmp_path / f"fly_{view}_x.rng={seed}.csv", 10 * seed + v)
    ensemble = load_predictions(tmp_path, rig=RIG)
    assert ensemble.views == RIG.names
    assert ensemble.models == ("rng=2", "rng=10")
    assert ensemble.session == "fly_x"
    np.testing.assert_array_equal(np.floor(ensemble.xy[0, :, 0, 0, 0]), [22, 20, 21])
    some = load_predictions(tmp_path, rig=RIG, views=["Cam-B", "Cam-A"])
    assert some.views == ("Cam-B", "Cam-A")
    assert all("Cam-C" in path.name for path, _ in some.unmatched)
    assert len(some.unmatched) == 2


def test_without_names_of_views_the_error_says_how_to_give_them(tmp_path: Path) -> None:
    for view in RIG.names:
        put(tmp_path / f"fly_{view[-1]}_0.06_sec.rng=0.csv")
    with pytest.raises(PoseDataError, match=r"3 sessions.*name the views") as raised:
        load_predictions(tmp_path)
    kinds = [remedy.kind for remedy in raised.value.remedies]
    assert kinds == ["session", "views", "calibration"]


def test_seeds_in_folders(tmp_path: Path) -> None:
    for seed in range(2):
        put(tmp_path / f"fly_seed={seed}" / "day1_top.csv", seed)
    together = load_predictions(tmp_path)
    assert together.models == ("seed=0", "seed=1")
    listed = load_predictions([tmp_path / "fly_seed=1", tmp_path / "fly_seed=0"])
    assert listed.models == ("seed=0", "seed=1")
    np.testing.assert_array_equal(listed.xy, together.xy)


def test_several_sessions(tmp_path: Path) -> None:
    for day in (1, 2):
        put(tmp_path / f"day{day}_top.csv", day)
    table = match_predictions(tmp_path)
    assert table.sessions == ("day1", "day2")
    with pytest.raises(PoseDataError, match=r"2 sessions: day1, day2\. Choose one") as raised:
        load_predictions(tmp_path)
    assert raised.value.remedies[0].kind == "session"
    assert load_predictions(tmp_path, session="day2").xy[0, 0, 0, 0, 0] > 2
    with pytest.raises(PoseDataError, match=r"'day3'.*day1, day2"):
        load_predictions(tmp_path, session="day3")


def test_the_same_view_twice(tmp_path: Path) -> None:
    put(tmp_path / "x" / "day1_top.csv")
    put(tmp_path / "y" / "day1_top.csv")
    with pytest.raises(PoseDataError, match=r"x.day1_top\.csv and .*y.day1_top\.csv are both"):
        match_predictions(tmp_path)


def test_file_and_its_folder_are_one_input(tmp_path: Path) -> None:
    path = put(tmp_path / "day1_top.csv")
    assert len(match_predictions([tmp_path, path, tmp_path / "." / path.name]).rows) == 1


def test_foreign_files_are_named_with_a_reason(tmp_path: Path) -> None:
    put(tmp_path / "day1_top.csv")
    texts = {
        "CollectedData_top.csv": LABELS,
        "labels.csv": LABELS,
        "day1_top_temporal_norm.csv": ",a\n0,1\n",
        "day1_top_bbox.csv": ",x,y,h,w\n",
        "day1_3d.csv": "scorer,a,a,a\nbodyparts,n,n,n\ncoords,x,y,z\n0,1,2,3\n",
        "weather.csv": "day,rain\n1,2\n",
        "predictions_top.csv": "scorer,a,a,a\nbodyparts,n,n,n\ncoords,x,y,likelihood\n"
        "labeled-data/day1_top/img1.png,1,2,3\n",
        "cut_top.csv": "scorer,a,a,a\nbodyparts,n,n,n\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "._day1_bot.csv").write_bytes(b"\0\5\26\7")
    table = match_predictions(tmp_path)
    assert [row.path.name for row in table.rows] == ["day1_top.csv"]
    reasons = {path.name: reason for path, reason in table.unmatched}
    assert set(reasons) == set(texts)
    assert "labels" in reasons["labels.csv"]
    assert "3-D" in reasons["day1_3d.csv"]
    assert "single images" in reasons["predictions_top.csv"]
    assert "line 3" in reasons["cut_top.csv"]
    text = table.as_text()
    assert all(name in text for name in texts)
    with pytest.raises(PoseDataError, match=r"cut_top\.csv, line 3"):
        load_predictions([tmp_path / "day1_top.csv", tmp_path / "cut_top.csv"])


def test_own_and_hidden_folders_are_not_entered(tmp_path: Path) -> None:
    put(tmp_path / "raw" / "day1_top.csv")
    put(tmp_path / "napari-pose3d" / "smoothed" / "day1" / "day1_top.csv")
    put(tmp_path / ".cache" / "day1_top.csv")
    assert [row.path.parent.name for row in match_predictions(tmp_path).rows] == ["raw"]
    outright = tmp_path / "napari-pose3d" / "smoothed" / "day1"
    assert len(match_predictions(outright).rows) == 1


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PoseDataError, match="no such file"):
        load_predictions(tmp_path / "none")
    with pytest.raises(PoseDataError, match="no file and no folder"):
        load_predictions([])
    with pytest.raises(PoseDataError, match="no predictions here"):
        load_predictions(tmp_path)
    put(tmp_path / "day1_left.csv")
    with pytest.raises(PoseDataError, match=r"day1_left\.csv.*Cam-C, Cam-A, Cam-B"):
        load_predictions(tmp_path, rig=RIG)


def test_single_view_project(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text("view_names: []\n")
    put(tmp_path / "models" / "a" / "video_preds" / "mouse_day1.csv")
    ensemble = load_predictions(tmp_path)
    assert (ensemble.session, ensemble.views) == ("mouse_day1", ("view",))


# --- smoothed files ---------------------------------------------------------------------------


def test_smoothed_files_are_not_mixed_with_raw_ones(tmp_path: Path) -> None:
    for seed in range(2):
        put(tmp_path / f"day1_top.rng={seed}.csv")
    put(tmp_path / "multicam_top_results.csv", nine=True)
    ensemble = load_predictions(tmp_path, views=["top"])
    assert ensemble.models == ("rng=0", "rng=1")
    assert [p.name for p, why in ensemble.unmatched if "smoothed" in why]
    alone = load_predictions(tmp_path / "multicam_top_results.csv", views=["top"])
    assert (alone.models, alone.session) == (("smoothed",), "multicam_results")
    assert alone.variance is not None
    np.testing.assert_array_equal(alone.variance, alone.xy)
    assert ensemble.variance is None


def test_models_of_a_smoother_are_left_out(project: Path) -> None:
    for view in ("top", "bot"):
        put(project / "models" / "eks" / "video_preds" / f"day1_{view}.csv")
    (project / "models" / "eks" / "ensemble.yaml").write_text("members: []\n")
    ensemble = load_predictions(project)
    assert ensemble.models == ("a", "b")
    assert len([path for path, why in ensemble.unmatched if "smoothed" in why]) == 2
    assert load_predictions(project / "models" / "eks").models == ("eks",)


# --- what is not complete ---------------------------------------------------------------------


def test_missing_seed_of_one_view(project: Path) -> None:
    (project / "models" / "a" / "video_preds" / "day1_bot.csv").unlink()
    with pytest.raises(PoseDataError, match=r"a has no view bot.*Go on") as raised:
        load_predictions(project)
    assert [remedy.kind for remedy in raised.value.remedies] == ["allow_missing"]
    ensemble = load_predictions(project, allow_missing=True)
    assert np.isnan(ensemble.xy[0, 1]).all()
    assert np.isnan(ensemble.likelihood[0, 1]).all()
    np.testing.assert_array_equal(np.floor(ensemble.xy[1, :, 0, 0, 0]), [10, 11])
    assert "a has no view bot" in ensemble.warnings[0]
    table = match_predictions(project)
    assert table.missing == (("day1", "a", "bot"),)
    assert table.path("a", "bot") is None
    assert table.path("a", "top") == project / "models" / "a" / "video_preds" / "day1_top.csv"
    assert "missing" in table.as_text()


def test_view_of_the_project_without_predictions(project: Path) -> None:
    for model in ("a", "b"):
        (project / "models" / model / "video_preds" / "day1_bot.csv").unlink()
    with pytest.raises(PoseDataError, match=r"view bot \(project\.yaml\) has no predictions"):
        load_predictions(project)
    assert load_predictions(project, allow_missing=True).views == ("top",)
    with pytest.raises(PoseDataError, match=r"no predictions of view bot"):
        load_predictions(project, views=["top", "bot"], allow_missing=True)


def test_extra_cameras_of_the_rig_are_no_fault(tmp_path: Path) -> None:
    for view in ("Cam-A", "Cam-B"):
        put(tmp_path / f"day1_{view}.csv")
    assert load_predictions(tmp_path, rig=RIG).views == ("Cam-A", "Cam-B")


def test_unequal_numbers_of_frames(tmp_path: Path) -> None:
    put(tmp_path / "day1_top.csv", n_frames=5)
    put(tmp_path / "day1_bot.csv", n_frames=3)
    with pytest.raises(PoseDataError, match=r"bot has 3; top has 5.*go on") as raised:
        load_predictions(tmp_path)
    assert [remedy.kind for remedy in raised.value.remedies] == ["allow_missing"]
    ensemble = load_predictions(tmp_path, allow_missing=True)
    assert ensemble.xy.shape == (1, 2, 5, 2, 2)
    assert np.isnan(ensemble.xy[0, 0, 3:]).all()
    assert not np.isnan(ensemble.xy[0, 0, :3]).any()
    assert not np.isnan(ensemble.xy[0, 1]).any()
    assert "bot has 3; top has 5" in ensemble.warnings[0]


def test_unequal_numbers_of_frames_within_a_view(tmp_path: Path) -> None:
    put(tmp_path / "day1_top.rng=0.csv", n_frames=5000)
    put(tmp_path / "day1_top.rng=1.csv", n_frames=3)
    # The second file is the shorter one, and is often read first.
    with pytest.raises(PoseDataError, match=r"top has 5000 \(rng=0\), 3 \(rng=1\)"):
        load_predictions(tmp_path)
    ensemble = load_predictions(tmp_path, allow_missing=True)
    assert "top has 5000 (rng=0), 3 (rng=1)" in ensemble.warnings[0]


def test_keypoints_missing_in_one_file(tmp_path: Path) -> None:
    put(tmp_path / "day1_top.csv", keypoints=("paw", "tail", "nose"))
    put(tmp_path / "day1_bot.csv", keypoints=("nose", "tail"))
    with pytest.raises(PoseDataError, match=r"paw in day1_bot\.csv.*Go on") as raised:
        load_predictions(tmp_path)
    assert [remedy.kind for remedy in raised.value.remedies] == ["shared_keypoints"]
    ensemble = load_predictions(tmp_path, shared_keypoints=True)
    assert ensemble.keypoints == ("nose", "tail")
    assert "paw in day1_bot.csv" in ensemble.warnings[0]
    assert load_predictions(tmp_path, keypoints=["tail"]).keypoints == ("tail",)
    with pytest.raises(PoseDataError, match=r"ear.*nose, tail, paw"):
        load_predictions(tmp_path, keypoints=["ear"])


def test_no_shared_keypoints(tmp_path: Path) -> None:
    put(tmp_path / "day1_top.csv", keypoints=("a",))
    put(tmp_path / "day1_bot.csv", keypoints=("b",))
    with pytest.raises(PoseDataError, match="share no keypoint"):
        load_predictions(tmp_path, shared_keypoints=True)


def test_keypoints_are_matched_by_name(tmp_path: Path) -> None:
    put(tmp_path / "day1_bot.csv", keypoints=("nose", "tail"))
    put(tmp_path / "day1_top.csv", keypoints=("tail", "nose"))
    ensemble = load_predictions(tmp_path)
    assert ensemble.keypoints == ("nose", "tail")
    np.testing.assert_array_equal(ensemble.xy[0, 0], ensemble.xy[0, 1])
    turned = load_predictions(tmp_path, keypoints=["tail", "nose"])
    np.testing.assert_array_equal(turned.xy, ensemble.xy[..., ::-1, :])


# --- values -----------------------------------------------------------------------------------


def test_min_likelihood(tmp_path: Path) -> None:
    table = predictions()
    table.likelihood[:] = [[0.2, 0.8], [np.nan, 0.5], [0.49, 1]]
    table.xy[2, 1, 0] = np.nan
    write_prediction_csv(tmp_path / "day1_top.csv", table)
    ensemble = load_predictions(tmp_path, min_likelihood=0.5)
    missing = np.isnan(ensemble.xy[0, 0])
    np.testing.assert_array_equal(missing[..., 0], [[True, False], [False, False], [True, True]])
    np.testing.assert_array_equal(missing[..., 0], missing[..., 1])
    np.testing.assert_array_equal(ensemble.likelihood[0, 0], table.likelihood)
    for wrong in (-0.1, 1.5, np.nan):
        with pytest.raises(PoseDataError, match="0 to 1"):
            load_predictions(tmp_path, min_likelihood=wrong)


def test_individuals(tmp_path: Path) -> None:
    text = (
        "scorer"
        + ",net" * 6
        + "\nindividuals,m1,m1,m1,m2,m2,m2\nbodyparts"
        + ",nose" * 6
        + "\ncoords"
        + ",x,y,likelihood" * 2
        + "\n0,1,2,.5,3,4,.6\n"
    )
    for view in ("top", "bot"):
        (tmp_path / f"day1_{view}.csv").write_text(text)
    with pytest.raises(PoseDataError, match=r"several individuals: m1, m2.*Choose") as raised:
        load_predictions(tmp_path)
    assert [remedy.kind for remedy in raised.value.remedies] == ["individual"]
    ensemble = load_predictions(tmp_path, individual="m2")
    assert ensemble.individual == "m2"
    np.testing.assert_array_equal(ensemble.xy[0, :, 0, 0], [[3, 4], [3, 4]])
    assert match_predictions(tmp_path).individuals == ("m1", "m2")


def test_progress_and_cancel(project: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    load_predictions(project, progress=lambda *args: seen.append(args))
    assert [done for _, done, _ in seen] == [0, 1, 2, 3, 4]
    assert {total for _, _, total in seen} == {4}
    with pytest.raises(Cancelled):
        load_predictions(project, cancelled=lambda: True)


# --- DeepLabCut -------------------------------------------------------------------------------

SCORER = "DLC_resnet50_flyshuffle1_1000"


def dlc_frame(individuals: bool = False) -> pd.DataFrame:
    levels = [[SCORER], ["m1"], KEYPOINTS, ["x", "y", "likelihood"]]
    names = ["scorer", "individuals", "bodyparts", "coords"]
    if not individuals:
        del levels[1], names[1]
    columns = pd.MultiIndex.from_product(levels, names=names)
    values = np.arange(24, dtype=float).reshape(4, 6)
    values[1, :2] = np.nan
    return pd.DataFrame(values, columns=columns)


@pytest.mark.parametrize("style", ["fixed", "table"])
@pytest.mark.parametrize("individuals", [False, True])
def test_deeplabcut_h5(tmp_path: Path, individuals: bool, style: str) -> None:
    pytest.importorskip("tables")
    for view in ("Cam-A", "Cam-B"):
        path = tmp_path / f"day1_{view}{SCORER}.h5"
        dlc_frame(individuals).to_hdf(path, key="df_with_missing", format=style, mode="w")
    ensemble = load_predictions(tmp_path, rig=RIG)
    assert (ensemble.session, ensemble.views) == ("day1", ("Cam-A", "Cam-B"))
    assert ensemble.individual == ("m1" if individuals else None)
    assert np.isnan(ensemble.xy[0, 0, 1, 0]).all()
    np.testing.assert_array_equal(ensemble.xy[0, 0, 0], [[0, 1], [3, 4]])
    dlc_frame(individuals).to_csv(tmp_path / f"day1_Cam-A{SCORER}.csv")
    dlc_frame(individuals).to_csv(tmp_path / f"day1_Cam-A{SCORER}_filtered.csv")
    table = match_predictions(tmp_path, rig_views=RIG.names)
    path = table.path("predictions", "Cam-A")
    assert path is not None
    assert path.suffix == ".csv"
    reasons = [reason for _, reason in table.unmatched]
    assert reasons == [
        f"same as day1_Cam-A{SCORER}.csv",
        f"filtered copy of day1_Cam-A{SCORER}.csv",
    ]
    again = load_predictions(tmp_path, rig=RIG)
    np.testing.assert_array_equal(again.xy, ensemble.xy)
    # Analysed again, without writing the CSV again.
    csv = tmp_path / f"day1_Cam-A{SCORER}.csv"
    os.utime(csv, times=(1e9, 1e9))
    reasons = [why for _, why in match_predictions(tmp_path, rig_views=RIG.names).unmatched]
    assert f"{csv.name} is read, by its name the same; but this file is newer" in reasons[0]


def test_an_empty_file_stands_for_nothing(tmp_path: Path) -> None:
    """Neither for the table that is beside it in another format, nor as its copy."""
    pytest.importorskip("tables")
    for view in ("Cam-A", "Cam-B"):
        dlc_frame().to_hdf(tmp_path / f"day1_{view}{SCORER}.h5", key="df_with_missing")
    (tmp_path / f"day1_Cam-A{SCORER}.csv").touch()
    dlc_frame().to_csv(tmp_path / f"day1_Cam-B{SCORER}.csv")
    (tmp_path / f"day1_Cam-B{SCORER}.h5").write_bytes(b"")
    table = match_predictions(tmp_path, rig_views=RIG.names)
    used = [table.path("predictions", view) for view in ("Cam-A", "Cam-B")]
    assert [path and path.suffix for path in used] == [".h5", ".csv"]
    assert {path.suffix: reason for path, reason in table.unmatched} == {
        ".csv": "not usable: the file is empty",
        ".h5": "not usable: the file is empty",
    }
    assert load_predictions(tmp_path, rig=RIG).n_frames == 4


def test_only_filtered_files(tmp_path: Path) -> None:
    dlc_frame().to_csv(tmp_path / f"day1_top{SCORER}_filtered.csv")
    ensemble = load_predictions(tmp_path)
    assert (ensemble.session, ensemble.views) == ("day1", ("top",))


def test_faulty_h5(tmp_path: Path) -> None:
    pytest.importorskip("tables")
    gap = dlc_frame()
    gap.index += 5
    gap.to_hdf(tmp_path / "gap_top.h5", key="a")
    with pytest.raises(PoseDataError, match=r"gap_top\.h5, row 1: the frame number is 5.*from 0"):
        load_predictions(tmp_path / "gap_top.h5")
    pd.DataFrame({"a": [1]}).to_hdf(tmp_path / "other_top.h5", key="a")
    (tmp_path / "text_top.h5").write_text("no")
    for name in ("other_top.h5", "text_top.h5"):
        with pytest.raises(PoseDataError, match=rf"{name}.*DeepLabCut|{name}.*HDF5"):
            load_predictions(tmp_path / name)


def test_h5_without_pytables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "day1_top.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.setitem(sys.modules, "tables", None)
    with pytest.raises(PoseDataError, match=r"pip install napari-pose3d\[h5\]"):
        load_predictions(path)
    with pytest.raises(PoseDataError, match=r"tables"):
        load_predictions(tmp_path)


# --- size and real data -----------------------------------------------------------------------


def many_predictions(folder: Path, n_sessions: int) -> Path:
    """Three views and three prediction sets of many sessions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.yaml").write_text("view_names: [Cam-1, Cam-2, Cam-10]\n")
    text = put(folder / "template.csv", keypoints=tuple(f"k{i}" for i in range(30))).read_text()
    for model in range(3):
        into = folder / "models" / f"m{model}" / "video_preds"
        into.mkdir(parents=True)
        for session in range(n_sessions):
            for view in (1, 2, 10):
                (into / f"s{session}_Cam-{view}.csv").write_text(text)
    return folder


def test_thousands_of_files_are_matched(tmp_path: Path) -> None:
    many_predictions(tmp_path, 220)
    assert len(match_predictions(tmp_path, ReadingSettings(session="s7")).rows) == 9
    everything = match_predictions(tmp_path)
    assert len(everything.rows) == 1980
    assert everything.views == ("Cam-1", "Cam-2", "Cam-10")
    assert everything.sessions[:3] == ("s0", "s1", "s2")


def test_the_work_of_matching_grows_as_the_number_of_files(tmp_path: Path) -> None:
    few, many = many_predictions(tmp_path / "few", 20), many_predictions(tmp_path / "many", 80)

    def match(folder: Path) -> None:
        match_predictions(folder, ReadingSettings(session="s7")).as_text()

    match(few)  # what is imported or compiled once
    once = function_calls(lambda: match(few))
    assert function_calls(lambda: match(many)) < 1.3 * 4 * once


@pytest.mark.realdata
def test_fly(shared_data: Path) -> None:
    rig = SimpleNamespace(names=("Cam-A", "Cam-B", "Cam-C"))
    ensemble = load_predictions(shared_data / "fly", rig=rig)
    assert ensemble.xy.shape == (3, 3, 500, 12, 2)
    assert ensemble.session == "05272019_fly4_0_R1C24_rot-ccw-0.06_sec"
    assert ensemble.models == ("rng=0", "rng=1", "rng=2")
    one = read_prediction_csv(next((shared_data / "fly").glob("*Cam-B*rng=2.csv")))
    np.testing.assert_array_equal(ensemble.xy[2, 1], one.xy)
    # The calibration that lies beside them names the views.
    found = load_predictions(shared_data / "fly")
    assert (found.views, found.session) == (ensemble.views, ensemble.session)


@pytest.mark.realdata
def test_mouse(shared_data: Path) -> None:
    ensemble = load_predictions(shared_data / "mouse")
    assert ensemble.xy.shape == (5, 2, 501, 4, 2)
    assert ensemble.views == ("bot", "top")
    assert ensemble.session == "180607_004.train_frames=75"
    assert [path.name for path, _ in ensemble.unmatched] == ["CollectedData.csv"]
