"""A batch on a Dask cluster of processes on this machine."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.damage.kills import traces
from tests.support.documents.doc_blocks import block_with
from tests.support.projects.batch_projects import (
    all_smoothed,
    batch_project,
    corrupt,
    prediction,
    smoothed_files,
)

from napari_pose3d import BatchSettings, Cancelled, PoseDataError, batch

SMOOTH = BatchSettings(steps=("smooth",))


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def pids(client: Any) -> set[int]:
    return set(client.run(os.getpid).values())


def worker_pids() -> set[int]:
    """Of the processes that a cluster on this machine starts, beside it."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("spawn_main" in word for word in process.cmdline()):
                found.add(process.pid)
    return found


@pytest.mark.slow
def test_a_killed_worker_and_a_corrupt_session_among_ten(tmp_path: Path, client: Any) -> None:
    names = [f"day{i}" for i in range(9)]
    folder = batch_project(tmp_path / "mice", ["day_long", *names], long=["day_long"])
    corrupt(prediction(folder, "day3"))
    before = pids(client)
    killed: list[int] = []
    finished = threading.Event()

    def kill_in_the_middle() -> None:
        while not finished.wait(0.005):
            if list(folder.glob("napari-pose3d/smoothed/day_long/.*")):
                # Both, so that the one with the long session is hit for certain.
                for pid in before:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                return

    thread = threading.Thread(target=kill_in_the_middle)
    thread.start()
    try:
        done = batch(folder, SMOOTH, cluster=client)
    finally:
        finished.set()
        thread.join()

    assert set(killed) == before
    assert not pids(client) & before
    assert [each.task.session for each in done.failed] == ["day3"]
    assert done.failed[0].why.startswith(str(prediction(folder, "day3")))
    for name in ("day_long", *names):
        assert smoothed_files(folder, name) == (all_smoothed(name) if name != "day3" else set())
    assert traces(tmp_path) == []
    assert client.status == "running"


def test_an_address_and_what_is_done(tmp_path: Path, client: Any) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"])
    address = client.scheduler.address
    assert [e.status for e in batch(folder, SMOOTH, cluster=address).outcomes] == ["done"] * 2
    assert [e.status for e in batch(folder, SMOOTH).outcomes] == ["not needed"] * 2


@pytest.mark.slow
def test_a_cluster_on_this_machine_ends_with_the_batch(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    folder = batch_project(tmp_path / "mice", ["day1", "day2"])
    corrupt(prediction(folder, "day2"))
    said: list[str] = []
    settings = BatchSettings(steps=("smooth",), workers=2)
    before = worker_pids()
    done = batch(folder, settings, cluster="local", message=said.append)
    assert [each.status for each in done.outcomes] == ["done", "failed"]
    assert said[0].startswith("dashboard: http://")
    assert smoothed_files(folder, "day1") == all_smoothed("day1")
    log = (folder / "napari-pose3d" / "batch" / "batch.log").read_text()
    assert said[0] in log
    assert worker_pids() == before


def test_cancelling_leaves_nothing_half_written_and_the_cluster_as_it_was(
    tmp_path: Path, client: Any
) -> None:
    folder = batch_project(tmp_path / "mice", ["day1", "day2"], long=["day1", "day2"])
    own = folder / "napari-pose3d"

    def in_the_middle() -> bool:
        return bool(list(own.glob("smoothed/*/.*")))

    with pytest.raises(Cancelled):
        batch(folder, SMOOTH, cluster=client, cancelled=in_the_middle)
    for name in ("day1", "day2"):
        assert smoothed_files(folder, name) in (set(), all_smoothed(name))
    assert traces(tmp_path) == []
    assert "cancelled" in (own / "batch" / "batch.log").read_text()
    # The same cluster goes on with them.
    assert client.status == "running"
    done = batch(folder, SMOOTH, cluster=client)
    assert not done.failed
    assert all(smoothed_files(folder, each) == all_smoothed(each) for each in ("day1", "day2"))


def test_an_address_where_nobody_answers(
    tmp_path: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_pose3d.core.pipeline.batch.dask_workers._CONNECT_SECONDS", 0.2)
    folder = batch_project(tmp_path / "mice", ["day1"])
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(PoseDataError, match=r"no scheduler answers at .*dask scheduler"):
            batch(folder, SMOOTH, cluster=address)


def test_without_distributed_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    folder = batch_project(tmp_path / "mice", ["day1"])
    with pytest.raises(PoseDataError, match=r"pip install 'napari-pose3d\[cluster\]'"):
        batch(folder, SMOOTH, cluster="local")


def test_the_lines_for_a_queue_in_the_documentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of batch.md's block, with workers of this machine in place of jobs."""
    distributed = pytest.importorskip("distributed")
    jobqueue = pytest.importorskip("dask_jobqueue")

    def workers(**given: Any) -> Any:
        assert given["queue"] == "normal"
        return distributed.LocalCluster(
            n_workers=0, threads_per_worker=given["cores"], dashboard_address=None
        )

    monkeypatch.setattr(jobqueue, "SLURMCluster", workers)
    folder = batch_project(tmp_path / "my_project", ["day1", "day2"])
    text = block_with("batch.md", "cluster.adapt").text
    assert "/data/my_project" in text
    names: dict[str, Any] = {}
    exec(text.replace("/data/my_project", str(folder)), names)
    names["cluster"].close()
    assert names["summary"].counts() == "2 sessions: 2 done"


def test_the_workers_started_by_hand_in_the_documentation() -> None:
    pytest.importorskip("distributed")
    from distributed.cli import dask_scheduler, dask_worker

    programs = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
    lines = [shlex.split(each, comments=True) for each in block_with("batch.md", "dask w").lines]
    given = {words[1]: words[2:] for words in lines if words[0] == "dask"}
    assert set(given) == set(programs)
    for name, arguments in given.items():
        programs[name].make_context(name, arguments)
