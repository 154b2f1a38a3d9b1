"""``napari-pose3d batch``: what it prints, its exit codes, and Ctrl+C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.support.damage.kills import traces
from tests.support.projects.batch_projects import (
    all_smoothed,
    batch_project,
    corrupt,
    prediction,
    smoothed_files,
)

from napari_pose3d.cli import main


def run(*arguments: object) -> int:
    return main(["batch", *map(str, arguments)])


def test_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"])
    corrupt(prediction(folder, "day2"))
    out = tmp_path / "found"
    options = "--workers", 1, "--steps", "smooth,export", "--s", 1, "--out", out
    assert run(folder, *options, "--sessions", "day*") == 1
    said = capsys.readouterr().out
    assert f"mice/day2: {prediction(folder, 'day2')}" in said
    assert "2 sessions: 1 done, 1 failed" in said
    assert str(out / "batch.csv") in said
    assert (out / "batch.log").read_text().count("sessions; steps: smooth, export") == 1
    assert smoothed_files(folder, "day1") == all_smoothed("day1")


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names are Unicode there")
def test_a_folder_whose_name_is_not_in_utf8(tmp_path: Path) -> None:
    """As on disks that came from Windows: the table of the batch spells it out."""
    home = tmp_path / os.fsdecode(b"M\xfcller")
    home.mkdir()
    folder = batch_project(home / "mice", ["day1"])
    options = "--workers", 1, "--steps", "smooth,review", "--s", 1, "--out", tmp_path / "found"
    assert run(folder, *options) == 0
    assert smoothed_files(folder, "day1") == all_smoothed("day1")
    assert "M\\udcfcller" in (tmp_path / "found" / "batch.csv").read_text()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--memory", "inf"], "the memory is inf GB"),
        (["--steps", "smoth"], "no step is called 'smoth'"),
        (["--sessions", "night"], "no session is called 'night'"),
        (["--formats", "excel", "--steps", "export"], "excel"),
        (["--s", "-1"], "smoothing parameter is -1"),
        (["--workers", "0"], "workers is 0"),
    ],
)
def test_bad_usage(
    tmp_path: Path, options: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"])
    assert run(folder, *options) == 2
    assert problem in capsys.readouterr().err
    assert not (folder / "napari-pose3d").exists()


def test_ctrl_c_ends_the_workers_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"], long=["day1", "day2"])
    command = [sys.executable, "-m", "napari_pose3d.cli", "batch", str(folder), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(folder.glob("napari-pose3d/smoothed/*/.*")) and process.poll() is None:
            time.sleep(0.01)
        workers = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on" in said
    assert workers
    assert not any(worker.is_running() for worker in workers)
    for name in ("day1", "day2"):
        assert smoothed_files(folder, name) in (set(), all_smoothed(name))
    assert traces(tmp_path) == []


def test_a_killed_batch_takes_its_workers_with_it(tmp_path: Path) -> None:
    folder = batch_project(tmp_path / "mice", ["day1"], long=["day1"])
    command = [sys.executable, "-m", "napari_pose3d.cli", "batch", str(folder), "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not list(folder.glob("napari-pose3d/smoothed/*/.*")) and process.poll() is None:
            time.sleep(0.01)
        workers = psutil.Process(process.pid).children()
        process.kill()
    assert workers
    psutil.wait_procs(workers)
    assert smoothed_files(folder, "day1") in (set(), all_smoothed("day1"))
    assert traces(tmp_path) == []
