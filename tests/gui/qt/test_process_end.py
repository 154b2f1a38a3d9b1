"""What is in cycles of objects at the end of Python is left alone, but for files that hold text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import atexit, sys, weakref
from napari_pose3d.gui.qt.process_end import leave_cycles_at_the_end

class Holder:
    def __init__(self, path):
        self.text = open(path + ".txt", "w")
        self.binary = open(path + ".bin", "wb")
        self.closed = open(path + ".closed", "w")
        self.closed.close()
        self.pipe = open(0, "rb")
        self.itself = self

    def __del__(self):
        print("taken apart")

class Odd(__import__("io").RawIOBase):
    def writable(self):
        raise AttributeError("not mine")

holder, odd = Holder(sys.argv[1]), Odd()
# Asking a proxy of something that is gone for its class raises.
dead = weakref.proxy(Odd())
if sys.argv[2] == "leave":
    leave_cycles_at_the_end()
    leave_cycles_at_the_end()
atexit.register(print, "others are called")
holder.text.write("a line")
holder.binary.write(b"bytes")
"""


def run(folder: Path, how: str) -> str:
    command = [sys.executable, "-c", SCRIPT, str(folder / "file"), how]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, input="")
    assert ended.stderr == ""
    return ended.stdout


def test_cycles_are_left_and_their_files_written(tmp_path: Path) -> None:
    assert "taken apart" in run(tmp_path, "collect"), "as Python does it"
    assert run(tmp_path, "leave") == "others are called\n"
    assert (tmp_path / "file.txt").read_text() == "a line"
    assert (tmp_path / "file.bin").read_bytes() == b"bytes"
