"""The command line when it is used wrongly, interrupted, or cut off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from tests.support.projects.session_files import counted, lightning_project, put_predictions, touch

from napari_pose3d.cli import main

PYTHON = [sys.executable, "-m", "napari_pose3d.cli"]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["smoth", "x"], "smooth"),
        (["smooth", "x", "--calibraton", "a"], "--calibration"),
        (["smooth", "x", "--mode", "linaer"], "linear"),
        (["triangulate", "x", "--robst=3"], "--robust"),
        (["smooth", "x", "--without", "bursst"], "bursts"),
    ],
)
def test_typing_errors_get_a_suggestion_in_one_line(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert f"Did you mean {meant}?" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["smooth", "x", "--threads", "many"],
        ["smooth", "x", "--gibberish"],
        ["info"],
        [],
    ],
)
def test_other_errors_name_the_help_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "--help" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["smooth", "triangulate", "info"])
def test_no_traceback_for_what_lies_on_disk(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe_top.csv")
    (tmp_path / "loop_top.csv").symlink_to(tmp_path / "loop_top.csv")
    (tmp_path / "folder_top.csv").mkdir()
    touch(tmp_path / "deep" / "project.yaml", "a: " + "[" * 10_000)
    touch(tmp_path / "deep.toml", "a = " + "[" * 10_000)
    touch(tmp_path / "long_top.csv", "scorer," + "a," * 100_000)
    touch(tmp_path / "empty.mp4")
    touch(tmp_path / "cut.mp4", "ftyp")
    for path in [*sorted(tmp_path.iterdir()), tmp_path, Path("/dev/null"), Path("/dev/zero")]:
        assert main([command, str(path)]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_remedies_are_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lightning_project(tmp_path)
    assert main(["smooth", str(folder)]) == 2
    assert "Choose one: --session NAME." in capsys.readouterr().err
    (folder / "models" / "net0" / "video_preds" / "day1_top.csv").unlink()
    assert main(["smooth", str(folder), "--session", "day1"]) == 2
    assert "--allow-missing" in capsys.readouterr().err


def test_a_result_never_replaces_what_it_is_made_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for view in ("top", "side"):
        put_predictions(tmp_path / f"day1_{view}.csv", counted(50))
    before = (tmp_path / "day1_top.csv").read_bytes()
    arguments = ["smooth", str(tmp_path), "--mode", "single", "--out", str(tmp_path), "--force"]
    assert main(arguments) == 2
    assert "would replace a file that it is made from" in capsys.readouterr().err
    assert (tmp_path / "day1_top.csv").read_bytes() == before


def test_a_closed_pipe_is_the_end_and_no_error(tmp_path: Path) -> None:
    folder = lightning_project(tmp_path)
    with subprocess.Popen(
        [*PYTHON, "info", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


BUSY = """
    import contextlib, os, signal, sys, threading
    from napari_pose3d.cli.terminal.interruption import Interruption

    with Interruption() as interruption:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.{number})
            threading.Event().wait(5)
        while {condition}:
            try:
                threading.Event().wait(0.01)
            except KeyboardInterrupt:
                pass
    sys.exit(7)
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(("condition", "code"), [("True", 130), ("not interruption.asked()", 7)])
def test_work_that_does_not_listen_is_ended(number: str, condition: str, code: int) -> None:
    text = textwrap.dedent(BUSY.format(number=number, condition=condition))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert ("nothing was written" in done.stderr) == (code == 130)


BUSY_WHILE_WRITING = """
    import contextlib, os, signal, sys, threading
    from napari_pose3d.cli.terminal.interruption import Interruption
    from napari_pose3d.core.storage.atomic_files import FileGroup

    with Interruption(), contextlib.suppress(KeyboardInterrupt), FileGroup() as group:
        group.open({target!r}).write("half of it")
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
        threading.Event().wait()
"""


def test_begun_files_are_removed_also_behind_a_command_that_does_not_listen(
    tmp_path: Path,
) -> None:
    text = textwrap.dedent(BUSY_WHILE_WRITING.format(target=str(tmp_path / "new" / "file.txt")))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert not (tmp_path / "new" / "file.txt").exists()
    # By a process that outlives it.
    while list(tmp_path.iterdir()):
        time.sleep(0.02)


SLOW_TO_PUT_IN_PLACE = """
    import os, signal, sys, threading
    from napari_pose3d.cli.terminal.interruption import Interruption
    from napari_pose3d.core.storage import atomic_files

    forward = atomic_files.forward

    def slow(plan):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)
        except KeyboardInterrupt:
            threading.Event().wait(1)
        forward(plan)

    atomic_files.forward = slow
    with Interruption(), atomic_files.FileGroup() as group:
        for name in ("a", "b"):
            group.open(os.path.join({folder!r}, name)).write(name)
    sys.exit(7)
"""


def test_files_that_are_put_in_place_are_waited_for(tmp_path: Path) -> None:
    text = textwrap.dedent(SLOW_TO_PUT_IN_PLACE.format(folder=str(tmp_path)))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for view in ("top", "side"):
        xy = np.cumsum(rng.normal(0, 1, (20_000, 4, 2)), axis=0)
        put_predictions(tmp_path / f"day1_{view}.csv", xy)
    out = tmp_path / "out"
    command = [*PYTHON, "smooth", str(tmp_path), "--out", str(out)]
    # As a shell starts it: with this variable set, Python would not wait to fill its buffer.
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables
    ) as process:
        assert process.stdout is not None
        # The table of what was matched is printed before anything is computed.
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert not out.exists() or not list(out.iterdir())
