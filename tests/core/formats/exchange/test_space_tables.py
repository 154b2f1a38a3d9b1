"""Anipose's table, TRC and tidy tables: written, read, damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.support.extras import needs
from tests.support.recordings.exchange_poses import (
    FILLED,
    GAP,
    KEYPOINTS,
    poses_of,
    refusals,
    round_trip,
)

from napari_pose3d import PoseDataError, export_poses, read_poses
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.settings import ExportSettings

IN_SPACE = [
    key
    for key, each in FORMATS.items()
    if each.content == "poses" and each.space and not each.extra
]


@pytest.mark.parametrize("key", IN_SPACE)
def test_positions_names_gaps_and_what_was_filled_come_back(key: str, tmp_path: Path) -> None:
    poses = poses_of()
    assert poses.poses3d is not None
    again, _ = round_trip(poses, key, tmp_path)
    assert again.poses3d is not None
    assert again.keypoints == KEYPOINTS
    np.testing.assert_allclose(again.poses3d.xyz, poses.poses3d.xyz, rtol=1e-6, atol=1e-6)
    assert np.isnan(again.poses3d.xyz[GAP]).all()
    assert np.argwhere(again.poses3d.inferred).tolist() == [list(FILLED)]
    assert (again.units, again.fps, again.session) == ("mm", 120.0, "day1")
    assert again.skeleton == (() if key == "c3d" else poses.skeleton)


@pytest.mark.parametrize("key", IN_SPACE)
def test_one_frame_of_one_keypoint_is_enough(key: str, tmp_path: Path) -> None:
    poses = poses_of(1, ("nose",))
    again, _ = round_trip(poses, key, tmp_path)
    assert poses.poses3d is not None
    assert again.poses3d is not None
    np.testing.assert_allclose(again.poses3d.xyz, poses.poses3d.xyz, rtol=1e-6)


@pytest.mark.parametrize("key", IN_SPACE)
def test_filled_positions_are_missing_when_only_measured_ones_are_asked_for(
    key: str, tmp_path: Path
) -> None:
    again, _ = round_trip(poses_of(), key, tmp_path, ExportSettings(measured_only=True))
    assert again.poses3d is not None
    missing = np.argwhere(np.isnan(again.poses3d.xyz[..., 0])).tolist()
    assert missing == [list(GAP), list(FILLED)]


@pytest.mark.parametrize("key", IN_SPACE)
def test_damaged_files_are_refused_in_words(key: str, tmp_path: Path) -> None:
    done = export_poses(poses_of(), key, tmp_path)
    errors = refusals(done.files[0], lambda path: read_poses(path, key), 120)
    assert len(errors) > 20


def test_the_format_is_found_in_the_file(tmp_path: Path) -> None:
    for key in IN_SPACE:
        done = export_poses(poses_of(), key, tmp_path / key)
        assert read_poses(done.files[0]).keypoints == KEYPOINTS


def test_an_existing_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.trc"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(PoseDataError, match="exists already"):
        export_poses(poses_of(), "trc", path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["a.trc"]


class TestAnipose:
    def test_columns_are_those_that_its_readers_demand(self, tmp_path: Path) -> None:
        done = export_poses(poses_of(), "anipose", tmp_path)
        table = pd.read_csv(done.files[0])
        of_tail = [c for c in table.columns if c.startswith("tail_")]
        assert of_tail == [f"tail_{end}" for end in ("x", "y", "z", "error", "ncams", "score")]
        assert list(table.columns[-13:]) == [
            *(f"M_{i}{j}" for i in range(3) for j in range(3)),
            *(f"center_{i}" for i in range(3)),
            "fnum",
        ]
        assert table["fnum"].tolist() == list(range(7))
        assert len(table.columns) == 4 * 6 + 13

    def test_score_is_the_smallest_likelihood_of_the_views_used(self, tmp_path: Path) -> None:
        poses = poses_of()
        assert poses.poses2d is not None
        again, _ = round_trip(poses, "anipose", tmp_path)
        assert again.scores is not None
        lowest = poses.poses2d.likelihood.min(axis=0)
        lowest[GAP] = lowest[FILLED] = np.nan
        np.testing.assert_allclose(again.scores, lowest, rtol=1e-6)

    def test_names_that_readers_lose_are_renamed_listed_and_come_back(self, tmp_path: Path) -> None:
        odd = ("paw-L", "nose tip", "M")
        again, notes = round_trip(poses_of(3, odd), "anipose", tmp_path)
        assert "paw-L -> paw_L, nose tip -> nose_tip, M -> M_" in notes[0]
        assert again.keypoints == odd
        header = (tmp_path / "day1.csv").read_text(encoding="utf-8").partition("\n")[0]
        assert header.startswith("paw_L_x,paw_L_y,paw_L_z,paw_L_error")

    def test_names_that_would_become_one_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(PoseDataError, match=r"paw-L and paw\.L would both be called paw_L"):
            export_poses(poses_of(3, ("paw-L", "paw.L")), "anipose", tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestTrc:
    def test_lines_are_as_opensim_reads_them(self, tmp_path: Path) -> None:
        done = export_poses(poses_of(), "trc", tmp_path / "day1.trc")
        lines = done.files[0].read_text(encoding="utf-8").split("\n")
        assert lines[0] == "PathFileType\t4\t(X/Y/Z)\tday1.trc"
        assert lines[2] == "120\t120\t7\t4\tmm\t120\t1\t7"
        assert lines[3] == "Frame#\tTime\ttail\t\t\tnose\t\t\tpaw_L\t\t\tear"
        assert lines[4] == "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3\tX4\tY4\tZ4"
        assert lines[5] == ""
        assert lines[6].startswith("1\t0.000000\t")
        assert "NaN\tNaN\tNaN" in lines[8]
        assert "\t\t" not in "".join(lines[6:])

    @pytest.mark.parametrize("up", ["x", "-x", "y", "-y", "z", "-z"])
    def test_axes_are_turned_so_that_y_is_up_and_nothing_is_mirrored(
        self, up: str, tmp_path: Path
    ) -> None:
        poses = poses_of()
        assert poses.poses3d is not None
        again, _ = round_trip(poses, "trc", tmp_path, ExportSettings(up=up))  # type: ignore[arg-type]
        assert again.poses3d is not None
        sign = -1 if up.startswith("-") else 1
        height = sign * poses.poses3d.xyz[..., "xyz".index(up[-1])]
        np.testing.assert_allclose(again.poses3d.xyz[..., 1], height, rtol=1e-6)
        before = poses.poses3d.xyz[0, :3]
        after = again.poses3d.xyz[0, :3]
        assert np.linalg.det(after) == pytest.approx(np.linalg.det(before), rel=1e-5)

    def test_empty_cells_are_gaps_of_their_own_marker(self, tmp_path: Path) -> None:
        done = export_poses(poses_of(), "trc", tmp_path / "a.trc")
        path = done.files[0]
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("NaN", ""), encoding="utf-8")
        poses = read_poses(path).poses3d
        assert poses is not None
        assert np.argwhere(np.isnan(poses.xyz[..., 0])).tolist() == [list(GAP)]

    def test_it_needs_a_frame_rate(self, tmp_path: Path) -> None:
        from dataclasses import replace

        with pytest.raises(PoseDataError, match="needs the frame rate"):
            export_poses(replace(poses_of(), fps=None), "trc", tmp_path)

    def test_lines_that_are_too_short_are_named(self, tmp_path: Path) -> None:
        path = tmp_path / "a.trc"
        export_poses(poses_of(), "trc", path)
        lines = path.read_text(encoding="utf-8").split("\n")
        lines[7] = lines[7].replace("\t", " ", 3)
        path.write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(PoseDataError, match="line 8: the line has 11 cells"):
            read_poses(path)


class TestTidy:
    def test_views_and_uncertainty_come_back(self, tmp_path: Path) -> None:
        poses = poses_of()
        assert poses.poses3d is not None
        assert poses.poses2d is not None
        done = export_poses(poses, "tidy-csv", tmp_path)
        names = sorted(each.name for each in done.files)
        assert names == ["day1.csv", "day1.csv.json", "day1_views.csv", "day1_views.csv.json"]
        space = read_poses(tmp_path / "day1.csv").poses3d
        assert space is not None
        np.testing.assert_allclose(space.covariance, poses.poses3d.covariance, rtol=2e-5, atol=1e-7)
        views = read_poses(tmp_path / "day1_views.csv").poses2d
        assert views is not None
        assert views.views == poses.views
        np.testing.assert_allclose(views.xy, poses.poses2d.xy, rtol=1e-6)
        np.testing.assert_allclose(views.likelihood, poses.poses2d.likelihood, rtol=1e-6)
        assert views.variance is not None
        np.testing.assert_allclose(views.variance, poses.poses2d.variance, rtol=1e-5)

    def test_a_keypoint_that_is_twice_in_a_frame_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("frame,keypoint,x,y,z\n0,nose,1,2,3\n0,nose,1,2,3\n", encoding="utf-8")
        with pytest.raises(PoseDataError, match="row 2: a keypoint is twice in a frame"):
            read_poses(path)

    def test_a_position_that_is_cut_off_is_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("frame,keypoint,x,y,z\n0,nose,1,2,3\n1,nose,1", encoding="utf-8")
        space = read_poses(path).poses3d
        assert space is not None
        np.testing.assert_array_equal(space.xyz[:, 0], [[1, 2, 3], [np.nan] * 3])
        path.write_text("frame,view,keypoint,x,y,likelihood\n0,top,nose,1,,0.9\n", encoding="utf-8")
        of_views = read_poses(path).poses2d
        assert of_views is not None
        assert np.isnan(of_views.xy).all()

    def test_a_frame_far_beyond_the_rows_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("frame,keypoint,x,y,z\n2000000000,nose,1,2,3\n", encoding="utf-8")
        with pytest.raises(PoseDataError, match="the last frame is 2000000000"):
            read_poses(path)

    @pytest.mark.peers
    @needs("tidy-parquet")
    def test_parquet_is_as_exact_and_needs_no_side_file(self, tmp_path: Path) -> None:
        poses = poses_of()
        again, _ = round_trip(poses, "tidy-parquet", tmp_path)
        assert poses.poses3d is not None
        assert again.poses3d is not None
        np.testing.assert_array_equal(again.poses3d.xyz, poses.poses3d.xyz)
        assert (again.units, again.fps, again.keypoints) == ("mm", 120.0, KEYPOINTS)
        assert np.argwhere(again.poses3d.inferred).tolist() == [list(FILLED)]
        errors = refusals(tmp_path / "day1.parquet", read_poses, 80)
        assert len(errors) > 20


class TestC3d:
    def test_too_many_frames_are_refused_or_split(self, tmp_path: Path) -> None:
        poses = poses_of(70_000, ("nose",))
        with pytest.raises(PoseDataError, match="70,000 frames, and a C3D file has room"):
            export_poses(poses, "c3d", tmp_path / "refused")
        assert not (tmp_path / "refused").exists()
        done = export_poses(poses, "c3d", tmp_path, ExportSettings(split=True))
        assert [each.name for each in done.files] == ["day1_part1.c3d", "day1_part2.c3d"]
        assert "day1_part2.c3d: frames 65535 to 69999" in done.notes
        parts = [read_poses(path).poses3d for path in done.files]
        assert poses.poses3d is not None
        xyz = np.concatenate([part.xyz for part in parts if part is not None])
        np.testing.assert_allclose(xyz, poses.poses3d.xyz, rtol=1e-6, atol=1e-6)

    def test_residuals_tell_measured_filled_and_missing(self, tmp_path: Path) -> None:
        done = export_poses(poses_of(), "c3d", tmp_path)
        data = done.files[0].read_bytes()
        start = 512 * (struct.unpack_from("<H", data, 16)[0] - 1)
        points = np.frombuffer(data, "<f4", 7 * 4 * 4, start).reshape(7, 4, 4)
        residual = points[..., 3]
        assert residual[GAP] == -1
        assert residual[FILLED] == 0
        assert (residual > 0).sum() == residual.size - 2
        assert len(data) % 512 == 0

    def test_more_than_255_labels(self, tmp_path: Path) -> None:
        names = tuple(f"keypoint {k}" for k in range(300))
        again, _ = round_trip(poses_of(3, names), "c3d", tmp_path)
        assert again.keypoints == names


class TestDannce:
    def test_predictions_have_the_shape_that_dannce_writes(self, tmp_path: Path) -> None:
        from scipy.io import loadmat

        poses = poses_of()
        assert poses.poses3d is not None
        done = export_poses(poses, "dannce", tmp_path)
        content = loadmat(done.files[0])
        assert content["pred"].shape == (7, 3, 4)
        np.testing.assert_array_equal(content["pred"][:, :, 2], poses.poses3d.xyz[:, 2])
        assert content["sampleID"].ravel().tolist() == list(range(7))

    def test_without_names_points_are_numbered(self, tmp_path: Path) -> None:
        done = export_poses(poses_of(), "dannce", tmp_path)
        done.files[1].unlink()
        again = read_poses(done.files[0])
        assert again.keypoints == ("node0", "node1", "node2", "node3")
        assert again.notes
