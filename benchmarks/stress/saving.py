"""Trials of saving labels: kills at random and between the renames, two labelers, a full disk."""

from __future__ import annotations

import contextlib
import csv
import errno
import faulthandler
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from .counts import Counts, patience
from .project import FILES, KEYPOINTS, VIEWS, label_some, open_labeling

_LONGEST = 60.0


def try_kill(good: Path, seed: int, counts: Counts) -> None:
    """A labeler is killed at a random time, or just before its n-th rename."""
    rng = random.Random(seed)
    at_rename = rng.random() < 0.6
    row = "killed between renames" if at_rename else "killed at random"
    with tempfile.TemporaryDirectory(prefix="stress-") as place:
        folder = _copy(good, Path(place))
        options = {"seed": seed, "frames": 6}
        if at_rename:
            options["kill_at"] = rng.randrange(1, 60)
        labeler = _labeler(folder, options)
        if not at_rename:
            deadline = time.monotonic() + patience(_LONGEST)
            alive = labeler.process.is_alive
            while not _lines(labeler.acknowledged) and alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
            labeler.process.kill()
        _finish(labeler, row, seed, counts)
        counts.add(row, "inputs")
        _check(folder, [labeler], row, seed, counts)


def try_two_labelers(good: Path, seed: int, counts: Counts) -> None:
    """Two labelers save frames of their own into one project at the same time."""
    row = "two labelers"
    with tempfile.TemporaryDirectory(prefix="stress-") as place:
        folder = _copy(good, Path(place))
        labelers = [
            _labeler(folder, {"seed": seed + i, "frames": 8, "first": 100 + 100 * i}, i)
            for i in range(2)
        ]
        for labeler in labelers:
            _finish(labeler, row, seed, counts)
        counts.add(row, "inputs")
        _check(folder, labelers, row, seed, counts)


def try_full_disk(good: Path, seed: int, counts: Counts) -> None:
    """The disk is full from some write on, then has room again."""
    row = "disk full"
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="stress-") as place:
        folder = _copy(good, Path(place))
        options: dict[str, Any] = {"seed": seed, "frames": 6}
        if rng.random() < 0.5:
            options["largest"] = rng.choice([0, 50, 200, 400, 700, 1000, 2000])
        else:
            options["full_at"] = rng.randrange(1, 80)
        labeler = _labeler(folder, options)
        _finish(labeler, row, seed, counts)
        counts.add(row, "inputs")
        _check(folder, [labeler], row, seed, counts)


# ---------------------------------------------------------------- the parent's side


def _copy(good: Path, place: Path) -> Path:
    folder = place / "project"
    shutil.copytree(good, folder)
    (folder / FILES["journal"]).unlink()
    return folder


@dataclass
class _Labeler:
    """A child process that labels and saves.

    Attributes
    ----------
    acknowledged : Path
        Where it writes which labels are safe.
    errors : Path
        Where it writes what it died of.
    """

    process: BaseProcess
    acknowledged: Path
    errors: Path


def _labeler(folder: Path, options: dict[str, Any], number: int = 0) -> _Labeler:
    acknowledged = folder.parent / f"acknowledged-{number}.jsonl"
    errors = folder.parent / f"errors-{number}.txt"
    process = _context().Process(target=_child, args=(folder, acknowledged, errors, options))
    process.start()
    return _Labeler(process, acknowledged, errors)


@cache
def _context() -> ForkServerContext:
    """Children that begin with the package loaded: importing takes longer than a trial."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.stress.saving", "benchmarks.stress.preloaded"])
    return context


def _finish(labeler: _Labeler, row: str, seed: int, counts: Counts) -> None:
    """Wait for the end, and count it where it is a bad one."""
    longest = patience(_LONGEST)
    labeler.process.join(longest)
    if labeler.process.is_alive():
        labeler.process.kill()
        labeler.process.join()
        counts.add(row, "hangs")
        stack = labeler.errors.with_suffix(".stack").read_text()[-1500:]
        counts.note(row, "hangs", f"seed {seed}", f"no end in {longest:.0f} s\n{stack}")
    elif labeler.errors.exists():
        counts.add(row, "tracebacks")
        counts.note(row, "tracebacks", f"seed {seed}", labeler.errors.read_text()[-1500:])


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.split("\n")[:-1]]


def _check(folder: Path, labelers: Sequence[_Labeler], row: str, seed: int, counts: Counts) -> None:
    """Open the project again as a user would, and count what is not as it should be."""
    name = f"seed {seed}"
    os.environ["XDG_DATA_HOME"] = str(folder.parent / "data")
    try:
        labeling: Any = open_labeling(folder)
        labeling.recover()
        found = {
            (frame, view, keypoint): label.position
            for frame in labeling.labeled_frames
            for (view, keypoint), label in labeling.labels(frame).items()
        }
        labeling.save()
        labeling.close()
    except Exception as error:  # noqa: BLE001 - that any can come out is what is looked for
        counts.add(row, "tracebacks")
        counts.note(row, "tracebacks", name, f"{type(error).__name__}: {error}")
        return
    lost = [
        place
        for labeler in labelers
        for line in _lines(labeler.acknowledged)
        for place, position in _placed(line)
        if found.get(place) != position
    ]
    if lost:
        counts.add(row, "labels lost", len(lost))
        counts.note(row, "labels lost", name, f"{len(lost)}, first {lost[0]}")
    rows = {view: _images(folder / f"CollectedData_{view}.csv", view) for view in VIEWS}
    if len(set(rows.values())) > 1:
        counts.add(row, "groups torn")
        counts.note(row, "groups torn", name, str({v: len(r) for v, r in rows.items()}))
    # A lock is a file that stays on purpose.
    strays = [p for p in folder.rglob(".*") if p.is_file() and "lock" not in p.name]
    strays += (folder / "napari-pose3d" / "journal").glob("*.jsonl")
    if strays:
        counts.add(row, "strays", len(strays))
        counts.note(row, "strays", name, f"{len(strays)}, first {strays[0].name}")


def _placed(line: dict[str, Any]) -> list[tuple[tuple[int, str, str], tuple[float, float]]]:
    return [((line["frame"], view, keypoint), (x, y)) for view, keypoint, x, y in line["placed"]]


def _images(path: Path, view: str) -> tuple[str, ...]:
    with path.open(newline="") as stream:
        return tuple(row[0].replace(view, "") for row in csv.reader(stream) if row)


# ---------------------------------------------------------------- the child's side


def _child(folder: Path, acknowledged: Path, errors: Path, options: dict[str, Any]) -> None:
    # No journal of the trial may end up among the user's own.
    os.environ["XDG_DATA_HOME"] = str(folder.parent / "data")
    # Where it hangs, if it does; opened now, since there may be no room then.
    faulthandler.dump_traceback_later(
        _LONGEST, repeat=True, file=errors.with_suffix(".stack").open("w")
    )
    try:
        _label_and_save(folder, acknowledged, options)
    except BaseException:  # noqa: BLE001 - that any can come out is what is looked for
        _unlimited()
        errors.write_text(traceback.format_exc())
        os._exit(1)


def _label_and_save(folder: Path, acknowledged: Path, options: dict[str, Any]) -> None:
    """Label and save frame after frame; say of each label that it is safe when it should be.

    A label is safe when its command is in the journal, or when it is saved.
    """
    from napari_pose3d.core.labels.files.label_files import LabelFiles
    from napari_pose3d.core.labels.files.view_files import LabelsChanged
    from napari_pose3d.errors import PoseDataError

    labeling: Any = open_labeling(folder)
    log = os.open(acknowledged, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    _prepare(options)
    rng = random.Random(options["seed"])
    first = options.get("first", 10)
    for frame in range(first, first + options["frames"]):
        placed = label_some(labeling, frame, options["seed"])
        if labeling.journal.problem is None:
            _acknowledge(log, frame, placed)
        if rng.random() < 0.8:
            for _ in range(50):
                try:
                    labeling.save()
                    _acknowledge(log, frame, placed)
                    break
                except LabelsChanged:
                    with contextlib.suppress(PoseDataError):
                        new = LabelFiles(labeling.files.project, labeling.files.key)
                        labeling.merge(new, "ours")
                except PoseDataError:
                    break  # a full disk, told as it should be
    labeling.close()


def _acknowledge(log: int, frame: int, placed: dict[tuple[str, str], tuple[float, float]]) -> None:
    cells = [[*place, *position] for place, position in placed.items()]
    assert len(cells) == len(VIEWS) * len(KEYPOINTS)
    line = json.dumps({"frame": frame, "placed": cells}) + "\n"
    # This list is not part of the trial: there is room for it.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    _unlimited()
    os.write(log, line.encode())
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def _prepare(options: dict[str, Any]) -> None:
    """Let a rename kill this process, or the disk be full."""
    if "kill_at" in options or "full_at" in options:
        left = [int(options.get("kill_at", options.get("full_at")))]

        def wrapped(call: Any) -> Any:
            def instead(*args: Any, **more: Any) -> Any:
                left[0] -= 1
                if "kill_at" in options and left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                # Room for three calls later, as when a person frees some.
                if "full_at" in options and -3 <= left[0] <= 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return call(*args, **more)

            return instead

        names = ["replace", "rename", "link"]
        # A removal needs no room, but a process can be killed before it.
        names += ["unlink"] if "kill_at" in options else ["fsync", "mkdir"]
        for name in names:
            setattr(os, name, wrapped(getattr(os, name)))
    if "largest" in options:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        # As far as this the labels are read; what is written beyond fails.
        resource.setrlimit(resource.RLIMIT_FSIZE, (options["largest"], resource.RLIM_INFINITY))


def _unlimited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
