"""The column ``visible`` of label files, in the values that Lightning Pose reads."""

from __future__ import annotations

from pathlib import Path

from tests.support.projects.label_projects import (
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
from napari_pose3d.core.labels.files.table_changes import add_visible, visible_issue
from napari_pose3d.core.labels.store.label import Label, LabelStatus, Visibility
from napari_pose3d.core.projects.creation import create_project

OCCLUDED = Visibility.OCCLUDED


def save(files: LabelFiles, frame: int, **labels: Label) -> None:
    store = files.new_store()
    with store.edit("place") as edit:
        for keypoint, label in labels.items():
            edit.put(key(frame), label_key(VIEWS[0], keypoint), label)
    files.save(store, store.unsaved)


def test_projects_that_are_made_here_have_it(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    create_project(folder, VIEWS, ["nose", "tail"])
    touch(folder / "videos" / "day1_top.mp4")
    files = files_of(folder)
    assert visible_issue(files) is None
    hidden = Label((3, 4), LabelStatus.CLICKED, OCCLUDED, "ann")
    save(files, 4, nose=clicked(1, 2), tail=hidden)
    save(files, 9, nose=Label(visibility=OCCLUDED, labeler="ann"))
    top, side = text_of(folder, "top"), text_of(folder, "side")
    assert top.startswith("scorer,scorer,scorer,scorer,")
    assert "coords,x,y,visible,x,y,visible\n" in top
    # 1 would make Lightning Pose drop the position; without position it makes a uniform heatmap.
    assert f"{image('top', 4)},1,2,2,3,4,2\n" in top
    assert f"{image('top', 9)},,,1,,,0\n" in top
    assert f"{image('side', 9)},,,0,,,0\n" in side
    loaded = files_of(folder).load(key(4))[label_key("top", "tail")]
    assert loaded.visibility == OCCLUDED, "our own table keeps what the file cannot say"


def test_it_is_offered_to_files_without(tmp_path: Path) -> None:
    folder = label_project(tmp_path, {4: "1,2,3,4", 9: "5,6,,"})
    files = files_of(folder)
    assert "no column named 'visible'" in str(visible_issue(files))
    assert not files.issues, "it is an offer, nothing is wrong"
    save(files, 9, tail=Label(visibility=OCCLUDED, labeler="ann"))
    save(files, 30, nose=Label(visibility=OCCLUDED, labeler="ann"))
    assert "visible" not in text_of(folder, "top")
    files = files_of(folder)
    old = {frame: files.load(frame) for frame in files.known_frames}
    add_visible(files)
    assert visible_issue(files) is None
    assert text_of(folder, "top") == header(visible=True) + "".join(
        f"{image('top', frame)},{cells}\n"
        for frame, cells in ((4, "1,2,2,3,4,2"), (9, "5,6,2,,,1"), (30, ",,1,,,0"))
    )
    assert text_of(folder, "side").endswith(f"{image('side', 30)},,,0,,,0\n")
    files = files_of(folder)
    assert not files.issues
    assert {frame: files.load(frame) for frame in files.known_frames} == old
    before = text_of(folder, "top")
    add_visible(files)
    assert text_of(folder, "top") == before


def test_other_columns_and_line_ends_stay(tmp_path: Path) -> None:
    folder = label_project(tmp_path, {}, views=("top",))
    path = folder / "CollectedData_top.csv"
    path.write_bytes(
        b"\xef\xbb\xbfscorer,me,me,me,me,me\r\nbodyparts,nose,nose,tail,tail,tail\r\n"
        b'coords,x,y,x,y,note\r\nlabeled-data/day1_top/img00000004.png,1,2,,,"a, b"\r\n'
    )
    files = files_of(folder)
    add_visible(files)
    assert path.read_bytes() == (
        b"\xef\xbb\xbfscorer,me,me,me,me,me,me,me\r\n"
        b"bodyparts,nose,nose,nose,tail,tail,tail,tail\r\n"
        b"coords,x,y,visible,x,y,visible,note\r\n"
        b'labeled-data/day1_top/img00000004.png,1,2,2,,,0,"a, b"\r\n'
    )
