"""A user without litpose, a small project, and an environment that looks as if it had litpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.litpose.litpose_programs import litpose_environment
from tests.support.projects.training_projects import end_trainings, training_project

from napari_pose3d.core.models.installation.litpose_search import VARIABLE
from napari_pose3d.gui.session.current_session import current_session


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_viewer: Any) -> Iterator[None]:
    """A user without litpose, and no session."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv(VARIABLE, raising=False)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    current_session(shared_viewer).set(None)
    yield
    current_session(shared_viewer).set(None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return training_project(tmp_path / "lab")


@pytest.fixture
def litpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in is installed; returns its environment."""
    folder = litpose_environment(tmp_path / "lp")
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Processes that a failed test left behind end with it."""
    yield
    end_trainings(tmp_path)
