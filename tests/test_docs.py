"""The documentation: its code runs, its links lead somewhere, and it uses the field's words."""

from __future__ import annotations

import argparse
import glob
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.doc_blocks import PAGES, Block, blocks_of
from tests.support.paths import REPO
from tests.support.scenes import arc_rig
from tests.support.session_files import put_predictions, touch, video

import napari_pose3d
from napari_pose3d import save_rig
from napari_pose3d.cli import _parser, main
from napari_pose3d.core.projects.project_toml import read_own_project

VIEWS = ("top", "side", "front")
KEYPOINTS = ("nose", "neck", "tail")
N_FRAMES, SIZE = 40, (128, 96)
RUN = {"python", "sh", "toml"}
SHOWN = {"json", "text"}
# Of litpose, dask and our benchmarks.
OF_OTHERS = {"--bbox_dir", "--reader", "--runtime", "--memory-limit", "--review", "--write"}
# What only the site understands: `make docs`.
SITE = {"{toctree}", "{eval-rst}"}


def put_recording(folder: Path, session: str, *, rng: np.random.Generator) -> None:
    """Predictions of two networks in three views, of three points on a curve."""
    rig = arc_rig(VIEWS, size=SIZE, focal=100.0)
    t = np.arange(N_FRAMES) / 8
    curve = np.stack([np.sin(t), np.cos(t), 0.2 * np.sin(2 * t)], axis=-1)
    xyz = curve[:, None] + np.array([[1.0, 0, 0], [0, 0, 0], [-1.0, 0.3, 0]])
    for view, xy in zip(VIEWS, rig.project(xyz), strict=True):
        for i in range(2):
            noisy = xy + rng.normal(0, 0.5, xy.shape)
            put_predictions(
                folder / f"net{i}" / "video_preds" / f"{session}_{view}.csv", noisy, KEYPOINTS
            )


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages call my_project, recording, calibration.toml and session_top.mp4."""
    folder = tmp_path_factory.mktemp("docs")
    project = folder / "my_project"
    touch(
        project / "project.yaml",
        f"view_names: [{', '.join(VIEWS)}]\nkeypoint_names: [{', '.join(KEYPOINTS)}]\n",
    )
    rig = arc_rig(VIEWS, size=SIZE, focal=100.0)
    rng = np.random.default_rng(0)
    for session in ("mouse1", "mouse2"):
        put_recording(project / "models", session, rng=rng)
        for view in VIEWS:
            video(project / "videos" / f"{session}_{view}.mp4")
    save_rig(rig, project / "calibration.toml")
    save_rig(rig, folder / "calibration.toml")
    put_recording(folder / "recording" / "models", "walk", rng=rng)
    video(folder / "session_top.mp4")
    for month, session in (("new_videos", "mouse8"), ("more_videos", "mouse9")):
        for view in VIEWS:
            video(folder / month / f"{session}_{view}.mp4")
    return folder


def run_shell(text: str) -> None:
    """Our own commands only: anything else needs a mark that it is not run."""
    for line in text.splitlines():
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
    """All examples of TOML are ``project.toml`` files."""
    touch(Path("written/napari-pose3d/project.toml"), text)
    found = read_own_project("written")
    assert found.skeleton or found.animals


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_runs(page: Path, example: Path, tmp_path: Path, monkeypatch) -> None:
    import shutil

    home = shutil.copytree(example, tmp_path / "work")
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names: dict[str, object] = {}
    for block in blocks_of(page):
        if block.reason:
            continue
        place = f"{page.name}, line {block.line}"
        if block.language == "python":
            # One page is one program: later blocks go on with the names of the ones before.
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
        elif block.language == "sh":
            run_shell(block.text)
        elif block.language == "toml":
            run_toml(block.text)
        else:
            assert block.language in SHOWN | SITE, f"{place}: name the language of the block"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_that_are_not_run_are_understood(page: Path) -> None:
    for block in blocks_of(page):
        if block.reason and block.language == "sh":
            for line in block.text.replace("\\\n", " ").splitlines():
                program, *arguments = shlex.split(line, comments=True) or [""]
                if program == "napari-pose3d":
                    _parser().parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_named_in_the_text_exist(page: Path) -> None:
    known = {name for each in parsers(_parser()) for name in each._option_string_actions}
    named = re.findall(r"(?<![\w-])--[a-z][\w-]*", " ".join(re.findall(r"`[^`]+`", prose(page))))
    assert set(named) - known - OF_OTHERS == set()


@pytest.mark.slow
def test_the_tutorial_runs_on_the_sample(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks_of(REPO / "docs" / "tutorial.md"):
        if block.language == "sh":
            run_shell(block.text)
        else:
            exec(compile(block.text, block.page.name, "exec"), names)
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
    assert {"python", "sh", "toml"} <= {block.language for block in found if not block.reason}


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
