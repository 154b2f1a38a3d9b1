"""Damage every format, kill labeling and saving, run two labelers, fill the disk: `make stress`.

Prints what was tried and what went wrong; ends with 1 if anything did. The same seed makes the same
inputs; how far a run comes depends on the machine.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from . import exchange, networks
from .counts import Counts
from .project import make_project
from .reading import ALL_FILES, Worker, try_reading
from .rigs_and_reviews import write_files
from .saving import try_full_disk, try_kill, try_two_labelers


def main() -> int:
    options = _options()
    # Neither the journals nor the caches of whoever runs this are touched.
    home = tempfile.TemporaryDirectory(prefix="stress-home-")
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CACHE_HOME"] = home.name
    counts = Counts(options.keep)
    worker = Worker()
    with tempfile.TemporaryDirectory(prefix="stress-good-") as place, home:
        good = Path(place) / "project"
        make_project(good)
        write_files(good)
        networks.write_files(good)
        exchange.write_files(good)
        trials = {
            **{
                name: partial(try_reading, good, name, worker=worker, counts=counts)
                for name in ALL_FILES
            },
            "kill": partial(try_kill, good, counts=counts),
            "two labelers": partial(try_two_labelers, good, counts=counts),
            "disk": partial(try_full_disk, good, counts=counts),
        }
        chosen = {n: t for n, t in trials.items() if not options.only or options.only in n}
        _check_good(good, worker, chosen)
        # Saving takes seconds for each try, reading milliseconds: both get half of the time.
        saving = [t for n, t in chosen.items() if n not in ALL_FILES]
        reading = {n: t for n, t in chosen.items() if n in ALL_FILES}
        end = time.monotonic() + 60 * options.minutes
        spent = {"reading": 0.0, "saving": 0.0}
        for seed in itertools.count(options.seed):
            start = time.monotonic()
            if start >= end:
                break
            if not saving or (reading and spent["reading"] <= spent["saving"]):
                for name in reading:
                    reading[name](seed=seed)
                spent["reading"] += time.monotonic() - start
            else:
                for trial in saving:
                    trial(seed=seed)
                spent["saving"] += time.monotonic() - start
        worker.stop()
    print(counts.table())
    if exchange.LEFT_OUT:
        print(f"left out, since their libraries are not installed: {', '.join(exchange.LEFT_OUT)}")
    for (row, column, _), text in list(counts.examples.items())[: options.examples]:
        print(f"\n--- {row}: {column}, {text}")
    return int(counts.faults > 0)


def _check_good(good: Path, worker: Worker, chosen: object) -> None:
    """What is not damaged is read: else nothing that follows says anything."""
    import shutil

    for name, path in ALL_FILES.items():
        if name in chosen:  # type: ignore[operator]
            with tempfile.TemporaryDirectory(prefix="stress-") as place:
                folder = Path(place) / "project"
                shutil.copytree(good, folder)
                answer = worker.ask(
                    {"format": name, "folder": str(folder), "path": str(folder / path)}
                )
            assert answer["end"] == "read", f"{name}: {answer}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="trials whose name has this in it")
    parser.add_argument("--keep", type=Path, help="a folder for the inputs that showed a fault")
    parser.add_argument("--examples", type=int, default=20, help="how many faults are printed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
