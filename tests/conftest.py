"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import settings

from tests.support.paths import REPO

# Tests neither read the settings of the person who runs them, nor write there.
os.environ["NAPARI_CONFIG"] = ""

# Drawn examples are the same in every run, so that a failure is a change of the code; with
# HYPOTHESIS_PROFILE=random they are new each time. Neither has a time limit.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", derandomize=False, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


# The files of tests with windows that take half a minute and more.
LONG_FILES = (
    "test_workspace.py",
    "test_exit.py",
    "test_smooth_widget.py",
    "test_labels_on_sample.py",
    "test_label_widget.py",
    "test_tour.py",
    "test_review_keys.py",
    "test_outdated_results.py",
    "test_session_widget.py",
    "test_session_changes.py",
    "test_review_widget.py",
    "test_calibration_sample.py",
    "test_camera_views.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests run only where they are asked for."""
    if "slow" not in config.getoption("markexpr"):
        skip = pytest.mark.skip(reason="takes minutes; asked for with -m slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    # A shared window lives as long as its module: napari's fixture would take it for a leak.
    windows = {"shared_viewer", "make_napari_viewer"}
    used: dict[Path, set[str]] = defaultdict(set)
    for item in items:
        used[item.path] |= windows.intersection(getattr(item, "fixturenames", ()))
    both = [str(path) for path, names in used.items() if names == windows]
    if both:
        raise pytest.UsageError(f"{windows} in one module: {', '.join(both)}")
    # `make test` looks for tests with windows there only: collecting all others takes long.
    elsewhere = [
        item.nodeid
        for item in items
        if item.get_closest_marker("gui") and not item.path.is_relative_to(REPO / "tests" / "gui")
    ]
    if elsewhere:
        raise pytest.UsageError(f"tests with windows belong into tests/gui: {elsewhere[0]}")
    # Files with windows are run whole by one process: the longest begin first.
    rank = {name: n for n, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """What was written is there for all processes; only a power cut takes what was not flushed."""
    with patch.object(os, "fsync", lambda descriptor: None):
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real recordings beside the checkout; tests that need it skip without it."""
    folder = REPO.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real recordings are not beside this checkout (../shared/data)")
    return folder


@pytest.fixture(scope="module")
def shared_viewer(qapp: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A napari window for all tests of a module: filling one takes seconds.

    napari's own fixture makes a new one for each test; do not use both in one module. A module
    whose ``SHOWN`` is False needs no window on the screen, and saves the painting.
    """
    import napari
    from app_model import Application
    from napari._app_model._app import NapariApplication, _napari_names
    from napari._qt._qapp_model.qactions import init_qactions
    from napari.plugins import _initialize_plugins
    from qtpy.QtCore import QEvent

    # As napari's fixture does: each window registers its actions anew.
    app = NapariApplication("shared_viewer")
    app.injection_store.namespace = _napari_names
    _initialize_plugins.cache_clear()
    init_qactions.cache_clear()
    with (
        patch.object(NapariApplication, "get_app_model", lambda *_: app),
        patch("napari._qt.threads.status_checker.StatusChecker.start"),
    ):
        shown = getattr(request.module, "SHOWN", True)
        viewer = napari.Viewer(show_welcome_screen=False, show=shown)
        yield viewer
        with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
            viewer.close()
    Application.destroy("shared_viewer")
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del viewer
    gc.collect()
