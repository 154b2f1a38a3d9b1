"""Where things lie in a Lightning Pose directory, and what a file's name says.

The naming rule, decided here and nowhere else:

- The stem is the file name without its last suffix, and without the scorer of its own header
  where it ends in it (DeepLabCut). Of ``<stem>.mp4/predictions.csv`` it is the folder's.
- A token ``rng=N`` or ``seed=N`` is taken out with one delimiter: it names the seed.
- The name of a view matches where both neighbours are an end or no letter or digit. A match at
  the end beats others, then the longest. Without known names, the view is what follows the last
  ``_`` or ``.``.
- The stem without the view and one delimiter is the key; across views it names the session.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from napari_pose3d.core.errors import PoseDataError
from napari_pose3d.core.formats.projects.project_yaml import (
    FILE_NAME,
    LightningProject,
    read_calibrations_csv,
    read_project,
)
from napari_pose3d.core.storage.group_recovery import recover

from .project_toml import OWN_FOLDER

RUN_RECORD = "_run.json"
"""What the name of our record of a run ends in, after the session."""

SINGLE_VIEW = "view"
"""What the only view is called in a project that names no views."""

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv")

# Folders that say what is in them, not which recording it is of.
_KINDS = ("video", "film", "pred", "pose", "csv", "2d", "3d", "label", "result", "track", "dlc")

_LETTER = r"[^\W_]"  # a letter or digit of any script
_SEED = re.compile(rf"(?<!{_LETTER})(?:rng|seed)=\d+(?!{_LETTER})")


@dataclass(frozen=True)
class ParsedName:
    """What a stem says.

    Attributes
    ----------
    view : str or None
        None when no known view is in the name.
    key : str
        The rest, which the views of one session share; may be empty.
    seed : str
        ``rng=N`` or ``seed=N``, or "".
    """

    view: str | None
    key: str
    seed: str


def find_project(path: str | os.PathLike[str]) -> LightningProject | None:
    """The Lightning Pose project that `path` lies in: the nearest folder upward that holds
    ``project.yaml``; None when there is none.

    Raises
    ------
    PoseDataError
        When its ``project.yaml`` is damaged.
    """
    start = Path(path).absolute()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            # A change of keypoints that was killed half way is brought to its end first.
            recover(folder)
            return read_project(folder)
    return None


def calibration_of(project: LightningProject | str | os.PathLike[str], session: str) -> Path | None:
    """The calibration of a session, or None.

    It is its own, ``calibrations/<session>.toml``, else what ``calibrations.csv`` says for its
    labeled frames, else that of the project, ``calibration.toml``.
    """
    folder = project.folder if isinstance(project, LightningProject) else Path(project)
    own = folder / "calibrations" / f"{session}.toml"
    if own.is_file():
        return own
    listed = read_calibrations_csv(folder).get(session)
    for path in (listed, folder / "calibration.toml"):
        if path is not None and path.is_file():
            return path
    return None


def is_own_result(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> bool:
    """Whether we wrote a file of poses: its frames are session frames, its pixels the rig's.

    It lies in our folder in the project `folder`, or has our record of the run beside it.
    """
    path = Path(path)
    if path.is_relative_to(Path(folder) / OWN_FOLDER):
        return True
    sessions = (each.name.removesuffix(RUN_RECORD) for each in path.parent.glob(f"*{RUN_RECORD}"))
    return any(path.name.startswith(f"{session}_") for session in sessions)


def stem_of(path: str | os.PathLike[str], scorer: str = "", views: Sequence[str] = ()) -> str:
    """The stem of a prediction file or video.

    Parameters
    ----------
    scorer : str
        From the file's header.
    views : sequence of str
        Known names of views; a stem that ends in one of them does not end in a scorer.
    """
    path = Path(path)
    if path.name == "predictions.csv" and path.parent.suffix.lower() in VIDEO_SUFFIXES:
        return path.parent.stem
    stem = path.stem
    if not scorer or any(_ends_in(stem, view) for view in views):
        return stem
    for ending in (scorer, f"{scorer}_filtered"):  # the second: DeepLabCut's median filter
        if stem.endswith(ending):
            return stem.removesuffix(ending).rstrip("_.- ") or stem
    return stem


def parse_stem(stem: str, views: Sequence[str] | None) -> ParsedName:
    """Read view, key and seed from a stem.

    Parameters
    ----------
    views : sequence of str or None
        Known names; None when nothing is known.

    Raises
    ------
    PoseDataError
        When two views match equally well.
    """
    rest, seed = take_seed(stem)
    if views is None:
        rest = rest.rstrip("_.")
        at = max(rest.rfind("_"), rest.rfind("."))
        return ParsedName(rest[at + 1 :], rest[: max(at, 0)], seed)
    matches = [
        (view, match.start(), match.end())
        for view in views
        for match in re.finditer(rf"(?<!{_LETTER}){re.escape(view)}(?!{_LETTER})", rest)
    ]
    if not matches:
        return ParsedName(None, rest, seed)
    matches = [m for m in matches if m[2] == len(rest)] or matches
    longest = max(len(m[0]) for m in matches)
    matches = [m for m in matches if len(m[0]) == longest]
    found = sorted({m[0] for m in matches})
    if len(found) > 1:
        raise PoseDataError(
            f"the name '{stem}' holds several views: {', '.join(found)}",
            expected="the name of one view, best at the end",
            todo="Rename the file, or give other names with --views",
        )
    view, start, end = matches[-1]
    return ParsedName(view, _cut(rest, start, end), seed)


def take_seed(text: str) -> tuple[str, str]:
    """A name without its ``rng=N`` and ``seed=N`` tokens, and those tokens."""
    seeds = []
    while match := _SEED.search(text):
        seeds.append(match.group())
        text = _cut(text, *match.span())
    return text, " ".join(seeds)


def prediction_set_of(path: str | os.PathLike[str]) -> tuple[str, Path] | None:
    """The model whose output `path` is, ``models/<set>/...``: its name and folder, or None.

    Models may lie deeper, as in ``models/<day>/<time>/video_preds/``.
    """
    return _prediction_set_of_folder(os.path.dirname(os.path.abspath(path)))


def seed_of_folders(path: str | os.PathLike[str]) -> str:
    """The ``rng=N`` or ``seed=N`` of the nearest folder that has one, or ""."""
    return _seed_of_folder(os.path.dirname(os.path.abspath(path)))


def home_of(path: str | PurePath) -> str:
    """The folder of a file's recording: that of the file, without folders that name a kind only.

    ``day1/videos/run_top.mp4`` has the home ``day1``. With ``/``, "" for the root.
    """
    parts = list(PurePath(path).parts[:-1])
    while parts and parts[-1].lower().startswith(_KINDS):
        parts.pop()
    return "/".join(parts)


def name_with_home(home: str, key: str) -> str:
    """The name of a session that has the key of another one in another home."""
    start, _, last = home.rpartition("/")
    return "_".join(part for part in (*(start if key == last else home).split("/"), key) if part)


def natural_order(text: str) -> list[tuple[int, str]]:
    """Sort key by which ``rng=2`` comes before ``rng=10``."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)
    ]


@lru_cache(maxsize=1024)  # thousands of files lie in few folders
def _prediction_set_of_folder(folder: str) -> tuple[str, Path] | None:
    parts = Path(folder).parts
    if "models" not in parts:
        return None
    start = len(parts) - parts[::-1].index("models")
    below = parts[start:]
    n = below.index("video_preds") if "video_preds" in below else min(1, len(below))
    return ("/".join(below[:n]), Path(*parts[: start + n])) if n else None


@lru_cache(maxsize=1024)
def _seed_of_folder(folder: str) -> str:
    return next((seed for name in Path(folder).parts[::-1] if (seed := take_seed(name)[1])), "")


def _ends_in(stem: str, view: str) -> bool:
    return re.search(rf"(?<!{_LETTER}){re.escape(view)}$", stem) is not None


def _cut(text: str, start: int, end: int) -> str:
    """`text` without a part and one delimiter: the one before, or else the one after."""
    if start > 0:
        return text[: start - 1] + text[end:]
    return text[end + 1 :]
