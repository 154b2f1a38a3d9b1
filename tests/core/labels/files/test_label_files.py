"""Labels on disk: all views together, nothing lost, nothing touched that was not changed."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from tests.support.projects.label_projects import (
    SESSION,
    VIEWS,
    clicked,
    files_of,
    header,
    image,
    key,
    label_key,
    label_project,
    text_of,
)
from tests.support.projects.session_files import touch

from napari_pose3d.core.labels.files.label_files import LabelFiles
from napari_pose3d.core.labels.files.table_changes import change_keypoints, repair
from napari_pose3d.core.labels.files.view_files import LabelsChanged
from napari_pose3d.core.labels.labeling import Labeling
from napari_pose3d.core.labels.merge import merge
from napari_pose3d.core.labels.store.label import EMPTY, Label, LabelKey, LabelStatus, Visibility
from napari_pose3d.core.labels.store.label_store import LabelStore
from napari_pose3d.core.projects.project import open_project
from napari_pose3d.errors import PoseDataError

ROWS = {4: "1,2,3,4", 9: "5,6,,"}


def put(store: LabelStore, frame: int, **labels: Label) -> None:
    """Labels of the nose by view."""
    with store.edit("put") as edit:
        edit.put_all(key(frame), {label_key(view): label for view, label in labels.items()})


def queue_text(view: str, *frames: int) -> str:
    entries = [{"frame_path": image(view, frame), "predictions": None} for frame in frames]
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def all_texts(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


# ---------------------------------------------------------------------- saving


def test_saving_changes_the_cells_that_changed_and_nothing_else(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    put(store, 4, side=clicked(7.12345, 8))
    files.save(store, store.unsaved)
    before = header() + f"{image('side', 4)},1,2,3,4\n{image('side', 9)},5,6,,\n"
    assert text_of(folder, "side") == before.replace(",1,2,3,4", ",7.123,8,3,4")
    assert text_of(folder, "top") == before.replace("_side/", "_top/")
    assert store.unsaved == ()


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    folder = label_project(tmp_path)
    files = files_of(folder)
    store = files.new_store()
    projected = Label((3, 4), LabelStatus.PROJECTED, Visibility.VISIBLE, "", "", residual=1.25)
    hidden = Label(
        (9, 9), LabelStatus.CONFIRMED, Visibility.OCCLUDED, "bob", "2026-01-01T00:00:00Z"
    )
    put(store, 12, top=clicked(1.5, 2.5), side=projected, front=hidden)
    files.save(store, store.unsaved)
    assert [text_of(folder, v) for v in VIEWS] == [
        header(scorer="scorer") + f"{image(v, 12)},{cells},,\n"
        for v, cells in zip(VIEWS, ("1.5,2.5", "3,4", "9,9"), strict=True)
    ]
    again = files_of(folder).new_store()
    assert again.labels(key(12)) == {
        label_key("top"): clicked(1.5, 2.5),
        label_key("side"): projected,
        label_key("front"): hidden,
    }


def test_a_frame_without_labels_is_never_written(tmp_path: Path) -> None:
    folder = label_project(tmp_path)
    for view in VIEWS:
        touch(folder / f"CollectedData_{view}.unlabeled.jsonl", queue_text(view, 12))
    files = files_of(folder)
    store = files.new_store()
    put(store, 12, top=Label((1, 2), LabelStatus.PREDICTED, Visibility.VISIBLE))
    files.save(store, store.unsaved)
    assert not list(folder.glob("CollectedData_*.csv"))
    assert files_of(folder).queued == (key(12),)


def test_a_frame_that_is_cleared_loses_its_rows(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    with store.edit("clear") as edit:
        edit.put_all(key(4), dict.fromkeys(store.labels(key(4)), EMPTY))
    files.save(store, store.unsaved)
    assert [text_of(folder, v) for v in VIEWS] == [
        header() + f"{image(v, 9)},5,6,,\n" for v in VIEWS
    ]
    assert files_of(folder).frames == (key(9),)


def test_labeled_frames_leave_the_queue_of_every_view(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    for view in VIEWS:
        touch(folder / f"CollectedData_{view}.unlabeled.jsonl", queue_text(view, 30, 31))
    files = files_of(folder)
    store = files.new_store()
    put(store, 30, top=clicked(1, 2))
    files.save(store, store.unsaved)
    for view in VIEWS:
        text = (folder / f"CollectedData_{view}.unlabeled.jsonl").read_text()
        assert text == queue_text(view, 31)
        assert text_of(folder, view).splitlines()[-1].startswith(image(view, 30))
    # Lightning Pose's app fails at every later save when a queue file is there and empty.
    put(store, 31, top=clicked(1, 2))
    files.save(store, store.unsaved)
    assert not list(folder.glob("*.jsonl"))


def test_files_with_visible(tmp_path: Path) -> None:
    folder = label_project(tmp_path, {4: "1,2,2,,,", 9: ",,1,3,4,1"}, visible=True)
    files = files_of(folder)
    store = files.new_store()
    occluded = Label(visibility=Visibility.OCCLUDED)
    assert store.label(key(9), label_key()) == occluded
    assert store.label(key(9), label_key("top", "tail")).visibility == Visibility.OCCLUDED
    put(
        store,
        4,
        top=clicked(
            5,
            6,
        ),
        side=Label((1, 2), LabelStatus.CLICKED, Visibility.OCCLUDED),
    )
    put(store, 9, top=clicked(7, 8))
    put(store, 20, front=occluded)
    files.save(store, store.unsaved)
    # Never empty, which Lightning Pose reads as nonsense; never 1 with a position, which it drops.
    assert text_of(folder, "top").splitlines()[3:] == [
        f"{image('top', 4)},5,6,2,,,0",
        f"{image('top', 9)},7,8,2,3,4,1",
        f"{image('top', 20)},,,0,,,0",
    ]
    assert text_of(folder, "side").splitlines()[3] == f"{image('side', 4)},1,2,2,,,0"
    assert text_of(folder, "front").splitlines()[5] == f"{image('front', 20)},,,1,,,0"
    again = files_of(folder).new_store()
    assert again.label(key(4), label_key("side")).visibility == Visibility.OCCLUDED


def test_without_visible_occlusion_lives_in_our_folder(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    put(store, 50, top=Label(visibility=Visibility.OCCLUDED, labeler="ann", time="t"))
    files.save(store, store.unsaved)
    assert "img00000050" not in text_of(folder, "top")
    again = files_of(folder).new_store()
    assert again.label(key(50), label_key()).visibility == Visibility.OCCLUDED


def test_what_another_program_wrote_counts_more_than_our_table(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    put(store, 4, top=Label((7, 8), LabelStatus.PROJECTED, Visibility.VISIBLE))
    files.save(store, store.unsaved)
    path = folder / "CollectedData_top.csv"
    path.write_text(path.read_text().replace("7,8,3,4", "70.5,8,3,4"))
    label = files_of(folder).new_store().label(key(4), label_key())
    assert (label.position, label.status, label.labeler) == ((70.5, 8), LabelStatus.CLICKED, "")


def test_a_keypoint_that_only_the_project_names_gets_its_columns(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    yaml = folder / "project.yaml"
    yaml.write_text(yaml.read_text().replace("tail]", "tail, ear]"))
    files = files_of(folder)
    assert files.keypoints == ("nose", "tail", "ear")
    store = files.new_store()
    with store.edit("put") as edit:
        edit.put(key(9), label_key("top", "ear"), clicked(1, 1))
    files.save(store, store.unsaved)
    assert text_of(folder, "top").splitlines()[1:] == [
        "bodyparts,nose,nose,tail,tail,ear,ear",
        "coords,x,y,x,y,x,y",
        f"{image('top', 4)},1,2,3,4,,",
        f"{image('top', 9)},5,6,,,1,1",
    ]
    assert text_of(folder, "side").splitlines()[-1] == f"{image('side', 9)},5,6,,,,"


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    put(store, 4, **dict.fromkeys(VIEWS, clicked(7, 8)))
    before = all_texts(folder)
    real, calls = os.replace, []

    def full(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(PoseDataError, match="the disk is full"):
        files.save(store, store.unsaved)
    monkeypatch.undo()
    assert all_texts(folder) == before
    assert store.unsaved == (key(4),)
    assert not [p for p in folder.rglob(".*") if p.is_file()]
    files.save(store, store.unsaved)
    assert files_of(folder).new_store().label(key(4), label_key("front")) == clicked(7, 8)


def test_the_files_before_the_first_change_are_kept(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    before = text_of(folder, "top")
    files = files_of(folder)
    store = files.new_store()
    for x in range(3):
        put(store, 4, top=clicked(x, 8))
        files.save(store, store.unsaved)
    kept = folder / "napari-pose3d" / "labels" / "last-good" / "CollectedData_top.csv"
    assert kept.read_text() == before


def test_the_table_of_who_labeled_what(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    for x in range(5):
        put(store, 4, top=clicked(x, 8))
        files.save(store, store.unsaved)
    path = folder / "napari-pose3d" / "labels" / "CollectedData.csv"
    assert len(path.read_text().splitlines()) == 6
    # A crash can tear the last line off.
    path.write_text(path.read_text() + f"{SESSION},4,top,no")
    files = files_of(folder)
    assert files.new_store().label(key(4), label_key()) == clicked(4, 8)


# ---------------------------------------------------------------------- views out of step


def test_rows_pair_by_session_and_frame(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    top = folder / "CollectedData_top.csv"
    lines = top.read_text().splitlines(keepends=True)
    top.write_text("".join([*lines[:3], lines[4], lines[3]]))
    side = folder / "CollectedData_side.csv"
    side.write_text(side.read_text().replace(f"{image('side', 4)},1,2,3,4\n", ""))
    files = files_of(folder)
    said = " ".join(str(problem) for problem in files.issues)
    assert "CollectedData_side.csv: 1 frame that other views have is missing: day1 4" in said
    store = files.new_store()
    assert store.label(key(4), label_key("top")).position == (1, 2)
    assert store.label(key(4), label_key("side")).position is None
    repair(files)
    assert files.issues == ()
    assert files.pairing.in_step
    orders = [[key(9), key(4)]] * 3
    assert [list(files_of(folder).frames)] * 3 == orders
    assert text_of(folder, "side") == (
        header() + f"{image('side', 9)},5,6,,\n{image('side', 4)},,,,\n"
    )
    assert files.new_store().label(key(4), label_key("front")).position == (1, 2)


def test_rows_that_are_there_twice(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    top = folder / "CollectedData_top.csv"
    top.write_text(top.read_text() + f"{image('top', 4)},1,2,,\n")
    files = files_of(folder)
    assert "there 2 times (lines 4, 6)" in str(files.issues[0])
    repair(files)
    assert text_of(folder, "top").count("img00000004") == 1
    top.write_text(top.read_text() + f"{image('top', 4)},8,8,,\n")
    with pytest.raises(PoseDataError, match="two lines of the same image hold different labels"):
        repair(files_of(folder))


@pytest.mark.parametrize(
    "views", [("a", "b"), ("top", "top2"), ("Cam-1", "Cam-10"), ("left", "topleft")]
)
def test_names_of_views_that_trap_others(tmp_path: Path, views: tuple[str, ...]) -> None:
    folder = label_project(tmp_path, ROWS, views=views)
    files = files_of(folder)
    assert files.frames == (key(4), key(9))
    assert files.issues == ()


def test_images_that_tell_no_frame_stay_as_they_are(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    odd = "somewhere/else.png,1,2,3,4\n"
    for view in VIEWS:
        path = folder / f"CollectedData_{view}.csv"
        path.write_text(path.read_text() + odd)
    files = files_of(folder)
    assert "cannot be distinguished by session and frame" in str(files.issues[0])
    store = files.new_store()
    put(store, 4, top=clicked(7, 8))
    files.save(store, store.unsaved)
    assert text_of(folder, "top").endswith(odd)


# ---------------------------------------------------------------------- others write, too


def change(folder: Path, view: str, old: str, new: str) -> None:
    path = folder / f"CollectedData_{view}.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_file_that_somebody_changed_is_not_overwritten(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    put(store, 4, side=clicked(7, 8))
    change(folder, "top", "5,6", "50,60")
    before = all_texts(folder)
    with pytest.raises(LabelsChanged, match=r"CollectedData_top\.csv") as caught:
        files.save(store, store.unsaved)
    assert [path.name for path in caught.value.files] == ["CollectedData_top.csv"]
    assert all_texts(folder) == before
    files.save(store, store.unsaved, overwrite=True)
    assert text_of(folder, "side").splitlines()[3].endswith("7,8,3,4")


def test_a_file_that_was_only_touched_is_no_change(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    os.utime(folder / "CollectedData_top.csv", (1, 1))
    assert files.changed_files() == []


@pytest.mark.parametrize(("prefer", "nose"), [("ours", (7, 8)), ("theirs", (70, 80))])
def test_merging(tmp_path: Path, prefer: str, nose: tuple[float, float]) -> None:
    folder = label_project(tmp_path, ROWS)
    files = files_of(folder)
    store = files.new_store()
    put(store, 9, front=clicked(6.00012, 7.00034))
    files.save(store, store.unsaved)
    put(store, 4, top=clicked(7, 8), side=clicked(1.5, 1.5))
    put(store, 9, top=clicked(5, 5))
    # Who accepts a label without moving it has changed it, too.
    confirmed = store.label(key(9), label_key("front")).by("bob", status=LabelStatus.CONFIRMED)
    put(store, 9, front=confirmed)
    change(folder, "top", "1,2,3,4", "70,80,30,40")
    for view in VIEWS:
        path = folder / f"CollectedData_{view}.csv"
        path.write_text(path.read_text() + f"{image(view, 77)},1,1,1,1\n")
    new = files_of(folder)
    found = merge(store, files, new, prefer)  # type: ignore[arg-type]
    assert found.describe() == (
        "1 frame was added, 7 labels were changed, 1 label was changed by both of you"
    )
    new.save(store, store.unsaved)
    again = files_of(folder).new_store()
    assert again.label(key(4), label_key()).position == nose
    assert again.label(key(4), label_key("top", "tail")).position == (30, 40)
    assert again.label(key(4), label_key("side")).position == (1.5, 1.5)
    assert again.label(key(9), label_key("front")).status == LabelStatus.CONFIRMED
    assert again.label(key(77), label_key("front")).position == (1, 1)


# ---------------------------------------------------------------------- keypoints


def test_keypoints_change_in_all_files_or_in_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = label_project(tmp_path, ROWS)
    yaml = folder / "project.yaml"
    yaml.write_text("# ours\n" + yaml.read_text() + "other: 3  # keep\n")
    own = '# x\nschema_version = 1\nskeleton = [["nose", "tail"]]\n'
    touch(folder / "napari-pose3d" / "project.toml", own)
    files = files_of(folder)
    store = files.new_store()
    put(store, 4, top=clicked(7, 8))
    files.save(store, store.unsaved)
    names = [("base", "tail"), ("ear", None), ("nose", "nose")]
    before = all_texts(folder)
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: real(a, b) if "front" not in str(b) else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        change_keypoints(files, names)
    monkeypatch.undo()
    assert all_texts(folder) == before
    change_keypoints(files_of(folder), names)
    files = files_of(folder)
    assert files.keypoints == ("base", "ear", "nose")
    assert files.project.skeleton == (("nose", "base"),)
    assert yaml.read_text().startswith("# ours\n")
    assert "other: 3  # keep" in yaml.read_text()
    assert open_project(folder).keypoints == files.keypoints
    store = files.new_store()
    assert store.label(key(4), label_key()) == clicked(7, 8)
    assert store.label(key(4), label_key("side", "base")).position == (3, 4)


def test_a_keypoint_cannot_be_lost(tmp_path: Path) -> None:
    files = files_of(label_project(tmp_path, ROWS))
    with pytest.raises(PoseDataError, match="the keypoints tail would be lost"):
        change_keypoints(files, [("nose", "nose")])
    with pytest.raises(PoseDataError, match="named twice"):
        change_keypoints(files, [("nose", "nose"), ("nose", "tail")])


def test_views_with_different_keypoints_are_said(tmp_path: Path) -> None:
    folder = label_project(tmp_path, ROWS)
    change(folder, "side", "bodyparts,nose,nose,tail,tail", "bodyparts,nose,nose,tale,tale")
    with pytest.raises(PoseDataError, match="different keypoints: tail, tale"):
        files_of(folder)


def test_a_project_with_one_view(tmp_path: Path) -> None:
    touch(tmp_path / "project.yaml", "view_names: []\nkeypoint_names: [nose, tail]\n")
    touch(tmp_path / "videos" / "day1.mp4")
    rows = "labeled-data/day1/img00000004.png,1,2,3,4\n"
    touch(tmp_path / "CollectedData.csv", header() + rows)
    files = files_of(tmp_path)
    store = files.new_store()
    view = files.views[0]
    put(store, 6, **{view: clicked(5, 6)})
    files.save(store, store.unsaved)
    assert (tmp_path / "CollectedData.csv").read_text() == (
        header() + rows + "labeled-data/day1/img00000006.png,5,6,,\n"
    )


def test_labels_need_a_project_of_lightning_pose(tmp_path: Path) -> None:
    touch(tmp_path / "day1_top.mp4")
    with pytest.raises(PoseDataError, match=r"no project\.yaml"):
        LabelFiles(open_project(tmp_path))


def test_an_umlaut_is_one_letter_or_two(tmp_path: Path) -> None:
    apart, together = (unicodedata.normalize(form, "rücken") for form in ("NFD", "NFC"))
    yaml = f"view_names: [left, right]\nkeypoint_names: [{apart}, tail]\n"
    (tmp_path / "project.yaml").write_text(yaml, encoding="utf-8")
    (tmp_path / "videos").mkdir()
    heads = {}
    for view, name in (("left", apart), ("right", together)):
        (tmp_path / "videos" / f"s01_{view}.mp4").write_bytes(b"")
        heads[view] = f"scorer,me,me,me,me\nbodyparts,{name},{name},tail,tail\ncoords,x,y,x,y\n"
        row = f"labeled-data/s01_{view}/img00000004.png,1,2,3,4\n"
        path = tmp_path / f"CollectedData_{view}.csv"
        path.write_text(heads[view] + row, encoding="utf-8")
    labeling = Labeling(open_project(tmp_path), open_project(tmp_path).session("s01"), "ann")
    assert labeling.files.keypoints == (together, "tail")
    with labeling.store.edit("place") as edit:
        label = Label((7.0, 8.0), LabelStatus.CLICKED, Visibility.VISIBLE, "ann", "")
        for view in heads:
            edit.put(labeling.key(4), LabelKey(view, together), label)
    labeling.save()
    labeling.close()
    for view, head in heads.items():
        text = (tmp_path / f"CollectedData_{view}.csv").read_text(encoding="utf-8")
        assert text.startswith(head), "the file keeps its own spelling"
        assert "img00000004.png,7,8,3,4" in text
