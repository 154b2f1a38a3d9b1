"""Groups of files on a disk that is full for a while: all old or all new, and never back again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.support.damage.full_disk import ALL_CALLS, NEEDS_ROOM, full_disk
from tests.support.damage.kills import traces

from napari_pose3d.core.storage import group_recovery
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.file_lock import try_lock
from napari_pose3d.core.storage.group_record import DONE, FORWARD, marker_name
from napari_pose3d.core.storage.group_recovery import recover
from napari_pose3d.errors import PoseDataError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs locks and links of POSIX")

OLD = {"a.csv": "old a", "b.csv": "old b", "gone.csv": "old gone", "sub/log.csv": "one\n"}
NEW = {"a.csv": "new a", "b.csv": "new b", "new.csv": "new", "sub/log.csv": "one\ntwo\n"}
TOKEN = "0123456789abcdef"


def make(folder: Path) -> Path:
    for name, text in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def tree(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {p.relative_to(folder).as_posix(): p.read_text() for p in files}


def change(folder: Path) -> None:
    with FileGroup(overwrite=True) as group:
        for name in ("a.csv", "b.csv", "new.csv"):
            group.path(folder / name).write_text(NEW[name])
        group.remove(folder / "gone.csv")
        group.append(folder / "sub/log.csv", len("one\n"), "two\n")


def write(folder: Path, names: list[str], text: str) -> None:
    with FileGroup(overwrite=True) as group:
        for name in names:
            group.path(folder / name).write_text(text)


def windows(tmp_path: Path, calls: tuple[str, ...]) -> Iterator[tuple[Path, int, int | None]]:
    """A folder, and which calls fail, until there is no call left to fail."""
    for first in count(1):
        for last in (first, first + 1, first + 4, None):
            yield make(tmp_path / f"{first}-{last}"), first, last
        probe = make(tmp_path / f"probe-{first}")
        with full_disk(first, None, calls), contextlib.suppress(PoseDataError):
            change(probe)
        recover(probe)
        with contextlib.suppress(FileNotFoundError):
            if tree(probe) == NEW and first > 30:
                return


@pytest.mark.parametrize("calls", [NEEDS_ROOM, ALL_CALLS], ids=["writing", "all"])
def test_all_is_old_or_new_whichever_calls_fail(tmp_path: Path, calls: tuple[str, ...]) -> None:
    ends = set()
    for folder, first, last in windows(tmp_path, calls):
        message = ""
        try:
            with full_disk(first, last, calls):
                change(folder)
        except PoseDataError as error:
            message = str(error)
        at_once = tree(folder)
        # In this process: nothing is held any more.
        assert recover(folder) is None
        assert recover(folder / "sub") is None
        after = tree(folder)
        assert after in (OLD, NEW), (first, last)
        assert not traces(folder), (first, last)
        if not message:
            assert at_once == after == NEW, (first, last)
        elif "nothing was written" in message:
            assert at_once == after == OLD, (first, last)
        else:
            assert "agree again" in message, message
        ends.add("written" if not message else message.partition("; ")[2][:20])
    assert len(ends) == 3, f"all ends were seen: {ends}"


@pytest.mark.parametrize("calls", [NEEDS_ROOM, ALL_CALLS], ids=["writing", "all"])
def test_what_was_written_after_a_failure_is_never_taken_back(
    tmp_path: Path, calls: tuple[str, ...]
) -> None:
    for folder, first, last in windows(tmp_path, calls):
        with full_disk(first, last, calls), contextlib.suppress(PoseDataError):
            change(folder)
        write(folder, ["a.csv", "b.csv"], "acknowledged")
        for _ in range(2):
            recover(folder)
            recover(folder / "sub")
            now = tree(folder)
            assert now["a.csv"] == now["b.csv"] == "acknowledged", (first, last)
        assert not traces(folder), (first, last)


@pytest.mark.parametrize("seed", range(20))
def test_no_acknowledged_change_is_lost_in_a_row_of_them(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    names = ["a.csv", "b.csv", "sub/c.csv"]
    (tmp_path / "sub").mkdir()
    write(tmp_path, names, "0")
    possible = {"0"}
    for number in range(1, 15):
        first = rng.randrange(1, 60)
        last = rng.choice([first, first + rng.randrange(8), None])
        try:
            with full_disk(first, last, rng.choice([NEEDS_ROOM, ALL_CALLS])):
                write(tmp_path, names, f"{number}")
            possible = {f"{number}"}
        except PoseDataError as error:
            if "agree again" in str(error):
                possible.add(f"{number}")
        if rng.random() < 0.5:
            recover(tmp_path / rng.choice([".", "sub"]))
            found = {(tmp_path / name).read_text() for name in names}
            assert len(found) == 1, f"{number}: torn, {found}"
            assert found <= possible, number
            possible = found
    recover(tmp_path)
    assert not traces(tmp_path)


def test_a_change_whose_marker_cannot_be_removed_is_made(tmp_path: Path) -> None:
    folder = make(tmp_path / "project")
    with full_disk(1, None, ("unlink",)):
        change(folder)
    assert tree(folder) == NEW
    assert any(name.endswith(".group") for name in traces(folder))
    # Also when another program, which knows nothing of markers, writes before anybody looks.
    (folder / "a.csv").write_text("of another program")
    (folder / "sub/log.csv").write_text("begun again")
    recover(folder)
    expected = {**NEW, "a.csv": "of another program", "sub/log.csv": "begun again"}
    assert tree(folder) == expected
    assert not traces(folder)


def test_a_group_does_not_begin_upon_one_that_is_half_done(tmp_path: Path) -> None:
    half_done = 0
    for folder, first, _ in windows(tmp_path, ALL_CALLS):
        with full_disk(first, None, ALL_CALLS):
            with contextlib.suppress(PoseDataError):
                change(folder)
            before = tree(folder)
            if before not in (OLD, NEW):
                half_done += 1
                with pytest.raises(PoseDataError):
                    write(folder, ["a.csv"], "upon it")
                assert tree(folder) == before
    assert half_done


# ---------------------------------------------------------------------- markers of others


def record(plan: object, direction: bytes = FORWARD) -> bytes:
    body = json.dumps(plan).encode()
    return direction + hashlib.sha1(body).hexdigest().encode() + b" " + body + b"\n"


GOOD = {
    "moves": [[f".a.{TOKEN}-0.part.csv", "a.csv", f".a.{TOKEN}-0.old.csv", [5, 1], [5, 1]]],
    "removals": [["gone.csv", f".gone.{TOKEN}-1.old.csv", [8, 1]]],
    "additions": [["sub/log.csv", 4, "two\n"]],
}
ODD = [
    *(None, True, -1, 0, 1 << 62, 1 << 80, float("inf"), float("nan"), 1.5, "", ".", "..", "/"),
    *("a\0b", "\ud800", "x" * 300, "/etc/passwd", "../x", [], {}, [[]], [None] * 5, "a.csv"),
]


def mutated(value: object, rng: random.Random) -> object:
    """One value somewhere in it is another one."""
    if isinstance(value, dict) and value and rng.random() < 0.95:
        name = rng.choice(sorted(value))
        return {**value, name: mutated(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        return [*value[:at], mutated(value[at], rng), *value[at + 1 :]]
    return rng.choice(ODD)


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_record_is_no_traceback_and_blocks_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = make(tmp_path / "project")
    plan = mutated(GOOD, rng)
    head = mutated({"owner": "", "made": 1, "main": "."}, rng)
    others = [mutated("sub", rng) for _ in range(rng.randrange(4))]
    lines = [json.dumps(head).encode(), *(b"+" + json.dumps(o).encode() for o in others)]
    content = b"\n".join([*lines, record(plan, rng.choice([b">", b"<", b"=", b"?"]))])
    if rng.random() < 0.3:
        content = bytes(b for b in content if rng.random() > 0.01)
    (folder / marker_name(TOKEN)).write_bytes(content)
    (folder / f".a.{TOKEN}-0.part.csv").write_text("new a")
    recover(folder)
    write(folder, ["a.csv", "sub/c.csv"], "written")
    recover(folder)
    now = tree(folder)
    assert now["a.csv"] == now["sub/c.csv"] == "written"
    assert now["b.csv"] == OLD["b.csv"]
    assert set(now) <= {*OLD, "sub/c.csv"}
    assert not traces(folder)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "loop"])
def test_what_is_no_file_but_called_like_a_marker(tmp_path: Path, kind: str) -> None:
    folder = make(tmp_path / "project")
    path = folder / marker_name(TOKEN)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(folder / "a.csv" if kind == "link" else path)
    recover(folder)
    change(folder)
    assert tree(folder) == NEW


class Clock:
    """One that goes on only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    slow = SimpleNamespace(monotonic=lambda: clock.now, sleep=clock.sleep, time=time.time)
    monkeypatch.setattr(group_recovery, "time", slow)
    return clock


def test_all_markers_together_are_waited_for_as_long_as_one(tmp_path: Path, clock: Clock) -> None:
    folder = make(tmp_path / "project")
    held = []
    for number in range(5):
        path = folder / marker_name(f"{number:016x}")
        path.write_bytes(b"{}\n" + record(GOOD))
        held.append(os.open(path, os.O_RDWR))
        assert try_lock(held[-1])
    recover(folder)
    assert 0 < clock.now < group_recovery._COMMIT_SECONDS + 1
    assert tree(folder) == OLD
    for descriptor in held:
        os.close(descriptor)
    recover(folder)
    assert not traces(folder)


def test_a_marker_that_names_its_own_folder_a_thousand_times(tmp_path: Path, clock: Clock) -> None:
    folder = make(tmp_path / "project")
    (tmp_path / "link").symlink_to(folder)
    lines = [b'+"."\n', b'+"../link"\n', b'+"../project"\n', b'+"sub"\n'] * 1000
    (folder / marker_name(TOKEN)).write_bytes(b"{}\n" + b"".join(lines) + record(GOOD))
    recover(folder)
    assert clock.now == 0, "nobody is waited for"
    assert not traces(folder)


def test_a_marker_that_is_done_is_removed_only(tmp_path: Path) -> None:
    folder = make(tmp_path / "project")
    (folder / marker_name(TOKEN)).write_bytes(b"{}\n" + record(GOOD, DONE))
    (folder / f".a.{TOKEN}-0.old.csv").write_text("older")
    recover(folder)
    assert tree(folder) == OLD
    assert not traces(folder)
