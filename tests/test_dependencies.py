"""What is imported is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.paths import REPO

PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {"napari_pose3d", "tests"}
# Programs and plugins of others that no module of ours imports.
TOOLS = {"build", "mypy", "ruff", "pytest-qt", "pytest-xdist", "pytest-xvfb"}


def normal(name: str) -> str:
    """A distribution's name as pip compares it, without extras, version and markers."""
    bare = re.match(r"[A-Za-z0-9._-]+", name)
    assert bare, name
    return re.sub(r"[-_.]+", "-", bare.group()).lower()


@cache
def imported(folder: Path) -> dict[str, list[str]]:
    """Top-level modules of others that the files below a folder import, at any depth, and where."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str | None] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            elif isinstance(node, ast.Call) and _is_import_call(node):
                names = [node.args[0].value]  # type: ignore[attr-defined]
            for name in names:
                top = str(name).partition(".")[0]
                if top and top not in sys.stdlib_module_names and top not in OURS:
                    found.setdefault(top, []).append(f"{path.relative_to(REPO)}:{node.lineno}")
    return found


def _is_import_call(node: ast.Call) -> bool:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    first = node.args[0] if node.args else None
    literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return (
        name in ("import_module", "importorskip", "library")
        and literal
        and not first.value.startswith(".")
    )


@cache
def owners_of_modules() -> Mapping[str, list[str]]:
    return packages_distributions()


def undeclared(modules: dict[str, list[str]], declared: set[str]) -> dict[str, list[str]]:
    owners = owners_of_modules()
    return {
        module: places
        for module, places in modules.items()
        if not declared & {normal(owner) for owner in owners.get(module, [module])}
    }


@pytest.fixture(scope="module")
def runtime() -> set[str]:
    return {normal(name) for name in PROJECT["dependencies"]}


def test_the_package_imports_only_what_it_declares(runtime: set[str]) -> None:
    optional = {
        normal(name)
        for extra, names in EXTRAS.items()
        if extra not in ("all", "dev")
        for name in names
    }
    assert undeclared(imported(REPO / "src"), runtime | optional) == {}


def test_tests_import_only_what_is_declared_for_development(runtime: set[str]) -> None:
    development = {normal(name) for extra in EXTRAS.values() for name in extra}
    # What napari brings along.
    brought = {"app-model", "imageio", "npe2", "vispy"}
    found = undeclared(imported(REPO / "tests"), runtime | development | brought)
    # Run by the Python of an environment that has other programs' readers.
    elsewhere = "tests/support/peer_readers.py"
    assert {
        module: places
        for module, places in found.items()
        if not all(place.startswith(elsewhere) for place in places)
    } == {}


def test_nothing_is_declared_in_vain(runtime: set[str]) -> None:
    owners = owners_of_modules()
    code = imported(REPO / "src")
    used = {normal(owner) for module in code for owner in owners.get(module, [module])}
    assert runtime - used == set()
    both = code | imported(REPO / "tests")
    used = {normal(owner) for module in both for owner in owners.get(module, [module])}
    development = {normal(name) for name in EXTRAS["dev"]}
    stubs = {name for name in development if name.startswith("types-") or name.endswith("-stubs")}
    assert development - used - stubs - TOOLS == set()
