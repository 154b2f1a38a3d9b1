"""The process that trains one network after the other, or some at a time, without napari.

Notes
-----
It belongs to no terminal and to no window, so that trainings go on when those are closed. What it
knows it writes into the records of the networks' folders.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_pose3d.core.storage.input_files import input_errors, read_text

from ..installation.litpose_search import litpose_variables
from .model_folder import ERROR_LOG, OUT_LOG
from .process_identity import ProcessIdentity
from .training_record import ASKED_CONFIG, STOP_FILE, update_record

_PAUSE = 0.2
_CARDS = "CUDA_VISIBLE_DEVICES"


def train_command(litpose: str, folder: Path) -> list[str]:
    """How a network is trained: a whole configuration, and no overrides."""
    config = folder / ASKED_CONFIG
    return [litpose, "train", str(config), "--output_dir", str(folder)]


def work(queue_file: Path) -> None:
    """Train all networks of a queue.

    Parameters
    ----------
    queue_file : Path
        JSON: ``litpose``, ``at_once``, ``gpus``, and ``folders`` in the order in which they are
        trained. With several GPUs each network gets the one on which the fewest are trained.

    Raises
    ------
    PoseDataError
        The file or a record is damaged.
    """
    with input_errors(queue_file, KeyError, TypeError):
        content = json.loads(read_text(queue_file))
        waiting = deque(Path(folder) for folder in content["folders"])
        litpose, at_once = str(content["litpose"]), int(content["at_once"])
        cards = gpu_names(int(content.get("gpus", 0)), os.environ)
    own = ProcessIdentity.of(os.getpid())
    for folder in waiting:
        update_record(folder, queue=own)
    running: dict[Path, subprocess.Popen[bytes]] = {}
    places: dict[Path, str] = {}
    while waiting or running:
        while waiting and len(running) < at_once * max(1, len(cards)):
            folder = waiting.popleft()
            if (folder / STOP_FILE).exists():
                continue
            used = Counter(places[each] for each in running)
            places[folder] = min(cards, key=lambda card: used[card], default="")
            _start(litpose, folder, running, places[folder] if len(cards) > 1 else "")
        time.sleep(_PAUSE)
        for folder, process in list(running.items()):
            code = process.poll()
            if code is not None:
                update_record(folder, ended=time.time(), exit_code=code)
                del running[folder]


def gpu_names(n_gpus: int, variables: Mapping[str, str]) -> tuple[str, ...]:
    """What ``CUDA_VISIBLE_DEVICES`` calls each of the cards that are there for us."""
    given = [name for name in variables.get(_CARDS, "").split(",") if name.strip()]
    return tuple(given or map(str, range(n_gpus)))[:n_gpus]


def _start(
    litpose: str, folder: Path, running: dict[Path, subprocess.Popen[bytes]], card: str
) -> None:
    with (folder / OUT_LOG).open("ab") as out, (folder / ERROR_LOG).open("ab") as error:
        try:
            process = subprocess.Popen(
                train_command(litpose, folder),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                env=litpose_variables() | ({_CARDS: card} if card else {}),
                # It renames folders called outputs/<date> where it works.
                cwd=folder,
                start_new_session=True,
            )
        except OSError as problem:
            error.write(f"OSError: {litpose} cannot be run: {problem}\n".encode())
            # Who sees that it has ended finds out why.
            error.flush()
            update_record(folder, started=time.time(), ended=time.time())
            return
    running[folder] = process
    update_record(folder, process=ProcessIdentity.of(process.pid), started=time.time())


def main(arguments: Sequence[str]) -> int:
    """What the process runs."""
    # A shell starts what is in its background with SIGINT ignored, and litpose would inherit that:
    # it could not be stopped.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    work(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
