"""Our own ``project.toml``: there and back, kept keys, damaged ones."""

from __future__ import annotations

import os
import tomllib
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.projects.session_files import (
    counted,
    lightning_project,
    put_predictions,
    touch,
)

from napari_pose3d import load_predictions, open_project
from napari_pose3d.core.formats.projects.toml_edit import edited_toml
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.project_toml import (
    own_project_path,
    read_own_project,
    update_own_project,
)
from napari_pose3d.errors import PoseDataError

# --- project.toml -----------------------------------------------------------------------------


def test_project_toml_there_and_back(tmp_path: Path) -> None:
    common = ViewAlignment(offset=1, crop=(1, 2, 30, 40), scale=(2, 3))
    own = ViewAlignment(timestamps=tmp_path / "times" / "a.csv", boxes=tmp_path / "b.csv")
    written = update_own_project(
        tmp_path,
        view_names=["top", "side"],
        skeleton=[("nose", "tail"), ("tail", "paw 1")],
        colours={"paw 1": "#12aBcd"},
        videos=[tmp_path / "videos", Path("/elsewhere")],
        layout={"columns": 2, "hidden": ["side"], "zoom": {"top": 1.5}},
        alignments={(None, "top"): common, ("a.b c", "top"): own},
    )
    read = read_own_project(tmp_path)
    assert read == written
    assert read.view_names == ("top", "side")
    assert read.skeleton == (("nose", "tail"), ("tail", "paw 1"))
    assert read.colours == {"paw 1": "#12aBcd"}
    assert read.videos == (tmp_path / "videos", Path("/elsewhere"))
    assert read.layout["zoom"] == {"top": 1.5}
    assert read.alignment("other", "top") == common
    assert read.alignment("a.b c", "top") == own
    assert read.alignment("a.b c", "side").is_identity
    assert "times/a.csv" in own_project_path(tmp_path).read_text()


def test_what_others_wrote_into_project_toml_is_kept(tmp_path: Path) -> None:
    text = """
        future = 1979-05-27T07:32:00Z
        mixed = [1, 2.5, "a", [true]]
        skeleton = [["a", "b"]]
        [views.top]
        offset = 4
        lens = "wide"
        [[history]]
        by = "me"
        [[history]]
        by = "you"
        at = { x = 1, y = 2 }
    """
    touch(own_project_path(tmp_path), text)
    before = tomllib.loads(text)
    project = update_own_project(tmp_path, colours={"a": "#000000"})
    after = tomllib.loads(own_project_path(tmp_path).read_text())
    assert after == before | {"schema_version": 1, "colours": {"a": "#000000"}}
    assert project.alignment("any", "top").offset == 4
    update_own_project(tmp_path, alignments={(None, "top"): ViewAlignment()})
    after = tomllib.loads(own_project_path(tmp_path).read_text())
    assert after["views"]["top"] == {"lens": "wide"}


@settings(deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=12,
    ).map(lambda value: {"key": value})
)
def test_toml_there_and_back(document: dict[str, object]) -> None:
    try:
        text = edited_toml("", document)
        text.encode("utf-8")
    except UnicodeEncodeError:
        return  # half a character has no place in a file
    assert tomllib.loads(text) == document
    assert tomllib.loads(edited_toml(text, {"other": 1} | document)) == {"other": 1} | document


COMMENTED = """# our lab's settings
schema_version = 1   # do not touch
skeleton = [
    ["nose", "tail"],  # the spine
]

# measured with the LED on day 1
[sessions.day1.top]
offset = 3  # frames
note = 'kept'

[views.side]  # mirror
scale = 2.0
"""


def test_comments_and_order_stay_when_a_part_is_changed(tmp_path: Path) -> None:
    path = touch(own_project_path(tmp_path), COMMENTED)
    update_own_project(tmp_path, alignments={("day1", "top"): ViewAlignment(offset=4)})
    assert path.read_text() == COMMENTED.replace("offset = 3", "offset = 4")
    update_own_project(tmp_path, colours={"nose": "#000000"})
    text = path.read_text()
    for comment in ("our lab's", "do not touch", "the spine", "LED", "# frames", "# mirror"):
        assert comment in text
    assert read_own_project(tmp_path).colours == {"nose": "#000000"}
    update_own_project(tmp_path, alignments={("day1", "top"): ViewAlignment()})
    text = path.read_text()
    assert "the spine" in text
    assert tomllib.loads(text)["sessions"]["day1"]["top"] == {"note": "kept"}


@pytest.mark.parametrize("name", ["a/b", "..", "a\\\\b", "a\\u0000", ""])
def test_names_of_views_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    touch(own_project_path(tmp_path), f'view_names = ["{name}"]')
    with pytest.raises(PoseDataError, match="view"):
        read_own_project(tmp_path)


def test_what_stands_in_the_place_of_the_file(tmp_path: Path) -> None:
    path = own_project_path(tmp_path)
    for make, message in (
        (lambda: path.mkdir(parents=True), "folder"),
        (lambda: os.mkfifo(path), "pipe"),
        (lambda: path.symlink_to(path), "read"),
        (lambda: path.write_bytes(b"\xff\xfe\x00"), "UTF-8"),
        (lambda: path.write_text("a = " + "[" * 100_000), "deep|valid"),
        (lambda: path.write_bytes(b"#" * (5 << 20)), "MB"),
    ):
        path.parent.mkdir(exist_ok=True)
        make()
        with pytest.raises(PoseDataError, match=message):
            read_own_project(tmp_path)
        with pytest.raises(PoseDataError):
            update_own_project(tmp_path, layout={"a": 1})
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skeleton = [['a', 'b']", "not valid TOML"),
        ("schema_version = 9", "Update napari-pose3d"),
        ("skeleton = [['a', 'a']]", "pairs of two keypoints"),
        ("[colours]\nnose = 'red'", "colour of nose"),
        ("views = 3", "'views' is not a table"),
        ("[views.top]\noffset = 1.5", r"\[views.top\].*whole"),
        ("[views.top]\ncrop = [1, 2]", "x, y, width, height"),
        ("[sessions.day1.top]\nscale = 0", r"\[sessions.day1.top\].*scale"),
        ("[sessions.day1.top]\ndropped = 'all'", "frame numbers"),
        ("[views.top]\noffset = inf", r"'offset' is \[inf\]"),
        ("[views.top]\noffset = nan", r"'offset' is \[nan\]"),
        (f"[views.top]\noffset = {'9' * 400}", "a whole number has more than 64 bits"),
        (f"[layout]\na = [{{b = 0x{'f' * 9000}}}]", "a whole number has more than 64 bits"),
        ("[views.top]\noffset = 1000000000000", r"offset is 1e\+12 .* at most 10,000,000"),
        ("[views.top]\ndropped = [3, nan]", r"'dropped' is \[3, nan\]"),
        ("[views.top]\ndropped = [1000000000000]", "frame numbers from 0 to 10,000,000"),
        ("[views.top]\nscale = inf", r"'scale' is \[inf, inf\]"),
        ("[views.top]\nscale = 1e200", r"the scale is 1e\+200"),
        ("[views.top]\ncrop = [0, 0, 1e200, 4]", r"the crop is 0, 0, 1e\+200, 4"),
        ("view_names = ['a', 'a']", "twice"),
        ("[animals]\nday1 = 3", "animal of session day1 is 3"),
        ("animals = ['Ada']", "'animals' is not a table"),
    ],
)
def test_damaged_project_toml(tmp_path: Path, text: str, message: str) -> None:
    path = touch(own_project_path(tmp_path), text)
    with pytest.raises(PoseDataError, match=message) as caught:
        read_own_project(tmp_path)
    assert caught.value.file == str(path)
    # A file that cannot be read is not written over.
    with pytest.raises(PoseDataError):
        update_own_project(tmp_path, layout={})
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[views.sied]\noffset = 3\n", "[views.sied]*no session has a view 'sied'"),
        ("[sessions.day9.side]\noffset = 3\n", "[sessions.day9]*there is no session 'day9'"),
        ("[sessions.day1.sied]\noffset = 3\n", "*session 'day1' has no view 'sied'"),
        ("[sessions.day1.side]\nofset = 3\n", "'ofset' of [sessions.day1.side]*not known"),
        ("[views.top]\noffsets = 3\n", "'offsets' of [views.top]*not known"),
        ("[session.day1.side]\noffset = 3\n", "'session'*not known"),
    ],
)
def test_settings_that_are_used_nowhere_are_named(tmp_path: Path, text: str, said: str) -> None:
    """A view that stays where it is would be found by nobody: at opening, and by a run."""
    folder = lightning_project(tmp_path, sessions=("day1",), models=("net",))
    touch(own_project_path(folder), f"schema_version = 1\n{text}")
    (issue,) = open_project(folder).issues
    assert issue.severity == "warning"
    (note,) = (n for n in load_predictions(folder).warnings if "used nowhere" in n)
    assert note == issue.what
    assert all(part in note for part in said.split("*"))
    own = "[views.top]\noffset = 1\n[sessions.day1.side]\noffset = 3\n"
    own_project_path(folder).write_text(f"schema_version = 1\n{own}")
    assert not open_project(folder).issues


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_with_umlauts_as_a_mac_stores_them(
    tmp_path: Path, form: Literal["NFC", "NFD"]
) -> None:
    """Also those that a file was written with elsewhere; it is not written twice."""
    views = ("käfig1", "käfig2")
    for view in views:
        put_predictions(tmp_path / f"mäuse_{view}.csv", counted(6))
    text = 'schema_version = 1\nview_names = ["käfig1", "käfig2"]\n[cameras]\n"käfig1" = "öben"\n'
    text += '[sessions."mäuse"."käfig2"]\noffset = 2\n'
    touch(own_project_path(tmp_path), unicodedata.normalize(form, text))
    project = open_project(tmp_path)
    assert not any("used nowhere" in issue.what for issue in project.all_issues)
    session = project.session("mäuse")
    assert session.alignment("käfig2").offset == 2
    assert session.cameras == {"käfig1": "öben"}
    update_own_project(tmp_path, alignments={("mäuse", "käfig2"): ViewAlignment(offset=5)})
    assert open_project(tmp_path).session("mäuse").alignment("käfig2").offset == 5
    assert own_project_path(tmp_path).read_text().count("offset") == 1
