"""Journals that are damaged, old, removed or looked at by others."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.damage.journals import leftover_journals, unsaved_in
from tests.support.paths import REPO
from tests.support.projects.label_projects import clicked, files_of, key, label_key, label_project

from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.store import journal as journals
from napari_pose3d.core.labels.store.journal import (
    Journal,
    read_journal,
)
from napari_pose3d.core.labels.store.label import Label, LabelStatus, Visibility
from napari_pose3d.core.labels.store.label_store import LabelStore
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError

KEY = "CollectedData"


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return label_project(tmp_path / "project", {4: "1,2,3,4", 9: "5,6,,"})


def at(x: float, y: float, second: int) -> Label:
    time = f"2026-01-02T03:04:{second:02d}Z"
    return Label((x, y), LabelStatus.CLICKED, Visibility.VISIBLE, "ann", time)


def left_journal(folder: Path, *labels: tuple[int, Label]) -> Path:
    """The journal of a run that placed labels and was killed."""
    store = files_of(folder).new_store()
    journal = Journal(folder, KEY)
    store.committed.connect(journal.add)
    for frame, label in labels:
        with store.edit("place") as edit:
            edit.put(key(frame), label_key(), label)
    path = journal.path
    assert path is not None
    journal.close(keep=True)
    return path


@pytest.fixture
def labeling(folder: Path) -> Iterator[Labeling]:
    found = labeling_of(folder)
    yield found
    found.close()


def labeling_of(folder: Path) -> Labeling:
    project = open_project(folder)
    return Labeling(project, project.session("day1"), "bob")


def test_one_damaged_value_blocks_nothing_else(folder: Path, labeling: Labeling) -> None:
    path = left_journal(folder, (4, at(10, 1, 1)), (9, at(11, 1, 2)), (30, at(12, 1, 3)))
    lines = path.read_text().split("\n")
    lines[2] = lines[2].replace('"clicked","', '"x","').replace('"clicked"', '"clicjed"')
    path.write_text("\n".join(lines))
    content = read_journal(path)
    assert content.n_skipped == 1
    assert content.unsaved is not None
    assert {change.frame for change in content.unsaved.changes} == {key(4), key(30)}
    (issue,) = labeling.journal_issues
    assert "1 entry cannot be read" in str(issue)
    assert labeling.recover() == 2
    assert not path.exists()
    assert path.with_suffix(".kept").exists(), "what could not be read stays for a person"
    assert labeling.recoverable == 0


@pytest.mark.parametrize("content", [b"", b"\x00\xff\n" * 9, b'"not this"\n', b'{"do": [}\n'])
def test_a_journal_that_is_not_understood_is_kept(
    folder: Path, labeling: Labeling, content: bytes
) -> None:
    path = left_journal(folder, (4, at(10, 1, 1)))
    path.write_bytes(content)
    assert labeling.recoverable == 0
    assert labeling.recover() == 0
    assert labeling.journal_issues
    assert path.read_bytes() == content
    labeling.discard_leftovers()
    assert path.with_suffix(".kept").read_bytes() == content


def test_an_old_journal_does_not_override_newer_labels(folder: Path) -> None:
    left_journal(folder, (4, at(10, 1, 10)), (9, at(11, 1, 10)), (30, at(12, 1, 10)))
    files = files_of(folder)
    store = files.new_store()
    with store.edit("later") as edit:
        edit.put(key(4), label_key(), at(50, 50, 20))
        edit.put(key(9), label_key(), at(60, 60, 5))
    files.save(store, store.unsaved)
    labeling = labeling_of(folder)
    assert labeling.recoverable == 2
    assert "1 label was saved or changed otherwise since" in str(labeling.journal_issues[0])
    assert labeling.recover() == 2
    assert labeling.label(4, label_key()).position == (50, 50), "it is newer"
    assert labeling.label(9, label_key()).position == (11, 1), "it was older"
    assert labeling.label(30, label_key()).position == (12, 1)
    assert labeling.recoverable == 0
    labeling.close()


def test_what_another_program_wrote_since_stays(folder: Path) -> None:
    left_journal(folder, (4, at(10, 1, 10)), (9, at(11, 1, 10)))
    table = folder / "CollectedData_top.csv"
    table.write_text(table.read_text().replace("1,2,3,4", "7,8,3,4"))
    labeling = labeling_of(folder)
    assert labeling.recover() == 1
    assert labeling.label(4, label_key()).position == (7, 8)
    assert labeling.label(9, label_key()).position == (11, 1)
    labeling.close()


def test_what_was_saved_before_the_kill_is_not_offered(folder: Path) -> None:
    path = left_journal(folder, (4, at(10, 1, 10)))
    files = files_of(folder)
    store = files.new_store()
    with store.edit("place") as edit:
        edit.put(key(4), label_key(), at(10, 1, 10))
    files.save(store, store.unsaved)
    labeling = labeling_of(folder)
    assert labeling.recoverable == 0
    assert labeling.journal_issues == ()
    assert labeling.recover() == 0
    assert not path.exists()
    labeling.close()


@pytest.mark.skipif(os.name != "posix", reason="open files stay on Windows")
def test_a_journal_folder_that_is_removed_is_made_again(folder: Path) -> None:
    store = LabelStore(("top",), ("nose",))
    journal = Journal(folder, KEY)
    store.committed.connect(journal.add)
    for frame in (4, 9, 30):
        with store.edit("place") as edit:
            edit.put(key(frame), label_key(), clicked(frame, 1))
        if frame != 4:
            shutil.rmtree(folder / "napari-pose3d")
    assert journal.problem is None
    journal.close(keep=True)
    (left,) = leftover_journals(folder, KEY)
    assert {change.frame for change in unsaved_in(left).changes} == {  # type: ignore[union-attr]
        key(4),
        key(9),
        key(30),
    }


@pytest.mark.skipif(os.name != "posix", reason="Windows locks what is open")
def test_nobody_sees_a_journal_before_it_is_locked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = journals.try_lock
    looked = []

    def looking(descriptor: int) -> bool | None:
        if not looked:
            looked.append(True)
            assert leftover_journals(folder, KEY) == []
        return lock(descriptor)

    monkeypatch.setattr(journals, "try_lock", looking)
    store = LabelStore(("top",), ("nose",))
    journal = Journal(folder, KEY)
    store.committed.connect(journal.add)
    with store.edit("place") as edit:
        edit.put(key(4), label_key(), clicked(1, 1))
    assert looked
    assert journal.path is not None
    assert journal.path.exists()
    assert leftover_journals(folder, KEY) == [], "its owner lives"
    journal.close(keep=False)


@pytest.mark.skipif(os.name != "posix", reason="Windows locks what is open")
def test_a_journal_whose_process_was_killed_at_its_birth_goes(folder: Path) -> None:
    kill = (
        f"import os, signal, sys; sys.path.insert(0, {str(REPO)!r})\n"
        "from pathlib import Path\n"
        "from tests.support.projects.label_projects import clicked, key, label_key\n"
        "from napari_pose3d.core.labels.store.journal import Journal\n"
        "from napari_pose3d.core.labels.store.label_store import LabelStore\n"
        "os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = LabelStore(('top',), ('nose',))\n"
        f"journal = Journal(Path({str(folder)!r}), {KEY!r})\n"
        "store.committed.connect(journal.add)\n"
        "with store.edit('place') as edit:\n"
        "    edit.put(key(4), label_key(), clicked(1, 1))\n"
    )
    run = subprocess.run([sys.executable, "-c", kill], check=False, capture_output=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    place = folder / "napari-pose3d" / "journal"
    (hidden,) = place.iterdir()
    assert hidden.name.endswith(".jsonl.new")
    assert leftover_journals(folder, KEY) == []
    assert list(place.iterdir()) == []
    # One that does not name its owner yet may be just being made.
    hidden.write_bytes(b"")
    assert leftover_journals(folder, KEY) == []
    assert hidden.exists()
    os.utime(hidden, (0, 0))
    assert leftover_journals(folder, KEY) == []
    assert not hidden.exists()


def test_without_locks_the_owner_is_known_by_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "try_lock", lambda descriptor: None)
    store = LabelStore(("top",), ("nose",))
    journal = Journal(folder, KEY)
    store.committed.connect(journal.add)
    with store.edit("place") as edit:
        edit.put(key(4), label_key(), clicked(1, 1))
    assert leftover_journals(folder, KEY) == [], "this process lives"
    path = journal.path
    assert path is not None
    journal.close(keep=True)
    head, rest = path.read_text().split("\n", 1)
    owner = json.loads(head) | {"owner": '{"host": "elsewhere", "pid": 1, "began": ""}'}
    path.write_text(json.dumps(owner) + "\n" + rest)
    assert leftover_journals(folder, KEY) == [], "another host may be at work on it"
    os.utime(path, (0, 0))
    assert leftover_journals(folder, KEY) == [path]


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe")
def test_what_is_no_file_is_no_journal(folder: Path, labeling: Labeling) -> None:
    place = folder / "napari-pose3d" / "journal"
    place.mkdir(parents=True)
    os.mkfifo(place / f"{KEY}-pipe.jsonl")
    (place / f"{KEY}-folder.jsonl").mkdir()
    (place / f"{KEY}-link.jsonl").symlink_to("/dev/zero")
    assert labeling.recoverable == 0
    assert labeling.recover() == 0
    for name in ("pipe", "folder", "link"):
        with pytest.raises(PoseDataError, match="cannot be read"):
            read_journal(place / f"{KEY}-{name}.jsonl")


BAD_VALUES = [
    "null", "1e999", "-1", "9" * 5000, "[]", "{}", '""', "true", "NaN", "Infinity",
    '"\\ud800"', "[" * 3000, '"clicjed"', "1.5", '"2026"',
]  # fmt: skip


def test_mutated_journals_give_labels_or_nothing(folder: Path) -> None:
    draw = random.Random(7)
    original = left_journal(
        folder, (4, at(10, 1, 1)), (9, at(11, 1, 2)), (30, at(12, 1, 3))
    ).read_bytes()
    path = folder / "napari-pose3d" / "journal" / f"{KEY}-mutated.jsonl"
    store = files_of(folder).new_store()
    n_recovered = 0
    for _ in range(400):
        content = bytearray(original)
        for _ in range(draw.choice((1, 1, 2, 5))):
            place = draw.randrange(len(content) + 1)
            kind = draw.randrange(4)
            if kind == 0:
                content[place : place + draw.randrange(20)] = b""
            elif kind == 1:
                content[place:place] = draw.choice(BAD_VALUES).encode()
            elif kind == 2 and place < len(content):
                content[place] = draw.randrange(256)
            else:
                commas = [i for i, c in enumerate(content) if c == ord(",")] or [0]
                start = draw.choice(commas) + 1
                end = min((i for i in commas if i > start), default=start)
                content[start:end] = draw.choice(BAD_VALUES).encode()
        path.write_bytes(content)
        command = unsaved_in(path)
        if command is not None:
            n_recovered += len(command.changes)
            for change in command.changes:
                if change.label_key.view in store.views and change.label_key.keypoint == "nose":
                    store.replay(type(command)("mutated", (change,)))
    assert n_recovered > 400, "most mutations hit one of three labels"
