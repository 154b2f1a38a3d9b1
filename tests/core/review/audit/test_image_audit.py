"""Images that are not the frame that they are named after."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.review.audit.findings import LabelFault
from napari_pose3d.core.review.audit.image_audit import LabeledImage, audit_images

N = 60


def frame_of(view: str, frame: int) -> NDArray[np.uint8] | None:
    """A blob that moves over a still texture; nothing moves from frame 40 on."""
    if not 0 <= frame < N:
        return None
    rows, columns = np.mgrid[0:240, 0:400]
    t = min(frame, 40) + (5 if view == "side" else 0)
    out = 90 + 40 * np.sin(rows / 11) * np.cos(columns / 13)
    x, y = 60 + 5.0 * t, 120 + 60 * np.sin(t / 6)
    out += 110 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 20.0**2))
    noise = np.random.default_rng([frame, len(view)]).normal(0, 2, out.shape)
    return (out + noise).clip(0, 255).astype(np.uint8)


def saved(view: str, shown: int, *, named: int | None = None) -> LabeledImage:
    """As another program saves it: JPEG, brighter, with more contrast."""
    image = frame_of(view, shown)
    assert image is not None
    changed = (image * 0.9 + 20).clip(0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, 60])
    back = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return LabeledImage(shown if named is None else named, view, np.asarray(back))


def small_animal(view: str, frame: int) -> NDArray[np.uint8] | None:
    """A dot of a hundredth of the image."""
    if not 0 <= frame < N:
        return None
    rows, columns = np.mgrid[0:240, 0:400]
    out = 90 + 40 * np.sin(rows / 11) * np.cos(columns / 13)
    x, y = 60 + 5.0 * frame, 120 + 60 * np.sin(frame / 6)
    out[(columns - x) ** 2 + (rows - y) ** 2 < 16**2] = 20
    noise = np.random.default_rng([frame, len(view)]).normal(0, 2, out.shape)
    return (out + noise).clip(0, 255).astype(np.uint8)


def test_a_small_animal_elsewhere_is_another_frame() -> None:
    def jpeg(named: int, shown: int) -> LabeledImage:
        image = small_animal("top", shown)
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])
        back = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        return LabeledImage(named, "top", np.asarray(back))

    right = [jpeg(frame, frame) for frame in range(0, N, 5)]
    assert audit_images("day1", right, small_animal) == []
    wrong = [jpeg(12, 55), jpeg(31, 39)]
    found = audit_images("day1", [*right, *wrong], small_animal)
    assert [(f.frame, f.evidence) for f in found] == [
        (12, "it shows none of the frames 0 to 24"),
        (31, "it shows frame 39"),
    ]


def test_images_saved_in_another_way_are_their_frames() -> None:
    images = [saved(view, frame) for view in ("top", "side") for frame in range(0, N, 7)]
    assert audit_images("day1", images, frame_of) == []


def test_the_frame_that_it_really_is_is_named() -> None:
    images = [saved("top", frame) for frame in range(0, 35, 5)]
    images += [saved("side", 11, named=10), saved("side", 24, named=30)]
    found = audit_images("day1", images, frame_of)
    assert [(f.frame, f.views, f.evidence) for f in found] == [
        (10, ("side",), "it shows frame 11"),
        (30, ("side",), "it shows frame 24"),
    ]
    assert {f.kind for f in found} == {LabelFault.OTHER_IMAGE}


def test_an_image_from_elsewhere() -> None:
    images = [saved("top", frame) for frame in range(0, 35, 5)]
    other = np.random.default_rng(0).integers(0, 255, (240, 400)).astype(np.uint8)
    found = audit_images("day1", [*images, LabeledImage(33, "top", other)], frame_of)
    assert [(f.frame, f.evidence) for f in found] == [(33, "it shows none of the frames 21 to 45")]


def test_where_nothing_moves_nothing_is_said_and_no_frame_is_no_finding() -> None:
    images = [saved("top", frame, named=frame + 3) for frame in range(42, 55, 4)]
    images += [saved("top", 5, named=N + 3)]
    assert audit_images("day1", images, frame_of) == []


def test_another_size_and_colour() -> None:
    small = saved("top", 10)
    half = cv2.resize(small.image, (200, 120), interpolation=cv2.INTER_AREA)
    colour = np.repeat(half[..., None], 3, axis=2)
    assert audit_images("day1", [LabeledImage(10, "top", colour)], frame_of) == []
    found = audit_images("day1", [LabeledImage(12, "top", colour)], frame_of)
    assert [f.evidence for f in found] == ["it shows frame 10"]
