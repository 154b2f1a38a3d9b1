"""Formats that need a library: HDF5, netCDF and NWB."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.support.extras import needs, of_formats
from tests.support.projects.labeled_projects import labeled_project
from tests.support.recordings.exchange_poses import (
    FILLED,
    GAP,
    KEYPOINTS,
    poses_of,
    refusals,
    round_trip,
)

from napari_pose3d import PoseDataError, export_poses, export_session, read_poses
from napari_pose3d.core.pipeline.exchange.format_table import FORMATS
from napari_pose3d.core.poses.kinematics.measurements import Measurement, measure
from napari_pose3d.settings import ExportSettings

EXTRAS = ("hdf5", "netcdf", "nwb")


KEYS = [key for key, each in FORMATS.items() if each.extra in EXTRAS and each.content == "poses"]


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_positions_names_gaps_and_what_was_filled_come_back(key: str, tmp_path: Path) -> None:
    poses = poses_of()
    again, _ = round_trip(poses, key, tmp_path)
    assert poses.poses3d is not None
    assert again.poses3d is not None
    assert again.keypoints == KEYPOINTS
    np.testing.assert_allclose(again.poses3d.xyz, poses.poses3d.xyz, rtol=1e-6, atol=1e-6)
    assert np.isnan(again.poses3d.xyz[GAP]).all()
    assert np.argwhere(again.poses3d.inferred).tolist() == [list(FILLED)]
    assert again.units == "mm"
    assert again.fps == pytest.approx(120)


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_one_frame_of_one_keypoint_with_an_odd_name(key: str, tmp_path: Path) -> None:
    poses = poses_of(1, ("paw-L tip",))
    again, _ = round_trip(poses, key, tmp_path)
    assert poses.poses3d is not None
    assert again.poses3d is not None
    assert again.keypoints == ("paw-L tip",)
    np.testing.assert_allclose(again.poses3d.xyz, poses.poses3d.xyz, rtol=1e-6)


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_damaged_files_are_refused_in_words(key: str, tmp_path: Path) -> None:
    done = export_poses(poses_of(), key, tmp_path)
    errors = refusals(done.files[0], lambda path: read_poses(path, key), 12)
    assert len(errors) > 5


@pytest.mark.parametrize("key", of_formats(KEYS))
def test_the_format_is_found_in_the_file(key: str, tmp_path: Path) -> None:
    done = export_poses(poses_of(), key, tmp_path)
    assert read_poses(done.files[0]).keypoints == KEYPOINTS


@pytest.mark.parametrize("key", [key for key, each in FORMATS.items() if each.extra])
def test_without_the_library_the_extra_is_named(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = FORMATS[key]
    for name in (
        "tables",
        "h5py",
        "h5netcdf",
        "xarray",
        "pynwb",
        "ndx_pose",
        "pyarrow",
        "sleap_io",
    ):
        for each in [name, *(m for m in sys.modules if m.startswith(f"{name}."))]:
            monkeypatch.setitem(sys.modules, each, None)
    command = f"pip install 'napari-pose3d[{chosen.extra}]'"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert chosen.install_command == command
    out = tmp_path / "out" / f"a{chosen.suffix}"
    if chosen.content == "poses":
        export = partial(export_poses, poses_of(), key, out)
    else:
        export = partial(export_session, labeled_project(tmp_path / "project"), key, out)
    with pytest.raises(PoseDataError, match=re.escape(command)):
        export()
    assert not out.parent.exists()


@needs("movement")
class TestMovement:
    @pytest.mark.parametrize(
        ("dims", "expected"),
        [("singular", ("keypoint", "individual")), ("plural", ("keypoints", "individuals"))],
    )
    def test_dimensions_are_spelled_as_asked_and_both_are_read(
        self, dims: str, expected: tuple[str, ...], tmp_path: Path
    ) -> None:
        import xarray as xr

        poses = poses_of()
        settings = ExportSettings(movement_dims=dims)  # type: ignore[arg-type]
        done = export_poses(poses, "movement", tmp_path, settings)
        with xr.open_dataset(done.files[0], engine="h5netcdf") as dataset:
            assert dataset["position"].dims == ("time", "space", *expected)
            assert dataset["confidence"].dims == ("time", *expected)
            assert dataset.attrs["ds_type"] == "poses"
            assert dataset["position"].attrs["units"] == "mm"
            assert dataset["inferred"].dtype == bool
        with xr.open_dataset(done.files[1], engine="h5netcdf") as dataset:
            assert dataset["position"].dims == ("view", "time", "space", *expected)
        again = read_poses(done.files[1]).poses2d
        assert again is not None
        assert poses.poses2d is not None
        np.testing.assert_array_equal(again.xy, poses.poses2d.xy)
        np.testing.assert_array_equal(again.likelihood, poses.poses2d.likelihood)
        assert again.views == poses.views

    def test_without_a_frame_rate_time_counts_frames(self, tmp_path: Path) -> None:
        again, notes = round_trip(replace(poses_of(), fps=None), "movement", tmp_path)
        assert again.fps is None
        assert any("time counts frames" in note for note in notes)

    def test_of_several_individuals_one_is_chosen(self, tmp_path: Path) -> None:
        import xarray as xr

        done = export_poses(poses_of(), "movement", tmp_path)
        with xr.open_dataset(done.files[0], engine="h5netcdf") as dataset:
            b = dataset.assign_coords(individual=["b"])
            b = b.assign(position=b["position"] + 5)
            two = xr.concat([dataset, b], "individual").load()
        two.to_netcdf(tmp_path / "two.nc", engine="h5netcdf")
        with pytest.raises(PoseDataError, match="several individuals: individual_0, b"):
            read_poses(tmp_path / "two.nc")
        first, second = (
            FORMATS["movement"].read(name)(tmp_path / "two.nc").poses3d
            for name in ("individual_0", "b")
        )
        np.testing.assert_allclose(second.xyz, first.xyz + 5, atol=1e-3)
        with pytest.raises(PoseDataError, match="no individual is called 'c'"):
            FORMATS["movement"].read("c")(tmp_path / "two.nc")


@needs("sleap-anipose")
def test_points3d_has_the_shapes_that_its_readers_expect(tmp_path: Path) -> None:
    import h5py

    done = export_poses(poses_of(), "sleap-anipose", tmp_path / "points3d.h5")
    with h5py.File(done.files[0]) as file:
        assert file["tracks"].shape == (7, 1, 4, 3)
        assert file["point_scores"].shape == (7, 1, 4)
        assert file["tracks"].attrs["Description"] == "Shape: (frames, tracks, nodes, 3)"


@needs("nwb")
class TestNwb:
    def test_views_and_confidence_come_back(self, tmp_path: Path) -> None:
        poses = poses_of()
        again, notes = round_trip(poses, "nwb", tmp_path)
        assert poses.poses2d is not None
        assert again.poses2d is not None
        assert again.views == poses.views
        np.testing.assert_array_equal(again.poses2d.xy, poses.poses2d.xy)
        np.testing.assert_array_equal(again.poses2d.likelihood, poses.poses2d.likelihood)
        np.testing.assert_allclose(again.confidence3d(), poses.confidence3d())
        assert any("subject's subject_id, species, sex, age" in note for note in notes)

    def test_covariances_and_measurements_lie_beside(self, tmp_path: Path) -> None:
        import h5py

        back = Measurement("back/length", "length", ("tail", "nose"))
        poses = replace(poses_of(), measurements=(back,))
        assert poses.poses3d is not None
        done = export_poses(poses, "nwb", tmp_path)
        again = read_poses(done.files[0]).poses3d
        assert again is not None
        np.testing.assert_allclose(again.covariance, poses.poses3d.covariance, rtol=1e-5)
        expected = measure(poses.poses3d, back, poses.fps)
        with h5py.File(done.files[0]) as file:
            series = file["processing/behavior/kinematics/back_length"]
            values, deviations = series["data"][:].T
            # As archives call it.
            nose = file["processing/behavior/PoseEstimation/nose/data"]
            assert nose.attrs["unit"] == "millimeters"
            assert series["data"].attrs["unit"] == "mm"
            assert "length of tail, nose" in series.attrs["description"]
        np.testing.assert_array_equal(values, expected.values[:, 0])
        np.testing.assert_array_equal(deviations, expected.deviations[:, 0])

    def test_measurements_that_would_have_one_name_are_refused(self, tmp_path: Path) -> None:
        measurements = tuple(
            Measurement(name, "length", ("tail", "nose")) for name in ("a/b", "a_b")
        )
        with pytest.raises(PoseDataError, match="'a/b' and 'a_b' would have one name"):
            export_poses(replace(poses_of(), measurements=measurements), "nwb", tmp_path)

    def test_positions_relative_to_the_animal_are_called_so(self, tmp_path: Path) -> None:
        import h5py

        settings = ExportSettings(body_frame="nose,tail,nose")
        done = export_poses(poses_of(), "nwb", tmp_path, settings)
        with h5py.File(done.files[0]) as file:
            series = file["processing/behavior/PoseEstimation/nose"]
            assert series["reference_frame"][()].startswith(b"the animal: 0 at nose, x")

    def test_an_unknown_unit_is_none_again(self, tmp_path: Path) -> None:
        poses = poses_of()
        assert poses.poses3d is not None
        poses = replace(poses, poses3d=replace(poses.poses3d, units=""), rig=None)
        assert round_trip(poses, "nwb", tmp_path)[0].units == ""

    def test_the_container_has_the_name_that_movement_looks_for(self, tmp_path: Path) -> None:
        import h5py

        kinds = {}
        for form in ("multi", "single"):
            done = export_poses(
                poses_of(),
                "nwb",
                tmp_path / form,
                ExportSettings(nwb=form),  # type: ignore[arg-type]
            )
            with h5py.File(done.files[0]) as file:
                container = file["processing/behavior/PoseEstimation"]
                kinds[form] = container.attrs["neurodata_type"]
                inner = [each.attrs.get("neurodata_type") for each in container.values()]
                assert inner.count("PoseEstimation") == (3 if form == "multi" else 0)
        assert kinds == {"multi": "MultiCameraPoseEstimation", "single": "PoseEstimation"}

    def test_what_nwb_refuses_in_names_is_changed_and_comes_back(self, tmp_path: Path) -> None:
        again, notes = round_trip(poses_of(3, ("paw/L", "a:b")), "nwb", tmp_path)
        assert "paw/L -> paw_L, a:b -> a_b" in notes[0]
        assert set(again.keypoints) == {"paw/L", "a:b"}

    @pytest.mark.parametrize(
        ("pair", "message"),
        [(("colour", "white"), "no place for colour"), (("session_start", "noon"), "time zone")],
    )
    def test_what_is_not_understood_of_the_subject_is_refused(
        self, pair: tuple[str, str], message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(PoseDataError, match=message):
            export_poses(poses_of(), "nwb", tmp_path, ExportSettings(subject=(pair,)))
        assert list(tmp_path.iterdir()) == []
