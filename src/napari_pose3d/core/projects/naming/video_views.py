"""Videos given one by one: which camera each is of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_pose3d.errors import PoseDataError

from .file_names import stem_of
from .naming_rule import Naming


def videos_by_view(
    videos: Sequence[Path], names: Sequence[str] = (), known: Sequence[str] | None = None
) -> dict[str, Path]:
    """Videos by the names of their cameras.

    Parameters
    ----------
    names : sequence of str
        The cameras' names in the order of the videos; not given, they are read from the files'.
    known : sequence of str, optional
        Names to look for.

    Raises
    ------
    PoseDataError
        When two videos are of one camera, or the numbers of names and videos differ.
    """
    if names and len(names) != len(videos):
        raise PoseDataError(
            f"there are {len(names)} names for {len(videos)} videos",
            expected="one name for each video",
        )
    stems = [stem_of(video) for video in videos]
    naming = Naming(None if known is None else tuple(known)).fitted(stems)
    found = list(names) or [naming.parse(stem).view or stem for stem in stems]
    if len(set(found)) < len(found):
        raise PoseDataError(
            f"the videos are of the cameras {', '.join(found)}",
            expected="a different camera for each video, named at the end of its file name",
            todo="Give the names of the cameras, or rename the videos",
        )
    return dict(zip(found, videos, strict=True))
