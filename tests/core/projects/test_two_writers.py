"""Two processes that change one project.toml: what each of them writes stays."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from napari_pose3d.core.projects.project_toml import (
    own_project_path,
    project_lock,
    read_own_project,
    update_own_project,
)
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.file_lock import FileLock
from napari_pose3d.errors import PoseDataError

WRITER = """
import sys
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project_toml import update_own_project
name, folder = sys.argv[1:]
sys.stdin.readline()
for i in range(1, 31):
    update_own_project(folder, layout={f"{name}{i}": i})
    update_own_project(folder, alignments={(None, f"{name}{i}"): ViewAlignment(offset=i)})
"""


def test_no_update_is_lost(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, name, str(tmp_path)], stdin=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    assert [writer.wait() for writer in writers] == [0, 0]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    found = read_own_project(tmp_path)
    assert dict(found.layout) == {f"{name}{i}": i for name in "ab" for i in range(1, 31)}
    offsets = {f"{name}{i}": i for name in "ab" for i in range(1, 31)}
    assert {view: found.alignment(None, view).offset for view in offsets} == offsets


def is_locked(folder: Path) -> bool:
    """Whether another thread holds the project's lock."""
    found = []

    def look() -> None:
        try:
            with FileLock(project_lock(folder).path, seconds=0):
                found.append(False)
        except PoseDataError:
            found.append(True)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def test_a_group_holds_the_lock_until_its_files_are_in_place(tmp_path: Path) -> None:
    update_own_project(tmp_path, layout={"a": 1})
    assert not is_locked(tmp_path)
    with FileGroup(overwrite=True) as group:
        group.open(tmp_path / "other.txt").write("other")
        assert not is_locked(tmp_path)
        update_own_project(tmp_path, colours={"nose": "#ff0000"}, group=group)
        assert is_locked(tmp_path)
        assert not read_own_project(tmp_path).colours
    assert not is_locked(tmp_path)
    assert read_own_project(tmp_path).colours == {"nose": "#ff0000"}
    assert read_own_project(tmp_path).layout == {"a": 1}


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_the_lock_goes_with_a_group_that_fails(tmp_path: Path, error: type[BaseException]) -> None:
    update_own_project(tmp_path, layout={"a": 1})

    def work() -> None:
        with FileGroup(overwrite=True) as group:
            update_own_project(tmp_path, layout={"a": 2}, group=group)
            raise error

    with pytest.raises(error):
        work()
    assert not is_locked(tmp_path)
    assert read_own_project(tmp_path).layout == {"a": 1}


def test_a_new_project_that_comes_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"

    def work() -> None:
        with FileGroup() as group:
            update_own_project(folder, layout={"a": 1}, group=group)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not folder.exists()
    assert not own_project_path(folder).exists()
