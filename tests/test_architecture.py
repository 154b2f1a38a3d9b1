"""The walls of the house: what may import what, and what may not be imported at all."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import napari_pose3d

PACKAGE = Path(napari_pose3d.__file__).parent
NAME = "napari_pose3d"

# Heavy or dangerous at start-up: seconds of import, or a second Qt (cv2).
HEAVY = ("cv2", "aniposelib", "jax", "numba", "av", "scipy")
SCREEN = ("napari", "qtpy", "magicgui", "PyQt6", "PySide6", "vispy", "superqt", "pyqtgraph")

# A room may use itself, and the rooms on its own line and on the lines before it.
CORE_FLOORS = (
    {"poses", "storage"},
    {"formats", "cameras", "video"},
    {"projects", "smoothing", "calibration"},
    {"labels", "pipeline", "review"},
    {"models"},
)
GUI_FLOORS = (
    {"qt"},
    {"workspace", "layers"},
    {"session"},
    {"camera_views", "traces"},
    {"tasks"},
    {"contributions"},
    {"demo"},
)
# What works where there is no screen: on a cluster, in a notebook.
NO_SCREEN = ("core", "cli", "synthetic")
MOST_SIBLINGS = 12
MOST_LINES = 500

# What napari keeps to itself or does not document.
PRIVATE_NAPARI = re.compile(
    r"\bnapari(\.\w+)*\._\w|\._qt_window\b|\._qt_viewer\b|\._vispy\w*|\bcanvas\.native\b"
)
PRIVATE_NAPARI_AT = "gui/qt/napari_private.py"


@cache
def modules() -> Mapping[str, Path]:
    """All modules of the package by their full names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = (NAME, *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, at any depth, by its full name."""
    package = (NAME, *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            start = ".".join(part for part in (base, node.module or "") if part)
            for alias in node.names:
                full = f"{start}.{alias.name}"
                yield node.lineno, full if full in modules() else start


@cache
def import_graph() -> Mapping[str, Mapping[str, int]]:
    """Which module imports which others of ours, and in which line."""
    return {
        name: {used: line for line, used in imports_of(path) if used in modules() and used != name}
        for name, path in modules().items()
    }


def circles(graph: Mapping[str, Mapping[str, int]]) -> list[list[str]]:
    """Groups of modules that reach one another."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            for used in graph[waiting.pop()]:
                if used not in found:
                    found.add(used)
                    waiting.append(used)
        reached[start] = found
    groups = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return sorted(list(group) for group in groups)


def half_and_room(module: str) -> tuple[str, str]:
    """``("core", "video")`` of a module in that room; the half is "" for the package itself."""
    parts = (*module.split(".")[1:], "", "")
    return parts[0], parts[1]


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, napari_pose3d, napari_pose3d.cli\n"
        f"print([name for name in {HEAVY + SCREEN} if name in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_discovering_the_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from npe2 import PluginManager\n"
        "before = set(sys.modules)\n"
        "manager = PluginManager.instance()\n"
        "manager.discover()\n"
        "assert manager.get_manifest('napari-pose3d').contributions.widgets\n"
        f"print([name for name in {HEAVY} if name in set(sys.modules) - before])"
    )
    assert run_python(code) == "[]"


def test_the_core_works_where_there_is_no_screen() -> None:
    core = [name for name in modules() if half_and_room(name)[0] in NO_SCREEN]
    code = (
        "import sys, importlib\n"
        f"blocked = {SCREEN}\n"
        "class Wall:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in blocked:\n"
        "            raise ImportError(f'{name} is blocked')\n"
        "sys.meta_path.insert(0, Wall())\n"
        f"for name in {[name for name in core if not name.endswith('__main__')]}:\n"
        "    importlib.import_module(name)\n"
        "from napari_pose3d.core.pipeline.warm_up import warm_up\n"
        "warm_up()\n"
        "print('works')"
    )
    assert run_python(code) == "works"


def test_core_and_command_line_know_no_screen() -> None:
    faults = [
        f"{path.relative_to(PACKAGE)}:{line} imports {used}"
        for name, path in modules().items()
        if half_and_room(name)[0] in NO_SCREEN
        for line, used in imports_of(path)
        if used.split(".")[0] in SCREEN
    ]
    assert faults == []


def test_the_core_knows_nothing_that_is_built_on_it() -> None:
    above = {"core": ("gui", "cli", "synthetic"), "synthetic": ("gui", "cli")}
    faults = [
        f"{name}:{line} imports {used}"
        for name, used_here in import_graph().items()
        for used, line in used_here.items()
        if half_and_room(used)[0] in above.get(half_and_room(name)[0], ())
    ]
    assert faults == []


@pytest.mark.parametrize(("half", "floors"), [("core", CORE_FLOORS), ("gui", GUI_FLOORS)])
def test_imports_go_down_the_house(half: str, floors: tuple[set[str], ...]) -> None:
    floor_of = {room: floor for floor, rooms in enumerate(floors) for room in rooms}
    rooms = {half_and_room(name)[1] for name in modules() if half_and_room(name)[0] == half}
    assert rooms - {""} == set(floor_of), "the floors name the rooms that there are"
    faults = [
        f"{name}:{line} imports {used}"
        for name, used_here in import_graph().items()
        for used, line in used_here.items()
        if half_and_room(name)[0] == half_and_room(used)[0] == half
        and half_and_room(name)[1]
        and half_and_room(used)[1]
        and floor_of[half_and_room(used)[1]] > floor_of[half_and_room(name)[1]]
    ]
    assert faults == []


def test_no_task_knows_another() -> None:
    start = f"{NAME}.gui.tasks."
    tasks = {name: name.removeprefix(start).split(".")[0] for name in modules() if start in name}
    faults = [
        f"{name}:{line} imports {used}"
        for name, used_here in import_graph().items()
        for used, line in used_here.items()
        if name in tasks and used in tasks and tasks[name] != tasks[used]
    ]
    assert len(set(tasks.values())) > 3
    assert faults == []


def test_no_modules_import_each_other() -> None:
    assert circles(import_graph()) == []


def test_circles_are_found() -> None:
    graph: dict[str, dict[str, int]] = {"a": {"b": 1}, "b": {"c": 1}, "c": {"b": 1}, "d": {"d": 1}}
    assert circles(graph) == [["b", "c"], ["d"]]


def test_private_napari_stands_in_one_file() -> None:
    faults = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in modules().values()
        if path.relative_to(PACKAGE).as_posix() != PRIVATE_NAPARI_AT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if PRIVATE_NAPARI.search(line)
    ]
    assert faults == []


def test_no_folder_is_crowded_and_no_file_is_long() -> None:
    faults = []
    for folder in {path.parent for path in modules().values()}:
        inside = [
            each.name
            for each in folder.iterdir()
            if (each.suffix == ".py" and not each.name.startswith("_"))
            or (each.is_dir() and not each.name.startswith("_"))
        ]
        if len(inside) > MOST_SIBLINGS:
            faults.append(f"{folder.relative_to(PACKAGE)} holds {len(inside)}")
    for path in modules().values():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            faults.append(f"{path.relative_to(PACKAGE)} has {lines} lines")
    assert faults == []


def test_every_public_name_is_there_and_documented() -> None:
    for name in napari_pose3d.__all__:
        value = getattr(napari_pose3d, name)
        assert name == "__version__" or (value.__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = napari_pose3d.nonsense
    assert set(napari_pose3d.__all__) <= set(dir(napari_pose3d))
