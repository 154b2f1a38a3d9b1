"""Processes of a benchmark's own: modules of the benchmarks run with this Python or a peer's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def module_command(module: str, *options: object, python: str | Path = sys.executable) -> list[str]:
    """The command line that runs a module of the benchmarks, whatever the current folder is.

    Parameters
    ----------
    module : str
        Its full name; a benchmark's own is ``__spec__.name``.
    options : object
        Its command line, as texts.
    python : path
        A peer's, where it is not ours: then the module imports nothing that this one lacks.
    """
    start = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); "
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [str(python), "-c", start, *map(str, options)]


def describe_end(process: subprocess.CompletedProcess[str]) -> str:
    """Why a child process failed, in its own last words."""
    lines = [line for line in process.stderr.splitlines() if line.strip()]
    return f"exit code {process.returncode}: {lines[-1] if lines else 'no message'}"


def on_a_display(module: str, *options: str) -> bool:
    """Run a benchmark's painted part in a process of its own, under Xvfb where there is no display.

    Parameters
    ----------
    module : str
        The benchmark's ``__spec__.name``.
    options : str
        Its command line then.

    Returns
    -------
    bool
        Whether it ran to its end.
    """
    command = module_command(module, *options)
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not has_display and sys.platform not in ("win32", "darwin"):
        xvfb = shutil.which("xvfb-run")
        if xvfb is None:
            print("\nWith painting: skipped, there is no display and no xvfb-run.")
            return False
        command = [xvfb, "-a", "-s", "-screen 0 1600x1000x24", *command]
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    print(ended.stdout, end="", flush=True)
    if ended.returncode:
        print(f"\nWith painting: not finished, {describe_end(ended)}")
    return ended.returncode == 0
