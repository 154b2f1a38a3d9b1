"""Labels, keypoints and results are wholly old or wholly new after a kill at any step."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.damage.kills import killed_everywhere, traces
from tests.support.projects.label_projects import (
    VIEWS,
    clicked,
    files_of,
    key,
    label_key,
    label_project,
)

from napari_pose3d.core.labels.files.table_changes import change_keypoints
from napari_pose3d.core.labels.store.label import Label, LabelStatus, Visibility
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.core.storage.atomic_files import FileGroup

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork")

ROWS = {4: "1,2,3,4", 9: "5,6,,"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return label_project(tmp_path / "project", ROWS)


def labels_of(folder: Path) -> dict[object, object]:
    files = files_of(folder)
    assert not files.issues, "the views are in step"
    return {
        (frame, at, label.position, label.status, label.visibility)
        for frame in files.known_frames
        for at, label in files.load(frame).items()
    }


def save(folder: Path) -> Callable[[], None]:
    files = files_of(folder)
    store = files.new_store()
    with store.edit("place") as edit:
        for view in VIEWS:
            edit.put(key(4), label_key(view), clicked(10, 20))
            edit.put(key(30), label_key(view), clicked(30, 40))
            edit.put(key(9), label_key(view, "tail"), Label(visibility=Visibility.OCCLUDED))
            projected = Label((50, 60), LabelStatus.PROJECTED, Visibility.VISIBLE)
            edit.put(key(9), label_key(view), projected)
    return lambda: files.save(store, store.unsaved)


def test_saved_labels(folder: Path, tmp_path: Path) -> None:
    files = files_of(folder)
    files.enqueue([key(30)], "by hand")
    old = labels_of(folder)
    found = []
    for step, copy in killed_everywhere(folder, tmp_path, save):
        now = labels_of(copy)
        found.append(now != old)
        assert len(files_of(copy).queued) == (0 if found[-1] else 1), step
        assert not traces(copy), step
        assert len(now) == (5 if found[-1] else 3) * len(VIEWS), step
    assert found == sorted(found)
    assert found[0] is False
    assert sum(found) > 8


def exchange(folder: Path) -> Callable[[], None]:
    files = files_of(folder)
    names = [("nose", "tail"), ("tail", "nose"), ("snout", "ear")]
    return lambda: change_keypoints(files, names)


def test_keypoints_that_exchange_their_names(tmp_path: Path) -> None:
    keypoints = ("nose", "tail", "ear")
    rows = {4: "1,2,3,4,5,6", 9: "5,6,,,,"}
    folder = label_project(tmp_path / "project", rows, keypoints=keypoints)
    save(folder)()
    tables = [folder / f"CollectedData_{view}.csv" for view in VIEWS]
    old = [table.read_text() for table in tables]
    found = []
    for step, copy in killed_everywhere(folder, tmp_path, exchange):
        project = open_project(copy)
        now = [(copy / table.name).read_text() for table in tables]
        changed = {a != b for a, b in zip(now, old, strict=True)}
        assert len(changed) == 1, f"step {step}: the views differ"
        found.append(changed == {True})
        assert project.keypoints == (("nose", "tail", "snout") if found[-1] else keypoints)
        statuses = {
            label.status
            for at, label in files_of(copy).load(key(9)).items()
            if at.keypoint == ("tail" if found[-1] else "nose")
        }
        assert statuses == {LabelStatus.PROJECTED}, "who placed a label goes with its keypoint"
        assert not traces(copy), step
    assert found == sorted(found)
    assert sum(found) > 4


def test_a_result_over_an_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    names = ["s_top.csv", "s_side.csv", "s_3d.csv", "s_run.json"]
    for name in names:
        (folder / name).write_text("old")

    def write(folder: Path) -> Callable[[], None]:
        def run() -> None:
            with FileGroup(overwrite=True) as group:
                for stream in [group.open(folder / name) for name in names]:
                    stream.write("new")

        return run

    for step, copy in killed_everywhere(folder, tmp_path, write):
        open_project(copy)
        assert len({(copy / name).read_text() for name in names}) == 1, step
        assert not traces(copy), step
