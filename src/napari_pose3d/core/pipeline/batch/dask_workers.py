"""Sessions on a Dask cluster: one that is there already, or one on this machine."""

from __future__ import annotations

import contextlib
import importlib
import queue
import time
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import IsCancelled

from .batch_plan import BatchPlan, SessionOutcome, SessionTask
from .session_steps import output_folders, run_session

LOCAL = "local"
_TICK_SECONDS = 0.1
_CONNECT_SECONDS = 15
# How long workers may take to notice that a session was cancelled.
_LEAVE_SECONDS = 10


class DaskWorkers:
    """A Dask cluster that does sessions; a context manager, at whose end it is left.

    A session whose worker dies is done again by another, as often as the scheduler allows
    (``distributed.scheduler.allowed-failures``, 3).

    Parameters
    ----------
    plan : BatchPlan
    cluster : str or distributed.Client
        Address of a scheduler, or "local" for a cluster on this machine, which ends with the
        batch. A client stays open.
    n_workers, memory : int
        Of a cluster on this machine: processes, and bytes that each may take.

    Raises
    ------
    PoseDataError
        ``distributed`` is not installed, or no scheduler answers.
    """

    def __init__(self, plan: BatchPlan, cluster: Any, n_workers: int, memory: int) -> None:
        self._plan = plan
        self._futures: dict[Any, SessionTask] = {}
        self._closing = contextlib.ExitStack()
        distributed = _library()
        if not isinstance(cluster, str):
            self._client = cluster
        elif cluster == LOCAL:
            started = self._closing.enter_context(
                distributed.LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    processes=True,
                    memory_limit=memory,
                    dashboard_address=":0",
                )
            )
            self._client = self._closing.enter_context(
                distributed.Client(started, set_as_default=False)
            )
        else:
            try:
                self._client = self._closing.enter_context(
                    distributed.Client(cluster, timeout=_CONNECT_SECONDS, set_as_default=False)
                )
            except (OSError, ValueError) as error:
                raise PoseDataError(
                    f"no scheduler answers at '{cluster}' ({error})",
                    expected="the address of a running dask scheduler, such as tcp://node1:8786",
                    todo="Start one with: dask scheduler",
                ) from error

    @property
    def dashboard(self) -> str:
        """Address of the cluster's own page; empty where it has none."""
        return str(self._client.dashboard_link or "")

    def __enter__(self) -> DaskWorkers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        running = {future: task for future, task in self._futures.items() if not future.done()}
        if running:
            self._client.cancel(list(running), force=True)
            self._wait_for_workers({future.key for future in running})
        self._futures.clear()
        with contextlib.suppress(TimeoutError):
            self._closing.close()
        for task in running.values():
            for folder in output_folders(task):
                recover(folder)

    def _wait_for_workers(self, keys: set[str]) -> None:
        """Wait until no worker is at one of these tasks, and writes or tidies up.

        A worker notices within a fraction of a second; one that does not answer is given up.
        """
        end = time.monotonic() + _LEAVE_SECONDS
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            while time.monotonic() < end:
                at_work = self._client.run(_at_work, keys, on_error="ignore")
                if not any(at_work.values()):
                    return
                time.sleep(_TICK_SECONDS)

    def outcomes(
        self, tasks: Sequence[SessionTask], cancelled: IsCancelled
    ) -> Iterator[SessionOutcome]:
        """Do the sessions, and give each when it is done.

        Raises
        ------
        Cancelled
            `cancelled` returned True.
        """
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # One function for all tasks: the plan is sent and kept once.
        futures = self._client.map(
            partial(_on_worker, self._plan), tasks, pure=False, key="session", batch_size=1000
        )
        self._futures = dict(zip(futures, tasks, strict=True))
        for future in futures:
            future.add_done_callback(done.put)
        n_open = len(futures)
        del futures
        while n_open:
            if cancelled():
                raise Cancelled
            try:
                future = done.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                continue
            n_open -= 1
            yield self._outcome(future, self._futures.pop(future))

    def _outcome(self, future: Any, task: SessionTask) -> SessionOutcome:
        if future.status == "finished":
            outcome: SessionOutcome = future.result()
            return outcome
        if future.status != "error":
            return SessionOutcome(task, message="the scheduler is gone, or dropped the session")
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            return SessionOutcome(
                task,
                message="workers ended over it, again and again; mostly a session that needs "
                "more memory than a worker may take",
            )
        trace = "".join(traceback.format_exception(error))
        return SessionOutcome(task, message=f"a fault of the program: {error!r}\n{trace}")


def _at_work(keys: set[str], dask_worker: Any) -> bool:
    """Whether a worker still is at one of these tasks, although they were cancelled."""
    return any(key in dask_worker.state.tasks for key in keys)


def _on_worker(plan: BatchPlan, task: SessionTask) -> SessionOutcome:
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def cancelled() -> bool:
        found = worker.state.tasks.get(key)
        return found is None or found.state == "cancelled"

    return run_session(plan, task, cancelled=cancelled)


def _library() -> Any:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise PoseDataError(
            "a Dask cluster needs the package 'distributed', which is not installed",
            todo="Install it with: pip install 'napari-pose3d[cluster]', or leave the scheduler "
            "out: processes on this machine need nothing",
        ) from error
