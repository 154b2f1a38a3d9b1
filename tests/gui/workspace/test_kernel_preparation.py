"""Kernels are compiled from the first panel on; a run waits for those that it needs, only."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from napari_pose3d.core.pipeline.warm_up import FIRST_JOBS, LATER_JOBS, KernelCompilation
from napari_pose3d.errors import Cancelled
from napari_pose3d.gui.tasks.smooth.smooth_job import after_compilation
from napari_pose3d.gui.workspace import kernel_preparation
from napari_pose3d.gui.workspace.kernel_preparation import KernelPreparation

pytestmark = pytest.mark.gui
SLEEPS = (sys.executable, "-c", "import sys; sys.stdin.read()")
TIMEOUT = 60_000
# Other tests do without it.
START = KernelPreparation.start


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, KernelCompilation]]:
    """What is compiled, by processes that do nothing until they are ended."""
    found: list[tuple[Any, KernelCompilation]] = []

    def compile_nothing(jobs: Any) -> KernelCompilation:
        found.append((jobs, KernelCompilation(command=SLEEPS)))
        return found[-1][1]

    monkeypatch.setattr(kernel_preparation, "KernelCompilation", compile_nothing)
    monkeypatch.setattr(KernelPreparation, "start", START)
    yield found
    for _, compilation in found:
        compilation.end()


def test_a_run_waits_for_what_it_needs(qtbot: Any, started: Any) -> None:
    kernels = KernelPreparation()
    assert kernels.is_ready(everything=True), "nobody compiles"
    kernels.start()
    kernels.start()
    assert [jobs for jobs, _ in started] == [FIRST_JOBS]
    assert kernels.is_running
    assert not kernels.is_ready(everything=False)
    started[0][1].end()
    assert kernels.is_ready(everything=False)
    assert not kernels.is_ready(everything=True)
    qtbot.waitUntil(lambda: len(started) == 2, timeout=TIMEOUT)
    assert started[1][0] == LATER_JOBS
    assert not kernels.is_ready(everything=True)
    with qtbot.waitSignal(kernels.ended, timeout=TIMEOUT):
        started[1][1].end()
    assert kernels.is_ready(everything=True)
    assert not kernels.is_running


def test_nothing_is_left_of_what_is_abandoned(qtbot: Any, started: Any) -> None:
    kernels = KernelPreparation()
    kernels.start()
    kernels.abandon()
    assert not started[0][1].is_running
    assert kernels.is_ready(everything=True)
    kernels.start()
    assert len(started) == 2, "it can be started again"
    kernels.abandon()


def test_waiting_for_the_kernels_can_be_cancelled() -> None:
    said: list[str] = []
    with pytest.raises(Cancelled):
        after_compilation(
            lambda: False, lambda *_: 1, lambda stage, *_: said.append(stage), lambda: bool(said)
        )
    assert "compiled code" in said[0]
    assert after_compilation(lambda: True, lambda *_: 1, lambda *_: None, lambda: False) == 1


def test_the_first_panel_starts_it_and_the_last_ends_it(
    make_napari_viewer: Any, qtbot: Any, started: Any
) -> None:
    viewer = make_napari_viewer()
    docks = [
        viewer.window.add_plugin_dock_widget("napari-pose3d", name)[0]
        for name in ("Session", "Traces")
    ]
    qtbot.waitUntil(lambda: len(started) == 1, timeout=TIMEOUT)
    qtbot.wait(200)
    viewer.window.remove_dock_widget(docks[0])
    assert started[0][1].is_running
    viewer.window.remove_dock_widget(docks[1])
    qtbot.waitUntil(lambda: not started[0][1].is_running, timeout=TIMEOUT)
