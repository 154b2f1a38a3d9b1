"""What the name of one file says: the session, the view and the seed.

The naming rule is described, and applied to all files of a folder, in `naming_rule`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from napari_pose3d.core.formats.predictions.prediction_table import without_scorer
from napari_pose3d.errors import PoseDataError, Remedy

SINGLE_VIEW = "view"
"""What the only view is called where the names of files mention none."""

VIDEO_SUFFIXES = (
    *(".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".webm", ".wmv"),
    *(".ts", ".mts", ".m2ts", ".vob", ".asf"),
)

# Folders that say what is in them, not which recording it is of.
_KINDS = ("video", "film", "pred", "pose", "csv", "2d", "3d", "label", "result", "track", "dlc")

_LETTER = r"[^\W_]"  # a letter or digit of any script
WORD = re.compile(rf"{_LETTER}+")
_SEED = re.compile(rf"(?<!{_LETTER})(?:rng|seed)=\d+(?!{_LETTER})")

# The scorer that DeepLabCut appends to a video's name, with its tracker and filter behind it.
_DLC_SCORER = re.compile(r"(?:DLC_|DeepCut_)(?:(?!DLC_|DeepCut_)\w)*?shuffle\d+[\w.-]*$")
# A number behind these words counts recordings, and one behind the others cameras.
_ALWAYS_COUNTED = (
    "trial|session|sess|ses|take|rep|repeat|block|day|date|epoch|bout|clip|chunk|segment|phase|"
    "week|month"
)
_COUNTED = (
    f"{_ALWAYS_COUNTED}|run|rec|recording|part|test|exp|experiment|"
    "mouse|rat|fly|animal|subject|subj|sub|id|"
    "img|dsc|mvi|dji|mah"  # by which cameras begin the names of their files
)
COUNTED_WORD = re.compile(rf"(?:{_COUNTED})", re.IGNORECASE)
CAMERA_WORD = re.compile(r"(?i:camera|cam|view)")
_ALWAYS_COUNTED_WORD = re.compile(rf"(?:{_ALWAYS_COUNTED})", re.IGNORECASE)
# ``trial2``, ``day-3``, ``take 1``, ``trialA``.
_COUNT_AT_END = re.compile(rf"(?<!{_LETTER})(?i:{_COUNTED})(?:[-_. ]{{0,3}}\d+|-?[A-Z])$")
# ``GX010012``: a GoPro's chapter and the number of its recording.
_GOPRO_AT_END = re.compile(rf"(?<!{_LETTER})(?:G[HXLSP]\d{{6}}|GOPR\d{{4}})$")
DELIMITERS = "_.- "
DATE = re.compile(r"\d{6,}\w*|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{2,4}")
# As Bonsai and OBS name recordings: the time has delimiters that names have, too.
_DATE_TIME_AT_END = re.compile(
    r"(?<!\d)(?:\d{4}[-_.]\d{1,2}[-_.]\d{1,2}|\d{8})[T_ -]\d{1,2}([-_.h])\d{2}(?:[-_.m]\d{2})?"
    r"(?:\.\d+)?s?$"
)
DATE_INSIDE = re.compile(
    r"(?<!\d)(?:\d{4}([-_.])\d{1,2}\1\d{1,2}|\d{1,2}([-_.])\d{1,2}\2\d{4})(?!\d)"
)
# Behind the last blank, with the word "camera" before a number.
_LAST_WORD = re.compile(r"(?:(?i:camera|cam|view) )?[^ ]+$")
_CAMERA = re.compile(r"(?:cam|camera|view)-?[a-z0-9]{1,3}", re.IGNORECASE)


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
    place : str
        Where a folder names the view: the path without that folder; else "".
    """

    view: str | None
    key: str
    seed: str
    place: str = ""


def composed(text: str) -> str:
    """A name with its accents composed, as most systems store them."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def stem_of(path: str | os.PathLike[str], scorer: str = "", views: Sequence[str] = ()) -> str:
    """The stem of a prediction file or video.

    Parameters
    ----------
    scorer : str
        From the file's header.
    views : sequence of str
        Known names of views; a stem that ends in one of them does not end in a scorer.
    """
    path = PurePath(path)
    if path.name == "predictions.csv" and path.parent.suffix.lower() in VIDEO_SUFFIXES:
        return composed(path.parent.stem)
    stem = composed(path.stem)
    if path.suffix.lower() in VIDEO_SUFFIXES or ends_in_view(stem, views):
        return stem
    bare = _DLC_SCORER.sub("", stem)
    if bare == stem and scorer:
        bare = without_scorer(stem, composed(scorer))
    if bare == stem:
        return stem.removesuffix("_filtered")
    return bare.rstrip("_.- ") or stem


def parse_stem(stem: str, views: Sequence[str] | None) -> ParsedName:
    """Read view, key and seed from a stem by itself.

    Parameters
    ----------
    views : sequence of str or None
        Known names; None when nothing is known.

    Raises
    ------
    PoseDataError
        When two views match equally well.
    """
    rest, seed = take_seed(composed(stem))
    if views is None:
        return _parse_unknown(rest, seed)
    matches = [m for m in matches_in(rest, views) if not _counts_recordings(rest, *m)]
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
            todo="Rename the file, or give other names for the views",
            remedy=Remedy("views"),
        )
    view, start, end = matches[-1]
    return ParsedName(view, cut(rest, start, end), seed)


def take_seed(text: str) -> tuple[str, str]:
    """A name without its ``rng=N`` and ``seed=N`` tokens, and those tokens."""
    seeds = []
    while match := _SEED.search(text):
        seeds.append(match.group())
        text = cut(text, *match.span())
    return text, " ".join(seeds)


def is_video(name: str) -> bool:
    """Whether a name is that of a video from a camera."""
    return name.lower().endswith(VIDEO_SUFFIXES) and not is_drawn_video(name)


def is_drawn_video(name: str) -> bool:
    """Whether a video is a copy with keypoints drawn into it, as DeepLabCut names them."""
    path = PurePath(name)
    return path.suffix.lower() in VIDEO_SUFFIXES and path.stem.lower().endswith("_labeled")


def views_that_occur(stems: Sequence[str], views: Sequence[str]) -> tuple[str, ...]:
    """Those of the views that are in any of the stems."""
    found = {m[0] for stem in stems for m in matches_in(composed(stem), views)}
    return tuple(view for view in views if view in found)


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
    while parts and names_a_kind(parts[-1]):
        parts.pop()
    return "/".join(parts)


def names_a_kind(folder: str) -> bool:
    """Whether a folder's name says what is in it (``videos``), not which recording it is of."""
    return folder.lower().startswith(_KINDS)


def name_with_home(home: str, key: str) -> str:
    """The name of a session that has the key of another one in another home."""
    start, _, last = home.rpartition("/")
    return "_".join(part for part in (*(start if key == last else home).split("/"), key) if part)


def natural_order(text: str) -> list[tuple[int, str]]:
    """Sort key by which ``rng=2`` comes before ``rng=10``."""
    # By length and digits: Python refuses to make a number of thousands of digits.
    return [
        (len(number := part.lstrip("0")), number) if part.isdecimal() else (-1, part)
        for part in re.split(r"(\d+)", text)
    ]


def _parse_unknown(rest: str, seed: str) -> ParsedName:
    rest = rest.rstrip("_. ")
    if not ends_in_count(rest):
        at = last_part(rest)
        return ParsedName(rest[at:], rest[: max(at - 1, 0)], seed)
    cameras = [m for m in re.finditer(r"[^_.]+", rest) if _CAMERA.fullmatch(m.group())]
    if len(cameras) == 1:
        return ParsedName(cameras[0].group(), cut(rest, *cameras[0].span()), seed)
    return ParsedName(SINGLE_VIEW, rest, seed)


def ends_in_count(rest: str) -> bool:
    """Whether the last part of a stem counts trials or days, or is a date: no camera's name."""
    rest = rest.rstrip("_. ")
    last = re.split(r"[_.\s]", rest)[-1]
    return bool(
        _COUNT_AT_END.search(rest)
        or _GOPRO_AT_END.search(rest)
        or DATE.fullmatch(last)
        or _DATE_TIME_AT_END.search(rest)
    )


def last_part(rest: str) -> int:
    """Where the part behind the last ``_`` or ``.`` begins; without any, that behind a blank."""
    at = max(rest.rfind("_"), rest.rfind("."))
    if at < 0 and (match := _LAST_WORD.search(rest)):
        return match.start()
    return at + 1


def is_weak(view: str) -> bool:
    """Whether a name may as well be the number of a trial."""
    return len(view) == 1 or view.isdecimal()


def kind_of_number(rest: str, start: int, end: int, counted: re.Pattern[str] = COUNTED_WORD) -> int:
    """1 where a camera is numbered, -1 where a trial or a day is, 0 where nothing tells.

    Parameters
    ----------
    counted : re.Pattern
        Words that a number behind them counts.
    """
    for dates in (DATE_INSIDE, _DATE_TIME_AT_END):
        if any(m.start() <= start and end <= m.end() for m in dates.finditer(rest)):
            return -1
    if DATE.fullmatch(rest[start:end]):
        return -1
    words = WORD.findall(rest[:start])
    if not words:
        return 0
    if CAMERA_WORD.fullmatch(words[-1]):
        return 1
    return -1 if counted.fullmatch(words[-1]) else 0


def _counts_recordings(rest: str, view: str, start: int, end: int) -> bool:
    """Whether what may be a view's name can only be the number of a trial or a day."""
    if not is_weak(view) or DATE.fullmatch(rest[start:end]):
        return False  # cameras are called by serial numbers, too
    return kind_of_number(rest, start, end, _ALWAYS_COUNTED_WORD) < 0


@lru_cache(maxsize=1024)
def _pattern_of(view: str) -> re.Pattern[str]:
    # Calibrations have numbers or letters for cameras that files call cam1 or camA.
    short = view.isdecimal() or (len(view) == 1 and view.isalpha())
    word = f"(?:{CAMERA_WORD.pattern})?" if short else ""
    return re.compile(rf"(?<!{_LETTER}){word}{re.escape(composed(view))}(?!{_LETTER})")


def is_called(folder: str, view: str) -> bool:
    """Whether a folder's name is that of a view and nothing more."""
    return bool(_pattern_of(view).fullmatch(composed(folder)))


def matches_in(rest: str, views: Sequence[str]) -> list[tuple[str, int, int]]:
    """(view, start, end) wherever a view is named, without names inside longer ones."""
    found = [(v, *m.span()) for v in views if v for m in _pattern_of(v).finditer(rest)]
    return [
        m
        for m in found
        if not any(o[1] <= m[1] and m[2] <= o[2] and o[2] - o[1] > m[2] - m[1] for o in found)
    ]


def ends_in_view(stem: str, views: Sequence[str]) -> bool:
    """Whether a stem ends in the name of a view; a seed after it does not count."""
    rest = take_seed(stem)[0]
    return any(m[2] == len(rest) for m in matches_in(rest, views))


def cut(text: str, start: int, end: int) -> str:
    """`text` without a part and one delimiter: the one before, or else the one after."""
    if start > 0:
        return text[: start - 1] + text[end:]
    return text[end + 1 :]


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
