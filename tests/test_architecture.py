"""The walls of the house: what may import what, and what may not be imported at all."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import napari_pose3d

PACKAGE = Path(napari_pose3d.__file__).parent
CORE = PACKAGE / "core"

# Heavy or dangerous at start-up: seconds of import, or a second Qt (cv2).
HEAVY = ("cv2", "aniposelib", "jax", "numba", "av", "scipy.optimize")
SCREEN = ("napari", "qtpy", "magicgui", "PyQt6", "PySide6", "vispy", "superqt")

# A room may use the rooms before it in this list, itself, and rooms on its own line.
FLOORS = (
    {"errors", "settings", "user_folders"},
    {"poses", "files", "traces"},
    {"frame_tables"},
    {"alignments"},
    {"formats", "cameras", "video", "problems"},
    {"project", "checks", "video_metadata"},
    {"match_table"},
    {"matching", "project_alignments"},
    {"completeness"},
    {"stored_ensemble"},
    {"predictions", "smoothing", "quality"},
    {"results", "session", "inputs"},
    {"finding", "saved_results"},
    {"overview", "creating"},
    {"overview_text", "labels"},
    {"pipeline", "synthetic", "describe"},
    {"warm_up"},
    {"cli"},
)


def core_modules() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(CORE).with_suffix("").parts
    return parts[0]


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Every module that a file imports, at any depth, by its absolute name."""
    package = ("napari_pose3d", *path.relative_to(PACKAGE).parent.parts)
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            found.append((node.lineno, name))
            found += [(node.lineno, f"{name}.{alias.name}") for alias in node.names]
    return found


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
        "manager = PluginManager.instance()\n"
        "manager.discover()\n"
        "assert manager.get_manifest('napari-pose3d').contributions.widgets\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert run_python(code) == "[]"


def test_the_core_works_where_there_is_no_screen() -> None:
    modules = [
        ".".join(("napari_pose3d", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in core_modules()
    ]
    code = (
        "import sys, importlib\n"
        f"blocked = {SCREEN}\n"
        "class Wall:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in blocked:\n"
        "            raise ImportError(f'{name} is blocked')\n"
        "sys.meta_path.insert(0, Wall())\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name.removesuffix('.__init__'))\n"
        "from napari_pose3d.core.pipeline.warm_up import warm_up\n"
        "warm_up()\n"
        "print('works')"
    )
    assert run_python(code) == "works"


@pytest.mark.parametrize("path", core_modules(), ids=lambda p: str(p.relative_to(CORE)))
def test_imports_go_down_the_house(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    floor = next((i for i, rooms in enumerate(FLOORS) if room in rooms), None)
    assert floor is not None, f"give the room '{room}' a floor"
    allowed = set().union(*FLOORS[: floor + 1])
    for line, name in imports_of(path):
        assert name.split(".")[0] not in SCREEN, f"{path}:{line} imports {name}"
        assert not name.startswith("napari_pose3d.gui"), f"{path}:{line} imports {name}"
        if name.startswith("napari_pose3d.core."):
            used = name.split(".")[2]
            assert used in allowed, f"{path}:{line}: {room} must not use {used}"


def test_every_public_name_is_there_and_documented() -> None:
    for name in napari_pose3d.__all__:
        value = getattr(napari_pose3d, name)
        assert name == "__version__" or (value.__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = napari_pose3d.nonsense
    assert set(napari_pose3d.__all__) <= set(dir(napari_pose3d))
