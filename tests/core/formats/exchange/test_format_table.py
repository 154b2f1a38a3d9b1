"""The table of formats: complete, and the same in code and documentation."""

from __future__ import annotations

import tomllib

import pytest
from tests.support.documents.interchange_table import PAGE, page_with_table
from tests.support.paths import REPO

from napari_pose3d import PoseDataError, export_poses
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS, format_of


@pytest.mark.parametrize("key", FORMATS)
def test_each_format_has_a_writer_a_reader_and_a_section(key: str) -> None:
    chosen = format_of(key)
    assert callable(chosen.write())
    assert callable(chosen.read())
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{key}`" in text.partition("<!-- end -->")[2]


def test_the_page_has_the_table_of_the_code_and_of_the_proofs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page_with_table(text) == text, "run python -m tests.support.documents.interchange_table"


def test_each_extra_is_declared() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {each.extra for each in FORMATS.values()} - {""}
    assert extras <= set(project["optional-dependencies"])


def test_an_unknown_format_is_refused_with_those_there_are(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PoseDataError, match=r"no format is called 'bvh'.*trc"):
        export_poses(None, "bvh", tmp_path)  # type: ignore[arg-type]
