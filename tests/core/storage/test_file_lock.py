"""One process at a time; locks end with their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from napari_pose3d.core.storage import file_lock
from napari_pose3d.core.storage.file_lock import FileLock, owner_lives, owner_text
from napari_pose3d.errors import PoseDataError

HOLDER = """
import sys, time
from pathlib import Path
from napari_pose3d.core.storage import file_lock
if {by_name}:
    file_lock.try_lock = lambda descriptor: None
with file_lock.FileLock(Path({path!r})):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(path: Path, by_name: bool) -> subprocess.Popen[str]:
    code = HOLDER.format(by_name=by_name, path=str(path))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    return process


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("by_name", [False, True])
def test_a_lock_is_respected_and_taken_over_from_the_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_name: bool
) -> None:
    path = tmp_path / ".lock"
    if by_name:
        monkeypatch.setattr(file_lock, "try_lock", lambda descriptor: None)
    process = holder(path, by_name)
    with pytest.raises(PoseDataError, match="another program"), FileLock(path, seconds=0.05):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with FileLock(path, seconds=5) as lock:
        assert lock.has_system_locks is not by_name
        with FileLock(path):
            pass
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


@pytest.mark.skipif(os.name != "posix", reason="looks at processes")
def test_who_is_alive() -> None:
    now = 1e12
    assert owner_lives(owner_text(), 0.0)
    assert not owner_lives(owner_text().replace(f'"pid": {os.getpid()}', '"pid": 999999999'), now)
    began = owner_text().replace('"began": "', '"began": "1')
    assert not owner_lives(began, now), "another process got the number"
    elsewhere = '{"host": "elsewhere", "pid": 1, "began": ""}'
    assert owner_lives(elsewhere, now)
    assert not owner_lives(elsewhere, 0.0)
    for text in ("", "[1]", "{", "[" * 100_000, '{"host": 1, "pid": "x", "began": 1}'):
        assert owner_lives(text, now), "it may be about to write"
        assert not owner_lives(text, 0.0)


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe")
def test_a_lock_is_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("pipe", "link"):
        with pytest.raises(PoseDataError, match="cannot be written"), FileLock(tmp_path / name):
            pass
    assert not (tmp_path / "elsewhere").exists()
