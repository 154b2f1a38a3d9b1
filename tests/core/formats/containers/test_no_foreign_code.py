"""No file that a user opens can run a program: nothing in the package evaluates what it reads."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import napari_pose3d
from napari_pose3d.gui.contributions import prediction_reader, session_reader

PACKAGE = Path(napari_pose3d.__file__).parent
FORBIDDEN = {"eval", "exec", "compile", "unsafe_load", "full_load", "read_pickle"}
# One reads files and allows nothing but arrays; the others talk to processes that we started, and
# read nothing but the pipes to these.
UNPICKLERS = {"plain_pickle.py", "local_workers.py", "worker_process.py"}


def calls(path: Path) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def assigned(path: Path, name: str) -> str:
    """What a name stands for in a module, where it is given once; else the name itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == [name]
    ]
    return values[0] if len(values) == 1 else name


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_nothing_evaluates_what_it_reads(path: Path) -> None:
    for call in calls(path):
        name = ast.unparse(call.func)
        last = name.rpartition(".")[2]
        where = f"{path}:{call.lineno}"
        if name != "re.compile":
            assert name not in FORBIDDEN, where
            assert last not in FORBIDDEN - {"compile", "exec"}, where
        if name.startswith(("pickle.", "marshal.", "shelve.", "dill.", "joblib.")):
            assert path.name in UNPICKLERS, where
        if name in ("np.load", "numpy.load"):
            options = {each.arg: ast.unparse(each.value) for each in call.keywords}
            assert options.get("allow_pickle") == "False", where
        if name == "yaml.load" or last == "safe_load":
            # Even a safe one goes through aliases that multiply.
            assert path.name == "plain_yaml.py", where
            options = {each.arg: ast.unparse(each.value) for each in call.keywords}
            assert "Safe" in assigned(path, options.get("Loader", "")), where


def test_an_array_of_objects_is_not_opened_by_the_readers(tmp_path: Path) -> None:
    path = tmp_path / "run1_top.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert prediction_reader.get_reader(str(path)) is None
    assert session_reader.get_reader(str(tmp_path)) is None
