"""``project.yaml``: what is kept when keypoints change, and files built to break a reader."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.support.projects.session_files import touch

from napari_pose3d.core.formats.projects.project_yaml import read_project, text_with_keypoints
from napari_pose3d.errors import PoseDataError

TEXT = """# the arena of room 3
view_names:
  - top   # ceiling
  - 'side'
keypoint_names:
    # head
    - nose      # the tip
    - "ear 1"
    # behind
    - tail
bones: [ a, b ]   # ours
"""
FLOW = "keypoint_names: [nose, tail]  # two\nother: 1\n"


def changed(tmp_path: Path, text: str, names: list[str]) -> str:
    touch(tmp_path / "project.yaml", text)
    new = text_with_keypoints(tmp_path, names)
    assert yaml.safe_load(new)["keypoint_names"] == names
    return new


def test_a_keypoint_gets_another_name(tmp_path: Path) -> None:
    assert changed(tmp_path, TEXT, ["snout", "ear 1", "tail"]) == TEXT.replace("nose  ", "snout  ")
    assert changed(tmp_path, FLOW, ["nose", "on"]) == FLOW.replace("tail", "'on'")


def test_keypoints_are_added_and_ordered(tmp_path: Path) -> None:
    text = changed(tmp_path, TEXT, ["nose", "neck", "ear 1", "tail", "tip"])
    assert text == TEXT.replace("the tip\n", "the tip\n    - neck\n").replace(
        "- tail\n", "- tail\n    - tip\n"
    )
    assert changed(tmp_path, FLOW, ["a", "nose", "tail", "b"]) == FLOW.replace(
        "[nose, tail]", "[a, nose, tail, b]"
    )


@pytest.mark.parametrize("seed", range(30))
def test_everything_else_stays(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = ["nose", "ear 1", "tail", "paw", "yes", "1", "a: b", "#x", "é", "'q'"]
    names = [pool[i] for i in rng.permutation(len(pool))[: rng.integers(1, 8)]]
    new = changed(tmp_path, TEXT, names)
    for line in ("# the arena of room 3", "  - top   # ceiling", "    # head", "    # behind"):
        assert line in new.splitlines()
    assert new.endswith("bones: [ a, b ]   # ours\n")
    flow = changed(tmp_path, FLOW, names)
    assert "# two\nother: 1\n" in flow
    changed(tmp_path, "keypoint_names: []\n", names)
    changed(tmp_path, "a: 1", names)
    changed(tmp_path, "keypoint_names:\n- nose\n- tail", names)


# Few aliases, 3 ** 20 values.
BOMB = "a0: &a0 [x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 3)}]\n" for n in range(1, 20)
)
# Merged mappings are as many.
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 3)}]}}\n" for n in range(1, 20)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("view_names: [a/b]", "view"),
        ("view_names: ['..']", "view"),
        ('view_names: ["a\\0b"]', "view"),
        ("view_names: !!python/object/apply:os.system ['true']", "valid YAML|run or made"),
        ("view_names: !mine [a]", "run or made|valid YAML"),
        (f"{BOMB}view_names: *a19", "aliases .* more than 100,000 values"),
        (f"{MERGED}view_names: *a19", "aliases .* more than 100,000 values"),
        ("view_names: &a [*a]", "aliases"),
        ("view_names: " + "[" * 50_000, "deep|depth"),
        ("view_names: [" + "9" * 10_000 + "]", "cannot be read|is not a name|valid"),
        ("view_names: [a]\nother: 0x" + "f" * 9_000, "a whole number has more than 64 bits"),
        ("view_names: [2020-13-45]", "cannot be read|month|valid"),
    ],
)
def test_files_built_to_break_a_reader(tmp_path: Path, text: str, message: str) -> None:
    touch(tmp_path / "project.yaml", text)
    with pytest.raises(PoseDataError, match=message):
        read_project(tmp_path)


def test_aliases_that_do_not_multiply_are_read(tmp_path: Path) -> None:
    touch(tmp_path / "project.yaml", "names: &names [a, b]\nview_names: *names\nother: *names\n")
    assert read_project(tmp_path).view_names == ("a", "b")


def test_what_stands_in_the_place_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    for make in (
        path.mkdir,
        lambda: os.mkfifo(path),
        lambda: path.symlink_to(path),
        lambda: path.write_bytes(b"view_names: [\xff]"),
        lambda: path.write_bytes(b"#" * (5 << 20)),
    ):
        make()
        with pytest.raises(PoseDataError):
            read_project(tmp_path)
        path.rmdir() if path.is_dir() else path.unlink()
