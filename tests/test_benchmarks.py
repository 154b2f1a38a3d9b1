"""What benchmarks import exists: they are run by hand, and a rename shall not break them unseen."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from tests.support.paths import REPO

FOLDER = REPO / "benchmarks"
MODULES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts): path
    for path in sorted(FOLDER.rglob("*.py"))
}
OURS = ("napari_pose3d", "benchmarks", "tests")
MOST_SIBLINGS = 12


def imported(path: Path) -> list[tuple[int, str, list[str]]]:
    """Line, module and names of what a benchmark imports of ours."""
    package = ["benchmarks", *path.relative_to(FOLDER).parent.parts]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module.partition(".")[0] in OURS:
                found.append((node.lineno, module, [alias.name for alias in node.names]))
    return found


def names_in(module: str) -> set[str]:
    """What a module defines; that of a benchmark is not run, which may need another program."""
    path = FOLDER.parent.joinpath(*module.split("."))
    if module.partition(".")[0] != "benchmarks":
        home = import_module(module)
        below = iter_modules(home.__path__) if hasattr(home, "__path__") else ()
        return {*dir(home), *(each.name for each in below)}
    inside = {each.stem for each in path.glob("*.py")} if path.is_dir() else set()
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inside.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = (each for target in targets for each in ast.walk(target))
            inside |= {each.id for each in named if isinstance(each, ast.Name)}
    return inside


@pytest.mark.parametrize("name", MODULES)
def test_what_a_benchmark_imports_exists(name: str) -> None:
    for line, module, names in imported(MODULES[name]):
        assert set(names) - names_in(module) == set(), f"line {line}: not in {module}"


def test_all_benchmarks_are_run_together() -> None:
    tree = ast.parse(MODULES["__main__"].read_text(encoding="utf-8"))
    listed = {
        name
        for node in tree.body
        if isinstance(node, ast.Assign)
        if getattr(node.targets[0], "id", "") in ("BENCHMARKS", "PAINTED")
        for name in ast.literal_eval(node.value)
    }
    # These are run by hand: they make data for tests, or have a make target of their own.
    by_hand = ("oracles.", "stress.")
    there = {
        name
        for name, path in MODULES.items()
        if path.stem != "__main__" and not name.startswith(by_hand)
        if "goal(" in (text := path.read_text(encoding="utf-8")) or "begin(" in text
        if not name.startswith("support.")
    }
    assert listed == there


def test_no_folder_of_benchmarks_is_crowded() -> None:
    folders = {FOLDER, *(path.parent for path in MODULES.values())}
    for folder in folders:
        names = {path.name for path in folder.iterdir() if path.name != "__pycache__"}
        assert len(names) <= MOST_SIBLINGS, folder
