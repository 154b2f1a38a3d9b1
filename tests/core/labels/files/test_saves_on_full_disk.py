"""Labels that are saved, or in the journal, are there after any opening, whatever the disk did."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
from tests.support.damage.full_disk import ALL_CALLS, NEEDS_ROOM, full_disk
from tests.support.damage.kills import traces
from tests.support.projects.label_projects import VIEWS, clicked, key, label_key, label_project

from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def opened(folder: Path) -> Labeling:
    project = open_project(folder)
    return Labeling(project, project.session("day1"), "ann")


def click(labeling: Labeling, frame: int, x: float) -> None:
    with labeling.store.edit("click") as edit:
        for view in VIEWS:
            edit.put(key(frame), label_key(view), clicked(x, frame))


def save(labeling: Labeling) -> bool:
    """Whether all labels are saved; changes of others are merged."""
    with contextlib.suppress(PoseDataError):
        try:
            labeling.save()
            return True
        except LabelsChanged:
            labeling.merge(LabelFiles(labeling.files.project, labeling.files.key), "ours")
            labeling.save()
            return True
    return False


def positions(folder: Path) -> dict[int, set[tuple[float, float] | None]]:
    """Of the nose in all views, as the files have it; the views are in step."""
    labeling = opened(folder)
    assert not labeling.files.issues
    found = {
        frame: {labeling.label(frame, label_key(view)).position for view in VIEWS}
        for frame in labeling.labeled_frames
    }
    labeling.close()
    return found


@pytest.mark.parametrize("seed", range(25))
def test_what_was_acknowledged_is_there_after_every_opening(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = label_project(tmp_path / "project", {4: "1,2,3,4", 9: "5,6,,"})
    # What each frame may hold: what was saved last, and what was clicked since.
    allowed = {frame: list(places) for frame, places in positions(folder).items()}
    labeling = opened(folder)
    for number in range(6):
        first = rng.randrange(1, 90)
        last = rng.choice([first, first + rng.randrange(1, 10), None])
        frame = rng.choice([4, 9, 30, 31])
        with full_disk(first, last, rng.choice([NEEDS_ROOM, ALL_CALLS])):
            click(labeling, frame, 100 + number)
            allowed.setdefault(frame, [None]).append((100 + number, frame))
            if save(labeling):
                allowed = {at: places[-1:] for at, places in allowed.items()}
        if rng.random() < 0.3:
            # As another program looks at it.
            LabelFiles(labeling.files.project, labeling.files.key)
    labeling.close()
    assert labeling.journal.problem is None
    for _ in range(2):
        found = positions(folder)
        for frame, places in allowed.items():
            now = found.get(frame, {None})
            assert len(now) == 1, "the views differ"
            assert now <= set(places), "saved, and gone after the next opening"
    again = opened(folder)
    again.recover()
    again.save()
    again.close()
    assert positions(folder) == {frame: {places[-1]} for frame, places in allowed.items()}
    assert not traces(folder)


def test_a_save_is_made_when_hidden_files_cannot_be_removed(tmp_path: Path) -> None:
    folder = label_project(tmp_path / "project", {4: "1,2,3,4", 9: "5,6,,"})
    labeling = opened(folder)
    click(labeling, 30, 7)
    with full_disk(1, None, ("unlink",)):
        assert labeling.save() == 1
    assert traces(folder), "they could not be removed"
    click(labeling, 4, 8)
    assert labeling.save() == 1
    labeling.close()
    for _ in range(2):
        now = positions(folder)
        assert now[30] == {(7, 30)}
        assert now[4] == {(8, 4)}
    assert not traces(folder)


def test_torn_files_are_not_read_while_the_disk_is_full(tmp_path: Path) -> None:
    torn = 0
    for first in range(15, 60):
        folder = label_project(tmp_path / str(first), {4: "1,2,3,4", 9: "5,6,,"})
        before = positions(folder)
        labeling = opened(folder)
        click(labeling, 30, 7)
        with full_disk(first, None):
            is_saved = save(labeling)
            texts = [(folder / f"CollectedData_{v}.csv").read_text().count("\n") for v in VIEWS]
            if len(set(texts)) > 1:
                torn += 1
                with pytest.raises(PoseDataError, match="was interrupted"):
                    opened(folder)
        labeling.close()
        now = positions(folder)
        assert now == (before | {30: {(7, 30)}} if is_saved or 30 in now else before), first
    assert torn
