"""Videos of the scene: a board in an arena, the animal and its shadow, through each camera's lens.

What a camera always sees is drawn once; per frame only the pixels around the animal are drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.cameras.camera import Camera
from napari_pose3d.core.cameras.rig import Rig
from napari_pose3d.errors import PoseDataError

from .scene import Scene

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Image = NDArray[np.uint8]

GOP = 50
B_FRAMES = 2

# Constant quantiser and fixed frame types, and nothing that x264 decides in its lookahead: its
# macroblock tree gives different bytes from run to run, and without cpu-independent it takes
# other shortcuts on another processor.
_X264 = (
    f"qp=26:keyint={GOP}:min-keyint={GOP}:bframes={B_FRAMES}:b-adapt=0:scenecut=0:mbtree=0:"
    "weightp=0:rc-lookahead=0:sync-lookahead=0:threads=1:lookahead-threads=1:cpu-independent=1"
)

LIGHT = np.array([0.28, -0.17, 0.94]) / np.linalg.norm([0.28, -0.17, 0.94])
_BOARD_THICKNESS, _TABLE = 12.0, -70.0  # mm
_FUR, _SKIN, _EYE = 0.21, 0.50, 0.03
_TAIL_PARTS = 6
_SENSOR_NOISE = 1.8  # grey levels
_COVERED = 6.0

# From, to, radius at either end (mm), shade, width of the blend with what was drawn before (mm),
# gloss. "a:b:f" is the point at the fraction f of the way from a to b.
_BONES: tuple[tuple[str, str, float, float, float, float, float], ...] = (
    ("tail_base:back:0.12", "back:tail_base:-0.05", 11.0, 14.0, _FUR, 5.0, 0.0),
    ("back", "neck:nose:-0.10", 13.0, 9.8, _FUR, 8.0, 0.0),
    ("neck:nose:0.05", "neck:nose:0.45", 8.8, 8.0, _FUR, 6.0, 0.0),
    ("neck:nose:0.45", "neck:nose:0.94", 7.2, 2.4, _FUR, 5.0, 0.0),
    ("ear_left:neck:0.2", "ear_left", 3.0, 4.3, 0.36, 1.5, 0.0),
    ("ear_right:neck:0.2", "ear_right", 3.0, 4.3, 0.36, 1.5, 0.0),
    ("neck:nose:0.97", "nose", 1.6, 1.7, _SKIN, 0.8, 0.1),
    ("eye_left", "eye_left", 1.9, 1.9, _EYE, 0.3, 1.0),
    ("eye_right", "eye_right", 1.9, 1.9, _EYE, 0.3, 1.0),
    ("hip_left", "knee_left", 8.5, 5.6, _FUR, 5.0, 0.0),
    ("hip_right", "knee_right", 8.5, 5.6, _FUR, 5.0, 0.0),
    ("knee_left", "hindpaw_left", 4.6, 2.2, 0.34, 2.5, 0.0),
    ("knee_right", "hindpaw_right", 4.6, 2.2, 0.34, 2.5, 0.0),
    ("shoulder_left", "elbow_left", 6.0, 3.6, _FUR, 4.0, 0.0),
    ("shoulder_right", "elbow_right", 6.0, 3.6, _FUR, 4.0, 0.0),
    ("elbow_left", "forepaw_left", 3.2, 1.9, 0.34, 2.0, 0.0),
    ("elbow_right", "forepaw_right", 3.2, 1.9, 0.34, 2.0, 0.0),
    ("hindpaw_left", "hindpaw_left:toe_left:1", 2.2, 1.7, _SKIN, 1.0, 0.0),
    ("hindpaw_right", "hindpaw_right:toe_right:1", 2.2, 1.7, _SKIN, 1.0, 0.0),
    ("forepaw_left", "forepaw_left", 2.2, 2.2, _SKIN, 1.0, 0.0),
    ("forepaw_right", "forepaw_right", 2.2, 2.2, _SKIN, 1.0, 0.0),
    ("tail_base:back:0.05", "tail_1:tail_base:0.4", 6.0, 2.8, 0.33, 4.0, 0.0),
    *(
        (f"tail_{i}", f"tail_{i + 1}", 2.7 - 0.32 * i, 2.38 - 0.32 * i, _SKIN, 0.5, 0.0)
        for i in range(_TAIL_PARTS)
    ),
)


@dataclass(frozen=True, eq=False)
class Still:
    """What stays the same in all images of one camera."""

    background: Float32  # (height, width), grey levels 0 to 255
    rays: Float32  # (height, width, 3), directions in space
    floor: Float32  # (height, width, 2), mm on the board; NaN elsewhere


class Drawable(Protocol):
    """Images that are drawn one by one."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""

    @property
    def fps(self) -> float:
        """Frames per second."""

    def image(self, frame: int) -> Image:
        """One image, ``(height, width)`` uint8."""


class CameraVideo:
    """The images of one camera, drawn on demand.

    Parameters
    ----------
    scene : Scene
    view : str
        Name of the camera.
    covered : (frame,) bool, optional
        When the lens is covered, so that the image is all but black.
    """

    def __init__(self, scene: Scene, view: str, covered: NDArray[np.bool_] | None = None) -> None:
        index = scene.rig.names.index(view)
        self._camera = camera = scene.rig.cameras[index]
        assert camera.size is not None
        self._scene, self._index = scene, index
        self._rig = Rig((camera,))
        self._still = draw_still(camera, scene.arena_radius)
        self._bones = _bones(scene)
        self._covered = np.zeros(scene.n_frames, bool) if covered is None else covered
        self._pixel = 1.0 / camera.matrix[0, 0]
        self._noise = sensor_noise(camera.size, [scene.seed, index, 1])

    def __len__(self) -> int:
        return self._scene.n_frames

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        height, width = self._still.background.shape
        return width, height

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self._scene.fps

    def image(self, frame: int) -> Image:
        """One image, ``(height, width)`` uint8; equal scenes give equal images."""
        from .raymarch import AX, RADIUS, TAPER, UX, draw_body, draw_shadow

        still, bones = self._still, self._bones[frame]
        image = still.background.copy()
        start = bones[:, AX : AX + 3]
        ends = np.stack([start, start + bones[:, UX : UX + 3]])
        radius = bones[:, RADIUS] + np.maximum(bones[:, TAPER], 0.0)
        flat = ends.reshape(-1, 3)
        xy = self._rig.project(flat)[0].reshape(2, -1, 2)
        shade = flat - LIGHT * (flat[:, 2:] / LIGHT[2])
        shade_xy = self._rig.project(shade)[0].reshape(2, -1, 2)
        depth = (ends - self._camera.centre) @ self._camera.rotation[2]
        # Lenses magnify a little off their middle; the outline may be wide but never narrow.
        to_px = 1.1 * self._camera.matrix[0, 0] / depth.min(axis=0)
        outlines = np.c_[xy[0], xy[1], to_px * (radius + 3.0) + 2.0]
        light_px = to_px * (2.0 * radius + 0.7 * ends[:, :, 2].max(axis=0)) + 2.0
        draw_shadow(image, still.floor, self._box(shade_xy, light_px), bones, LIGHT)
        draw_body(
            image,
            still.rays,
            self._camera.centre,
            self._pixel,
            self._box(xy, outlines[:, 4]),
            bones,
            outlines,
            LIGHT,
        )
        if self._covered[frame]:
            image = _COVERED + np.float32(0.02) * image
        width, height = self.size
        down, right = np.random.default_rng([self._scene.seed, self._index, 2, frame]).integers(
            0, 64, 2
        )
        image += self._noise[down : down + height, right : right + width]
        np.clip(image, 0.0, 255.0, out=image)
        return (image + np.float32(0.5)).astype(np.uint8)

    def _box(self, xy: Float64, radius: Float64) -> NDArray[np.int64]:
        """Pixels around all points: x, y of the first, and one past the last."""
        low = np.floor((xy - radius[None, :, None]).min(axis=(0, 1)))
        high = np.ceil((xy + radius[None, :, None]).max(axis=(0, 1))) + 1
        limit = np.array(self.size)
        box = np.concatenate([np.clip(low, 0, limit), np.clip(high, 0, limit)])
        return np.asarray(box, np.int64)


def write_video(
    video: Drawable, path: str | os.PathLike[str], before_frame: Callable[[int], None]
) -> None:
    """Encode a video as H.264 with B-frames: equal images give equal bytes on every computer.

    Parameters
    ----------
    video : Drawable
    path : path
        The file; an ``.mp4``.
    before_frame : callable
        Called with each frame's number before it is drawn; it stops the work by raising.
    """
    import av

    rate = Fraction(video.fps).limit_denominator(1001)
    width, height = video.size
    if height % 2 or width % 2:
        raise PoseDataError(
            f"images of {width} x {height} px cannot be encoded", expected="even numbers"
        )
    # Without bitexact the file names the version of libavformat that wrote it.
    with av.open(os.fspath(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        stream.options = {"preset": "veryfast", "x264-params": _X264}
        for number in range(len(video)):
            before_frame(number)
            container.mux(stream.encode(_grey_frame(video.image(number))))
        container.mux(stream.encode(None))


def write_png(image: Image, path: str | os.PathLike[str]) -> None:
    """Write one grey image as PNG, every pixel as it is."""
    import av

    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = image.shape[1], image.shape[0]
    encoder.pix_fmt, encoder.time_base = "gray", Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(image, format="gray")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    Path(path).write_bytes(b"".join(bytes(packet) for packet in packets))


def _grey_frame(image: Image) -> Any:
    import av

    height, width = image.shape
    # The video range: black is 16 and white 235, no colour is 128.
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = 16.5 + image * np.float32(219 / 255)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def _bones(scene: Scene) -> Float64:
    """The table of bones at every frame, ``(frame, bone, column)``; see `_raymarch`."""
    from . import raymarch as columns

    points = dict(scene.points)
    for side in ("left", "right"):
        forward = points["neck"] - points["back"]
        forward = forward * [1.0, 1.0, 0.0]
        forward /= np.linalg.norm(forward, axis=-1, keepdims=True) + 1e-9
        points[f"toe_{side}"] = points[f"hindpaw_{side}"] + 6.0 * forward
    # The tail is a curve through its three points.
    base, middle, tip = points["tail_base"], points["tail_mid"], points["tail_tip"]
    for i in range(_TAIL_PARTS + 1):
        t = i / _TAIL_PARTS
        points[f"tail_{i}"] = (
            (1 - t) * (1 - 2 * t) * base + 4 * t * (1 - t) * middle + t * (2 * t - 1) * tip
        )

    def point(name: str) -> Float64:
        if ":" not in name:
            return points[name]
        a, b, part = name.split(":")
        return np.asarray(points[a] + float(part) * (points[b] - points[a]))

    table = np.zeros((scene.n_frames, len(_BONES), columns.N_COLUMNS))
    for i, (a, b, radius_a, radius_b, *rest) in enumerate(_BONES):
        start, way = point(a), point(b) - point(a)
        table[:, i, columns.AX : columns.AX + 3] = start
        table[:, i, columns.UX : columns.UX + 3] = way
        table[:, i, columns.INVERSE] = 1.0 / (np.sum(way**2, axis=-1) + 1e-9)
        table[:, i, columns.RADIUS :] = radius_a, radius_b - radius_a, *rest
    return table


def sensor_noise(size: tuple[int, int], seed: Sequence[int]) -> Float32:
    """A sheet of noise, of which each frame shows another part: cheaper than new numbers.

    Returns
    -------
    (height + 64, width + 64) float32
        Grey levels.
    """
    width, height = size
    sheet = np.random.default_rng(seed).standard_normal((height + 64, width + 64), np.float32)
    return np.float32(_SENSOR_NOISE) * sheet


def draw_still(camera: Camera, arena_radius: float) -> Still:
    """Cast each pixel's ray to the board and the table."""
    assert camera.size is not None
    width, height = camera.size
    rays = _rays(camera, 1)
    # Four rays per pixel, so that edges and texture are smooth.
    colours = _surface(camera.centre, _rays(camera, 2), arena_radius)
    background = colours.reshape(height, 2, width, 2).mean(axis=(1, 3))
    # Lenses are darker in the corners.
    v, u = np.mgrid[:height, :width]
    off = np.hypot(u - width / 2, v - height / 2) / np.hypot(width / 2, height / 2)
    background *= 1.0 - 0.22 * off**2.5
    floor = _hit_plane(camera.centre, rays, 0.0)
    floor[np.hypot(floor[..., 0], floor[..., 1]) > arena_radius] = np.nan
    return Still(background.astype(np.float32), rays.astype(np.float32), floor.astype(np.float32))


def _rays(camera: Camera, parts: int) -> Float64:
    """Directions in space of length 1, with ``parts`` x ``parts`` rays in each pixel."""
    assert camera.size is not None
    width, height = camera.size
    offset = (np.arange(parts) + 0.5) / parts - 0.5
    u = (np.arange(width)[:, None] + offset).ravel()
    v = (np.arange(height)[:, None] + offset).ravel()
    pixels = np.stack(np.meshgrid(u, v), axis=-1)
    flat = Rig((camera,)).undistort(pixels[None])[0]
    directions = np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1)
    directions = np.nan_to_num(directions) @ camera.rotation
    return np.asarray(directions / np.linalg.norm(directions, axis=-1, keepdims=True))


def _hit_plane(eye: Float64, rays: Float64, z: float) -> Float64:
    """Where rays meet a level plane, ``(..., 2)`` mm; NaN where they go up."""
    down = np.where(rays[..., 2] < -1e-3, rays[..., 2], np.nan)
    return np.asarray(eye[:2] + ((z - eye[2]) / down)[..., None] * rays[..., :2])


def _surface(eye: Float64, rays: Float64, radius: float) -> Float64:
    """Grey level of the surroundings that each ray meets."""
    top = _hit_plane(eye, rays, 0.0)
    bottom = _hit_plane(eye, rays, -_BOARD_THICKNESS)
    on_top = np.hypot(top[..., 0], top[..., 1]) <= radius
    # The edge of the board: the ray enters the cylinder between its top and bottom.
    on_edge = ~on_top & (np.hypot(bottom[..., 0], bottom[..., 1]) <= radius)
    beyond = ~on_top & ~on_edge
    grey = np.empty(rays.shape[:-1])
    grey[on_top] = _board(top[on_top], radius)
    # Only the side towards the camera is seen; it is darker where it faces away from the light.
    turn = np.arctan2(bottom[on_edge, 1], bottom[on_edge, 0])
    grey[on_edge] = 92.0 + 60.0 * (np.cos(turn) * LIGHT[0] + np.sin(turn) * LIGHT[1])
    grey[beyond] = _table(np.nan_to_num(_hit_plane(eye, rays[beyond], _TABLE), nan=1e4), radius)
    return grey


def _table(place: Float64, radius: float) -> Float64:
    """A dark table far below, in the shade of the board."""
    r = np.hypot(place[:, 0], place[:, 1])
    grey = 44.0 + 9.0 * _texture(place, (90.0, 22.0, 6.0))
    grey *= 1.0 - 0.6 / (1.0 + np.exp(np.minimum((r - radius - 25.0) / 22.0, 50.0)))
    return np.asarray(grey * np.exp(-np.maximum(r - radius, 0.0) / 900.0))


def _board(place: Float64, radius: float) -> Float64:
    """Worn, speckled plastic with stains and scratches, lighter under the lamp, a rubbed rim."""
    mottle = _texture(place, (130.0, 45.0, 16.0, 5.0))
    grey = 168.0 + 11.0 * mottle + 7.0 * _texture(place + 771.0, (1.7,))
    grey -= 34.0 * np.clip(_texture(place - 333.0, (60.0, 24.0)) - 0.95, 0.0, 1.0)
    scratch = np.abs(_texture(place @ _turned(0.6) * [0.1, 1.0] + 99.0, (7.0,)))
    grey -= 16.0 * np.clip(1.0 - scratch / 0.05, 0.0, 1.0) * (mottle > 0.5)
    scratch = np.abs(_texture(place @ _turned(-0.3) * [1.0, 0.08] - 55.0, (9.0,)))
    grey += 12.0 * np.clip(1.0 - scratch / 0.04, 0.0, 1.0) * (mottle < -0.5)
    r = np.hypot(place[:, 0], place[:, 1])
    off_lamp = ((place[:, 0] - 50.0) ** 2 + (place[:, 1] + 30.0) ** 2) / radius**2
    grey *= 1.06 - 0.16 * off_lamp
    grey += 26.0 * np.exp(-0.5 * ((r - radius + 2.0) / 1.6) ** 2)
    grey -= 22.0 * np.exp(-0.5 * ((r - radius + 7.0) / 1.8) ** 2)
    return np.asarray(grey)


def _turned(angle: float) -> Float64:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _texture(place: Float64, grains: tuple[float, ...]) -> Float64:
    """Blotches of unit strength; each grain (mm) half as strong as the one before."""
    lattice = np.random.default_rng(20).standard_normal((256, 256))
    total, power = np.zeros(place.shape[:-1]), 0.0
    for octave, grain in enumerate(grains):
        x = place / grain + 37.0 * octave
        cell = np.floor(x)
        part = x - cell
        part = part * part * (3.0 - 2.0 * part)
        i, j = (cell[..., 0].astype(int) & 255), (cell[..., 1].astype(int) & 255)
        fx, fy = part[..., 0], part[..., 1]
        i1, j1 = (i + 1) & 255, (j + 1) & 255
        low = lattice[i, j] * (1 - fx) + lattice[i1, j] * fx
        high = lattice[i, j1] * (1 - fx) + lattice[i1, j1] * fx
        total += 0.7**octave * (low * (1 - fy) + high * fy)
        power += 0.25 * 0.7 ** (2 * octave)
    return np.asarray(total / np.sqrt(power) * 0.7)
