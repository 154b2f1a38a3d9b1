"""What the widget Label asks about: lost labels, damaged journals, a column that is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from tests.support.projects.label_sessions import KEYPOINTS, SESSION, VIEWS, calibrated_project
from tests.support.windows.label_window import (
    click,
    labels_on_disk,
    open_widget,
    press,
    saved,
    truth,
)
from tests.support.windows.napari_window import emptied

from napari_pose3d.core.labels.store.journal import Journal
from napari_pose3d.core.labels.store.label import (
    FrameKey,
    Label,
    LabelKey,
    LabelStatus,
    Visibility,
)
from napari_pose3d.core.labels.store.label_store import LabelStore

pytestmark = pytest.mark.gui

FIRST = LabelKey(VIEWS[0], "nose")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return calibrated_project(tmp_path / "project", videos=True)


@pytest.fixture
def opened(shared_viewer: Any, folder: Path) -> Iterator[Callable[[], Any]]:
    shared_viewer.window._qt_window.resize(1200, 760)
    yield lambda: open_widget(shared_viewer, folder)
    emptied(shared_viewer)


def table(view: str) -> str:
    columns = ",".join(f"{name},{name}" for name in KEYPOINTS)
    cells = ",".join(f"{10 + i},{20 + i}" for i in range(len(KEYPOINTS)))
    n = len(KEYPOINTS)
    return (
        f"scorer{',me' * 2 * n}\nbodyparts,{columns}\ncoords{',x,y' * n}\n"
        f"labeled-data/{SESSION}_{view}/img00000002.png,{cells}\n"
    )


def left_journal(folder: Path, *frames: int) -> Path:
    """The journal of a run that was killed."""
    store = LabelStore(VIEWS, KEYPOINTS)
    journal = Journal(folder, "CollectedData")
    store.committed.connect(journal.add)
    for frame in frames:
        with store.edit("place") as edit:
            placed = Label(
                (30.0, 40.0), LabelStatus.CLICKED, Visibility.VISIBLE, "ann", "2026-01-02T03:04:05Z"
            )
            edit.put(FrameKey(SESSION, frame), FIRST, placed)
    path = journal.path
    assert path is not None
    journal.close(keep=True)
    return path


def test_the_column_visible_is_offered(folder: Path, opened: Callable[[], Any]) -> None:
    for view in VIEWS:
        (folder / f"CollectedData_{view}.csv").write_text(table(view))
    label = opened()
    assert "no column named 'visible'" in label.board.notice.text
    # Something that is not saved yet, and can be undone afterwards.
    click(label, VIEWS[0], truth(0)[0, 0])
    before = label.labeling.label(0, FIRST)
    assert before.status == LabelStatus.CLICKED
    # Another program holds one of the files: none of them changes.
    other = folder / f"CollectedData_{VIEWS[1]}.csv"
    other.write_text(table(VIEWS[1]).replace(",10,20", ",11,20"))
    label.board.notice.answer("Add the column")
    assert "Somebody else changed" in label.board.notice.text
    assert all("visible" not in (folder / f"CollectedData_{v}.csv").read_text() for v in VIEWS)
    label.board.notice.answer("Merge")
    label._questions.ask_what_is_left()
    label.board.notice.answer("Add the column")
    assert not label.board.notice.text
    for view in VIEWS:
        assert "coords,x,y,visible" in (folder / f"CollectedData_{view}.csv").read_text()
    assert label.labeling.label(0, FIRST) == before
    saved(label)
    on_disk = labels_on_disk(folder)
    assert on_disk[2, VIEWS[1], "nose"].position == (11, 20), "what the other program wrote"
    assert on_disk[0, VIEWS[0], "nose"].position == pytest.approx(before.position, abs=1e-3)
    press(label, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert label.labeling.label(0, FIRST).position is None
    saved(label)
    assert (0, VIEWS[0], "nose") not in labels_on_disk(folder)
    label._questions.ask_what_is_left()
    assert not label.board.notice.text


def test_the_offer_can_be_declined_for_good(folder: Path, opened: Callable[[], Any]) -> None:
    for view in VIEWS:
        (folder / f"CollectedData_{view}.csv").write_text(table(view))
    label = opened()
    label.board.notice.answer("Never")
    label._questions.ask_what_is_left()
    assert not label.board.notice.text
    for view in VIEWS:
        assert (folder / f"CollectedData_{view}.csv").read_text() == table(view)


def test_damage_of_a_journal_is_shown_and_the_rest_taken_over(
    folder: Path, opened: Callable[[], Any]
) -> None:
    path = left_journal(folder, 3, 5)
    lines = path.read_text().split("\n")
    lines[1] = lines[1].replace('"clicked"', '"clicjed"')
    path.write_text("\n".join(lines))
    label = opened()
    asked = label.board.notice.text
    assert "1 label of an earlier run was not saved" in asked
    assert "1 entry cannot be read" in asked
    assert path.name in asked
    label.board.notice.answer("Take them over")
    assert "1 label was taken over" in label.board.message.text()
    assert "1 entry cannot be read" in label.board.message.text()
    assert path.with_suffix(".kept").is_file()
    assert not label.board.notice.text


@pytest.mark.parametrize(("answer", "is_kept"), [("Keep for later", 0), ("Do not show again", 1)])
def test_a_journal_that_is_all_damaged_is_shown(
    folder: Path, opened: Callable[[], Any], answer: str, is_kept: int
) -> None:
    path = left_journal(folder, 3)
    path.write_bytes(b"\x00\xff\n" * 9)
    label = opened()
    assert "9 entries cannot be read" in label.board.notice.text
    label.board.notice.answer(answer)
    assert not label.board.notice.text
    assert path.with_suffix(".kept").is_file() == bool(is_kept)
    assert path.is_file() != bool(is_kept)
