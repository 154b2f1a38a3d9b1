"""The journal on a disk that is full for a while: nothing is raised, and what is noted is there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.support.damage.full_disk import ALL_CALLS, full_disk
from tests.support.projects.label_projects import clicked, files_of, key, label_key, label_project

from napari_pose3d.core.labels.store.journal import Journal, left_journals, read_journal

KEY = "CollectedData"


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return label_project(tmp_path / "project", {4: "1,2,3,4", 9: "5,6,,"})


def place(folder: Path, journal: Journal, frames: list[int]) -> list[int]:
    """Place a label in each frame; the frames whose label was in the journal at once."""
    store = files_of(folder).new_store()
    store.committed.connect(journal.add)
    noted = []
    for frame in frames:
        with store.edit("place") as edit:
            edit.put(key(frame), label_key(), clicked(frame, 1))
        if journal.problem is None:
            noted.append(frame)
    return noted


def found_in(folder: Path) -> set[int]:
    left = [each.unsaved for each in left_journals(folder, KEY) if each.unsaved is not None]
    return {change.frame.frame for command in left for change in command.changes}


@pytest.mark.parametrize("seed", range(60))
def test_what_was_noted_is_found_again(folder: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    first = rng.randrange(1, 24)
    last = rng.choice([None, first, first + rng.randrange(1, 8)])
    frames = [rng.randrange(10, 1000) for _ in range(6)]
    journal = Journal(folder, KEY)
    with full_disk(first, last, ALL_CALLS):
        noted = place(folder, journal, frames)
        journal.close(keep=True)
    assert set(noted) <= found_in(folder)
    if journal.problem is None:
        assert set(frames) == found_in(folder)
    assert all(not each.n_skipped for each in left_journals(folder, KEY)), "no line is torn"


@pytest.mark.parametrize("first", [1, 2, 3])
def test_nothing_is_left_of_a_journal_that_could_not_begin(folder: Path, first: int) -> None:
    journal = Journal(folder, KEY)
    with full_disk(first, None):
        noted = place(folder, journal, [11, 12])
        assert noted == []
        assert journal.problem is not None
        journal.close(keep=True)
    assert journal.problem is not None
    assert not [p for p in folder.rglob(".*") if p.name.endswith(".new")]


def test_labels_that_were_not_noted_are_noted_at_the_end(folder: Path) -> None:
    journal = Journal(folder, KEY)
    with full_disk(1, None):
        assert place(folder, journal, [11, 12]) == []
    journal.close(keep=True)
    assert journal.problem is None
    assert found_in(folder) == {11, 12}


def test_a_torn_line_goes_before_the_next_is_written(folder: Path) -> None:
    journal = Journal(folder, KEY)
    assert place(folder, journal, [11]) == [11]
    path = journal.path
    assert path is not None
    before = path.read_bytes()
    with full_disk(1, None):
        assert place(folder, journal, [12]) == []
    assert path.read_bytes().startswith(before)
    assert place(folder, journal, [13]) == [13]
    lines = path.read_bytes()[len(before) :].split(b"\n")
    assert len(lines) == 3, "two whole lines"
    assert lines[-1] == b""
    assert read_journal(path).n_skipped == 0
    journal.close(keep=True)
    assert found_in(folder) == {11, 12, 13}


def test_a_journal_that_cannot_be_removed_is_a_problem_and_offers_nothing(folder: Path) -> None:
    journal = Journal(folder, KEY)
    place(folder, journal, [11])
    path = journal.path
    assert path is not None
    journal.saved([key(11)])
    with full_disk(1, None, ("unlink",)):
        journal.close(keep=False)
    assert journal.problem is not None
    assert "cannot be removed" in str(journal.problem)
    assert path.exists()
    assert found_in(folder) == set()
    assert not path.exists(), "it goes at the next opening"
