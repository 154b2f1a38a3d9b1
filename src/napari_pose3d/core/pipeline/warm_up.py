"""Compilation of the kernels before anybody waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from napari_pose3d import own_python
from napari_pose3d.errors import Cancelled
from napari_pose3d.settings import never_cancelled

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.poses.arrays import Ensemble
    from napari_pose3d.settings import IsCancelled

Job = Literal[
    "calibrated",
    "triangulated",
    "points",
    "hypotheses",
    "linear",
    "single",
    "labeling",
    "corrections",
    "published",
]
ALL_JOBS: tuple[Job, ...] = get_args(Job)
# What most runs need, and what is compiled after it; the published smoother only when asked for.
FIRST_JOBS: tuple[Job, ...] = ("calibrated", "triangulated", "linear")
LATER_JOBS: tuple[Job, ...] = ("single", "labeling", "corrections")
_POLL_SECONDS = 0.1
STAGE = "Preparing the compiled code (long the first time only)"


def warm_up(*jobs: Job) -> None:
    """Compile the kernels, or load them from numba's cache, so that no first run waits for it.

    Half a minute of work for the usual jobs where nothing is cached, on two cores; less than a
    second after that, and nothing for what this process has prepared already. Safe to call from
    any thread, and again.

    Parameters
    ----------
    *jobs : {"calibrated", "triangulated", "points", "hypotheses", "linear", "single", \
"labeling", "corrections", "published"}
        What is going to be done; "points" and "hypotheses" are parts of the calibrated smoother,
        "corrections" are bones and exchanged sides. None given: everything.
    """
    chosen = [job for job in jobs or ALL_JOBS if job not in _prepared]
    if chosen:
        _prepare(chosen)
        _prepared.update(chosen)


_prepared: set[Job] = set()


def _prepare(jobs: Sequence[Job]) -> None:
    """Do each job once, on a few frames."""
    import numpy as np

    from napari_pose3d.core.cameras.triangulation.triangulation import (
        leave_one_out_residuals,
    )
    from napari_pose3d.core.formats.number_text.decimal_kernel import format_lines
    from napari_pose3d.core.formats.number_text.plain_csv_kernel import parse_lines
    from napari_pose3d.core.labels.geometry.label_projection import project_labels
    from napari_pose3d.settings import SmoothingSettings

    from .smoothing_run import run
    from .triangulation_run import triangulate_ensemble

    rig, ensemble = _example()
    bones = (ensemble.keypoints,)
    line = np.frombuffer(bytearray(b"0,1.5\n"), np.uint8)
    # Another process compiles triangulation and tables meanwhile, which is half of all.
    helper = _helper() if "calibrated" in jobs else None
    if helper is not None:
        try:
            run(ensemble, None, SmoothingSettings(mode="linear", quantile_keep_pca=100.0))
            _compile_cameras(rig)
            helper.wait(never_cancelled)
        finally:
            helper.end()
    parse_lines(line, len(line), 0, np.empty((1, 1), np.float32))
    format_lines(np.ones((1, 1), np.float32), 0, np.empty(100, np.uint8))
    for job in jobs:
        if job == "calibrated":
            run(ensemble, rig)
        elif job == "corrections":
            run(ensemble, rig, SmoothingSettings(fix_swaps=True, skeleton=bones))
        elif job == "published":
            run(ensemble, rig, SmoothingSettings(as_published=True, smooth_param=1.0))
        elif job == "linear":
            run(ensemble, None, SmoothingSettings(mode="linear", quantile_keep_pca=100.0))
        elif job == "single":
            run(ensemble, None, SmoothingSettings(mode="single"))
        elif job == "triangulated":
            triangulate_ensemble(ensemble, rig)
        elif job == "points":
            _compile_points(rig, ensemble)
        elif job == "hypotheses":
            _compile_hypotheses(rig)
        else:
            observed = ensemble.xy[0, :, 0]
            leave_one_out_residuals(rig, observed)
            project_labels(rig, observed.astype(np.float64))


def _compile_cameras(rig: Rig) -> None:
    """The kernels that a calibrated run needs beside triangulation and a linear run."""
    import numpy as np

    from napari_pose3d.core.smoothing.kalman.kalman_kernels import project_moments
    from napari_pose3d.core.smoothing.robust.motion_kernels import linearise

    n, n_views = 2, len(rig.cameras)
    xyz, pixels = np.zeros((n, 3)), np.empty((n, n_views, 2))
    linearise(rig.packed, xyz, pixels, np.empty((n, n_views, 2, 3)))
    by_view = np.empty((n_views, n, 2))
    project_moments(rig.packed, xyz, np.zeros((n, 3, 3)), by_view, np.empty_like(by_view))


def _compile_points(rig: Rig, ensemble: Ensemble) -> None:
    """Triangulation and projection alone, without what the linear run compiles as well."""
    import numpy as np

    from napari_pose3d.core.smoothing.robust.framewise_triangulation import triangulate_framewise

    centre = ensemble.xy[0, :, :, 0]
    weights = np.ones(centre.shape[:-1])
    found = triangulate_framewise(rig, centre, weights, "auto", never_cancelled)
    rig.project(found.xyz)


def _compile_hypotheses(rig: Rig) -> None:
    """The search for the most likely hypotheses."""
    import numpy as np

    from napari_pose3d.core.smoothing.robust.view_hypothesis_kernels import viterbi_path

    n, n_views = 2, len(rig.cameras)
    clear, slot, choice = np.ones(n, dtype=bool), np.full(n, -1), np.full(n, -1)
    points, costs = np.zeros((0, n_views, 3)), np.zeros((0, n_views))
    viterbi_path(
        np.zeros((n, 3)), clear, slot, points, costs, rig.centres, points, costs, 1.0, choice
    )


def _helper() -> KernelCompilation | None:
    """A process that compiles what the linear run does not; None if cached or not possible."""
    import numpy as np

    from napari_pose3d.core.cameras.triangulation.triangulation_kernels import invert_symmetric

    invert_symmetric(np.eye(3), np.empty((3, 3)))
    if not invert_symmetric.stats.cache_misses:
        return None
    if not own_python.can_start():
        return None
    try:
        return KernelCompilation(("points", "hypotheses"))
    except OSError:
        return None


def _command(*jobs: Job) -> list[str]:
    return own_python.command("napari_pose3d.core.pipeline.warm_up", *jobs)


def _example() -> tuple[Rig, Ensemble]:
    """A few frames in which everything happens that has a kernel of its own."""
    import numpy as np

    from napari_pose3d.core.cameras.camera import Camera
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.poses.arrays import Ensemble

    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    cameras = []
    for i, angle in enumerate((-0.5, 0.0, 0.5)):
        c, s = np.cos(angle), np.sin(angle)
        rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        translation = np.array([0.0, 0, 10])
        cameras.append(Camera(str(i), (640, 480), matrix, np.zeros(5), rotation, translation))
    rig = Rig(tuple(cameras))
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 0.5, (12, 2, 3)).cumsum(axis=0) * 0.1
    # By hand: the other process compiles the projection meanwhile.
    seen = [xyz @ each.rotation.T + each.translation for each in cameras]
    pixels = np.stack([(each / each[..., 2:] @ matrix.T)[..., :2] for each in seen])
    xy = (pixels + rng.normal(0, 1, (3, 3, 12, 2, 2))).astype(np.float32)
    # A gross error, and left and right of one set exchanged.
    xy[:, 0, 5] += 100
    xy[0, :, 8] = xy[0, :, 8, ::-1]
    likelihood = np.ones(xy.shape[:-1], dtype=np.float32)
    names = "paw_left", "paw_right"
    return rig, Ensemble(xy, likelihood, ("a", "b", "c"), rig.names, names)


class KernelCompilation:
    """Fills numba's cache from a process of its own, which can be ended at any moment.

    Notes
    -----
    A thread that compiles cannot be ended: it keeps a program that was closed alive until all is
    compiled, or makes the interpreter abort.

    Parameters
    ----------
    jobs : sequence of str
        See `warm_up`.
    command : sequence of str, optional
        Another program than the one that compiles, for tests.
    """

    def __init__(self, jobs: Sequence[Job] = (), command: Sequence[str] | None = None) -> None:
        self._process = subprocess.Popen(
            command or _command(*jobs),
            # It ends when the pipe is closed, as it is however this process ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=own_python.environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    @property
    def is_running(self) -> bool:
        """Whether kernels are still being compiled."""
        return self._process.poll() is None

    def wait(self, cancelled: IsCancelled) -> None:
        """Wait until the kernels are compiled, so that they are not compiled twice at a time.

        Raises
        ------
        Cancelled
            ``cancelled``, asked some ten times per second, returned True.
        """
        while self.is_running:
            if cancelled():
                raise Cancelled
            time.sleep(_POLL_SECONDS)

    def end(self) -> None:
        """End the process; safe to call again."""
        self._process.kill()
        self._process.communicate()


def _main() -> None:
    def end_with_parent() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    warm_up(*(job for job in ALL_JOBS if job in sys.argv[1:]))
    # The other thread still reads.
    os._exit(0)


if __name__ == "__main__":
    _main()
