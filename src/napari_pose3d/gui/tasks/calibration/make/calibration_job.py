"""What the threads of the calibration widget do: from the choices to a rig, and images of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_pose3d.core.calibration.board.board import Board
from napari_pose3d.core.projects.alignment.view_alignment import ViewAlignment
from napari_pose3d.core.projects.session import Session
from napari_pose3d.errors import Cancelled, PoseDataError
from napari_pose3d.settings import CalibrationSettings, IsCancelled, Progress

if TYPE_CHECKING:
    from napari_pose3d.core.calibration.board.lens_recording import Lens
    from napari_pose3d.core.calibration.board.observations import BoardObservations
    from napari_pose3d.core.calibration.report.figures import WorstImage
    from napari_pose3d.core.calibration.rig_calibration import Calibration

Looked = Callable[[str, int, NDArray[np.uint8], NDArray[np.float64]], None]

_AROUND = 0.35  # of the board's extent, that a cutout of it shows besides
_WIDEST = 420  # px of a cutout


@dataclass(frozen=True)
class Recording:
    """What the user chose.

    Attributes
    ----------
    board : Board
    videos : mapping of view to Path
    settings : CalibrationSettings
    timestamps : Path or None
        Table of the frames that belong together.
    intrinsics : Path or None
        Rig whose lenses are kept.
    lens_videos : Path or None
        Folder with a video of the board for some cameras, from which their lenses are found.
    session : Session or None
        Whose videos these are: its offsets say which frames belong together.
    """

    board: Board
    videos: Mapping[str, Path]
    settings: CalibrationSettings
    timestamps: Path | None = None
    intrinsics: Path | None = None
    lens_videos: Path | None = None
    session: Session | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """The board in the videos.

    Attributes
    ----------
    recording : Recording
    observations : BoardObservations
    rows : mapping of view to (video frame,), or None
        The common number of each video frame, where it is another.
    rates : mapping of view to float
        Frames per second; only of views where it is known.
    notes : tuple of str
        How the board in the videos differs from the one that was described.
    lenses : tuple of Lens
        From videos that each camera recorded by itself.
    """

    recording: Recording
    observations: BoardObservations
    rows: Mapping[str, NDArray[np.int64]] | None
    rates: Mapping[str, float]
    notes: tuple[str, ...] = ()
    lenses: tuple[Lens, ...] = ()

    def holds_for(self, recording: Recording) -> bool:
        """Whether a fit with these choices needs no new search for the board."""
        before = self.recording
        # Lenses that were found by themselves are of one model, and frames go by the offsets.
        same_lens = not self.lenses or before.settings.fisheye == recording.settings.fisheye
        return same_lens and _offsets(before) == _offsets(recording)

    @property
    def aligned(self) -> Session | None:
        """The session whose offsets said which frames belong together."""
        by_offsets = self.rows is not None and self.recording.timestamps is None
        return self.recording.session if by_offsets else None

    def video_frame(self, view: str, frame: int) -> int:
        """The frame of a view's video that has a common number."""
        if self.rows is None:
            return frame
        return int(np.argmax(self.rows[view] == frame))


@dataclass(frozen=True, eq=False)
class BoardCutout:
    """An image that the rig explains badly, cut out around the board.

    Attributes
    ----------
    worst : WorstImage
    recorded : int
        The common frame number under which it was recorded: what has to be left out.
    image : (height, width) uint8
    corners : (corner, 2)
        px in this image.
    """

    worst: WorstImage
    recorded: int
    image: NDArray[np.uint8]
    corners: NDArray[np.float64]


def _offsets(recording: Recording) -> Mapping[str, ViewAlignment]:
    return {} if recording.session is None else dict(recording.session.alignments)


def recognise(
    recording: Recording, progress: Progress, cancelled: IsCancelled
) -> tuple[Board, tuple[str, ...]]:
    """The board as a few frames of the videos show it, and what differs from the one described.

    Raises
    ------
    PoseDataError
        When no video shows it in any layout.
    """
    from napari_pose3d.core.calibration.board.layout import recognise_board, sampled_corners

    progress("recognising the board", 0, 0)
    board, notes = recognise_board(recording.videos, recording.board, checker(cancelled))
    progress("counting corners", 0, 0)
    counts = sampled_corners(recording.videos, board, checker(cancelled))
    if not any(counts.values()):
        raise PoseDataError(
            "the board is not found in a few frames of each video, in any layout or print",
            expected=recording.board.describe(),
            todo="Check the kind, the numbers of squares and the dictionary",
        )
    told = ", ".join(f"{view} {n}" for view, n in counts.items())
    return board, (*notes, f"corners in a few frames: {told}")


def find_board(
    recording: Recording, looked: Looked, progress: Progress, cancelled: IsCancelled
) -> Found:
    """Look for the board in all videos."""
    from napari_pose3d.core.calibration.board.detection import detect_corners
    from napari_pose3d.core.calibration.board.layout import recognise_board
    from napari_pose3d.core.calibration.rig_calibration import frames_of_timestamps
    from napari_pose3d.core.calibration.session_rig import session_rows
    from napari_pose3d.core.projects.alignment.frame_rates import checked_rates
    from napari_pose3d.core.video.metadata import video_metadata

    progress("opening the videos", 0, 0)
    lens_videos = _lens_videos(recording)
    rows: Mapping[str, NDArray[np.int64]] | None = None
    rate_notes: list[str] = []
    if recording.timestamps is not None:
        rows = frames_of_timestamps(recording.timestamps, list(recording.videos))
    elif recording.session is not None:
        rows = session_rows(recording.session, recording.videos)
    if rows is None:
        rate_notes = checked_rates(recording.videos, triggered=not recording.settings.clocks)
    progress("recognising the board", 0, 0)
    check = checker(cancelled)
    board, notes = recognise_board(recording.videos, recording.board, check)
    headers = {view: video_metadata(path) for view, path in recording.videos.items()}
    # As the headers claim, until the videos' own indices tell.
    claimed = {
        view: -(-(header.n_frames or 0) // recording.settings.every)
        for view, header in headers.items()
    }
    observations = detect_corners(
        recording.videos,
        board,
        rows=rows,
        every=recording.settings.every,
        progress=_summed(progress, "looking for the board", claimed),
        looked=looked,
        check=check,
    )
    rates = {view: header.frame_rate for view, header in headers.items() if header.frame_rate}
    lenses = _lenses(recording, lens_videos, board, progress, check)
    return Found(recording, observations, rows, rates, (*rate_notes, *notes), lenses)


def _summed(
    progress: Progress, stage: str, claimed: Mapping[str, int]
) -> Callable[[str, int, int], None]:
    """Progress of several videos as one, of so many frames each; 0 where that is not known."""
    done, totals = dict.fromkeys(claimed, 0), dict(claimed)

    def report(view: str, n: int, total: int) -> None:
        done[view], totals[view] = n, total
        whole = sum(totals.values()) if all(totals.values()) else 0
        progress(stage, sum(done.values()), whole)

    return report


def _pairing(found: Found) -> str:
    """What says which frames belong together; "" where it is their numbers."""
    from napari_pose3d.core.calibration.session_rig import pairing_of

    recording = found.recording
    if recording.timestamps is not None:
        return f"frames belong together by {recording.timestamps.name}"
    session = recording.session
    return "" if session is None else pairing_of(session, list(recording.videos))


def _lens_videos(recording: Recording) -> Mapping[str, Path]:
    """The videos in the folder for lenses, by camera; none where no folder was chosen."""
    from napari_pose3d.core.calibration.board.lens_recording import refuse_foreign
    from napari_pose3d.core.projects.naming.file_names import VIDEO_SUFFIXES
    from napari_pose3d.core.projects.naming.video_views import videos_by_view

    folder = recording.lens_videos
    if folder is None:
        return {}
    if not folder.is_dir():
        raise PoseDataError("this is no folder", file=folder, expected="a folder of videos")
    paths = [each for each in sorted(folder.iterdir()) if each.suffix.lower() in VIDEO_SUFFIXES]
    if not paths:
        raise PoseDataError("there is no video", file=folder, expected="one for each camera")
    videos = videos_by_view(paths, known=tuple(recording.videos))
    refuse_foreign(videos, recording.videos)
    return videos


def _lenses(
    recording: Recording,
    videos: Mapping[str, Path],
    board: Board,
    progress: Progress,
    check: Callable[[], None],
) -> tuple[Lens, ...]:
    """Lenses of the cameras that have a video of their own."""
    from napari_pose3d.core.calibration.board.lens_recording import lenses_of_videos

    return lenses_of_videos(
        videos,
        board,
        fisheye=recording.settings.fisheye,
        every=recording.settings.every,
        progress=_summed(
            progress, "looking for the board in lens videos", dict.fromkeys(videos, 0)
        ),
        check=check,
    )


def fit(
    found: Found, exclude: Sequence[int], progress: Progress, cancelled: IsCancelled
) -> Calibration:
    """Calibrate, and measure on all frames and on some that were left out."""
    from napari_pose3d.core.calibration.rig_calibration import calibrate
    from napari_pose3d.core.cameras.rig_file import load_rig

    recording = found.recording
    known = None if recording.intrinsics is None else load_rig(recording.intrinsics)
    return calibrate(
        found.observations,
        fisheye=recording.settings.fisheye,
        intrinsics=known,
        lenses=found.lenses,
        clocks=recording.settings.clocks,
        bent=recording.settings.bent,
        exclude=exclude,
        frame_rate=found.rates.get(found.observations.views[0]),
        pairing=_pairing(found),
        progress=lambda stage: progress(stage, 0, 0),
        check=checker(cancelled),
    )


def worst_cutouts(
    found: Found, calibration: Calibration, most: int, progress: Progress, cancelled: IsCancelled
) -> list[BoardCutout]:
    """The images with the largest residuals, the worst first."""
    from napari_pose3d.core.calibration.report.figures import worst_images
    from napari_pose3d.core.video.video_array import open_video

    worst = worst_images(calibration, most)
    observations, lags = calibration.observations, calibration.solution.lags
    out = []
    for view in dict.fromkeys(each.view for each in worst):
        index = observations.views.index(view)
        with open_video(found.recording.videos[view], color="grey") as video:
            for each in worst:
                if each.view != view:
                    continue
                checker(cancelled)()
                recorded = round(float(lags.recorded(index, np.array([each.frame]))[0]))
                at = int(np.searchsorted(observations.frames, recorded))
                image = video.frame(found.video_frame(view, recorded))
                if image is None or at >= len(observations.frames):
                    continue
                cut, corners = _around(_eight_bits(image, video), observations.xy[index, at])
                out.append(BoardCutout(each, recorded, cut, corners))
                progress("cutting out the worst images", len(out), len(worst))
    return sorted(out, key=lambda cutout: -cutout.worst.rms)


def checker(cancelled: IsCancelled) -> Callable[[], None]:
    """A function that raises `Cancelled` once the user wants to stop."""

    def check() -> None:
        if cancelled():
            raise Cancelled

    return check


def _eight_bits(image: Any, video: Any) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return np.asarray(image)
    return np.asarray(image >> (video.bits - 8), np.uint8)


def _around(
    image: NDArray[np.uint8], corners: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of an image with the board, no wider than `_WIDEST`."""
    seen = corners[np.isfinite(corners).all(axis=1)]
    limit = np.array(image.shape[1::-1])
    if not len(seen):
        low, high = np.zeros(2), limit.astype(float)
    else:
        room = _AROUND * np.ptp(seen, axis=0).max() + 10
        low, high = seen.min(axis=0) - room, seen.max(axis=0) + room
    x0, y0 = np.clip(np.floor(low), 0, limit - 1).astype(int)
    x1, y1 = np.clip(np.ceil(high), 1, limit).astype(int)
    step = max(1, -(-(x1 - x0) // _WIDEST))
    cut = np.ascontiguousarray(image[y0:y1:step, x0:x1:step])
    return cut, (seen - [x0, y0]) / step
