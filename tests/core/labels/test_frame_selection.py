"""Choosing frames to label: those that a person names, and those that differ most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.video_recipes import BY_NAME, folder_of

from napari_pose3d.core.labels.frame_selection.clusters import principal_components, representatives
from napari_pose3d.core.labels.frame_selection.frame_lists import every_nth, parse_frames
from napari_pose3d.core.labels.frame_selection.frame_sampling import sample_frames
from napari_pose3d.core.labels.frame_selection.kmeans_selection import by_kmeans
from napari_pose3d.core.labels.frame_selection.thumbnails import SIDE, read_thumbnails, small
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.session import Session
from napari_pose3d.core.video.index.index_builder import build_index
from napari_pose3d.core.video.video_array import open_video
from napari_pose3d.errors import Cancelled, PoseDataError

# ------------------------------------------------------------------------ named by a person


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("10", [10]),
        ("10, 20-23", [10, 20, 21, 22, 23]),
        ("100-130:10; 5\n7", [5, 7, 100, 110, 120, 130]),
        (" 20 - 22 , 21\u201323,", [20, 21, 22, 23]),
        ("100-105 : 2", [100, 102, 104]),
        ("0-0", [0]),
    ],
)
def test_frames_as_they_are_typed(text: str, frames: list[int]) -> None:
    assert parse_frames(text, 200) == frames


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no frame was given"),
        (" , ", "no frame was given"),
        ("10, abc", "'abc' is no frame"),
        ("1.5", r"'1\.5' is no frame"),
        ("-3", "'-3' is no frame"),
        ("10:2", "'10:2' is no frame"),
        ("30-20", "30-20 runs backwards.*20-30"),
        ("10-20:0", "step 0"),
        ("199, 200", "no frame 200.*from 0 to 199"),
        ("5-99999999999", "no frame 99999999999"),
    ],
)
def test_what_is_wrong_in_a_list(text: str, message: str) -> None:
    with pytest.raises(PoseDataError, match=message):
        parse_frames(text, 200)


def test_every_nth() -> None:
    assert every_nth(50, 10) == [0, 10, 20, 30, 40]
    assert every_nth(51, 10, start=5, skip={25, 26}) == [5, 15, 35, 45]
    assert every_nth(5, 10) == [0]
    for wrong in ({"n": 0}, {"n": 2, "start": -1}):
        with pytest.raises(PoseDataError):
            every_nth(50, **wrong)


# ------------------------------------------------------------------------ scenes with known truth

Image = NDArray[np.uint8]


def write_video(path: Path, images: list[Image], group: int = 12) -> Path:
    """A grey video with a keyframe every so many images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=30)
        stream.height, stream.width = images[0].shape
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "12", "g": str(group), "sc_threshold": "0"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode(None))
    return path


def square(x: int, y: int, shake: int = 0) -> Image:
    """A bright square on a dark floor, ``shake`` px to the right."""
    image = np.full((72, 96), 40, np.uint8)
    image[y : y + 16, x + shake : x + shake + 16] = 220
    return image


def session_of(videos: dict[str, Path], **alignments: ViewAlignment) -> Session:
    folder = next(iter(videos.values())).parent
    return Session("day1", folder, tuple(videos), videos, alignments=alignments)


@pytest.fixture(scope="module")
def six_states(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, NDArray[np.int64]]:
    """A session in which an animal is in one of six states, and the state of each frame.

    One view tells three of them apart and the other two; the first state is by far the commonest.
    """
    rng = np.random.default_rng(0)
    states = np.repeat(rng.choice(6, 40, p=[0.7, 0.06, 0.06, 0.06, 0.06, 0.06]), 15)
    states[:90] = np.repeat(range(6), 15)
    folder = tmp_path_factory.mktemp("six")
    shake = rng.integers(0, 3, len(states))
    top = [square(8 + 28 * (s // 2), 20, k) for s, k in zip(states, shake, strict=True)]
    side = [square(30, 6 + 40 * (s % 2), k) for s, k in zip(states, shake, strict=True)]
    videos = {
        "top": write_video(folder / "top.mp4", top),
        "side": write_video(folder / "s.mp4", side),
    }
    return session_of(videos), states


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("candidates", [200, None])
def test_all_views_together_tell_the_states_apart(
    six_states: tuple[Session, NDArray[np.int64]], seed: int, candidates: int | None
) -> None:
    session, states = six_states
    chosen = by_kmeans(session, 6, seed=seed, candidates=candidates)
    assert sorted(states[chosen]) == list(range(6))
    assert states[chosen[0]] == 0, "the commonest first"


def test_the_same_seed_gives_the_same_frames(
    six_states: tuple[Session, NDArray[np.int64]],
) -> None:
    session, _ = six_states
    first = by_kmeans(session, 12, seed=3, candidates=150)
    assert len(set(first)) == 12
    assert all(type(frame) is int for frame in first)
    assert by_kmeans(session, 12, seed=3, candidates=150) == first
    assert by_kmeans(session, 12, seed=4, candidates=150) != first
    assert len(by_kmeans(session, 1, candidates=30)) == 1


def test_frames_with_labels_are_never_chosen(
    six_states: tuple[Session, NDArray[np.int64]],
) -> None:
    session, _ = six_states
    skip = set(range(600)) - {7, 100, 101, 333, 598}
    assert sorted(by_kmeans(session, 5, skip=skip)) == [7, 100, 101, 333, 598]
    # No more than there are, each once; numbers outside the session do no harm.
    assert sorted(by_kmeans(session, 20, skip=skip | {-1, 10**7})) == [7, 100, 101, 333, 598]
    assert set(by_kmeans(session, 30, skip=range(0, 600, 2))) <= set(range(1, 600, 2))
    with pytest.raises(PoseDataError, match="no frame left to choose: of 600 frames, 600"):
        by_kmeans(session, 5, skip=range(600))


def test_only_frames_that_every_view_has(
    six_states: tuple[Session, NDArray[np.int64]],
) -> None:
    session, _ = six_states
    lost = tuple(range(1, 500, 2))
    shifted = session.with_alignments({"side": ViewAlignment(offset=500, dropped=lost)})
    chosen = by_kmeans(shifted, 200)
    assert sorted(chosen) == list(range(500, 600, 2))
    apart = session.with_alignments({"side": ViewAlignment(offset=600)})
    with pytest.raises(PoseDataError, match="of 1200 frames, 0 have an image"):
        by_kmeans(apart, 5)


def test_the_looks_are_compared_in_session_frames(tmp_path: Path) -> None:
    """Two views of one animal, one 20 frames later: only together are there just two states."""
    states = np.tile(np.repeat([0, 1], 20), 8)
    rng = np.random.default_rng(1)
    shakes = rng.integers(0, 3, (2, len(states)))
    images = [
        [square(10 + 50 * s, 30, k) for s, k in zip(states, row, strict=True)] for row in shakes
    ]
    videos = {
        view: write_video(tmp_path / f"{view}.mp4", frames)
        for view, frames in zip(("top", "side"), (images[0], images[1][20:]), strict=True)
    }
    chosen = by_kmeans(session_of(videos, side=ViewAlignment(offset=20)), 2)
    assert min(chosen) >= 20
    assert sorted(states[chosen]) == [0, 1]


@pytest.mark.parametrize("candidates", [60, None])
def test_where_something_moves(tmp_path: Path, candidates: int | None) -> None:
    """In the first half the animal sits here and there; then it walks."""
    top = [square(8 + 16 * (n // 40), 8) for n in range(200)]
    top += [square(8 + n % 70, 48) for n in range(200)]
    videos = {"top": write_video(tmp_path / "top.mp4", top)}
    videos["side"] = write_video(tmp_path / "side.mp4", [square(40, 30)] * 400)  # sees nothing
    chosen = by_kmeans(session_of(videos), 10, candidates=candidates)
    for frame in chosen:
        assert (top[frame] != top[frame + 2]).any(), frame


def test_damaged_frames_are_never_chosen(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    images = [square(int(x), int(y)) for x, y in rng.integers(0, 50, (40, 2))]
    video = write_video(tmp_path / "top.mp4", images, group=1)
    index = build_index(video)
    bad = list(range(5, 40, 3))
    with video.open("r+b") as stream:
        for frame in bad:
            packet = int(index.packet_of[frame])
            stream.seek(int(index.position[packet]))
            stream.write(rng.bytes(int(index.size[packet])))
    chosen = by_kmeans(session_of({"top": video}), 40)
    assert sorted(chosen) == sorted(set(range(40)) - set(bad))
    with pytest.raises(PoseDataError, match="damaged"):
        by_kmeans(session_of({"top": video}), 3, skip=set(range(40)) - set(bad))


@pytest.mark.parametrize(
    "name", ["h264-b-frames-colour.mp4", "hevc-12-bit.mp4", "h264-rotated-90.mp4", "mpeg2.mpg"]
)
def test_videos_of_other_kinds(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    video = BY_NAME[name].write(folder_of(tmp_path_factory))
    chosen = by_kmeans(session_of({"top": video, "side": video}), 5, candidates=20)
    assert len(set(chosen)) == 5


def test_progress_and_cancelling(six_states: tuple[Session, NDArray[np.int64]]) -> None:
    session, _ = six_states
    said: list[tuple[str, int, int]] = []
    by_kmeans(session, 3, candidates=50, progress=lambda *args: said.append(args))
    stages = list(dict.fromkeys(stage for stage, _, _ in said))
    assert stages == ["Opening videos", "Looking through the videos", "Choosing frames"]
    assert all(0 <= done <= total for _, done, total in said)
    for stage in stages:
        reached: list[str] = []
        with pytest.raises(Cancelled):
            by_kmeans(
                session,
                3,
                progress=lambda name, *_, reached=reached: reached.append(name),
                cancelled=lambda stage=stage, reached=reached: stage in reached,
            )
        assert reached[-1] == stage


def test_requests_that_cannot_be_met(six_states: tuple[Session, NDArray[np.int64]]) -> None:
    session, _ = six_states
    for n, candidates in ((0, None), (5, 4), (2000, None), (5, 20_000)):
        with pytest.raises(PoseDataError):
            by_kmeans(session, n, candidates=candidates)
    with pytest.raises(PoseDataError, match="no videos"):
        by_kmeans(Session("day1", Path(), ("top",)), 3)


# ------------------------------------------------------------------------ what to look at


@dataclass
class PlannedVideo:
    """Length and keyframes of a video that nobody decodes."""

    length: int
    keys: NDArray[np.int64]
    damaged: tuple[int, ...] = ()
    index: Any = field(init=False)
    shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.index = self
        self.shape = (self.length, 1024, 1280)

    def __len__(self) -> int:
        return self.length

    def entry_frames(self) -> NDArray[np.int64]:
        return self.keys

    def decoded(self, frames: NDArray[np.int64]) -> int:
        """Images that a reader decodes for these frames, one after the other."""
        total, before = 0, -1
        for frame in frames.tolist():
            key = int(self.keys[np.searchsorted(self.keys, frame, side="right") - 1])
            total += frame - (before if key <= before else key - 1)
            before = frame
        return total


LONG = 1_000_000


@pytest.mark.parametrize(
    ("keyframes", "offsets", "fewest", "most"),
    [
        (lambda n: np.arange(0, n, 250), (0, 0, 0), 400, 7500),
        (lambda n: np.arange(0, n, 250), (0, 7, 13), 150, 7500),
        (lambda n: np.arange(0, n, 250), (0, 90, 170), 80, 7500),
        (lambda n: np.arange(n), (0, 5, 3), 400, 7500),
        (lambda n: np.arange(0, n, 10_000), (0, 0, 0), 100, 7500),
        # There is no other way than through all of it.
        (lambda n: np.arange(1), (0, 0, 0), 1000, 3 * 600_000),
    ],
)
def test_a_long_session_is_looked_at_in_many_places(
    keyframes: Callable[[int], NDArray[np.int64]],
    offsets: tuple[int, ...],
    fewest: int,
    most: int,
) -> None:
    """``most`` is in images of all three videos together, of 1280 x 1024 px."""
    views = tuple(f"view{i}" for i in range(len(offsets)))
    session = Session(
        "day1",
        Path(),
        views,
        alignments={v: ViewAlignment(offset=o) for v, o in zip(views, offsets, strict=True)},
    )
    videos: Any = {view: PlannedVideo(LONG, keyframes(LONG)) for view in views}
    usable = np.ones(LONG, bool)
    usable[: max(offsets)] = False
    usable[5000:6000] = False
    usable[600_000:] = False
    rng = np.random.default_rng(0)
    frames = sample_frames(session, videos, usable, 1000, 80, 2, rng, lambda: False)
    assert usable[frames].all()
    assert (np.diff(frames) > 0).all()
    assert fewest <= len(frames) <= 1000
    both = np.union1d(frames, frames + 2)
    assert sum(videos[view].decoded(session.to_video(view, both)) for view in views) <= most
    # From everywhere: no tenth of the session is left out or gets more than twice its share.
    shares = np.histogram(frames, np.linspace(0, 600_000, 11))[0] / len(frames)
    assert shares.min() > 0.05
    assert shares.max() < 0.2


def test_small_images() -> None:
    image = np.zeros((512, 640), np.uint16)
    image[:, 320:] = 4095
    made = small(image, 12)
    assert max(made.shape) == SIDE
    np.testing.assert_array_equal(made[:, :30], 0)
    np.testing.assert_array_equal(made[:, 34:], 1)
    rng = np.random.default_rng(0)
    for shape in ((96, 128), (1024, 1280), (1, 700), (65, 64), (1080, 1920)):
        noise = rng.integers(0, 256, shape, dtype=np.uint8)
        made = small(noise, 8)
        assert max(made.shape) <= SIDE
        assert min(made.shape) >= 1
        assert abs(made.mean() - noise.mean() / 255) < 0.05


def test_motion_is_the_change_to_the_later_image(tmp_path: Path) -> None:
    images = [square(10, 10), square(10, 10), square(10, 10), square(50, 40), square(50, 40)]
    with open_video(write_video(tmp_path / "video.mp4", images), color="grey") as video:
        steps: list[None] = []
        read = read_thumbnails(
            video,
            np.array([0, 1, 2, 3]),
            np.array([2, 3, 4, -1]),
            lambda: True,
            lambda: steps.append(None),
        )
    assert len(steps) == 5
    still, moved, also, none = read.motion
    assert still < 0.002
    # Two squares of 256 of 6912 px change by 180 of 255 steps.
    assert abs(moved - 2 * 256 / 6912 * 180 / 255) < 0.005
    assert abs(also - moved) < 0.005
    assert np.isnan(none)


# ------------------------------------------------------------------------ few out of many


def test_one_of_each_cluster() -> None:
    rng = np.random.default_rng(5)
    centres = rng.normal(0, 20, (8, 5))
    sizes = [200, 100, 50, 20, 10, 5, 3, 1]
    labels = np.repeat(range(8), sizes)
    points = centres[labels] + rng.normal(0, 0.5, (len(labels), 5))
    order = representatives(points, 8, rng, lambda: False)
    assert sorted(labels[order]) == list(range(8))
    assert labels[order[0]] == 0
    # Each is as far from those before it as any of the others could be.
    for k in range(1, 8):
        distances = np.linalg.norm(points[order][:, None] - points[order[:k]], axis=-1).min(axis=1)
        assert distances[k] == distances[k:].max()


def test_points_that_are_all_the_same() -> None:
    rng = np.random.default_rng(5)
    assert sorted(representatives(np.ones((6, 2)), 6, rng, lambda: False)) == list(range(6))
    two = np.repeat([[0.0], [1.0]], 10, axis=0)
    order = representatives(two, 5, rng, lambda: False)
    assert len(set(order)) == 5
    assert set(two[order[:2], 0]) == {0.0, 1.0}


def test_principal_components_keep_distances() -> None:
    rng = np.random.default_rng(6)

    def components(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return principal_components(parts, 32, np.random.default_rng(0), lambda: False)

    flat = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 400))
    found = components([flat])
    true = np.linalg.norm(flat[:, None] - flat, axis=-1)
    ours = np.linalg.norm(found[:, None] - found, axis=-1)
    np.testing.assert_allclose(ours / ours.max(), true / true.max(), atol=1e-3)
    # Every part counts the same, whatever its contrast and size; one without any counts nothing.
    other = rng.normal(size=(50, 30))
    expected = components([flat, other])
    changed = components([0.01 * flat + 7, np.tile(other, 4), np.ones((50, 9))])
    np.testing.assert_allclose(np.abs(changed[:, :3]), np.abs(expected[:, :3]), atol=1e-3)
