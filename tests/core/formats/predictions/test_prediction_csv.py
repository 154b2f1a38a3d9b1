"""Prediction CSV and 3-D CSV: what is read, what is refused and where, and the way back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_pose3d.core.formats.predictions.poses3d_csv import (
    read_poses3d_csv,
    write_poses3d_csv,
)
from napari_pose3d.core.formats.predictions.prediction_csv import (
    is_prediction_csv,
    read_prediction_csv,
    write_prediction_csv,
)
from napari_pose3d.core.formats.predictions.prediction_table import PredictionTable
from napari_pose3d.core.formats.predictions.table_header import kind_of
from napari_pose3d.core.poses.arrays import Poses2D, Poses3D
from napari_pose3d.errors import Cancelled, PoseDataError

HEADER = "scorer,net,net,net,net,net,net\nbodyparts,a,a,a,b,b,b\ncoords" + ",x,y,likelihood" * 2
GOOD = f"{HEADER}\n0,1,2,.5,3,4,.6\n1,5,6,.7,7,8,.8\n2,9,10,.9,11,12,1\n"
PAIRS = ("ens_median", "ens_var", "posterior_var")
EKS = ["x", "y", "likelihood", *(f"{axis}_{name}" for name in PAIRS for axis in "xy")]


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "day1_top.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(n_frames: int, keypoints: tuple[str, ...], seed: int = 0, **more: object) -> Poses2D:
    rng = np.random.default_rng(seed)
    shape = (1, n_frames, len(keypoints))
    xy = rng.normal(300, 200, (*shape, 2)).astype(np.float32)
    xy[rng.random(shape) < 0.2] = np.nan
    pairs = {name: rng.random((*shape, 2)).astype(np.float32) for name in more}
    likelihood = rng.random(shape).astype(np.float32)
    return Poses2D(xy, likelihood, ("top",), keypoints, **pairs)


def same(a: PredictionTable, b: PredictionTable) -> bool:
    return (
        (a.keypoints, a.scorer, a.individual) == (b.keypoints, b.scorer, b.individual)
        and np.array_equal(a.xy, b.xy, equal_nan=True)
        and np.array_equal(a.likelihood, b.likelihood, equal_nan=True)
    )


# --- what is read -----------------------------------------------------------------------------


def test_three_header_rows(tmp_path: Path) -> None:
    predictions = read_prediction_csv(written(tmp_path, GOOD))
    assert predictions.keypoints == ("a", "b")
    assert predictions.scorer == "net"
    assert predictions.individual is None
    assert predictions.xy.dtype == np.float32
    np.testing.assert_array_equal(predictions.xy[1], [[5, 6], [7, 8]])
    np.testing.assert_array_equal(predictions.likelihood[:, 0], np.float32([0.5, 0.7, 0.9]))
    assert predictions.variance is None


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD + "\n\n",
        GOOD.replace("scorer", "Scorer").replace("bodyparts", "Bodyparts"),
        GOOD.replace("\n0,", "\n0.0,").replace("\n1,", "\n1.0,"),
        GOOD.replace("net", '"net"').replace(",5,", ',"5",'),
    ],
    ids=["BOM", "CRLF", "no last newline", "blank lines", "capitals", "float index", "quotes"],
)
def test_harmless_variants(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    assert is_prediction_csv(path)
    expected = read_prediction_csv(written(tmp_path, GOOD))
    assert same(read_prediction_csv(written(tmp_path, text)), expected)


@pytest.mark.parametrize("empty", ["", "nan", "NaN", "NA"])
def test_empty_rows_are_missing_even_the_first(tmp_path: Path, empty: str) -> None:
    row = "," + ",".join([empty] * 6)
    text = f"{HEADER}\n0{row}\n1,5,6,.7,7,8,.8\n2{row}\n"
    predictions = read_prediction_csv(written(tmp_path, text))
    assert predictions.xy.shape == (3, 2, 2)
    assert np.isnan(predictions.xy[[0, 2]]).all()
    np.testing.assert_array_equal(predictions.xy[1], [[5, 6], [7, 8]])


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    text = GOOD.replace("x,y,likelihood\n", "likelihood,y,x\n")
    predictions = read_prediction_csv(written(tmp_path, text))
    np.testing.assert_array_equal(predictions.xy[1], [[5, 6], [np.float32(0.8), 8]])


def test_set_column_is_ignored(tmp_path: Path) -> None:
    lines = GOOD.splitlines()
    ends = [",set", ",", ",", ",train", ",validation", ",test"]
    text = "\n".join(line + end for line, end in zip(lines, ends, strict=True))
    expected = read_prediction_csv(written(tmp_path, GOOD))
    assert same(read_prediction_csv(written(tmp_path, text)), expected)


def test_the_set_column_as_pandas_writes_it(tmp_path: Path) -> None:
    frame = pd.read_csv(written(tmp_path, GOOD), header=[0, 1, 2], index_col=0)
    frame[("set", "", "")] = "train"
    frame.to_csv(tmp_path / "b_top.csv")
    assert read_prediction_csv(tmp_path / "b_top.csv").xy.shape == (3, 2, 2)


FOUR = (
    "scorer"
    + ",net" * 9
    + "\nindividuals"
    + ",m1" * 3
    + ",m2" * 6
    + "\nbodyparts,a,a,a,a,a,a,b,b,b"
    "\ncoords" + ",x,y,likelihood" * 3 + "\n0,1,2,.5,3,4,.6,5,6,.7\n"
)


def test_one_of_several_individuals(tmp_path: Path) -> None:
    path = written(tmp_path, FOUR)
    assert is_prediction_csv(path)
    predictions = read_prediction_csv(path, "m2")
    assert (predictions.keypoints, predictions.individual) == (("a", "b"), "m2")
    np.testing.assert_array_equal(predictions.xy[0], [[3, 4], [5, 6]])
    assert read_prediction_csv(path, "m1").keypoints == ("a",)


@pytest.mark.parametrize(("wanted", "message"), [(None, "several.*m1, m2"), ("m3", "m1, m2")])
def test_individual_must_be_chosen(tmp_path: Path, wanted: str | None, message: str) -> None:
    with pytest.raises(PoseDataError, match=message) as caught:
        read_prediction_csv(written(tmp_path, FOUR), wanted)
    assert "day1_top.csv" in str(caught.value)


def test_the_only_individual_needs_no_choice(tmp_path: Path) -> None:
    text = FOUR.replace("m1", "m2").replace("bodyparts,a,a,a", "bodyparts,c,c,c")
    assert read_prediction_csv(written(tmp_path, text)).individual == "m2"
    with pytest.raises(PoseDataError, match="names no individuals"):
        read_prediction_csv(written(tmp_path, GOOD), "m2")


def test_nine_columns_keep_the_variances(tmp_path: Path) -> None:
    columns = pd.MultiIndex.from_product([["ekf"], ["a", "b"], EKS])
    columns = columns.set_names(["scorer", "bodyparts", "coords"])
    pd.DataFrame([np.arange(18)], columns=columns).to_csv(tmp_path / "multicam_top_results.csv")
    predictions = read_prediction_csv(tmp_path / "multicam_top_results.csv")
    np.testing.assert_array_equal(predictions.xy[0], [[0, 1], [9, 10]])
    assert predictions.ensemble_median is not None
    np.testing.assert_array_equal(predictions.ensemble_median[0], [[3, 4], [12, 13]])
    assert predictions.ensemble_variance is not None
    np.testing.assert_array_equal(predictions.ensemble_variance[0], [[5, 6], [14, 15]])
    assert predictions.variance is not None
    np.testing.assert_array_equal(predictions.variance[0], [[7, 8], [16, 17]])


# --- what is refused, and where ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (GOOD.replace("1,5,6,.7,7,8,.8", "1,5,6,.7"), "line 5, after column 4 .keypoint a, like"),
        (GOOD.replace("1,5,6,.7,7,8,.8", "1,5,6,.7,7,8,.8,9"), "line 5: the line has 8 cells"),
        (GOOD.replace("\n0,1,", "\n0,"), r"line 4, after.*6 cells only\. Expected 7"),
        (GOOD[:-8], "line 6, .*last line is cut short"),
        (GOOD.replace(",8,", ",8px,"), "line 5, column 6 .keypoint b, y.: '8px' is not a number"),
        (GOOD.replace(",8,", ",inf,"), "line 5, column 6 .keypoint b, y.: 'inf'"),
        (GOOD.replace(",8,", ",1e39,"), "line 5, column 6 .keypoint b, y.: '1e39'"),
        (GOOD.replace(",8,", ',"8,5",'), "line 5, column 6 .*'8,5' is not a number"),
        (GOOD.replace(",8,", ",1_0,"), "line 5, column 6"),
        (GOOD.replace("\n0,", "\n100,"), "line 4, column 1: the frame number is 100. Expected 0"),
        (GOOD.replace("\n0,", "\n1,"), "Number the rows from 0 if the first one is of the first"),
        (GOOD.replace("\n1,", "\n7,"), "line 5, column 1: the frame number is 7. Expected 1"),
        (GOOD.replace("\n1,", "\n0.5,"), "line 5, column 1: the frame number is 0.5"),
        (GOOD.replace("\n1,", "\n,"), "line 5, column 1: the frame number is missing"),
        (GOOD.replace("\n1,5,6,.7,7,8,.8", "\n"), "line 6, column 1: the frame number is 2"),
        (GOOD.replace("\n1,5,6,.7,7,8,.8", "\n,,,,,,"), "line 5, column 1: .* is missing"),
        (GOOD.replace("\n0,", "\nlabeled-data/img01.png,"), "line 4, column 1: .*single image"),
        (GOOD.replace(",8,", ",\ufffd8,").encode("latin-1", "replace"), "line 5, column 6"),
        (HEADER, "line 4: the file has a header but no data"),
        (f"{HEADER}\n\n", "header but no data"),
        ("", "the file is empty"),
        (
            GOOD.replace("bodyparts,a,a,a,b,b,b", "bodyparts,a,a,a,a,a,a"),
            "line 2, columns 2 and 5: keypoint a is there twice",
        ),
        (GOOD.replace("coords,x,y,likelihood,x,y,likelihood\n", ""), "line 3: .*'coords'"),
        (GOOD.replace("bodyparts", "joints"), "line 2: the header row 'bodyparts' is missing"),
        (GOOD.replace("y,likelihood\n", "y,score\n"), "line 3, column 7: keypoint b .* 'score'"),
        (GOOD.replace(",x,y,likelihood\n", ",x,y\n"), "line 3: this header line has 6 cells"),
        (GOOD.replace("bodyparts,a,", "bodyparts,,"), "line 2, column 2: the name .* is empty"),
        (GOOD.replace("net,net\n", "net,tracker\n"), "several scorers: net, tracker"),
        (GOOD.replace(",", ";"), "separated by semicolons"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (GOOD.replace("net", "n\u00e9t").encode("latin-1"), "line 1: the text is not in UTF-8"),
        (b"\x89HDF\r\n\x1a\n\x00\x00" * 50, "not a text file"),
        (b"\xff\xd8\xff\xe0" * 9000, "no prediction file"),
        ("a,b\n1,2\n", "no prediction file.*'a'"),
        (
            GOOD.replace("x,y,likelihood\n", "x,y,likelihood\n").replace(",likelihood", ",visible"),
            "labels",
        ),
    ],
)
def test_faults_are_located(tmp_path: Path, text: str | bytes, place: str) -> None:
    with pytest.raises(PoseDataError, match=place) as caught:
        read_prediction_csv(written(tmp_path, text))
    assert "day1_top.csv" in str(caught.value)


def test_fault_far_below_in_a_large_file(tmp_path: Path) -> None:
    lines = [HEADER, *(f"{i},1,2,.5,3,4,.6" for i in range(40_000))]
    lines[30_000] = lines[30_000].replace(",3,", ",x,")
    with pytest.raises(PoseDataError, match=r"line 30003, column 5 \(keypoint b, x\)"):
        read_prediction_csv(written(tmp_path, "\n".join(lines)))


def test_long_and_short_lines_do_not_cancel_out(tmp_path: Path) -> None:
    lines = GOOD.splitlines()
    lines[3], lines[4] = lines[3] + ",1", lines[4].rsplit(",", 1)[0]
    with pytest.raises(PoseDataError, match="line 4: the line has 8 cells"):
        read_prediction_csv(written(tmp_path, "\n".join(lines)))


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(PoseDataError, match=r"none\.csv"):
        read_prediction_csv(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 10_000,
        b"\xff\xfe\x00",
        "ä".encode() * 20_000,
        b"frame,x,y\n0,1,2\n",
        b"scorer",
        b"scorer,a\n",
        b'scorer,"' + b"a" * 300_000,
        GOOD.replace(",likelihood", ",visible").encode(),
        GOOD.replace(",likelihood", ",z").encode(),
    ],
)
def test_sniffing_declines_foreign_files(tmp_path: Path, text: bytes) -> None:
    assert not is_prediction_csv(written(tmp_path, text))


def test_sniffing_declines_folders_and_nothing(tmp_path: Path) -> None:
    assert not is_prediction_csv(tmp_path)
    assert not is_prediction_csv(tmp_path / "none.csv")


def test_sniffing_takes_long_headers(tmp_path: Path) -> None:
    poses = table(2, tuple(f"keypoint-{i}" for i in range(3_000)))
    write_prediction_csv(tmp_path / "a_top.csv", poses, scorer="DLC_" * 20)
    assert is_prediction_csv(tmp_path / "a_top.csv")


def test_cancelling(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        read_prediction_csv(written(tmp_path, GOOD), cancelled=lambda: True)


# --- the way back -----------------------------------------------------------------------------

finite = st.floats(width=32, allow_nan=True, allow_infinity=False)
names = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=6),
    min_size=1,
    max_size=3,
    unique=True,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.data(), keypoints=names, n_frames=st.integers(1, 4), n_values=st.sampled_from([3, 9])
)
def test_round_trip(
    tmp_path: Path, data: st.DataObject, keypoints: list[str], n_frames: int, n_values: int
) -> None:
    shape = (n_frames, len(keypoints), n_values)
    values = data.draw(hnp.arrays(np.float32, shape, elements=finite))
    pairs = {}
    if n_values == 9:
        pairs = {
            "ensemble_median": values[..., 3:5],
            "ensemble_variance": values[..., 5:7],
            "variance": values[..., 7:9],
        }
    before = PredictionTable(
        tuple(keypoints), values[..., :2], values[..., 2], scorer="net", **pairs
    )
    path = tmp_path / "a_top.csv"
    write_prediction_csv(path, before)
    after = read_prediction_csv(path)
    assert same(before, after)
    for name, array in pairs.items():
        np.testing.assert_array_equal(getattr(after, name), array)


def test_the_largest_number_is_read_back_whatever_its_keypoint_is_called(tmp_path: Path) -> None:
    # Its text is a little larger than it; the comma sends the file through the slow check.
    largest = np.full((1, 1, 2), np.finfo(np.float32).max, np.float32)
    before = PredictionTable((",",), largest, largest[..., 0], scorer="net")
    write_prediction_csv(tmp_path / "a_top.csv", before)
    assert same(before, read_prediction_csv(tmp_path / "a_top.csv"))


def test_written_as_others_expect_it(tmp_path: Path) -> None:
    poses = table(3, ("a", "b"), variance=1, ensemble_median=1, ensemble_variance=1)
    write_prediction_csv(tmp_path / "a_top.csv", poses, scorer="ensemble-kalman_tracker")
    frame = pd.read_csv(tmp_path / "a_top.csv", header=[0, 1, 2], index_col=0)
    assert list(frame.columns) == [("ensemble-kalman_tracker", k, c) for k in "ab" for c in EKS]
    assert frame.columns.names == ["scorer", "bodyparts", "coords"]
    assert list(frame.index) == [0, 1, 2]
    np.testing.assert_array_equal(frame.iloc[:, 0].astype(np.float32), poses.xy[0, :, 0, 0])


def test_few_digits_and_empty_cells() -> None:
    stream = io.StringIO()
    xy = np.array([[[0.1, np.nan]], [[np.inf, -1e-7]]], np.float32)
    write_prediction_csv(
        stream, PredictionTable(("nan",), xy, np.float32([[1], [np.nan]])), scorer="nan"
    )
    assert stream.getvalue() == (
        "scorer,nan,nan,nan\nbodyparts,nan,nan,nan\ncoords,x,y,likelihood\n0,0.1,,1\n1,,-1e-07,\n"
    )


def test_individual_survives(tmp_path: Path) -> None:
    before = read_prediction_csv(written(tmp_path, FOUR), "m2")
    write_prediction_csv(tmp_path / "b_top.csv", before)
    assert same(before, read_prediction_csv(tmp_path / "b_top.csv"))


def test_writing_in_blocks_can_be_cancelled(tmp_path: Path) -> None:
    path = written(tmp_path, "old")
    stages: list[tuple[str, int, int]] = []
    poses = table(3_500, ("a",))
    with pytest.raises(Cancelled):
        write_prediction_csv(
            path, poses, progress=lambda *s: stages.append(s), cancelled=lambda: len(stages) > 1
        )
    assert len(stages) == 2
    assert 0 < stages[0][1] < stages[1][1] < 3_500
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_view_of_poses(tmp_path: Path) -> None:
    a, b = table(2, ("a",)), table(2, ("a",), seed=1)
    both = Poses2D(
        np.concatenate([a.xy, b.xy]),
        np.concatenate([a.likelihood, b.likelihood]),
        ("top", "bot"),
        ("a",),
    )
    write_prediction_csv(tmp_path / "a.csv", both, view="bot")
    np.testing.assert_array_equal(read_prediction_csv(tmp_path / "a.csv").xy, b.xy[0])
    for view in (None, "left", 2):
        with pytest.raises(PoseDataError, match="top, bot"):
            write_prediction_csv(tmp_path / "a.csv", both, view=view)


# --- 3-D --------------------------------------------------------------------------------------


def test_poses3d_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xyz = rng.normal(size=(5, 2, 3))
    xyz[2, 1] = np.nan
    covariance = np.zeros((5, 2, 3, 3)) + np.diag([0.1, 0.2, 0.3])
    poses = Poses3D(
        xyz,
        covariance,
        np.full((5, 2), 3),
        np.zeros((3, 5, 2), np.float32),
        np.zeros((5, 2), bool),
        ("p", "q", "r"),
        ("a", "b"),
    )
    path = tmp_path / "day1_3d.csv"
    write_poses3d_csv(path, poses)
    columns = [f"{axis}_posterior_var" for axis in "xyz"]
    columns += [f"{axes}_posterior_cov" for axes in ("xy", "xz", "yz")]
    assert path.read_text().splitlines()[2] == ",".join(["coords", *["x", "y", "z", *columns] * 2])
    assert kind_of(path) == "poses3d"
    assert not is_prediction_csv(path)
    table3d = read_poses3d_csv(path)
    assert table3d.keypoints == ("a", "b")
    np.testing.assert_array_equal(table3d.xyz, xyz)
    assert table3d.variance is not None
    np.testing.assert_array_equal(table3d.variance[0, 0], [0.1, 0.2, 0.3])
    with pytest.raises(PoseDataError, match=r"3-D positions, not predictions"):
        read_prediction_csv(path)
    with pytest.raises(PoseDataError, match=r"no 3-D positions"):
        read_poses3d_csv(written(tmp_path, GOOD))


@pytest.mark.realdata
def test_real_files(shared_data: Path) -> None:
    fly = read_prediction_csv(next((shared_data / "fly").glob("*Cam-A*rng=0.csv")))
    assert fly.xy.shape == (500, 12, 2)
    np.testing.assert_array_equal(fly.xy[0, 0], np.float32([194.6980, 161.2993]))
    assert not is_prediction_csv(shared_data / "mouse" / "CollectedData.csv")
