"""A process that is killed loses no label."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.damage.journals import leftover_journals, unsaved_in
from tests.support.paths import REPO
from tests.support.projects.label_projects import clicked, files_of, key, label_key, label_project

from napari_pose3d.core.labels.store import journal as journals
from napari_pose3d.core.labels.store.journal import (
    Journal,
    journal_folders,
)
from napari_pose3d.core.labels.store.label import EMPTY
from napari_pose3d.core.labels.store.label_store import LabelStore

KEY = "CollectedData"

LABELER = """
import sys, time
sys.path.insert(0, {tests!r})
from tests.support.projects.label_projects import clicked, files_of, key, label_key
from napari_pose3d.core.labels.store.journal import Journal
from pathlib import Path
folder = Path({folder!r})
files = files_of(folder)
store = files.new_store()
journal = Journal(folder, "CollectedData")
store.committed.connect(journal.add)
def place(frame, x):
    with store.edit("place") as edit:
        edit.put(key(frame), label_key(), clicked(x, 1))
place(4, 10)
files.save(store, store.unsaved)
journal.saved([key(4)])
place(9, 20)
place(9, 21)
place(30, 30)
store.undo()
place(31, 31)
moving = store.begin("a drag that is not finished")
moving.put(key(31), label_key("side"), clicked(99, 99))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return label_project(tmp_path / "project", {4: "1,2,3,4", 9: "5,6,,"})


def journaled(folder: Path) -> tuple[LabelStore, Journal]:
    store = files_of(folder).new_store()
    journal = Journal(folder, KEY)
    store.committed.connect(journal.add)
    return store, journal


def place(store: LabelStore, frame: int, x: float) -> None:
    with store.edit("place") as edit:
        edit.put(key(frame), label_key(), clicked(x, 1))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_process_loses_nothing(folder: Path) -> None:
    code = LABELER.format(tests=str(REPO), folder=str(folder))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    assert leftover_journals(folder, KEY) == [], "its owner lives"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (left,) = leftover_journals(folder, KEY)
    command = unsaved_in(left)
    assert command is not None
    files = files_of(folder)
    store = files.new_store()
    assert store.label(key(4), label_key()) == clicked(10, 1), "that was saved"
    store.replay(command)
    assert store.label(key(9), label_key()) == clicked(21, 1)
    assert store.label(key(30), label_key()) == EMPTY, "that was undone"
    assert store.label(key(31), label_key()) == clicked(31, 1)
    assert set(store.unsaved) == {key(9), key(31)}
    store.undo()
    assert store.unsaved == ()


def test_a_journal_goes_when_everything_was_saved(folder: Path) -> None:
    store, journal = journaled(folder)
    journal.saved([])
    assert journal.path is None, "nothing was done yet"
    place(store, 4, 10)
    assert journal.path is not None
    assert journal.path.parent == folder / "napari-pose3d" / "journal"
    journal.close(keep=False)
    assert leftover_journals(folder, KEY) == []
    assert not list((folder / "napari-pose3d" / "journal").iterdir())


def test_what_was_saved_is_not_offered_again(folder: Path) -> None:
    store, journal = journaled(folder)
    place(store, 4, 10)
    journal.saved([key(4)])
    journal.close(keep=True)
    assert leftover_journals(folder, KEY) == []


def test_an_undo_after_saving_is_unsaved_work(folder: Path) -> None:
    store, journal = journaled(folder)
    place(store, 4, 10)
    journal.saved([key(4)])
    store.undo()
    journal.close(keep=True)
    (left,) = leftover_journals(folder, KEY)
    (change,) = unsaved_in(left).changes  # type: ignore[union-attr]
    assert (change.before.position, change.after.position) == ((10, 1), (1, 2))


def test_a_torn_line_is_passed_over(folder: Path) -> None:
    store, journal = journaled(folder)
    place(store, 4, 10)
    place(store, 9, 11)
    path = journal.path
    assert path is not None
    journal.close(keep=True)
    path.write_bytes(path.read_bytes()[:-20])
    (change,) = unsaved_in(path).changes  # type: ignore[union-attr]
    assert change.frame == key(4)


def test_a_full_disk_is_said_and_made_up_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, journal = journaled(folder)
    place(store, 4, 10)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journals.os, "fsync", full)
    place(store, 9, 11)
    assert "journal of labels cannot be written" in str(journal.problem)
    assert store.label(key(9), label_key()) == clicked(11, 1), "the label itself stays"
    monkeypatch.undo()
    place(store, 30, 12)
    assert journal.problem is None
    path = journal.path
    assert path is not None
    journal.close(keep=True)
    assert {c.frame for c in unsaved_in(path).changes} == {  # type: ignore[union-attr]
        key(4),
        key(9),
        key(30),
    }


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
def test_the_journal_of_a_project_that_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file where the folder should be keeps even root from writing there.
    (folder / "napari-pose3d").write_text("")
    store, journal = journaled_without_files(folder)
    place(store, 4, 10)
    assert journal.problem is None
    assert journal.path is not None
    assert journal.path.parent == journal_folders(folder)[1]
    journal.close(keep=True)
    assert len(leftover_journals(folder, KEY)) == 1


def journaled_without_files(folder: Path) -> tuple[LabelStore, Journal]:
    store = LabelStore(("top",), ("nose",))
    journal = Journal(folder, KEY)
    store.committed.connect(journal.add)
    return store, journal
