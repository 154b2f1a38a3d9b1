"""Two processes on one project lose no label."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.paths import REPO
from tests.support.projects.label_projects import (
    VIEWS,
    clicked,
    files_of,
    key,
    label_key,
    label_project,
)

from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.store.label import LabelKey
from napari_pose3d.core.projects.project_toml import project_lock
from napari_pose3d.core.storage import file_stamp

LABELER = """
import random, sys
sys.path.insert(0, {repo!r})
from pathlib import Path
from tests.support.projects.label_projects import VIEWS, clicked, files_of, key, label_key
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.merge import merge
folder, number = Path({folder!r}), {number}
draw = random.Random(number)
files = files_of(folder)
store = files.new_store()
print("ready", flush=True)
sys.stdin.readline()
for step in range({steps}):
    frame = draw.randrange(40)
    with store.edit("place") as edit:
        for view in VIEWS:
            at = label_key(view, "nose" if number else "tail")
            edit.put(key(frame), at, clicked(step, frame))
    while True:
        try:
            files.save(store, store.unsaved)
            break
        except LabelsChanged:
            new = LabelFiles(files.project, files.key)
            merge(store, files, new, "ours")
            files = new
"""
STEPS = 40


def test_no_save_is_lost(tmp_path: Path) -> None:
    folder = label_project(tmp_path / "project", {4: ",,,"})
    processes = []
    for number in (0, 1):
        code = LABELER.format(repo=str(REPO), folder=str(folder), number=number, steps=STEPS)
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    files = files_of(folder)
    assert not files.issues
    for number, keypoint in enumerate(("tail", "nose")):
        draw = random.Random(number)
        newest = {draw.randrange(40): step for step in range(STEPS)}
        for frame, step in newest.items():
            found = files.load(key(frame))
            for view in VIEWS:
                label = found[LabelKey(view, keypoint)]
                assert label.position == (step, frame)
                assert label.labeler == "ann", "who placed it is known of both"


def test_a_change_of_equal_size_in_the_same_instant_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = label_project(tmp_path / "project", {4: "1,2,3,4"})
    files = files_of(folder)
    path = folder / "CollectedData_top.csv"
    found = path.stat()
    path.write_text(path.read_text().replace("1,2,3,4", "9,2,3,4"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert files.changed_files() == [path]
    # A file that has long been there is not read again.
    os.utime(path, (0, 0))
    files = files_of(folder)
    monkeypatch.setattr(file_stamp, "read_bytes", lambda path: pytest.fail("was read"))
    monkeypatch.setattr(files, "_files", {"top": files._files["top"]})
    assert path not in files.changed_files()


def test_a_project_that_somebody_else_writes_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = label_project(tmp_path / "project", {4: "1,2,3,4"})
    ours, theirs = files_of(folder), files_of(folder)
    for files, x in ((theirs, 10), (ours, 20)):
        store = files.new_store()
        with store.edit("place") as edit:
            edit.put(key(4), label_key(), clicked(x, 1))
        if files is ours:
            with pytest.raises(LabelsChanged):
                files.save(store, store.unsaved)
        else:
            with project_lock(folder):
                files.save(store, store.unsaved)
    assert files_of(folder).load(key(4))[label_key()].position == (10, 1)


def test_reasons_of_both_stay(tmp_path: Path) -> None:
    folder = label_project(tmp_path / "project", {4: "1,2,3,4"})
    ours, theirs = files_of(folder), files_of(folder)
    theirs.enqueue([key(8)], "theirs")
    with pytest.raises(LabelsChanged):
        ours.enqueue([key(9)], "ours")
    ours = files_of(folder)
    ours.enqueue([key(9)], "ours")
    assert files_of(folder).reasons == {key(8): "theirs", key(9): "ours"}
