"""What all tests with napari have in common."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_pose3d import gui
from napari_pose3d.core.pipeline.warm_up import warm_up
from napari_pose3d.gui.workspace.kernel_preparation import KernelPreparation


@pytest.fixture(scope="session")
def _imports() -> None:
    """What the panels would import and load in the middle of a test."""
    for module in pkgutil.walk_packages(gui.__path__, f"{gui.__name__}."):
        importlib.import_module(module.name)
    warm_up("labeling")


@pytest.fixture(scope="session", autouse=True)
def _no_compilation() -> Iterator[None]:
    """No process beside each window that compiles what is compiled already."""
    with patch.object(KernelPreparation, "start", lambda self: None):
        yield


@pytest.fixture(scope="session", autouse=True)
def _still_welcome() -> Iterator[None]:
    """The welcome screens, which nobody sees, do not follow each shortcut that is bound.

    Each canvas that is made binds a hundred, and every other canvas made its table anew each time.
    """
    from napari._qt.widgets.qt_welcome import QtWelcomeWidget

    with patch.object(QtWelcomeWidget, "refresh", lambda self, _event=None: None):
        yield


@pytest.fixture(autouse=True)
def _no_dead_messages() -> Iterator[None]:
    """Messages that went with their window are off napari's list, as when the program ends.

    napari leaves them there, and goes through them when another window becomes active.
    """
    yield
    from napari._qt.dialogs.qt_notification import NapariQtNotification

    messages = NapariQtNotification._instances
    messages[:] = [each for each in messages if isalive(each)]


@pytest.fixture(autouse=True)
def _no_key_held() -> Iterator[None]:
    """Shift that was held for a test's last click or key is not held in the next test."""
    yield
    if QApplication.keyboardModifiers() != Qt.KeyboardModifier.NoModifier:
        widget = QWidget()
        QTest.keyRelease(widget, Qt.Key.Key_F24)
        assert QApplication.keyboardModifiers() == Qt.KeyboardModifier.NoModifier


@pytest.fixture
def mock_app_model(mock_app_model: Any) -> Iterator[Any]:
    """napari's fixture, without the list of all calls, which grew by ten thousands."""
    from napari._app_model._app import NapariApplication

    with patch.object(NapariApplication, "get_app_model", lambda *_: mock_app_model):
        yield mock_app_model


@pytest.fixture(scope="module", autouse=True)
def _module() -> Iterator[None]:
    yield
    if gc.get_freeze_count():
        # What a module's own fixtures made has gone, and is collected now.
        gc.unfreeze()
        gc.collect()


@pytest.fixture(autouse=True)
def _short_collections(request: pytest.FixtureRequest, _module: None) -> None:
    """Leave what was made before a test with a window out of garbage collection.

    napari collects each time a layer is removed and several times for each window; going through
    the objects of all modules was a fifth of the time of these tests.
    """
    if request.node.get_closest_marker("gui") is not None:
        request.getfixturevalue("_imports")
        gc.collect()
        gc.freeze()
