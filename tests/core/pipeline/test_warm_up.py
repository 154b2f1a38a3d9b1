"""Kernels are compiled in a process of their own, which never outlives the program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import psutil
import pytest

from napari_pose3d.core.cameras.triangulation import triangulation_kernels
from napari_pose3d.core.pipeline import warm_up
from napari_pose3d.core.pipeline.smoothing_run import run
from napari_pose3d.core.pipeline.warm_up import KernelCompilation
from napari_pose3d.errors import Cancelled

SLEEPS = (sys.executable, "-c", "import sys; sys.stdin.read()")
ENDS = (sys.executable, "-c", "pass")


def test_waiting_ends_with_the_process() -> None:
    compilation = KernelCompilation(command=ENDS)
    compilation.wait(lambda: False)
    assert not compilation.is_running
    compilation.end()


def test_waiting_can_be_cancelled_and_the_process_ended() -> None:
    compilation = KernelCompilation(command=SLEEPS)
    with pytest.raises(Cancelled):
        compilation.wait(lambda: True)
    assert compilation.is_running
    compilation.end()
    assert not compilation.is_running
    compilation.end()


def test_the_process_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from napari_pose3d.core.pipeline.warm_up import KernelCompilation\n"
        "print(KernelCompilation()._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Empty, so that it would compile for long.
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    # Nobody kills it: it notices by itself.
    _, alive = psutil.wait_procs([child], timeout=60)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def test_the_process_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of the process is this module, which calls `warm_up`."""
    called: list[object] = []
    monkeypatch.setattr(warm_up, "warm_up", lambda *jobs: called.append(jobs))
    monkeypatch.setattr(warm_up.sys, "argv", ["warm_up", "triangulated", "calibrated"])
    monkeypatch.setattr(warm_up.os, "_exit", called.append)
    monkeypatch.setattr(warm_up.threading.Thread, "start", lambda self: None)
    warm_up._main()
    assert called == [("calibrated", "triangulated"), 0]


def test_the_kernels_that_are_compiled_ahead_are_those_of_a_calibrated_run() -> None:
    """Were a signature another one, the run would compile it again."""
    from napari_pose3d.core.cameras.projection import project_points
    from napari_pose3d.core.cameras.triangulation.robust_kernels import solve_robust
    from napari_pose3d.core.cameras.triangulation.triangulation_kernels import rays, solve
    from napari_pose3d.core.smoothing.kalman.kalman_kernels import project_moments
    from napari_pose3d.core.smoothing.robust.motion_kernels import linearise
    from napari_pose3d.core.smoothing.robust.view_hypothesis_kernels import viterbi_path

    rig, ensemble = warm_up._example()
    warm_up._compile_cameras(rig)
    warm_up._compile_points(rig, ensemble)
    warm_up._compile_hypotheses(rig)
    kernels = (linearise, project_moments, viterbi_path, rays, solve, solve_robust, project_points)
    before = [len(kernel.signatures) for kernel in kernels]
    run(ensemble, rig)
    assert [len(kernel.signatures) for kernel in kernels] == before


def fake_kernel(cache_misses: dict[str, int]) -> Mock:
    return Mock(return_value=True, stats=SimpleNamespace(cache_misses=cache_misses))


@pytest.mark.parametrize("cached", [True, False])
def test_a_second_process_helps_only_where_nothing_is_cached(
    monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    started: list[object] = []
    kernel = fake_kernel({} if cached else {"a signature": 1})
    monkeypatch.setattr(triangulation_kernels, "invert_symmetric", kernel)
    monkeypatch.setattr(warm_up, "KernelCompilation", started.append)
    warm_up._helper()
    assert len(started) == (0 if cached else 1)
    if not cached:
        assert started == [("points", "hypotheses")]


def test_what_is_prepared_is_not_prepared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(warm_up, "_prepared", set())
    monkeypatch.setattr(warm_up, "_prepare", done.append)
    warm_up.warm_up("linear", "single")
    warm_up.warm_up("single")
    warm_up.warm_up("single", "points")
    assert done == [["linear", "single"], ["points"]]


def test_warming_up_goes_on_where_no_process_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warm_up.sys, "executable", "/no/such/python")

    kernel = fake_kernel({"a signature": 1})
    monkeypatch.setattr(triangulation_kernels, "invert_symmetric", kernel)
    assert warm_up._helper() is None
