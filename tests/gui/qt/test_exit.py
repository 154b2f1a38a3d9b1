"""Closing napari, or ending Python, while something works: the process ends well, at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.projects.label_sessions import SESSION, VIEWS, calibrated_project
from tests.support.windows.gui_helpers import write_session
from tests.support.windows.label_window import labels_on_disk

pytestmark = pytest.mark.gui
CHILD = Path(__file__).parents[2] / "support" / "windows" / "closing_child.py"

# How the process ends: the window is closed, the viewer is, the application quits, a script ends.
SLOW = pytest.mark.slow
QUICK = (("smoothing", "script"), ("adding the layers", "window"))
ENDS = ("window", *(pytest.param(end, marks=SLOW) for end in ("viewer", "quit", "script")))


def end_of(*arguments: object, folder: Path) -> str:
    """What a process printed that worked and was closed; it has to end by itself, and well."""
    variables = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
    run = subprocess.run(
        [sys.executable, str(CHILD), *map(str, arguments)],
        env={**os.environ, **variables, "NAPARI_CONFIG": str(folder / "napari.yaml")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "closed" in run.stdout, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        pytest.param(moment, end, marks=() if (moment, end) in QUICK else SLOW)
        for moment in ("matching", "reading", "smoothing", "adding the layers")
        for end in ("window", "viewer", "quit", "script")
        # Layers are added by the event loop, which a script does not have.
        if (moment, end) != ("adding the layers", "script")
    ],
)
def test_closing_while_smoothing(tmp_path: Path, moment: str, end: str) -> None:
    predictions, rig = write_session(tmp_path, n_frames=6_000, seeds=3)
    before = sorted(tmp_path.rglob("*"))
    end_of("smooth", end, moment, predictions, rig, folder=tmp_path)
    left = [path for path in tmp_path.rglob("*") if path not in before]
    assert not [path for path in left if path.suffix == ".csv"]


@pytest.mark.parametrize("end", ENDS)
def test_closing_while_saving(tmp_path: Path, end: str) -> None:
    predictions, rig = write_session(tmp_path, n_frames=6_000, seeds=2)
    end_of("save", end, "saving", predictions, rig, folder=tmp_path)
    # All files of the result, or none, and nothing beside them.
    left = sorted(path.name for path in (tmp_path / "results").glob("*"))
    assert len(left) in (0, 5), left
    assert not any(name.startswith(".") for name in left)


@pytest.mark.parametrize("end", ENDS)
def test_closing_while_decoding(tmp_path: Path, end: str) -> None:
    folder = calibrated_project(tmp_path / "project", videos=True)
    paths = [folder / "videos" / f"{SESSION}_{view}.mp4" for view in VIEWS]
    end_of("decode", end, "", *paths, folder=tmp_path)


@pytest.mark.parametrize("end", ENDS[:3])
def test_closing_with_labels_whose_images_are_not_written(tmp_path: Path, end: str) -> None:
    folder = calibrated_project(tmp_path / "project", videos=True)
    end_of("label", end, "", folder, folder=tmp_path)
    assert labels_on_disk(folder)[3, VIEWS[0], "nose"].position == (20, 30)
    images = sorted(p.parent.name for p in (folder / "labeled-data").glob("*/img00000003.png"))
    assert images == sorted(f"{SESSION}_{view}" for view in VIEWS)


@pytest.mark.parametrize("end", ENDS)
def test_closing_while_compiling(tmp_path: Path, end: str) -> None:
    # Nothing is cached there, so that a second process compiles.
    os.environ["NUMBA_CACHE_DIR"] = str(tmp_path / "numba")
    try:
        end_of("compile", end, "", folder=tmp_path)
    finally:
        del os.environ["NUMBA_CACHE_DIR"]


@pytest.mark.parametrize("end", ENDS)
def test_a_job_that_does_not_stop_is_given_up(tmp_path: Path, end: str) -> None:
    end_of("deaf", end, "", folder=tmp_path)
