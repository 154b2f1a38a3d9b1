"""Trials of reading: a damaged file in an otherwise good project, by the API and by commands."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.support.processes import module_command

from . import exchange, networks, rigs_and_reviews
from .counts import Counts, patience
from .mutations import mutated, put_in_place_of
from .project import FILES, SESSION

TIME_OUT = 30.0
ALL_FILES = {**FILES, **rigs_and_reviews.FILES, **networks.FILES, **exchange.FILES}


class Worker:
    """A child process for one task after another; started again when it hangs or dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, task: dict[str, Any]) -> dict[str, str]:
        """How a task ended: read, refused, wrong, traceback, hang or died."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            self.stop()
            return {"end": "died", "text": ""}
        longest = patience(TIME_OUT)
        if not select.select([process.stdout], [], [], longest)[0]:
            self.stop()
            return {"end": "hang", "text": f"no answer in {longest:.0f} s"}
        line = process.stdout.readline()
        if not line:
            status = process.wait()
            self.stop()
            return {"end": "died", "text": f"exit status {status}"}
        answer: dict[str, str] = json.loads(line)
        return answer

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            module_command("benchmarks.stress.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        return self._process


def try_reading(good: Path, format_name: str, seed: int, worker: Worker, counts: Counts) -> None:
    """One damaged file: read it, and give it or its project to a command."""
    rng = random.Random(f"{format_name} {seed}")
    with tempfile.TemporaryDirectory(prefix="stress-") as place:
        folder = Path(place) / "project"
        shutil.copytree(good, folder, symlinks=True)
        path = folder / ALL_FILES[format_name]
        if rng.random() < 0.06:
            put_in_place_of(path, rng)
        else:
            path.write_bytes(mutated(path.read_bytes(), rng))
        kept = path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 22 else b""
        tasks: list[tuple[str, dict[str, Any]]] = [
            (format_name, {"format": format_name, "folder": str(folder), "path": str(path)})
        ]
        if rng.random() < 0.35:
            of_other = (m for m in (exchange, networks, rigs_and_reviews) if format_name in m.FILES)
            commands = _commands if format_name in FILES else next(of_other).commands
            command = rng.choice(commands(format_name, folder, path, rng))
            tasks.append((f"{format_name}, commands", {"command": command}))
        for row, task in tasks:
            answer = worker.ask(task)
            # Else a command of the trials is misspelt, and tries nothing.
            assert answer["end"] != "usage", f"{task}: {answer['text']}"
            counts.add(row, "inputs")
            fault = {
                "traceback": "tracebacks",
                "died": "tracebacks",
                "hang": "hangs",
                "wrong": "silently wrong",
            }.get(answer["end"])
            if fault is not None:
                counts.add(row, fault)
                what = " ".join(task.get("command", ["read"])[:1])
                counts.note(row, fault, f"seed {seed}, {what}", answer["text"], kept)


def _commands(name: str, folder: Path, path: Path, rng: random.Random) -> list[list[str]]:
    out = str(folder.parent / "out")
    of_poses, of_labels = (
        rng.choice(["tidy-csv", "trc", "dlc-csv"]),
        rng.choice(["coco", "label3d"]),
    )
    return [
        ["audit", str(folder), "--no-images"],
        [
            "export",
            str(folder),
            "--session",
            SESSION,
            "--format",
            of_poses,
            "--fps",
            "30",
            "--out",
            out,
        ],
        ["export", str(folder), "--format", of_labels, "--out", out],
        ["info", str(path)],
        ["info", str(folder)],
        ["triangulate", str(folder), "--session", SESSION, "--out", out],
        ["triangulate", str(path.parent), "--out", out],
        ["smooth", str(folder), "--session", SESSION, "--out", out],
        ["smooth", str(path), "--out", out],
    ]
