"""What benchmarks import exists: they are run by hand, and a rename shall not break them unseen."""

from __future__ import annotations

import ast
from importlib import import_module, util
from pathlib import Path

import pytest

from tests.support.paths import REPO

FOLDER = REPO / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_exists(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        if node.module.partition(".")[0] == "napari_pose3d":
            home = import_module(node.module)
            for alias in node.names:
                below = hasattr(home, "__path__") and util.find_spec(f"{node.module}.{alias.name}")
                found = hasattr(home, alias.name) or below
                assert found, f"line {node.lineno}: no {alias.name} in {node.module}"
        elif node.module.startswith("_") and node.module != "__future__":
            assert (FOLDER / f"{node.module}.py").is_file(), f"line {node.lineno}: {node.module}"


def test_run_all_names_every_benchmark_there_is() -> None:
    tree = ast.parse((FOLDER / "run_all.py").read_text(encoding="utf-8"))
    listed = {
        name
        for node in tree.body
        if isinstance(node, ast.Assign)
        if getattr(node.targets[0], "id", "") in ("BENCHMARKS", "PAINTED")
        for name in ast.literal_eval(node.value)
    }
    # These are run by hand: they do not compare, or they make data for tests.
    by_hand = {"stress.py", "make_eks_oracle.py", "make_litpose_oracle.py", "run_all.py"}
    there = {path.name for path in SCRIPTS if not path.name.startswith("_")}
    assert listed == there - by_hand
