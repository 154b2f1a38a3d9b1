"""The space that several cameras see, against projecting single points."""

from __future__ import annotations

import numpy as np
import pytest

from napari_pose3d.core.cameras.seen_volume import cameras_that_see, seen_volume
from napari_pose3d.core.cameras.working_volume import WorkingVolume
from napari_pose3d.errors import PoseDataError
from napari_pose3d.synthetic.board.board_observations import ring_of_cameras

RIG = ring_of_cameras(4)


def by_hand(rig, xyz, sizes) -> np.ndarray:
    """Cameras with a point in their image, one camera and one point after the other."""
    counts = []
    for point in xyz:
        seen = 0
        for camera in rig.cameras:
            x, y = rig.subset([camera.name]).project(point)[0]
            width, height = sizes[camera.name]
            seen += bool(-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5)
        counts.append(seen)
    return np.array(counts)


def enclosed(vertices: np.ndarray, triangles: np.ndarray) -> float:
    corners = vertices[triangles]
    return float(np.linalg.det(corners).sum() / 6)


@pytest.mark.parametrize("fisheye", [False, True])
def test_counts_are_those_of_single_points(fisheye: bool) -> None:
    rig = ring_of_cameras(4, fisheye=fisheye)
    sizes = {camera.name: camera.size for camera in rig.cameras}
    found = seen_volume(rig, 3, resolution=20)
    rng = np.random.default_rng(0)
    index = rng.integers(0, 20, (300, 3))
    at = found.corner + found.step * index
    expected = by_hand(rig, at, sizes)
    assert 0 < np.mean(expected >= 3) < 1
    np.testing.assert_array_equal(found.counts[tuple(index.T)], expected)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_boundary_encloses_what_is_seen(n: int) -> None:
    volume = WorkingVolume(np.zeros(3), 900.0)
    found = seen_volume(RIG, n, within=volume, resolution=60)
    vertices, triangles = found.boundary
    rng = np.random.default_rng(1)
    side = found.step * 60
    points = found.corner - found.step / 2 + side * rng.random((200_000, 3))
    share = float(np.mean(cameras_that_see(RIG, points) >= n))
    assert enclosed(vertices, triangles) == pytest.approx(share * side**3, rel=0.02)
    assert found.content == pytest.approx(share * side**3, rel=0.02)
    # Closed, and each edge passed once in each direction: one side is outside all over.
    edges = np.concatenate([triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    assert len(np.unique(edges, axis=0)) == len(edges)
    back = np.unique(edges[:, ::-1], axis=0)
    np.testing.assert_array_equal(np.unique(edges, axis=0), back)


def test_vertices_lie_where_the_number_of_cameras_changes() -> None:
    found = seen_volume(RIG, 4, resolution=24)
    vertices, _ = found.boundary
    middle = vertices.mean(axis=0)
    towards = (middle - vertices) / np.linalg.norm(middle - vertices, axis=1)[:, None]
    # What four cameras see is an intersection of convex pyramids, but for their distortion.
    step = 0.01 * found.step
    assert np.mean(cameras_that_see(RIG, vertices + step * towards) >= 4) > 0.98
    assert np.mean(cameras_that_see(RIG, vertices - step * towards) < 4) > 0.98


def test_sizes_of_the_videos_count_and_what_goes_on_is_cut() -> None:
    whole = seen_volume(RIG, 2, resolution=16)
    small = seen_volume(RIG, 2, resolution=16, sizes=dict.fromkeys(RIG.names, (200, 200)))
    assert small.content < 0.2 * whole.content
    assert seen_volume(RIG, 1, resolution=16).is_cut
    assert not seen_volume(RIG, 4, resolution=16).is_cut


def test_nothing_is_seen_by_cameras_that_look_apart() -> None:
    far = WorkingVolume(np.array([0.0, 0.0, -1e6]), 10.0)
    found = seen_volume(RIG, 2, within=far, resolution=8)
    vertices, triangles = found.boundary
    assert found.content == 0
    assert vertices.shape == (0, 3)
    assert triangles.shape == (0, 3)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"n": 5}, "the rig has 4"),
        ({"n": 0}, "0 cameras"),
        ({"resolution": 1}, "the resolution is 1"),
    ],
)
def test_what_cannot_be_asked_for(options: dict, problem: str) -> None:
    with pytest.raises(PoseDataError, match=problem):
        seen_volume(RIG, **options)
