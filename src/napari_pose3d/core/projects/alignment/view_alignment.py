"""How a view's video lies in its session: which frame is which, and which pixel is which.

Three counts of frames, all from 0:

- *video frame*: the n-th image of the video; rows of prediction files count these.
- *camera frame*: the camera's own count, in which the images it lost count, too.
- *session frame*: common to all views; camera frame + offset.

And two images: that of the video, and that of the rig, which the camera was calibrated with. The
video may show a part of it (a crop, or boxes that follow the animal), perhaps smaller (scale).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.formats.projects.frame_tables import (
    Float64,
    dropped_from_times,
    paired_by_time,
    read_boxes,
    read_times,
)
from napari_pose3d.core.poses.arrays import ENSEMBLE_ARRAYS, Ensemble, FloatArray, Poses2D
from napari_pose3d.errors import PoseDataError

from .frame_shifts import in_session_frames

Frames = NDArray[np.int64]
Pixels = Literal["rig", "image"]

NO_FRAME = -1

MOST_FRAMES = 10_000_000
"""No recording is so long: that much is no offset, but a time or a slip of the keyboard."""
_LARGEST_SCALE = 1e3
_LARGEST_IMAGE = 1e6  # px

# Fewer frames than these are no recording by several cameras.
_FEWEST_PAIRS = 3
# Clocks of cameras of one rate differ by less than this factor.
OTHER_RATE = 1.02

_POSITIONS = ("xy", "ensemble_median")
_VARIANCES = ("variance", "ensemble_variance")


@dataclass(frozen=True)
class ViewAlignment:
    """How one view differs from what the session and the rig expect.

    Attributes
    ----------
    offset : int
        Session frame = camera frame + offset: how many frames later than the session's first
        frame the camera started; negative when it started earlier.
    dropped : tuple of int
        Camera frames that the video lacks.
    timestamps : Path or None
        A file with the time of each frame of the video, from which the dropped frames are
        found (see `dropped_from_times`); instead of ``dropped``.
    clocks : tuple of Path
        The ``timestamps`` of all views of the session. Where their rates differ, session frames
        are the frames of the slowest camera, and the others' frames are paired with them by time.
    crop : (x, y, width, height) or None
        The part of the rig's image that the video shows, in px of the rig's image; x and y are
        its upper left pixel. None: all of it.
    boxes : Path or None
        A table with such a part for each image of the video (`frame_tables.read_boxes`); instead
        of ``crop``.
    scale : (x, y)
        px of the rig's image per px of the video: 2 for a video of half the size.

    Raises
    ------
    PoseDataError
        For invalid numbers.
    """

    offset: int = 0
    dropped: tuple[int, ...] = ()
    timestamps: Path | None = None
    crop: tuple[float, float, float, float] | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    boxes: Path | None = None
    clocks: tuple[Path, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.dropped and self.timestamps is not None:
            raise PoseDataError(
                "dropped frames and a file of times are both given",
                expected="one of them",
                todo="Remove 'dropped' or 'timestamps'",
            )
        if self.crop is not None and self.boxes is not None:
            raise PoseDataError(
                "a crop and a file of boxes are both given",
                expected="one of them",
                todo="Remove 'crop' or 'boxes'",
            )
        if abs(self.offset) > MOST_FRAMES:
            raise PoseDataError(
                f"the offset is {self.offset:g} frames", expected=f"at most {MOST_FRAMES:,}"
            )
        if wrong := [frame for frame in self.dropped if not 0 <= frame <= MOST_FRAMES]:
            raise PoseDataError(
                f"{wrong[0]:g} is given as a dropped frame",
                expected=f"frame numbers from 0 to {MOST_FRAMES:,}",
            )
        if not all(1 / _LARGEST_SCALE <= s <= _LARGEST_SCALE for s in self.scale):
            raise PoseDataError(
                f"the scale is {self.scale[0]:g}, {self.scale[1]:g}",
                expected=f"above 0, from {1 / _LARGEST_SCALE:g} to {_LARGEST_SCALE:g}",
            )
        if self.crop is not None and not (
            all(abs(c) <= _LARGEST_IMAGE for c in self.crop) and min(self.crop[2:]) > 0
        ):
            raise PoseDataError(
                f"the crop is {', '.join(f'{c:g}' for c in self.crop)}",
                expected="x, y, width and height in px, the last two above 0",
            )

    @property
    def shifts_frames(self) -> bool:
        """Whether session frames differ from video frames."""
        return bool(self.offset or self.dropped or self.timestamps is not None)

    @property
    def moves_pixels(self) -> bool:
        """Whether the rig's image differs from the video's."""
        moved = self.crop is not None and self.crop[:2] != (0, 0)
        return moved or self.boxes is not None or self.scale != (1.0, 1.0)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of times and of boxes, if there are any."""
        return tuple(path for path in (self.timestamps, self.boxes) if path is not None)

    @property
    def is_identity(self) -> bool:
        return not (self.shifts_frames or self.moves_pixels)

    @cached_property
    def times(self) -> Float64:
        """The times in ``timestamps``, ``(image,)``; empty without such a file."""
        return np.empty(0) if self.timestamps is None else read_times(self.timestamps)

    @cached_property
    def dropped_frames(self) -> Frames:
        """Camera frames that the video lacks, in order; reads ``timestamps`` where that is given.

        Raises
        ------
        PoseDataError
            When the file of times cannot be used.
        """
        if self.timestamps is not None:
            return dropped_from_times(self.times, self.timestamps)
        return np.unique(np.asarray(self.dropped, dtype=np.int64))

    @cached_property
    def reference(self) -> Float64 | None:
        """Times of the images of the slowest camera; None where rates do not differ.

        Raises
        ------
        PoseDataError
            When a file of times cannot be used, or an offset is given as well.
        """
        if self.timestamps is None or len(self.clocks) < 2:
            return None
        clocks = [
            self.times if path == self.timestamps else read_times(path) for path in self.clocks
        ]
        intervals = [float(np.median(np.diff(times))) for times in clocks]
        if max(intervals) < OTHER_RATE * min(intervals):
            return None
        if self.offset:
            raise PoseDataError(
                "an offset is given for cameras of different frame rates",
                file=self.timestamps,
                expected="times by one clock, which tell when each camera started",
                todo="Remove 'offset'",
            )
        return clocks[int(np.argmax(intervals))]

    @cached_property
    def pairing(self) -> Frames | None:
        """The video frame at each session frame, -1 for none; None where rates do not differ.

        Errors are those of `reference`, and that hardly any frame has a partner.
        """
        reference, times = self.reference, self.times
        if reference is None:
            return None
        pairing = paired_by_time(reference, times)
        if (pairing >= 0).sum() < min(_FEWEST_PAIRS, len(reference), len(times)):
            raise PoseDataError(
                f"its times go from {times[0]:.10g} to {times[-1]:.10g}, those of the slowest "
                f"camera from {reference[0]:.10g} to {reference[-1]:.10g}: no frames belong "
                "together",
                file=self.timestamps,
                expected="the times of all views by one clock and in one unit",
                todo="Correct the file, or 'timestamps' in napari-pose3d/project.toml",
            )
        return pairing

    @property
    def n_unpaired(self) -> int:
        """How many frames of the video belong to no session frame, since cameras differ in rate."""
        return 0 if self.pairing is None else len(self.times) - int((self.pairing >= 0).sum())

    def to_session(self, video_frames: ArrayLike) -> Frames:
        """Session frames of video frames, elementwise; -1 where there is none.

        There is none for a negative video frame, and for images from before session frame 0.
        """
        video = np.asarray(video_frames, dtype=np.int64)
        if self.pairing is not None:
            at = np.full(len(self.times) + 1, NO_FRAME)
            paired = np.flatnonzero(self.pairing >= 0)
            at[self.pairing[paired]] = paired
            return np.asarray(at[np.where((video >= 0) & (video < len(self.times)), video, -1)])
        dropped = self.dropped_frames
        # The i-th dropped frame lies behind as many images as there are frames before it that
        # were not dropped.
        frames_before = dropped - np.arange(len(dropped))
        session = video + np.searchsorted(frames_before, video, side="right") + self.offset
        return np.asarray(np.where((video >= 0) & (session >= 0), session, NO_FRAME))

    def to_video(self, session_frames: ArrayLike, n_video_frames: int | None = None) -> Frames:
        """Video frames of session frames, elementwise; -1 where the view has no image.

        Parameters
        ----------
        n_video_frames : int, optional
            Length of the video; frames beyond its end are -1 then.
        """
        session = np.asarray(session_frames, dtype=np.int64)
        if self.pairing is not None:
            paired = np.append(self.pairing, NO_FRAME)
            known = (session >= 0) & (session < len(self.pairing))
            frames = paired[np.where(known, session, -1)]
            if n_video_frames is not None:
                frames = np.where(frames < n_video_frames, frames, NO_FRAME)
            return np.asarray(frames)
        camera = session - self.offset
        dropped = self.dropped_frames
        place = np.searchsorted(dropped, camera, side="left")
        lost = np.zeros(camera.shape, bool)
        if len(dropped):
            lost = dropped[np.minimum(place, len(dropped) - 1)] == camera
        video = camera - place
        there = (session >= 0) & (camera >= 0) & ~lost
        if n_video_frames is not None:
            there &= video < n_video_frames
        return np.asarray(np.where(there, video, NO_FRAME))

    def frames_of_video(self, n_session_frames: int) -> Frames:
        """Session frame of each frame of the video, ``(video frame,)``; -1 where there is none.

        Parameters
        ----------
        n_session_frames : int
            Up to which session frame the video is known; one whose times are known is known whole.
        """
        length = int(self.to_video(np.arange(n_session_frames)).max(initial=-1)) + 1
        return self.to_session(np.arange(max(length, len(self.times))))

    def n_session_frames(self, n_video_frames: int) -> int:
        """How many session frames there are up to the last image of the video."""
        if self.pairing is not None:
            frames = self.to_video(np.arange(len(self.pairing)), n_video_frames)
            return int(np.flatnonzero(frames >= 0).max(initial=-1)) + 1
        return 0 if n_video_frames <= 0 else int(self.to_session(n_video_frames - 1)) + 1

    def to_rig_pixels(self, xy: ArrayLike, video_frames: ArrayLike | None = None) -> Float64:
        """Pixels of the rig's image of pixels of the video.

        Parameters
        ----------
        xy : (..., 2)
            Pixels of the video.
        video_frames : (...) int, optional
            The image that each of them is in (or an array that broadcasts to it); needed where
            there are ``boxes``, and ignored elsewhere.

        Returns
        -------
        (..., 2) float64
            NaN in images that have no box.

        Raises
        ------
        PoseDataError
            When boxes cannot be read, or the frames are not given for them.
        """
        # An integer is the centre of a pixel, so the upper left corner lies at -0.5.
        scaled = (np.asarray(xy, dtype=np.float64) + 0.5) * np.array(self.scale) - 0.5
        return np.asarray(scaled + self._corners(video_frames))

    def to_video_pixels(self, xy: ArrayLike, video_frames: ArrayLike | None = None) -> Float64:
        """Pixels of the video of pixels of the rig's image; the inverse of `to_rig_pixels`."""
        cut = np.asarray(xy, dtype=np.float64) - self._corners(video_frames)
        return np.asarray((cut + 0.5) / np.array(self.scale) - 0.5)

    @cached_property
    def image_boxes(self) -> Float64:
        """The box of each image, ``(image, 4)`` x, y, width, height; empty without ``boxes``.

        Raises
        ------
        PoseDataError
            When the file of boxes cannot be used.
        """
        return np.empty((0, 4)) if self.boxes is None else read_boxes(self.boxes)

    def describe(self) -> str:
        """In a few words, what is adjusted; empty for the identity."""
        parts = []
        if self.offset:
            when = "later" if self.offset > 0 else "earlier"
            parts.append(f"starts {abs(self.offset)} frames {when}")
        if self.dropped:
            parts.append(f"{len(self.dropped)} dropped frames")
        if self.timestamps is not None:
            parts.append(f"frames by {self.timestamps.name}")
        if self.crop is not None:
            x, y, width, height = self.crop
            parts.append(f"crop {width:g} x {height:g} px at {x:g}, {y:g}")
        if self.boxes is not None:
            parts.append(f"crop by {self.boxes.name}")
        if self.scale != (1.0, 1.0):
            x, y = self.scale
            parts.append(f"scale {x:g}" if x == y else f"scale {x:g}, {y:g}")
        return ", ".join(parts)

    def _corners(self, video_frames: ArrayLike | None) -> Float64:
        """Upper left pixels of what the video shows: ``(2,)``, or ``(..., 2)`` with boxes."""
        if self.boxes is None:
            return np.array((0.0, 0.0) if self.crop is None else self.crop[:2])
        if video_frames is None:
            raise PoseDataError(
                "the video is cut out by boxes that move, so the frames have to be given",
                file=self.boxes,
            )
        frames = np.asarray(video_frames, dtype=np.int64)
        corners = np.full((len(self.image_boxes) + 1, 2), np.nan)
        corners[:-1] = self.image_boxes[:, :2]
        known = (frames >= 0) & (frames < len(self.image_boxes))
        return np.asarray(corners[np.where(known, frames, -1)])


@dataclass(frozen=True)
class EnsembleAlignment:
    """What is done to the poses of each view after reading (for `StoredEnsemble`).

    Attributes
    ----------
    views : mapping of view to ViewAlignment
        Views that are not named stay as they are.
    counted : {"video", "session"}
        What the frames of the file count; "session" for our own results, which are not shifted.
    given, wanted : {"rig", "image"}
        Which image's pixels are in the file and which are wanted.
    own_frames : bool
        Frames stay those of each view, whose times are known.
    """

    views: Mapping[str, ViewAlignment]
    counted: Literal["video", "session"] = "video"
    given: Pixels = "image"
    wanted: Pixels = "rig"
    own_frames: bool = False

    @property
    def shifts_frames(self) -> bool:
        """Whether frames are shifted."""
        if self.own_frames:
            return False
        return self.counted == "video" and any(a.shifts_frames for a in self.views.values())

    @property
    def pairs_by_time(self) -> bool:
        """Whether the cameras differ in their frame rates, and their times are known."""
        return self.own_frames or any(a.pairing is not None for a in self.views.values())

    def shifts(self, view: str) -> bool:
        """Whether a view may have another number of frames than others."""
        if self.own_frames:
            return True
        alignment = self.views.get(view)
        return self.counted == "video" and alignment is not None and alignment.shifts_frames

    def unlike_times(self, view: str, n_frames: int) -> str:
        """In words, that a view has another number of frames than times; "" where it has not."""
        alignment = self.views.get(view)
        if self.counted != "video" or alignment is None or alignment.timestamps is None:
            return ""
        n_times = len(alignment.times)
        if n_times == n_frames:
            return ""
        return (
            f"{alignment.timestamps.name} holds {n_times:,} times, but the predictions of view "
            f"{view} have {n_frames:,} rows: row n is taken to be of time n"
        )

    def __call__(self, ensemble: Ensemble) -> Ensemble:
        """Adjust the ensemble of one view."""
        alignment = self.views.get(ensemble.views[0])
        if alignment is None or alignment.is_identity:
            return ensemble
        arrays: dict[str, Any] = {name: getattr(ensemble, name) for name in ENSEMBLE_ARRAYS}
        if self.given != self.wanted and alignment.moves_pixels:
            arrays |= self._moved(arrays, ensemble.n_frames, alignment)
        if self.counted == "video" and alignment.shifts_frames:
            by_time = self.own_frames or alignment.pairing is not None
            if by_time and len(alignment.times) != ensemble.n_frames:
                raise PoseDataError(
                    f"the file holds {len(alignment.times):,} times, but the predictions of view "
                    f"{ensemble.views[0]} have {ensemble.n_frames:,} rows",
                    file=alignment.timestamps,
                    expected="the time of each frame of the video",
                )
            if self.own_frames:
                return replace(ensemble, **arrays)
            session = alignment.to_session(np.arange(ensemble.n_frames))
            arrays = {
                name: None if array is None else in_session_frames(array, session)
                for name, array in arrays.items()
            }
        return replace(ensemble, **arrays)

    def _moved(
        self, arrays: Mapping[str, FloatArray | None], n_frames: int, alignment: ViewAlignment
    ) -> dict[str, FloatArray]:
        to_rig_pixels = self.wanted == "rig"
        move = alignment.to_rig_pixels if to_rig_pixels else alignment.to_video_pixels
        factor = np.square(np.array(alignment.scale))
        if not to_rig_pixels:
            factor = 1 / factor
        count = np.arange(n_frames)
        frames = count if self.counted == "video" else alignment.to_video(count)
        # Arrays are (model, view, frame, keypoint, 2).
        moved = {n: move(a, frames[:, None]) for n in _POSITIONS if (a := arrays[n]) is not None}
        moved |= {n: a * factor for n in _VARIANCES if (a := arrays[n]) is not None}
        return {name: array.astype(np.float32) for name, array in moved.items()}


def on_images(poses: Poses2D, views: Mapping[str, ViewAlignment]) -> Poses2D:
    """Results as they lie on the videos, for drawing: pixels of the videos instead of the rig's.

    Parameters
    ----------
    poses : Poses2D
        In session frames and pixels of the rig's images.
    views : mapping of view to ViewAlignment
        Views that are not named stay as they are.
    """
    arrays: dict[str, Any] = {
        name: np.array(array)
        for name in (*_POSITIONS, *_VARIANCES)
        if (array := getattr(poses, name)) is not None
    }
    for i, view in enumerate(poses.views):
        alignment = views.get(view, ViewAlignment())
        if not alignment.moves_pixels:
            continue
        frames = alignment.to_video(np.arange(poses.n_frames))[:, None]
        for name in arrays:
            if name in _POSITIONS:
                arrays[name][i] = alignment.to_video_pixels(arrays[name][i], frames)
            else:
                arrays[name][i] /= np.square(alignment.scale)
    return replace(poses, **arrays)
