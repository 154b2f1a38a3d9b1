"""Damaged label files, queues and tables of ours end in a message, never in a traceback."""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.projects.label_projects import (
    VIEWS,
    clicked,
    files_of,
    key,
    label_key,
    label_project,
)

from napari_pose3d.core.formats.labels.label_csv import read_label_csv
from napari_pose3d.core.formats.labels.label_provenance import Provenance
from napari_pose3d.core.formats.labels.label_queue import read_label_queue, read_reasons
from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.storage.safe_names import refuse_unsafe_names
from napari_pose3d.errors import PoseDataError

NAMES = {
    "labels": "CollectedData_top.csv",
    "queue": "CollectedData_top.unlabeled.jsonl",
    "provenance": "napari-pose3d/labels/CollectedData.csv",
    "reasons": "napari-pose3d/labels/CollectedData.queue.csv",
}
READERS: dict[str, Callable[[Path], object]] = {
    "labels": lambda path: read_label_csv(path).positions(),
    "queue": read_label_queue,
    "provenance": lambda path: Provenance(path).rows("day1", 4),
    "reasons": read_reasons,
}


def problem_of(read: Callable[[], object]) -> str | None:
    """What is wrong, in the words for the user; None where nothing is."""
    try:
        read()
    except PoseDataError as error:
        return str(error)
    return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = label_project(tmp_path / "project", {4: "1,2,2,3,4,2", 9: "5,6,2,,,1"}, visible=True)
    files = files_of(folder)
    store = files.new_store()
    with store.edit("place") as edit:
        for view in VIEWS:
            edit.put(key(4), label_key(view), clicked(10, 20))
            edit.put(key(4), label_key(view, "tail"), clicked(30, 40, residual=1.5))
    files.save(store, store.unsaved)
    proposals = {(key(30), view): {"nose": (1.0, 2.0)} for view in VIEWS}
    files.enqueue([key(30)], "reprojection, large", proposals)
    return folder


def everything(folder: Path) -> int:
    """Read all that is kept of the labels, and write some."""
    files: LabelFiles = files_of(folder)
    frames = [*files.known_frames, *files.queued]
    count = sum(len(files.load(frame)) + len(files.proposals(frame)) for frame in frames)
    store = files.new_store()
    with store.edit("place") as edit:
        edit.put(key(4), label_key(), clicked(1, 1))
    files.save(store, store.unsaved)
    files.provenance.renamed({"nose": "snout"})
    return count


def test_all_is_read_where_nothing_is_damaged(folder: Path) -> None:
    assert everything(folder) >= 4 * len(VIEWS)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
@pytest.mark.parametrize("kind", NAMES)
def test_something_else_in_a_files_place(folder: Path, kind: str) -> None:
    path = folder / NAMES[kind]
    for make in (
        lambda: path.mkdir(),
        lambda: os.mkfifo(path),
        lambda: path.symlink_to(path),
        lambda: path.symlink_to("/dev/zero"),
    ):
        path.unlink()
        make()
        with pytest.raises(PoseDataError, match=path.name):
            READERS[kind](path)
        # A project finds only files, and reads the rest as before.
        problem = problem_of(lambda: everything(folder))
        assert problem is None or path.name in problem
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            path.touch()


BAD = [
    b"", b"\n", b",", b'"', b"\x00", b"\xff\xfe", b"nan", b"inf", b"-inf", b"1e200", b"9" * 5000,
    b"\r", b"{", b"[" * 3000, b'{"predictions": 1}', b"null", b"x" * 200_000, b"-1", b"\xc2\xb2",
    b'"' + b"x" * 200_000 + b'"', b"Unnamed: 0_level_1", b"individuals", b"likelihood", b"../x",
]  # fmt: skip


@pytest.mark.parametrize("residual", ["1.5px", "tail", "nan", "inf", "-1", "9" * 5000, ""])
def test_a_residual_that_makes_no_sense_costs_nothing_else(folder: Path, residual: str) -> None:
    path = folder / NAMES["provenance"]
    assert ",1.50\n" in path.read_text()
    path.write_text(path.read_text().replace(",1.50\n", f",{residual}\n"))
    label = files_of(folder).load(key(4))[label_key(VIEWS[0], "tail")]
    assert (label.position, label.residual, label.labeler) == ((30, 40), None, "ann")


@pytest.mark.parametrize("kind", NAMES)
def test_mutated_files(folder: Path, kind: str) -> None:
    draw = random.Random(kind)
    path = folder / NAMES[kind]
    original = path.read_bytes()
    n_read = 0
    for _ in range(150):
        content = bytearray(original)
        for _ in range(draw.choice((1, 1, 2, 4))):
            place = draw.randrange(len(content) + 1)
            marks = [i for i, c in enumerate(content) if c in b",\n:"] or [0]
            start = draw.choice(marks) + 1
            end = min((i for i in marks if i > start), default=start)
            match draw.randrange(4):
                case 0:
                    content[place : place + draw.randrange(40)] = b""
                case 1:
                    content[place:place] = draw.choice(BAD)
                case 2:
                    content[start:end] = draw.choice(BAD)
                case _ if place < len(content):
                    content[place] = draw.randrange(256)
        path.write_bytes(content)
        problem = problem_of(lambda: READERS[kind](path))
        assert problem is None or path.name in problem
        n_read += problem is None
    assert 0 < n_read < 150


@pytest.mark.parametrize("kind", NAMES)
def test_mutated_files_in_a_project(folder: Path, kind: str) -> None:
    draw = random.Random(kind)
    kept = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    path = folder / NAMES[kind]
    for _ in range(25):
        content = bytearray(kept[path])
        place = draw.randrange(len(content))
        content[place : place + draw.randrange(8)] = draw.choice(BAD)
        path.write_bytes(content)
        problem = problem_of(lambda: everything(folder))
        assert problem is None or str(folder) in problem
        for file, old in kept.items():
            file.write_bytes(old)


@pytest.mark.parametrize("kind", NAMES)
def test_one_line_of_30_mb(folder: Path, kind: str) -> None:
    path = folder / NAMES[kind]
    path.write_bytes(path.read_bytes() + b"x" * 30_000_000 + b"\n")
    tracemalloc.start()
    problem = problem_of(lambda: READERS[kind](path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problem is None or len(problem) < 2000
    assert peak < 600e6


@pytest.mark.parametrize("kind", NAMES)
def test_errors_of_the_system_while_saving(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p.name: p.read_bytes() for p in folder.glob("CollectedData*")}

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    for name in ("fsync", "replace", "link"):
        files = files_of(folder)
        store = files.new_store()
        with store.edit("place") as edit:
            edit.put(key(4), label_key(), clicked(77, 77))
        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            if name == "link":
                files.save(store, store.unsaved)  # it is copied instead
                continue
            with pytest.raises(PoseDataError, match="cannot be written"):
                files.save(store, store.unsaved)
        assert {p.name: p.read_bytes() for p in folder.glob("CollectedData*")} == before
        assert store.unsaved == (key(4),)


def test_a_file_that_vanishes_while_saving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_of(folder)
    store = files.new_store()
    with store.edit("place") as edit:
        edit.put(key(4), label_key(), clicked(77, 77))
    (folder / NAMES["labels"]).unlink()
    with pytest.raises(PoseDataError, match="somebody else changed"):
        files.save(store, store.unsaved)
    files.save(store, store.unsaved, overwrite=True)
    assert files_of(folder).load(key(4))[label_key()].position == (77, 77)


@pytest.mark.parametrize("view", ["a/b", "..", "../x", "a\\b", "a\0b", "."])
def test_views_that_would_lead_out_of_the_project(tmp_path: Path, view: str) -> None:

    with pytest.raises(PoseDataError, match="cannot be in the name of a file"):
        refuse_unsafe_names(["top", view], "view", tmp_path)
    if "\0" in view or "\\" in view:
        return  # project.yaml cannot hold them in this form
    folder = label_project(tmp_path / "home" / "project", views=("top",))
    (folder / "project.yaml").write_text(
        f'view_names: ["top", "{view}"]\nkeypoint_names: [nose, tail]\n'
    )
    before = sorted(p for p in tmp_path.rglob("*") if ".lock" not in p.name)

    def save() -> None:
        files = files_of(folder)
        store = files.new_store()
        with store.edit("place") as edit:
            edit.put(key(4), label_key(), clicked(1, 1))
        files.save(store, store.unsaved)

    assert "cannot be in the name of a file" in str(problem_of(save))
    after = sorted(p for p in tmp_path.rglob("*") if ".lock" not in p.name)
    assert [p for p in after if p.name != "napari-pose3d"] == before
