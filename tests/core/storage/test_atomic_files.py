"""Files that belong together appear together or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.errors import PoseDataError


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


def test_files_appear_only_when_all_are_complete(tmp_path: Path) -> None:
    with FileGroup() as group:
        group.open(tmp_path / "a.csv").write("a")
        draft = group.path(tmp_path / "b.toml")
        draft.write_text("b")
        assert draft.suffix == ".toml"
        assert not (tmp_path / "a.csv").exists()
        assert not (tmp_path / "b.toml").exists()
    assert contents(tmp_path) == {"a.csv": "a", "b.toml": "b"}


@pytest.mark.parametrize("reason", [KeyboardInterrupt, RuntimeError])
def test_interruption_leaves_nothing_behind(tmp_path: Path, reason: type[BaseException]) -> None:
    (tmp_path / "a.csv").write_text("old")

    def work() -> None:
        with FileGroup(overwrite=True) as group:
            group.open(tmp_path / "a.csv").write("new")
            group.open(tmp_path / "new" / "deep" / "b.csv").write("half")
            raise reason

    with pytest.raises(reason):
        work()
    assert contents(tmp_path) == {"a.csv": "old"}


@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("after", [False, True])
def test_interruption_while_renaming_puts_the_old_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int, after: bool
) -> None:
    names = ["a.csv", "b.csv", "c.csv"]
    (tmp_path / "a.csv").write_text("old a")
    (tmp_path / "c.csv").write_text("old c")
    before = contents(tmp_path)
    calls = 0
    replace = os.replace

    def interrupted(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls != failing:
            replace(source, target)
            return
        if after:
            replace(source, target)
        raise KeyboardInterrupt

    def work() -> None:
        with FileGroup(overwrite=True) as group:
            for name in names:
                group.open(tmp_path / name).write("new")
            monkeypatch.setattr(os, "replace", interrupted)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert contents(tmp_path) == before


def test_existing_files_are_replaced_only_on_request(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    target.chmod(0o640)
    with pytest.raises(PoseDataError, match=r"a\.csv.*allow replacing"), FileGroup() as group:
        group.open(target)
    assert contents(tmp_path) == {"a.csv": "old"}
    with FileGroup(overwrite=True) as group:
        group.open(target).write("new")
    assert contents(tmp_path) == {"a.csv": "new"}
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def work() -> None:
        with FileGroup() as group:
            group.open(tmp_path / "a.csv").write("ours")
            group.open(tmp_path / "b.csv").write("ours")
            (tmp_path / "b.csv").write_text("theirs")

    with pytest.raises(PoseDataError, match=r"b\.csv"):
        work()
    assert contents(tmp_path) == {"b.csv": "theirs"}


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    with FileGroup(overwrite=True) as group:
        group.open(tmp_path / "link.csv").write("new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(PoseDataError, match=r"cannot be written"), FileGroup() as group:
        group.open(tmp_path / "file" / "a.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PoseDataError, match=r"folder"), FileGroup(overwrite=True) as group:
        group.open(tmp_path / "folder")


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("not supported")

    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr(os, "link", no_links)
    with FileGroup(overwrite=True) as group:
        group.open(tmp_path / "a.csv").write("new")
    assert contents(tmp_path) == {"a.csv": "new"}


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "null.csv").symlink_to("/dev/null")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    for name in ("pipe.csv", "null.csv", "circle.csv"):
        with pytest.raises(PoseDataError, match="only files are replaced"):
            FileGroup(overwrite=True).path(tmp_path / name)
        with pytest.raises(PoseDataError, match="only files are replaced"):
            FileGroup(overwrite=True).remove(tmp_path / name)
    assert not Path("/dev/null").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["circle.csv", "null.csv", "pipe.csv"]


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")
def test_nothing_is_written_outside_of_a_folder(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (home / "mine.csv").write_text("mine")
    (project / "a.csv").symlink_to(home / "mine.csv")
    (project / "folder").symlink_to(home)
    for name in ("a.csv", "folder/b.csv", "../home/c.csv"):
        with pytest.raises(PoseDataError, match="outside"):
            FileGroup(overwrite=True, inside=project).path(project / name)
    assert contents(home) == {"mine.csv": "mine"}
    (project / "real.csv").write_text("old")
    (project / "link.csv").symlink_to("real.csv")
    with FileGroup(overwrite=True, inside=project) as group:
        group.open(project / "link.csv").write("new")
    assert (project / "real.csv").read_text() == "new"


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(PoseDataError, match="no file can have such a name"):
        FileGroup().path(f"{tmp_path}/a\0b.csv")
    with pytest.raises(PoseDataError, match="cannot be written"), FileGroup() as group:
        group.path(tmp_path / ("x" * 300))
    assert contents(tmp_path) == {}


def test_text_is_appended_with_the_group(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("one\nto")
    with FileGroup(overwrite=True) as group:
        group.append(tmp_path / "log.csv", 4, "two\n")
        group.append(tmp_path / "new.csv", 0, "first\n")
        assert (tmp_path / "log.csv").read_text() == "one\nto"
    assert contents(tmp_path) == {"log.csv": "one\ntwo\n", "new.csv": "first\n"}
