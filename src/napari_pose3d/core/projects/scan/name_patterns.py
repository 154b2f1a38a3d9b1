"""From the name of a video or table to session, view and seed, without opening it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from napari_pose3d.core.errors import PoseDataError

from ..naming import SINGLE_VIEW, VIDEO_SUFFIXES, ParsedName, parse_stem, take_seed

# The scorer that DeepLabCut appends to a video's name.
_SCORER = re.compile(r"(?:DLC_|DeepCut_)\w*?shuffle\d+[\w.-]*$")
_FILTERED = re.compile(r"_filtered$")


@dataclass(frozen=True)
class Names:
    """How the names of files are read.

    Attributes
    ----------
    views : tuple of str or None
        Known names; None when nothing is known: the view is what follows the last ``_`` or ``.``.
    guessed : bool
        The names are only those of the videos: another file may be of another view.
    single : bool
        The project has a single view, which no name mentions.
    pattern : re.Pattern or None
        Anipose's ``cam_regex``, whose first group is the view.
    """

    views: tuple[str, ...] | None
    guessed: bool = False
    single: bool = False
    pattern: re.Pattern[str] | None = None

    def parse(self, stem: str) -> ParsedName:
        """View, key and seed of a stem.

        Raises
        ------
        PoseDataError
            When two views match equally well.
        """
        if self.pattern is not None and (match := self.pattern.search(stem)) and match.groups():
            rest, seed = take_seed(self.pattern.sub("", stem).strip())
            return ParsedName(match.group(1).strip(), rest, seed)
        if self.single:
            name = parse_stem(stem, ())
            return ParsedName(SINGLE_VIEW, name.key, name.seed)
        name = parse_stem(stem, self.views)
        return parse_stem(stem, None) if name.view is None and self.guessed else name


def stem_of_file(relative: str) -> str:
    """The stem of a video or table: without suffix, and without DeepLabCut's scorer."""
    path = PurePosixPath(relative)
    if path.name == "predictions.csv" and path.parent.suffix.lower() in VIDEO_SUFFIXES:
        return path.parent.stem
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return path.stem
    stem = _FILTERED.sub("", path.stem)
    return _SCORER.sub("", stem).rstrip("_.- ") or stem


def is_video(relative: str) -> bool:
    """Whether a name is that of a video from a camera."""
    return relative.lower().endswith(VIDEO_SUFFIXES) and not is_drawn_video(relative)


def is_drawn_video(relative: str) -> bool:
    """Whether a video is a copy with keypoints drawn into it, as DeepLabCut names them."""
    name = PurePosixPath(relative)
    return name.suffix.lower() in VIDEO_SUFFIXES and name.stem.lower().endswith("_labeled")


def views_that_occur(stems: Sequence[str], views: Sequence[str]) -> tuple[str, ...]:
    """Those of the views that are in the name of a file."""
    found = set()
    for stem in stems:
        try:
            found.add(parse_stem(stem, views).view)
        except PoseDataError:
            continue  # said when the file is sorted
    return tuple(view for view in views if view in found)
