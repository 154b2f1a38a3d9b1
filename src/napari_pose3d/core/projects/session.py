"""One recording with all its cameras: where its files are, and how they fit together.

Opening a session reads nothing; rig, predictions and videos are read when they are asked for.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_pose3d.core.video.metadata import VideoMetadata, video_metadata
from napari_pose3d.errors import PoseDataError
from napari_pose3d.settings import ReadingSettings

from .alignment.project_alignment import alignment_notes
from .alignment.view_alignment import EnsembleAlignment, Frames, Pixels, ViewAlignment
from .issues import Issue
from .matching.match_table import MatchRow, MatchTable

if TYPE_CHECKING:
    from napari_pose3d.core.cameras.rig import Rig
    from napari_pose3d.core.formats.predictions.poses3d_csv import Poses3DTable
    from napari_pose3d.core.poses.kinematics.body_frame import BodyFrameEntry
    from napari_pose3d.core.poses.kinematics.measurements import Measurement
    from napari_pose3d.core.video.video_array import VideoArray

    from .matching.stored_ensemble import StoredEnsemble

SetKind = Literal["predictions", "smoothed", "3d"]

_UNADJUSTED = ViewAlignment()


NAME_NETWORKS = (
    "If they are of different networks or seeds, name them seed=0, seed=1, ... or put each into a "
    "folder models/<name>/"
)
"""What tells the files of an ensemble apart."""


@dataclass(frozen=True, eq=False)
class PredictionSet:
    """One model's or one seed's output for the views of a session, or a smoother's.

    Attributes
    ----------
    name : str
        Model and seed, such as ``net3`` or ``rng=0``; unique within the session.
    kind : {"predictions", "smoothed", "3d"}
    files : mapping of view to Path
        Empty for kind "3d".
    space : Path or None
        The file of 3-D positions, for kind "3d".
    own : bool
        Whether we wrote it: its frames are session frames then, and its pixels the rig's.
    above : str
        Name of a set of the same files in a folder above this one's, which goes before it.
    doubtful : bool
        Whether only its folder tells it from another set, with no video to show that both are of
        one recording.
    rivals : tuple of (view, Path)
        Files of views that another file is given for in ``files``, or (view "") in ``space``:
        nothing in their names tells them apart.
    """

    name: str
    kind: SetKind
    files: Mapping[str, Path]
    space: Path | None = None
    own: bool = False
    above: str = ""
    doubtful: bool = False
    rivals: tuple[tuple[str, Path], ...] = ()

    @classmethod
    def of_files(
        cls, name: str, kind: SetKind, files: Iterable[tuple[str, Path]], **more: Any
    ) -> PredictionSet:
        """A set of (view, file) pairs: the first of each view, the others as rivals.

        Parameters
        ----------
        files : iterable of (view, Path)
            The view is "" for 3-D positions.
        **more
            The other attributes.
        """
        first: dict[str, Path] = {}
        rivals = [(view, path) for view, path in files if first.setdefault(view, path) != path]
        space = first.pop("", None) if kind == "3d" else None
        return cls(name, kind, first, space, rivals=tuple(rivals), **more)

    @property
    def all_files(self) -> tuple[tuple[str, Path], ...]:
        """(view, file) pairs, with 3-D positions under the view ""; rivals come last."""
        space = [] if self.space is None else [("", self.space)]
        return (*self.files.items(), *space, *self.rivals)

    def only(self, paths: Container[Path]) -> PredictionSet:
        """With some of its files only; one that stood behind another takes that one's place."""
        kept = [(view, path) for view, path in self.all_files if path in paths]
        return PredictionSet.of_files(
            self.name, self.kind, kept, own=self.own, above=self.above, doubtful=self.doubtful
        )


@dataclass(frozen=True, eq=False)
class Session:
    """One recording with all its cameras.

    Attributes
    ----------
    name : str
    folder : Path
        The project or folder that it was found in.
    views : tuple of str
    videos : mapping of view to Path
        Only of views that have one; so are the other mappings by view.
    sets : tuple of PredictionSet
    labels : mapping of view to Path
        ``CollectedData_<view>.csv``, which hold the labels of all sessions of the project.
    images : mapping of view to Path
        Folders with the images of labeled frames, ``labeled-data/<session>_<view>``.
    boxes : mapping of view to Path
        Bounding boxes by video frame, ``<video>_bbox.csv``.
    rig_path : Path or None
    keypoints : tuple of str
        Those of the project; may be empty.
    skeleton : tuple of (str, str)
    colours : mapping of str to str
        ``#rrggbb`` of keypoints whose colour the user chose.
    cameras : mapping of view to str
        Cameras of the calibration that have another name than their view.
    alignments : mapping of view to ViewAlignment
        Only of views that have one.
    triggered : bool
        Whether the project says that its cameras are triggered together.
    kinematics : tuple of Measurement
        What the project measures.
    body_frame : BodyFrameEntry or None
        The frame of the animal, where the project gives one.
    problems : tuple of Issue
        What the names of the files tell; `check` looks into the files.
    """

    name: str
    folder: Path
    views: tuple[str, ...]
    videos: Mapping[str, Path] = field(default_factory=dict)
    sets: tuple[PredictionSet, ...] = ()
    labels: Mapping[str, Path] = field(default_factory=dict)
    images: Mapping[str, Path] = field(default_factory=dict)
    boxes: Mapping[str, Path] = field(default_factory=dict)
    rig_path: Path | None = None
    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[str, str], ...] = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    cameras: Mapping[str, str] = field(default_factory=dict)
    alignments: Mapping[str, ViewAlignment] = field(default_factory=dict)
    triggered: bool = False
    kinematics: tuple[Measurement, ...] = ()
    body_frame: BodyFrameEntry | None = None
    issues: tuple[Issue, ...] = ()

    # --- frames and pixels --------------------------------------------------------------------

    def alignment(self, view: str) -> ViewAlignment:
        """How a view lies in the session; the identity by default."""
        return self.alignments.get(view, _UNADJUSTED)

    def to_session(self, view: str, video_frames: ArrayLike) -> Frames:
        """Session frames of a view's video frames, elementwise int64; -1 where there is none."""
        return self.alignment(view).to_session(video_frames)

    def to_video(
        self, view: str, session_frames: ArrayLike, n_video_frames: int | None = None
    ) -> Frames:
        """Video frames of session frames, elementwise int64; -1 where the view has no image.

        Parameters
        ----------
        n_video_frames : int, optional
            Length of the video; frames beyond its end are -1 then.
        """
        return self.alignment(view).to_video(session_frames, n_video_frames)

    def to_rig_pixels(
        self, view: str, xy: ArrayLike, video_frames: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Pixels of the rig's image of pixels of the view's video, ``(..., 2)`` each.

        Parameters
        ----------
        video_frames : (...) int, optional
            The image of the video that each is in; needed for videos cut out by moving boxes.
        """
        return self.alignment(view).to_rig_pixels(xy, video_frames)

    def to_video_pixels(
        self, view: str, xy: ArrayLike, video_frames: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """The inverse of `to_rig_pixels`: from px of the rig's image to px of the view's video."""
        return self.alignment(view).to_video_pixels(xy, video_frames)

    def n_frames(self, video_frames: Mapping[str, int]) -> int:
        """Number of session frames, given the lengths of the videos in video frames."""
        ends = (self.alignment(v).n_session_frames(n) for v, n in video_frames.items())
        return max(ends, default=0)

    def with_alignments(self, changes: Mapping[str, ViewAlignment]) -> Session:
        """The same session with other alignments of some views (nothing is written)."""
        return replace(self, alignments={**self.alignments, **changes})

    # --- loading ------------------------------------------------------------------------------

    def load_rig(self) -> Rig | None:
        """The calibrated cameras, with the names of their views; None without a calibration.

        Raises
        ------
        PoseDataError
            When the file is damaged.
        """
        if self.rig_path is None:
            return None
        from napari_pose3d.core.cameras.rig_file import load_rig

        return load_rig(self.rig_path).renamed(self.cameras)

    def prediction_set(self, name: str) -> PredictionSet:
        """A set by its name.

        Raises
        ------
        PoseDataError
            When there is none of that name.
        """
        for each in self.sets:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.sets) or "none"
        raise PoseDataError(
            f"session '{self.name}' has no prediction set '{name}'", expected=f"one of {names}"
        )

    @property
    def ensemble_sets(self) -> tuple[PredictionSet, ...]:
        """The networks' own predictions: what a smoother takes.

        Without sets of the same files in a folder below another one's: those are copies or
        earlier results.
        """
        raw = [each for each in self.sets if each.kind == "predictions"]
        names = {each.name for each in raw}
        return tuple(each for each in raw if each.above not in names)

    def load_predictions(
        self,
        sets: PredictionSet | str | Sequence[PredictionSet | str] | None = None,
        settings: ReadingSettings | None = None,
        *,
        pixels: Pixels = "rig",
    ) -> StoredEnsemble:
        """One or several prediction sets, as an ensemble that is read when it is used.

        Frames are session frames: rows of the files are shifted, and frames that a view lacks are
        NaN. Only headers are read here.

        Parameters
        ----------
        sets : PredictionSet, its name, or several of them, optional
            Not given: all networks' predictions (`ensemble_sets`).
        settings : ReadingSettings, optional
            ``views`` chooses views; those that a set lacks are an error unless ``allow_missing``.
        pixels : {"rig", "image"}
            Of which image the positions are: that of the rig, for geometry, or that of the
            video, for drawing on it.

        Raises
        ------
        PoseDataError
            When there are no such sets, they are not complete, or a header is damaged.
        """
        from .matching.stored_ensemble import StoredEnsemble

        settings = settings or ReadingSettings()
        chosen = self._chosen(sets)
        rows = [
            row
            for each in chosen
            for view in self.views
            if view in each.files and view in (settings.views or self.views)
            if (row := self._row(each, view))
        ]
        if not rows:
            raise PoseDataError(
                f"session '{self.name}' has no predictions of the views "
                f"{', '.join(settings.views or self.views)}",
                expected="prediction files",
            )
        order = settings.views or self.views
        table = MatchTable(
            tuple(rows),
            (),
            tuple(order),
            alignments={self.name: self.alignments},
            videos={self.name: self.videos},
            triggered=self.triggered,
        )
        own = chosen[0].own
        adjust = EnsembleAlignment(
            self.alignments,
            counted="session" if own else "video",
            given="rig" if own else "image",
            wanted=pixels,
        )
        ensemble = StoredEnsemble(table, replace(settings, session=self.name), adjust)
        if not own:
            for note in alignment_notes(self.alignments, ensemble.views):
                ensemble.add_note(note)
        return ensemble

    def load_poses3d(self, chosen: PredictionSet | str) -> Poses3DTable:
        """The positions in space of a set of kind "3d": ours, or Anipose's.

        Raises
        ------
        PoseDataError
            When the set is of another kind, or its file is damaged.
        """
        from napari_pose3d.core.formats.predictions.anipose3d_csv import (
            is_anipose3d_csv,
            read_anipose3d_csv,
        )
        from napari_pose3d.core.formats.predictions.poses3d_csv import read_poses3d_csv

        found = self.prediction_set(chosen) if isinstance(chosen, str) else chosen
        if found.space is None:
            raise PoseDataError(
                f"the set '{found.name}' holds no 3-D positions", expected="a set of kind '3d'"
            )
        if is_anipose3d_csv(found.space):
            return read_anipose3d_csv(found.space)
        return read_poses3d_csv(found.space)

    def open_videos(self) -> Videos:
        """The videos by view, each opened when it is first asked for."""
        return Videos(self.videos)

    def video_metadata(self) -> dict[str, VideoMetadata]:
        """What the headers of the videos claim: number of frames and size. Decodes nothing."""
        return {view: video_metadata(path) for view, path in self.videos.items()}

    def rig_image_sizes(self) -> dict[str, tuple[int, int]]:
        """Sizes (width, height) in px of the videos whose images are the rig's, neither cropped nor
        scaled.
        """
        out = {}
        for view, path in self.videos.items():
            alignment = self.alignment(view)
            if alignment.crop is None and alignment.boxes is None and alignment.scale == (1.0, 1.0):
                size = video_metadata(path).size
                if size is not None:
                    out[view] = size
        return out

    def _chosen(
        self, sets: PredictionSet | str | Sequence[PredictionSet | str] | None
    ) -> list[PredictionSet]:
        if sets is None:
            sets = self.ensemble_sets
            refuse_doubtful(self.name, sets)
        elif isinstance(sets, PredictionSet | str):
            sets = [sets]
        chosen = [self.prediction_set(s) if isinstance(s, str) else s for s in sets]
        if not chosen:
            raise PoseDataError(
                f"session '{self.name}' has no predictions", expected="prediction files"
            )
        if any(each.kind == "3d" for each in chosen):
            raise PoseDataError(
                "3-D positions are no predictions of views", todo="Use load_poses3d for them"
            )
        if len({each.own for each in chosen}) > 1:
            raise PoseDataError(
                "our own results and other predictions do not make an ensemble",
                expected="sets of one kind",
            )
        return chosen

    def _row(self, each: PredictionSet, view: str) -> MatchRow:
        from napari_pose3d.core.formats.predictions.prediction_csv import check_is_predictions
        from napari_pose3d.core.formats.predictions.prediction_h5 import read_h5_header
        from napari_pose3d.core.formats.predictions.table_header import read_header

        path = each.files[view]
        if path.suffix.lower() == ".h5":
            header = read_h5_header(path)
        else:
            header, _ = read_header(path)
            check_is_predictions(header, path)
        return MatchRow(self.name, each.name, view, path, header)


def refuse_doubtful(session: str, sets: Sequence[PredictionSet]) -> None:
    """Refuse sets as an ensemble that may as well be of different recordings.

    Raises
    ------
    PoseDataError
        When only their folders tell them apart, and no video shows that they are of one
        recording; or a set has two files for a view.
    """
    seen: dict[str, Path] = {}
    for each in sets:
        for view, path in each.rivals[:1] if each.files else ():
            raise PoseDataError(
                f"{each.files[view]} and {path} are both view '{view}' of session '{session}', and "
                "nothing in their names tells which of them to use",
                expected="one file for each view of a prediction set",
                todo=f"Give the files of one of them. {NAME_NETWORKS}",
            )
    for each in sets:
        for view, path in each.files.items() if each.doubtful else ():
            other = seen.setdefault(view, path)
            if other != path:
                raise PoseDataError(
                    f"{other} and {path} are both view '{view}' of session '{session}', and "
                    "nothing tells whether they are of several networks or several recordings",
                    expected="one file for each view of a prediction set",
                    todo=f"Choose the folder of one of them. {NAME_NETWORKS}",
                )


class Videos(Mapping[str, "VideoArray"]):
    """Videos by view; a video is opened when it is first asked for, and kept.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = dict(paths)
        self._open: dict[str, VideoArray] = {}

    def __getitem__(self, view: str) -> VideoArray:
        if view not in self._open:
            from napari_pose3d.core.video.video_array import open_video

            self._open[view] = open_video(self._paths[view])
        return self._open[view]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __repr__(self) -> str:
        return f"Videos({', '.join(self._paths)})"

    def close(self) -> None:
        """Close those that were opened; they open again when they are asked for."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> Videos:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
