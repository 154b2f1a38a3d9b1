"""Tables in HDF5 are read by another process: whatever becomes of it, this one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_pose3d.core.formats.containers import table_process
from napari_pose3d.core.formats.containers.table_process import TableProcess
from napari_pose3d.core.formats.labels.label_csv import read_label_h5
from napari_pose3d.core.formats.predictions.prediction_h5 import read_prediction_h5
from napari_pose3d.errors import PoseDataError

pytest.importorskip("tables")


def write_h5(path: Path, n_frames: int = 5, *, labels: bool = False) -> pd.DataFrame:
    coordinates = ["x", "y"] if labels else ["x", "y", "likelihood"]
    columns = pd.MultiIndex.from_product(
        [["net"], ["nose", "tail"], coordinates], names=["scorer", "bodyparts", "coords"]
    )
    values = np.random.default_rng(0).uniform(0, 9, (n_frames, len(columns)))
    index = [f"labeled-data/day1_top/img{i:08d}.png" for i in range(n_frames)]
    frame = pd.DataFrame(values, columns=columns, index=index if labels else None)
    frame.to_hdf(path, key="df_with_missing", mode="w")
    return frame


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TableProcess]]:
    """The processes that are started; none is there at the beginning."""
    table_process._end()
    started: list[TableProcess] = []

    class Counted(TableProcess):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(table_process, "TableProcess", Counted)
    yield started
    table_process._end()


def stand_in(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Another program in the place of the one that reads."""
    whole = "import json, os, signal, sys, time\nfor line in sys.stdin:\n" + "".join(
        f"    {line}\n" for line in code.splitlines()
    )
    monkeypatch.setattr(
        table_process.own_python, "command", lambda *_: [sys.executable, "-c", whole]
    )


def test_damage_within_attributes_is_refused_by_name_and_nothing_ends(tmp_path: Path) -> None:
    whole = tmp_path / "whole.h5"
    write_h5(whole, labels=True)
    content = whole.read_bytes()
    path = tmp_path / "CollectedData_me.h5"
    rng = np.random.default_rng(7)
    refused = []
    for _ in range(40):
        damaged = bytearray(content)
        # The head of the file and the attributes of its root.
        for at in rng.integers(96, 2500, rng.choice([1, 4, 40])):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_label_h5(path)
        except PoseDataError as error:
            refused.append(error.file)
    assert len(refused) > 10
    assert set(refused) == {str(path)}
    assert len(read_label_h5(whole).rows) == 5


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_file_on_which_the_library_breaks_down_is_damaged(
    tmp_path: Path, readers: list[TableProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a_top.h5"
    write_h5(path)
    with monkeypatch.context() as patch:
        stand_in(patch, "os.kill(os.getpid(), signal.SIGSEGV)")
        with pytest.raises(PoseDataError, match=r"a_top\.h5: the file is damaged.*signal 11"):
            read_prediction_h5(path)
    assert len(readers) == 2, "once more, and then it is the file"
    assert read_prediction_h5(path).keypoints == ("nose", "tail")


def test_reading_that_never_ends_is_ended(
    tmp_path: Path, readers: list[TableProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a_top.h5"
    write_h5(path)
    with monkeypatch.context() as patch:
        patch.setattr(table_process, "_MOST_SECONDS", 0.2)
        stand_in(patch, "time.sleep(1000)")
        with pytest.raises(PoseDataError, match=r"a_top\.h5.*took more than"):
            read_prediction_h5(path)
    assert not any(each.is_running for each in readers)
    assert read_prediction_h5(path).keypoints == ("nose", "tail")


def test_after_an_interruption_the_next_answer_is_that_of_the_next_file(
    tmp_path: Path, readers: list[TableProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first_top.h5", tmp_path / "second_top.h5"
    write_h5(first, 5)
    write_h5(second, 9)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(table_process, "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            read_prediction_h5(first)
    assert len(read_prediction_h5(second).xy) == 9
    assert len(readers) == 2


def test_one_process_reads_all_files_and_a_killed_one_is_replaced(
    tmp_path: Path, readers: list[TableProcess]
) -> None:
    path = tmp_path / "a_top.h5"
    frame = write_h5(path)
    for _ in range(3):
        np.testing.assert_array_equal(
            read_prediction_h5(path).likelihood, frame.to_numpy(np.float32)[:, 2::3]
        )
    (only,) = readers
    only._process.kill()
    only._process.wait()
    assert len(read_prediction_h5(path).xy) == 5
    assert len(readers) == 2


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_the_process_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    path = tmp_path / "a_top.h5"
    write_h5(path)
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from napari_pose3d.core.formats.containers import table_process\n"
        f"table_process.read_stored_table(Path({str(path)!r}))\n"
        "print(table_process._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    while _lives(int(done.stdout)):
        time.sleep(0.02)


def test_without_such_files_there_is_no_process(
    tmp_path: Path, readers: list[TableProcess]
) -> None:
    with pytest.raises(PoseDataError, match="no such file"):
        read_prediction_h5(tmp_path / "none_top.h5")
    assert readers == []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # It may be waited for by nobody in a container.
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
