"""The documentation: its code runs, its links lead somewhere, and it uses the field's words."""

from __future__ import annotations

import argparse
import glob
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pandas as pd
import pytest

import napari_pose3d
from napari_pose3d.cli import _parser, main
from napari_pose3d.core.formats.projects.toml_edit import edited_toml
from napari_pose3d.core.projects.project_toml import read_own_project
from napari_pose3d.synthetic import sample
from tests.support.documents.doc_blocks import PAGES, Block, blocks_of
from tests.support.documents.doc_images import IMAGES, scripts_of
from tests.support.documents.doc_scenes import SCENES, SMALL_SAMPLE, put_example
from tests.support.paths import REPO
from tests.support.projects.session_files import touch

RUN = {"python", "sh", "toml"}
SHOWN = {"json", "text"}
# Of litpose, dask and our benchmarks.
OF_OTHERS = {"--bbox_dir", "--reader", "--runtime", "--memory-limit", "--review", "--write"}
# What only the site understands: `make docs`.
SITE = {"{toctree}", "{eval-rst}"}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages call my_project, recording, calibration.toml and session_top.mp4."""
    folder = tmp_path_factory.mktemp("docs")
    put_example(folder)
    return folder


def run_shell(block: Block) -> None:
    """Our own commands only: anything else needs a mark that it is not run."""
    for line in block.lines:
        program, *arguments = shlex.split(line, comments=True) or [""]
        if not program:
            continue
        assert program == "napari-pose3d", f"mark the block as not run: {line}"
        given = [each for word in arguments for each in (sorted(glob.glob(word)) or [word])]
        assert main(given) == 0, line


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from parsers(each)


def run_toml(text: str) -> None:
    """All examples of TOML are parts of a project's ``project.toml``."""
    path = Path("my_project/napari-pose3d/project.toml")
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    touch(path, edited_toml(old, tomllib.loads(old) | tomllib.loads(text)))
    found = read_own_project("my_project")
    assert found.skeleton or found.animals


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs(page: Path, example: Path, tmp_path: Path, monkeypatch) -> None:
    home = shutil.copytree(example, tmp_path / "work")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # The sample that everybody gets takes a minute; `test_the_tutorial_runs_on_the_sample`.
    monkeypatch.setattr(sample, "SampleRecipe", lambda: SMALL_SAMPLE)
    names: dict[str, object] = {}
    for block in blocks_of(page):
        if not block.is_run:
            continue
        folder = tmp_path / block.scene if block.scene else home
        if not folder.exists():
            folder.mkdir()
            names |= SCENES[block.scene](folder)
        monkeypatch.chdir(folder)
        run_block(block, names)


def run_block(block: Block, names: dict[str, object]) -> None:
    """Run a block of any language in the working directory."""
    if block.language == "python":
        # One page is one program: later blocks go on with the names of the ones before.
        exec(compiled(block), names)
    elif block.language == "sh":
        run_shell(block)
    elif block.language == "toml":
        run_toml(block.text)
    else:
        place = f"{block.page.name}, line {block.line}"
        assert block.language in SHOWN | SITE, f"{place}: name the language of the block"


def compiled(block: Block) -> CodeType:
    """Its errors name the line of the page."""
    return compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_not_run_is_understood(page: Path) -> None:
    for block in blocks_of(page):
        if block.run_by:
            assert page.name in (REPO / block.run_by).read_text(encoding="utf-8")
        if block.is_run and block.language != "text":
            continue
        if block.language == "python":
            compiled(block)
        for line in block.lines:
            words = line.split(" ", 1)[0]
            if words in PROGRAMS:
                PROGRAMS[words](shlex.split(line, comments=True)[1:])


def check_make(targets: list[str]) -> None:
    """Each is one of our Makefile's."""
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    for each in targets:
        assert re.search(rf"^{each}:", makefile, flags=re.M), each


def check_pip(arguments: list[str]) -> None:
    """Each extra of ours is one of those that can be had."""
    extras = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    for names in re.findall(r"\[([\w,]+)\]", " ".join(arguments)):
        assert set(names.split(",")) <= set(extras["optional-dependencies"]), names


PROGRAMS = {
    "napari-pose3d": lambda arguments: _parser().parse_args(arguments),
    "make": check_make,
    "pip": check_pip,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_make_and_pip_in_the_text(page: Path) -> None:
    for command in re.findall(r"`((?:make|pip) [^`]+)`", prose(page)):
        program, *arguments = shlex.split(command)
        PROGRAMS[program]([each for each in arguments if "=" not in each])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_named_in_the_text_exist(page: Path) -> None:
    known = {name for each in parsers(_parser()) for name in each._option_string_actions}
    named = re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(re.findall(r"`[^`]+`", prose(page))))
    assert set(named) - known - OF_OTHERS == set()


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Those of a parser; none where it has no more."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    return {name: each for group in groups for name, each in group.choices.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_named_in_the_text_exist(page: Path) -> None:
    for words in re.findall(r"`napari-pose3d ([^`]+)`", page.read_text(encoding="utf-8")):
        first, *rest = words.split()
        below = commands(commands(_parser())[first])
        if below and rest and rest[0] != "...":
            assert set(rest[0].split("|")) <= set(below), words


def test_the_page_of_the_command_line_names_all_commands() -> None:
    page = (REPO / "docs" / "command-line.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.M)[1:]
    for name, parser in commands(_parser()).items():
        [section] = [
            each for each in sections if re.search(rf"`.*\b{name}\b.*`", each.splitlines()[0])
        ]
        assert {
            each for each in commands(parser) if not re.search(rf"\b{each}\b", section)
        } == set()


@pytest.mark.slow
def test_the_tutorial_runs_on_the_sample(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks_of(REPO / "docs" / "tutorial.md"):
        if block.language == "sh":
            run_shell(block)
        else:
            exec(compiled(block), names)
    assert (tmp_path / "found" / "report.html").exists()
    table = pd.read_csv(tmp_path / "exported" / "walk.csv")
    xyz = names["result"].poses3d.xyz  # type: ignore[attr-defined]
    assert len(table) == xyz.shape[0] * xyz.shape[1]


def test_every_public_name_is_in_the_reference() -> None:
    listed = re.findall(r"napari_pose3d\.(\w+)", (REPO / "docs" / "api.md").read_text())
    assert sorted(listed) == sorted(set(napari_pose3d.__all__) - {"__version__"})


def test_every_page_is_in_the_site() -> None:
    index = (REPO / "docs" / "index.md").read_text()
    listed = re.findall(r"^[\w-]+$", "\n".join(index.split("```{toctree}")[1:]), flags=re.M)
    assert sorted({*listed, "index"}) == sorted(p.stem for p in (REPO / "docs").glob("*.md"))


def test_blocks_are_found() -> None:
    found: list[Block] = [block for page in PAGES for block in blocks_of(page)]
    assert sum(page.read_text().count("\n```") for page in PAGES) == 2 * len(found)
    assert {"python", "sh", "toml"} <= {block.language for block in found if block.is_run}


@pytest.mark.parametrize("path", sorted(IMAGES.glob("*")), ids=lambda path: path.stem)
def test_an_image_is_shown_and_made_by_a_script(path: Path) -> None:
    assert any(f"images/{path.name})" in page.read_text(encoding="utf-8") for page in PAGES)
    scripts, name = scripts_of(path.stem)
    assert any(f'"{name}"' in each.read_text(encoding="utf-8") for each in scripts)


def slug(heading: str) -> str:
    """GitHub's name of a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def headings(page: Path) -> set[str]:
    return {slug(each) for each in re.findall(r"^#+ (.*)$", prose(page), flags=re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in headings(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_named_in_the_text_exist(page: Path) -> None:
    for name in re.findall(r"`((?:benchmarks|tests|docs)/[\w/.-]+)`", prose(page)):
        assert (REPO / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_words_of_the_field(page: Path) -> None:
    others = [
        "films?",
        "filmed",
        "pictures?",
        "believed?",
        "honest",
        "lone",
        "nobody",
        "told",
        "said",
    ]
    pattern = rf"\b({'|'.join([*others, 'put right', 'nothing is lost'])})\b"
    assert re.findall(pattern, prose(page), flags=re.I) == []
