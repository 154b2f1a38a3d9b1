"""Where ``litpose`` is: named by the user, on PATH, or in an environment in a usual place."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.input_files import input_errors, read_text
from napari_pose3d.core.storage.user_folders import user_data_folder
from napari_pose3d.errors import PoseDataError, Remedy

VARIABLE = "NAPARI_POSE3D_LITPOSE"
"""The environment variable that may name an environment or the executable."""

_REMEMBERED = "litpose.json"
_FOLDERS = ("bin", "Scripts")
_NAMES = ("litpose", "litpose.exe")
_PYTHONS = ("python3", "python", "python.exe")
# Folders below the home folder whose folders are environments.
_COLLECTIONS = (
    ("miniconda3/envs", "conda environment"),
    ("anaconda3/envs", "conda environment"),
    ("miniforge3/envs", "conda environment"),
    ("mambaforge/envs", "conda environment"),
    ("micromamba/envs", "conda environment"),
    (".conda/envs", "conda environment"),
    (".virtualenvs", "environment"),
    (".venvs", "environment"),
    ("venvs", "environment"),
    ("envs", "environment"),
    (".local/share/pipx/venvs", "pipx environment"),
    (".local/share/uv/tools", "uv tool"),
)
_SINGLE = ("litpose-env", "lightning-pose-env", "miniconda3", "anaconda3", "miniforge3")
# How pip begins a program whose interpreter's path has blanks or is long.
_SH_LINE = re.compile(r"""^'''exec' "?([^"]+?)"? "\$0" "\$@"$""", re.MULTILINE)


@dataclass(frozen=True)
class Installation:
    """A ``litpose`` that was found.

    Attributes
    ----------
    executable : Path
    python : Path or None
        The interpreter of its environment; None where it is unknown.
    place : str
        Where it was found, such as "conda environment lp".
    """

    executable: Path
    python: Path | None
    place: str


def find_installation(setting: str | os.PathLike[str] | None = None) -> Installation:
    """The ``litpose`` to use: the first of `find_installations`.

    Raises
    ------
    PoseDataError
        There is none, or what `setting` names holds none.
    """
    found = find_installations(setting)
    if not found:
        raise PoseDataError(
            "litpose, the program of Lightning Pose, was not found on PATH nor in an environment "
            "in a usual place",
            todo="Install it (napari-pose3d models doctor prints the commands), or name its "
            "environment",
            remedy=Remedy("litpose"),
        )
    return found[0]


def find_installations(
    setting: str | os.PathLike[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> tuple[Installation, ...]:
    """All ``litpose`` on this machine that are found, the one to be used first.

    Parameters
    ----------
    setting : path, optional
        An environment or the executable; only this one is looked at then. Not given: the
        environment variable ``NAPARI_POSE3D_LITPOSE``, then what was remembered.
    environment : mapping of str to str, optional
        Environment variables; not given: those of this process.
    home : Path, optional
        Not given: that of the user.

    Raises
    ------
    PoseDataError
        What `setting` or the variable names holds no ``litpose``.
    """
    variables = os.environ if environment is None else environment
    if setting is not None:
        return (_named(Path(setting), "as named"),)
    if variables.get(VARIABLE):
        return (_named(Path(variables[VARIABLE]), f"named by {VARIABLE}"),)
    found: dict[str, Installation] = {}
    remembered = remembered_place()
    places = [] if remembered is None else [(remembered, "remembered")]
    for path, place in (*places, *_candidates(variables, home or Path.home())):
        executable = executable_in(path)
        if executable is not None:
            key = os.path.realpath(executable)
            found.setdefault(key, Installation(executable, python_of(executable), place))
    return tuple(found.values())


def executable_in(path: Path) -> Path | None:
    """The ``litpose`` of an environment, or the path itself where it is one."""
    if path.is_file():
        return path.absolute() if path.name in _NAMES else None
    for folder in _FOLDERS:
        for name in _NAMES:
            candidate = path / folder / name
            if candidate.is_file():
                return candidate.absolute()
    return None


def python_of(executable: Path) -> Path | None:
    """The interpreter that runs an installed program; None where it is unknown."""
    with executable.open("rb") as stream:
        head = stream.read(4096).decode("utf-8", errors="replace")
    if head.startswith("#!"):
        first = head[2:].split("\n", 1)[0].strip()
        named = _SH_LINE.search(head)
        path = Path(named[1] if named else first)
        if path.name.startswith("python") and path.is_file():
            return path
    # Windows: conda has python.exe above Scripts.
    for folder in (executable.parent, executable.parent.parent):
        for name in _PYTHONS:
            if (folder / name).is_file():
                return folder / name
    return None


def remembered_place() -> Path | None:
    """The environment or executable that the user named before; None where there is none."""
    path = user_data_folder() / _REMEMBERED
    if not path.is_file():
        return None
    with input_errors(path):
        content = json.loads(read_text(path))
    place = content.get("litpose") if isinstance(content, dict) else None
    return Path(place) if isinstance(place, str) and place else None


def remember_place(path: str | os.PathLike[str] | None) -> None:
    """Remember an environment or executable for the next time; None forgets it.

    Raises
    ------
    PoseDataError
        It holds no ``litpose``, or the user's folder cannot be written.
    """
    content = {}
    if path is not None:
        content = {"litpose": str(_named(Path(path), "").executable)}
    with FileGroup(overwrite=True) as group:
        group.open(user_data_folder() / _REMEMBERED).write(json.dumps(content) + "\n")


def litpose_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables to run ``litpose`` with: without what belongs to our own Python."""
    variables = dict(os.environ if environment is None else environment)
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"):
        variables.pop(name, None)
    for name in [name for name in variables if name.startswith("QT_")]:
        del variables[name]
    # Written as it happens, so that a log can be followed.
    variables["PYTHONUNBUFFERED"] = "1"
    return variables


def _named(path: Path, place: str) -> Installation:
    path = path.expanduser()
    executable = executable_in(path)
    if executable is None:
        raise PoseDataError(
            "there is no litpose here",
            file=path,
            expected="an environment with bin/litpose (Scripts\\litpose.exe), or this program",
        )
    return Installation(executable, python_of(executable), place)


def _candidates(variables: Mapping[str, str], home: Path) -> Iterator[tuple[Path, str]]:
    on_path = shutil.which("litpose", path=variables.get("PATH", ""))
    if on_path:
        yield Path(on_path), "on PATH"
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if variables.get(name):
            yield Path(variables[name]), "active environment"
    if variables.get("CONDA_EXE"):
        root = Path(variables["CONDA_EXE"]).parent.parent
        yield from _environments_in(root / "envs", "conda environment")
    listed = home / ".conda" / "environments.txt"
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip():
                yield Path(line.strip()), f"conda environment {Path(line.strip()).name}"
    for folder, kind in _COLLECTIONS:
        yield from _environments_in(home / folder, kind)
    for folder in _SINGLE:
        yield home / folder, f"environment {folder}"


def _environments_in(folder: Path, kind: str) -> Iterator[tuple[Path, str]]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        # Not there, or not ours to look into.
        return
    for name in names:
        yield folder / name, f"{kind} {name}"
