"""Files that belong together appear together or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from napari_pose3d.core.storage import atomic_files
from napari_pose3d.core.storage.atomic_files import FileGroup
from napari_pose3d.core.storage.group_record import is_trace
from napari_pose3d.errors import Cancelled, PoseDataError


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
def test_interruption_leaves_nothing_behind(
    tmp_path: Path, reason: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where the computer pauses: a few files are removed at once all the same.
    monkeypatch.setattr(atomic_files, "_TIDY_SECONDS", 0.0)
    (tmp_path / "a.csv").write_text("old")

    def work() -> None:
        with FileGroup(overwrite=True) as group:
            group.open(tmp_path / "a.csv").write("new")
            group.open(tmp_path / "new" / "deep" / "b.csv").write("half")
            raise reason

    with pytest.raises(reason):
        work()
    assert contents(tmp_path) == {"a.csv": "old"}


def test_a_group_that_is_cancelled_while_it_is_flushed_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_text("old")
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    def work() -> None:
        with FileGroup(overwrite=True, cancelled=cancelled) as group:
            for number in range(6):
                group.open(tmp_path / f"{number}.csv").write("new")

    with pytest.raises(Cancelled):
        work()
    assert contents(tmp_path) == {"0.csv": "old"}


def test_what_takes_long_to_remove_is_removed_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic_files, "_TIDY_SECONDS", 0.0)
    (tmp_path / "0.png").write_text("old")

    def work() -> None:
        with FileGroup(overwrite=True) as group:
            for number in range(20):
                group.path(tmp_path / f"{number}.png").write_text("new")
                group.path(tmp_path / "made" / "for it" / f"{number}.png").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert all(is_trace(name) for name in os.listdir(tmp_path) if name not in ("0.png", "made"))
    # Nobody waits for it: the same files can be written meanwhile.
    with FileGroup(overwrite=True) as group:
        group.path(tmp_path / "made" / "1.png").write_text("second")
    while sorted(os.listdir(tmp_path)) != ["0.png", "made"] or os.listdir(tmp_path / "made") != [
        "1.png"
    ]:
        time.sleep(0.02)
    assert (tmp_path / "0.png").read_text() == "old"
    assert (tmp_path / "made" / "1.png").read_text() == "second"


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


def test_names_that_are_not_in_utf8_are_refused_or_spelled_out(tmp_path: Path) -> None:
    """As on disks that came from Windows: a text of them could not be read again."""
    name = os.fsdecode(b"M\xfcller")
    with pytest.raises(PoseDataError, match=r"a\.csv.*'of M\\udcfcller,' is not"), FileGroup() as g:
        g.open(tmp_path / "a.csv").write(f"of {name},")
    with FileGroup() as group:
        group.open(tmp_path / "b.txt", spelled_out=True).write(f"of {name}")
    assert contents(tmp_path) == {"b.txt": "of M\\udcfcller"}


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
