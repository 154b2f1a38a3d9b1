"""From prediction files to an `Ensemble`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from napari_pose3d.core.poses.arrays import Ensemble
from napari_pose3d.core.storage.path_lists import Paths
from napari_pose3d.settings import IsCancelled, Progress, ReadingSettings

from ..alignment.project_alignment import alignment_of
from .prediction_matching import match_predictions
from .stored_ensemble import StoredEnsemble


class HasNames(Protocol):
    """A rig, as far as reading predictions is concerned."""

    @property
    def names(self) -> Sequence[str]: ...


def load_predictions(
    paths_or_folder: Paths,
    *,
    views: Sequence[str] | None = None,
    keypoints: Sequence[str] | None = None,
    session: str | None = None,
    individual: str | None = None,
    min_likelihood: float = 0.0,
    allow_missing: bool = False,
    shared_keypoints: bool = False,
    mirrored: bool = False,
    rig: HasNames | None = None,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
) -> Ensemble:
    """Read all prediction sets of a session.

    View, seed and session of each file are read from its name (see
    `napari_pose3d.core.projects.naming.naming_rule`);
    seeds pair up across views by what their names share, never by their order. In a project whose
    ``napari-pose3d/project.toml`` shifts or crops a view, frames are session frames and positions
    are those in the rig's image.

    Parameters
    ----------
    paths_or_folder : path or several
        A Lightning Pose project, folders with prediction files, the files themselves, or a
        mixture: CSV of Lightning Pose, DeepLabCut or the Ensemble Kalman Smoother, or
        DeepLabCut's .h5.
    views : sequence of str, optional
        The views to read, in this order. Not given: those of `rig`, else of the project, else
        what the file names end in.
    keypoints : sequence of str, optional
        The keypoints to keep, in this order. Not given: all.
    session : str, optional
        Which recording, when there are several.
    individual : str, optional
        Which animal, when the files hold several.
    min_likelihood : float
        A position with a likelihood below this becomes missing. The likelihood itself is kept,
        and a position without likelihood stays.
    allow_missing : bool
        Go on when a seed lacks a view or the files differ in their number of frames; what is
        not there is NaN.
    shared_keypoints : bool
        Go on with the keypoints that all files share when some lack a keypoint.
    mirrored : bool
        Each file holds all views, its keypoints are named ``<bodypart>_<view>``; the views are
        those of `views`, else of `rig`, else of the project.
    rig : Rig, optional
        Only the names of its cameras are used.
    progress : callable, optional
        Called with (stage, done, total).
    cancelled : callable, optional
        Asked between blocks of lines.

    Returns
    -------
    Ensemble
        ``xy (model, view, frame, keypoint, 2)`` in pixels, float32, NaN where missing.

    Raises
    ------
    PoseDataError
        When the input holds no predictions, several sessions or individuals, two files for one
        view, a damaged file, or is not complete and that was not allowed.
    Cancelled
        When `cancelled` returns true.
    """
    settings = ReadingSettings(
        views=tuple(views or ()),
        keypoints=tuple(keypoints or ()),
        session=session,
        individual=individual,
        min_likelihood=min_likelihood,
        allow_missing=allow_missing,
        shared_keypoints=shared_keypoints,
        mirrored=mirrored,
    )
    table = match_predictions(paths_or_folder, settings, None if rig is None else rig.names)
    table = table.for_session(session)
    return StoredEnsemble(table, settings, alignment_of(table)).in_memory(progress, cancelled)
