"""A group of files is wholly old or wholly new after a kill at any step, and leaves nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.damage.kills import killed_everywhere, traces

from napari_pose3d.core.storage import group_record, group_recovery
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.group_record import marker_name
from napari_pose3d.core.storage.group_recovery import recover

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork")

OLD = {
    "a.csv": "old a",
    "b.csv": "old b",
    "sub/c.csv": "old c",
    "gone.csv": "old gone",
    "sub/log.csv": "one\ntwo\nto",
}
NEW = {
    "a.csv": "new a",
    "b.csv": "new b",
    "sub/c.csv": "new c",
    "sub/deep/d.csv": "new d",
    "sub/log.csv": "one\ntwo\nthree\n",
}


def tree(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    for name, text in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def change(folder: Path) -> Callable[[], None]:
    def run() -> None:
        with FileGroup(overwrite=True) as group:
            for name in ("a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"):
                group.path(folder / name).write_text(NEW[name])
            group.remove(folder / "gone.csv")
            group.append(folder / "sub/log.csv", len("one\ntwo\n"), "three\n")

    return run


def fail(folder: Path) -> Callable[[], None]:
    """Renames that are interrupted in the middle and taken back."""

    def run() -> None:
        replace, calls = os.replace, 0

        def failing(source: Path, target: Path) -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt
            replace(source, target)

        os.replace = failing  # type: ignore[assignment]
        with contextlib.suppress(KeyboardInterrupt):
            change(folder)()

    return run


@pytest.mark.parametrize("first", [".", "sub"])
def test_a_kill_at_any_step_leaves_all_old_or_all_new(
    folder: Path, tmp_path: Path, first: str
) -> None:
    found, empty = [], 0
    for step, copy in killed_everywhere(folder, tmp_path, change):
        # Whichever folder is opened first.
        for each in dict.fromkeys((first, ".", "sub", "sub/deep")):
            recover(copy / each)
        assert tree(copy) in (OLD, NEW), step
        found.append(tree(copy) == NEW)
        assert not traces(copy), step
        empty += (copy / "sub/deep").exists() and not found[-1]
    assert empty <= 4, "an empty folder stays only where its marker was not written yet"
    assert found == sorted(found), "once it is new, it stays new"
    assert found[0] is False
    assert sum(found) > 8, "several steps lie between the first rename and the end"


def test_a_kill_while_renames_are_taken_back(folder: Path, tmp_path: Path) -> None:
    states = []
    for step, copy in killed_everywhere(folder, tmp_path, fail):
        for each in (".", "sub"):
            recover(copy / each)
        assert tree(copy) in (OLD, NEW), step
        states.append(tree(copy) == OLD)
        assert not traces(copy), step
    assert states[-1], "the old files are back"


def test_a_kill_of_the_recovery(folder: Path, tmp_path: Path) -> None:
    halfway = None
    for _, copy in killed_everywhere(folder, tmp_path, change):
        if (copy / "a.csv").read_text() == "new a" and (copy / "b.csv").read_text() == "old b":
            halfway = shutil.copytree(copy, tmp_path / "halfway")
            break
    assert halfway is not None
    for step, copy in killed_everywhere(halfway, tmp_path, lambda at: lambda: recover(at)):
        recover(copy)
        recover(copy / "sub")
        assert tree(copy) == NEW, step
        assert not traces(copy), step


def test_the_next_group_in_the_folder_ends_the_killed_one(folder: Path, tmp_path: Path) -> None:
    for step, copy in killed_everywhere(folder, tmp_path, change):
        with FileGroup() as group:
            group.path(copy / "other.csv").write_text("other")
        with FileGroup() as group:
            group.path(copy / "sub" / "other.csv").write_text("other")
        now = tree(copy)
        assert now.pop("other.csv") == now.pop("sub/other.csv") == "other"
        assert now in (OLD, NEW), step


def halfway(folder: Path, tmp_path: Path) -> Path:
    for _, copy in killed_everywhere(folder, tmp_path, change):
        if (copy / "a.csv").read_text() == "new a":
            shutil.copytree(copy, tmp_path / "halfway")
            break
    return tmp_path / "halfway"


def test_what_was_changed_after_the_kill_stays(folder: Path, tmp_path: Path) -> None:
    copy = halfway(folder, tmp_path)
    (copy / "b.csv").write_text("changed by somebody else")
    (copy / "gone.csv").write_text("made anew by somebody else")
    recover(copy)
    now = tree(copy)
    assert now["b.csv"] == "changed by somebody else"
    assert now["gone.csv"] == "made anew by somebody else"
    assert now["sub/c.csv"] == "new c"
    assert not traces(copy)


def test_a_project_that_was_moved_is_recovered(folder: Path, tmp_path: Path) -> None:
    moved = halfway(folder, tmp_path).rename(tmp_path / "elsewhere")
    recover(moved / "sub")
    assert tree(moved) == NEW


def test_a_living_group_is_left_alone(folder: Path) -> None:
    code = (
        "import sys, time\n"
        "from napari_pose3d.core.storage.atomic_files import FileGroup\n"
        "with FileGroup(overwrite=True) as group:\n"
        f"    group.path({str(folder / 'a.csv')!r}).write_text('new a')\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().strip() == "ready"
        before = traces(folder)
        assert before
        recover(folder)
        assert traces(folder) == before
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait() == 0
    assert (folder / "a.csv").read_text() == "new a"
    assert not traces(folder)


def test_without_locks_of_the_system_the_owner_is_known_by_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_: int) -> None:
        return None

    monkeypatch.setattr(group_record, "try_lock", no_locks)
    monkeypatch.setattr(group_recovery, "try_lock", no_locks)
    with FileGroup(overwrite=True) as group:
        group.path(folder / "a.csv").write_text("new a")
        before = traces(folder)
        recover(folder)
        assert traces(folder) == before, "its owner is this process, and lives"
    for step, copy in killed_everywhere(folder, tmp_path, change):
        for marker in copy.rglob(".*.group"):
            # A marker that its owner had no time to write into is waited for.
            os.utime(marker, (0, 0))
        recover(copy)
        recover(copy / "sub")
        now = tree(copy)
        assert now | {"a.csv": ""} in (OLD | {"a.csv": ""}, NEW | {"a.csv": ""}), step


def test_a_forged_record_reaches_nothing_outside(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    token = "0123456789abcdef"
    (home / "precious.txt").write_text("precious")
    (home / "other.txt").write_text("other")
    (project / f".x.{token}-0.part.txt").write_text("bad")
    (project / "link.txt").symlink_to(home / "precious.txt")
    found = (home / "precious.txt").stat()
    stamp = [found.st_size, found.st_mtime_ns]
    plan = {
        "moves": [
            [f".x.{token}-0.part.txt", "../home/precious.txt", None, stamp, None],
            [f".x.{token}-0.part.txt", "link.txt", None, None, None],
            ["../home/other.txt", "../home/precious.txt", None, stamp, None],
        ],
        "removals": [["../home/precious.txt", f".x.{token}-1.old", stamp]],
        "additions": [["../home/precious.txt", 0, "bad"], ["link.txt", 0, "bad"]],
    }
    body = json.dumps(plan).encode()
    record = b">" + hashlib.sha1(body).hexdigest().encode() + b" " + body + b"\n"
    (project / marker_name(token)).write_bytes(b"{}\n" + record)
    recover(project)
    assert tree(home) == {"precious.txt": "precious", "other.txt": "other"}
    assert (project / "link.txt").is_symlink()
    assert not traces(project)


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff\n>" + b"0" * 60, b"{}\n>x"])
def test_a_damaged_marker_is_of_a_group_that_came_to_nothing(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / marker_name("0" * 16)).write_bytes(content)
    (tmp_path / f".a.{'0' * 16}-0.part.csv").write_text("draft")
    (tmp_path / "a.csv").write_text("old")
    recover(tmp_path)
    assert tree(tmp_path) == {"a.csv": "old"}


def test_strays_of_version_0_1_go_when_they_are_old(tmp_path: Path) -> None:
    for name in (".a.0123abcd.old.csv", ".a.0123abcd.part.csv", ".mine.csv"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".b.0123abcd.part.csv").write_text("perhaps somebody is at work on it")
    recover(tmp_path)
    assert sorted(tree(tmp_path)) == [".b.0123abcd.part.csv", ".mine.csv"]
