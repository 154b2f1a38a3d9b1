"""Cameras of different frame rates: refused, or paired by time."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.projects.session_files import (
    KEYPOINTS,
    counted,
    lightning_project,
    put_predictions,
    touch,
)
from tests.support.video_recipes import Video

from napari_pose3d.cli import main
from napari_pose3d.cli.terminal.remedies import option_of
from napari_pose3d.core.formats.projects.frame_tables import paired_by_time, read_times
from napari_pose3d.core.pipeline.file_run import FileRun
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.projects.project_toml import update_own_project
from napari_pose3d.core.projects.session_checks import check_session
from napari_pose3d.core.video.metadata import video_metadata
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings


def project(folder: Path, n_top: int, n_side: int) -> Path:
    """One session whose predictions tell their rows."""
    lightning_project(folder, sessions=(), models=("net",))
    for view, n in (("top", n_top), ("side", n_side)):
        path = folder / "models" / "net" / "video_preds" / f"day1_{view}.csv"
        put_predictions(path, counted(n), KEYPOINTS)
    return folder


def align(folder: Path, **alignments: ViewAlignment) -> None:
    update_own_project(folder, alignments={("day1", v): a for v, a in alignments.items()})


def clocks(folder: Path, suffix: str, **times: NDArray[np.float64]) -> None:
    for view, values in times.items():
        path = folder / f"{view}{suffix}"
        if suffix == ".npy":
            np.save(path, values)
        else:
            touch(path, "frame;time\n" + "".join(f"{i};{t:.6f}\n" for i, t in enumerate(values)))
    align(folder, **{v: ViewAlignment(timestamps=folder / f"{v}{suffix}") for v in times})


def test_an_alignment_does_not_hide_other_frame_rates(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 150)
    with pytest.raises(PoseDataError, match=r"(?s)frames differ.*'timestamps'.*own time"):
        FileRun(folder).ensemble.in_memory()
    for alignment in (ViewAlignment(offset=3), ViewAlignment(scale=(2.0, 2.0))):
        align(folder, side=alignment)
        with pytest.raises(PoseDataError, match="numbers of frames differ") as raised:
            FileRun(folder).ensemble.in_memory()
        assert [remedy.kind for remedy in raised.value.remedies] == ["allow_missing"]
        with pytest.raises(PoseDataError, match="numbers of frames differ"):
            open_project(folder).session("day1").load_predictions().in_memory()
    allowed = FileRun(folder, reading=ReadingSettings(allow_missing=True)).ensemble.in_memory()
    assert any("numbers of frames differ" in note for note in allowed.warnings)


def test_cameras_that_start_or_stop_apart_are_no_other_rate(tmp_path: Path) -> None:
    folder = project(tmp_path, 100, 100)
    align(folder, side=ViewAlignment(offset=40))
    assert FileRun(folder).ensemble.in_memory().n_frames == 140
    folder = project(tmp_path / "b", 100, 60)
    align(folder, side=ViewAlignment(offset=40))
    assert FileRun(folder).ensemble.in_memory().n_frames == 100


@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_frames_are_paired_by_time(tmp_path: Path, suffix: str) -> None:
    folder = project(tmp_path, 60, 150)
    # The faster camera started a tenth of a second later.
    clocks(folder, suffix, top=np.arange(60) / 60, side=0.1 + np.arange(150) / 150)
    ensemble = FileRun(folder).ensemble.in_memory()
    top, side = ensemble.xy[0, :, :, 0, 0]
    np.testing.assert_array_equal(top, np.arange(60))
    instants = np.arange(60) / 60
    seen = instants >= 0.1 - 0.5 / 150
    assert np.isnan(side[~seen]).all()
    assert (np.abs(0.1 + side[seen] / 150 - instants[seen]) <= 0.5 / 150 + 1e-6).all()
    assert any("96 frames of view side" in note for note in ensemble.warnings)
    # The session's own account, which the viewer goes by, is the same.
    alignment = open_project(folder).session("day1").alignment("side")
    frames = alignment.to_video(np.arange(60))
    np.testing.assert_array_equal(frames >= 0, seen)
    np.testing.assert_array_equal(frames[seen], side[seen])
    back = alignment.to_session(frames[seen])
    np.testing.assert_array_equal(back, np.flatnonzero(seen))
    assert alignment.to_session([-1, 150]).tolist() == [-1, -1]
    assert alignment.n_session_frames(150) == 60
    assert alignment.n_session_frames(1) <= 7


def test_lost_frames_stay_empty(tmp_path: Path) -> None:
    folder = project(tmp_path, 58, 150)
    kept = np.setdiff1d(np.arange(60), [20, 21])
    clocks(folder, ".npy", top=kept / 60, side=np.arange(150) / 150)
    top, side = FileRun(folder).ensemble.in_memory().xy[0, :, :, 0, 0]
    assert np.flatnonzero(np.isnan(top)).tolist() == [20, 21]
    np.testing.assert_array_equal(top[22:], np.arange(20, 58))
    assert np.isfinite(side).all()


def test_times_of_one_rate_are_no_pairing(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 60)
    clocks(folder, ".npy", top=np.arange(60) / 60, side=np.arange(60) / 60.01)
    assert FileRun(folder).ensemble.in_memory().n_frames == 60


def test_cameras_of_one_rate_that_began_apart_by_their_times(tmp_path: Path) -> None:
    """They are paired by counting, since each may have its own clock; but not without a word."""
    folder = project(tmp_path, 60, 60)
    late = "side begins 7 frames later than view top"
    clocks(folder, ".npy", top=np.arange(60) / 60, side=7 / 60 + np.arange(60) / 60)
    ensemble = FileRun(folder).ensemble.in_memory()
    np.testing.assert_array_equal(ensemble.xy[0, 0, :, 0, 0], ensemble.xy[0, 1, :, 0, 0])
    assert any(late in note and "offset 7" in note for note in ensemble.warnings)
    # Said in time, where the offset says it, and where clocks have nothing in common.
    for times, offset in ((7 / 60, 7), (0.4 / 60, 0), (1000.0, 0)):
        clocks(folder, ".npy", top=np.arange(60) / 60, side=times + np.arange(60) / 60)
        side = open_project(folder).session("day1").alignment("side")
        align(folder, side=replace(side, offset=offset, clocks=()))
        ensemble = FileRun(folder).ensemble.in_memory()
        assert not any("begins" in note for note in ensemble.warnings), times


@pytest.mark.parametrize("factor", [1000.0, 1.0])
def test_times_without_anything_in_common_are_an_error(tmp_path: Path, factor: float) -> None:
    folder = project(tmp_path, 60, 150)
    side = factor * np.arange(150) / 150 + (0.0 if factor > 1 else 1e5)
    clocks(folder, ".csv", top=np.arange(60) / 60, side=side)
    with pytest.raises(PoseDataError, match=r"no frames belong together.*one clock and in one"):
        FileRun(folder).ensemble.in_memory()


@pytest.mark.parametrize("seed", range(20))
def test_pairs_are_nearest_and_single(seed: int) -> None:
    rng = np.random.default_rng(seed)
    slow, fast = np.sort(rng.uniform(20, 200, 2))
    reference = np.arange(50) / slow
    times = rng.uniform(-0.2, 0.2) + (np.arange(200) + rng.uniform(-0.2, 0.2, 200)) / fast
    paired = paired_by_time(reference, times)
    found = np.flatnonzero(paired >= 0)
    assert len(set(paired[found])) == len(found)
    distance = np.abs(times[paired[found]] - reference[found])
    np.testing.assert_allclose(
        distance, np.abs(times[:, None] - reference[found]).min(axis=0), atol=1e-12
    )
    assert (distance <= 0.51 * np.median(np.diff(times))).all()


def _npy_head(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: np.save(p, np.array([3.0, 2.0, 1.0])), "frame 1 is not later"),
        (lambda p: np.save(p, np.array([0.0, np.nan, 1.0])), "frame 1 is nan"),
        (lambda p: np.save(p, np.array([0.0, 1.0, np.inf])), "frame 2 is inf"),
        (lambda p: np.save(p, np.zeros((3, 2))), "shape"),
        (lambda p: np.save(p, np.array(["a", "b"])), "type"),
        (lambda p: np.save(p, np.array([{}, {}]), allow_pickle=True), "pickle"),
        (lambda p: p.write_bytes(b"no array"), "times.npy"),
        (lambda p: p.write_bytes(b""), "numpy.save"),
        # The head of an array is Python, of an archive it is not one.
        (lambda p: p.write_bytes(_npy_head(b"{'shape': (3,")), "numpy.save"),
        (lambda p: p.write_bytes(_npy_head(b"{'shape': (9999999999999,)")), "times.npy"),
        (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(60)), "numpy.save"),
        (lambda p: p.mkdir(), "folder"),
        (lambda p: np.save(p, np.array([1.0])), "1 times"),
    ],
)
def test_faulty_arrays_of_times(tmp_path: Path, make, message: str) -> None:
    path = tmp_path / "times.npy"
    make(path)
    with pytest.raises(PoseDataError, match=message):
        read_times(path)


@pytest.mark.parametrize("n_times", [56, 59])
def test_more_or_fewer_times_than_rows_are_said(tmp_path: Path, n_times: int) -> None:
    """At one frame rate, rows are counted; which of them lacks a time nobody knows."""
    folder = project(tmp_path, 60, 57)
    lost = np.setdiff1d(np.arange(62), [10, 11])
    clocks(folder, ".npy", top=np.arange(60) / 60, side=lost[:n_times] / 60)
    notes = FileRun(folder).ensemble.in_memory().warnings
    assert any(f"side.npy holds {n_times} times, but" in n and "57 rows" in n for n in notes)
    clocks(folder, ".npy", side=lost[:57] / 60)
    assert not any("rows" in n for n in FileRun(folder).ensemble.in_memory().warnings)


def test_times_that_do_not_fit(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 149)
    clocks(folder, ".npy", top=np.arange(60) / 60, side=np.arange(150) / 150)
    with pytest.raises(PoseDataError, match=r"150 times.*149 rows"):
        FileRun(folder).ensemble.in_memory()
    align(folder, side=ViewAlignment(timestamps=folder / "side.npy", offset=2))
    with pytest.raises(PoseDataError, match="Remove 'offset'"):
        FileRun(folder).ensemble.in_memory()


def rated_video(
    folder: Path, view: str, rate: Fraction, suffix: str = ".mp4", **changes: object
) -> Path:
    """A video of a session that states a frame rate."""
    name = f"day1_{view}{suffix}"
    codec = "mpeg2video" if suffix in (".mpg",) else "mpeg4"
    options = {"name": name, "codec": codec, "rate": rate, "time_base": 1 / rate, "n_frames": 60}
    place = folder / "videos"
    place.mkdir(parents=True, exist_ok=True)
    return Video(**{**options, **changes}).write(place)


@pytest.mark.parametrize(
    ("suffix", "rates"),
    [
        (".mp4", (60, 150)),
        (".mov", (Fraction(30000, 1001), 25)),
        (".avi", (30, 120)),
        (".mkv", (50, 100)),
        (".mpg", (25, 50)),
    ],
)
def test_headers_state_other_rates(tmp_path: Path, suffix: str, rates: tuple[int, int]) -> None:
    # As many frames in both: nothing but the headers tells.
    folder = project(tmp_path, 60, 60)
    paths = [
        rated_video(folder, view, Fraction(rate), suffix)
        for view, rate in zip(("top", "side"), rates, strict=True)
    ]
    for path, rate in zip(paths, rates, strict=True):
        assert video_metadata(path).frame_rate == pytest.approx(float(rate), rel=1e-3)
    listed = f"top {float(rates[0]):.4g}.*side {float(rates[1]):.4g}"
    with pytest.raises(PoseDataError, match=listed) as raised:
        FileRun(folder)
    assert "timestamps" in str(raised.value)
    assert [remedy.kind for remedy in raised.value.remedies] == ["triggered", "allow_missing"]
    session = open_project(folder).session("day1")
    with pytest.raises(PoseDataError, match="different frame rates"):
        session.load_predictions()
    (issue,) = [i for i in check_session(session) if i.severity == "error"]
    assert "different frame rates" in issue.what
    assert "timestamps" in issue.todo
    allowed = FileRun(folder, reading=ReadingSettings(allow_missing=True)).ensemble.in_memory()
    assert any("different frame rates" in note for note in allowed.warnings)
    # An offset is no account of the rates; the times of all frames are.
    align(folder, side=ViewAlignment(offset=1))
    with pytest.raises(PoseDataError, match="different frame rates"):
        FileRun(folder)
    clocks(folder, ".npy", top=np.arange(60) / 60, side=np.arange(60) / 150)
    top, side = FileRun(folder).ensemble.in_memory().xy[0, :, :, 0, 0]
    assert np.isfinite(side).sum() == 24
    assert np.isfinite(top).all()


def test_a_project_remembers_that_its_cameras_are_triggered_together(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 60)
    for view, rate in (("top", 60), ("side", 150)):
        rated_video(folder, view, Fraction(rate))
    with pytest.raises(PoseDataError, match="different frame rates") as raised:
        FileRun(folder)
    assert "triggered = true" in raised.value.worded(option_of)
    update_own_project(folder, triggered=True)
    notes = FileRun(folder).ensemble.in_memory().warnings
    assert any("different frame rates" in note for note in notes)
    session = open_project(folder).session("day1")
    assert session.load_predictions().in_memory().n_frames == 60
    (issue,) = check_session(session)
    assert (issue.severity, issue.remedies) == ("note", ())
    assert "triggered together" in issue.what
    # Other changes of the file keep it.
    update_own_project(folder, skeleton=[])
    assert open_project(folder).session("day1").triggered
    update_own_project(folder, triggered=False)
    with pytest.raises(PoseDataError, match="different frame rates"):
        FileRun(folder)


def test_triggered_cameras_have_as_many_frames(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 150)
    update_own_project(folder, triggered=True)
    align(folder, side=ViewAlignment(offset=3))
    with pytest.raises(PoseDataError, match="numbers of frames differ"):
        FileRun(folder).ensemble.in_memory()


@pytest.mark.parametrize("value", ['"yes"', "1", "[]"])
def test_triggered_is_true_or_false(tmp_path: Path, value: str) -> None:
    folder = project(tmp_path, 60, 60)
    touch(folder / "napari-pose3d" / "project.toml", f"triggered = {value}\n")
    with pytest.raises(PoseDataError, match=r"'triggered' is .*true or false"):
        open_project(folder)


def test_board_videos_of_other_rates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [
        rated_video(tmp_path, view, Fraction(rate)) for view, rate in (("top", 60), ("side", 150))
    ]
    command = ["rig", "calibrate", *map(str, paths), "--board", "checkerboard:5x7:30mm"]
    command += ["--out", str(tmp_path / "rig.toml")]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "top 60, side 150" in said
    assert "--timestamps CSV, or --no-clocks" in said
    # Triggered together: it goes on, and finds that these videos show no board.
    assert main([*command, "--no-clocks"]) == 2
    said = capsys.readouterr()
    assert "top 60, side 150" in said.out
    assert "different frame rates" not in said.err


def test_rates_that_are_no_contradiction(tmp_path: Path) -> None:
    # Two clocks, and a camera that lost frames, which the project knows.
    folder = project(tmp_path, 60, 60)
    rated_video(folder, "top", Fraction(30000, 1001))
    rated_video(folder, "side", Fraction(30), times=lambda n: n + n // 20 * 3)
    session = open_project(folder).session("day1")
    assert check_session(session) == ()
    assert FileRun(folder).ensemble.in_memory().warnings == ()


def test_views_that_are_not_used_may_have_another_rate(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 60)
    rated_video(folder, "top", Fraction(30))
    rated_video(folder, "side", Fraction(90))
    assert FileRun(folder, reading=ReadingSettings(views=("top",), allow_missing=False))


def test_videos_without_a_stated_rate(tmp_path: Path) -> None:
    folder = project(tmp_path, 60, 60)
    rated_video(folder, "top", Fraction(90))
    touch(folder / "videos" / "day1_side.mp4", "no video")
    assert FileRun(folder).ensemble.in_memory().warnings == ()
