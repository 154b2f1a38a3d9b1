"""The naming rule: which view, session and seed the files of a folder are of.

Notes
-----
- The stem is the file name without its last suffix, and without the scorer of a network where it
  ends in it: DeepLabCut's by its form, another by the file's own header. Of
  ``<stem>.mp4/predictions.csv`` it is the folder's.
- A token ``rng=N`` or ``seed=N`` is taken out with one delimiter: it names the seed.
- The name of a view matches where both neighbours are an end or no letter or digit. Where a stem
  holds several, the place that pairs the files up is the view's (`Naming.fitted`), else the end of
  the stem, else the longest name.
- Without known names, the view is what follows the last ``_`` or ``.``, unless that counts trials
  or days and a camera stands before it (`camera_units`).
- The stem without the view and one delimiter is the key; across views it names the session.

Names are compared as composed Unicode: a Mac stores an umlaut as two characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_pose3d.errors import PoseDataError

from .camera_units import camera_unit, without
from .file_names import (
    SINGLE_VIEW,
    VIDEO_SUFFIXES,
    WORD,
    ParsedName,
    composed,
    cut,
    ends_in_count,
    ends_in_view,
    is_weak,
    kind_of_number,
    matches_in,
    natural_order,
    parse_stem,
    stem_of,
    take_seed,
)

# Where in a stem: behind so many words from the start, or before so many from the end.
Slot = tuple[str, int]


@dataclass(frozen=True)
class Naming:
    """How the names of the files of one folder are read.

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
    unit : re.Pattern or None
        What finds the view, where recordings are counted behind it (`camera_units`).
    slot : (str, int) or None
        Where in the stems the view stands, when several places could hold it.
    unclear : bool
        Several places could hold it and nothing tells which.
    """

    views: tuple[str, ...] | None
    guessed: bool = False
    single: bool = False
    pattern: re.Pattern[str] | None = None
    unit: re.Pattern[str] | None = None
    slot: Slot | None = None
    unclear: bool = False

    def parse(self, stem: str) -> ParsedName:
        """View, key and seed of a stem.

        Raises
        ------
        PoseDataError
            When two views match equally well; lists the readings.
        """
        stem = composed(stem)
        if self.pattern is not None and (match := self.pattern.search(stem)) and match.groups():
            rest, seed = take_seed(self.pattern.sub("", stem).strip())
            return ParsedName(match.group(1).strip(), rest, seed)
        if self.unit is not None:
            rest, seed = take_seed(stem)
            if (match := self.unit.search(rest)) is not None:
                return ParsedName(match.group(), without(rest, *match.span()), seed)
        if self.single:
            name = parse_stem(stem, ())
            return ParsedName(SINGLE_VIEW, name.key, name.seed)
        if self.views and (self.slot or self.unclear):
            rest, seed = take_seed(stem)
            matches = matches_in(rest, self.views)
            for view, start, end in matches:
                if self.slot in _slots(rest, start, end):
                    return ParsedName(view, cut(rest, start, end), seed)
            if self.unclear and len(matches) > 1:
                raise _unclear(stem, rest, matches)
        name = parse_stem(stem, self.views)
        return parse_stem(stem, None) if name.view is None and self.guessed else name

    def stem(self, path: Path, scorer_of: Callable[[Path], str]) -> str:
        """The stem of a video or table; the header is asked for only where it may matter.

        Parameters
        ----------
        scorer_of : callable
            Gives the scorer in the header of a table.
        """
        known = self.views or ()
        found = None if self.pattern is None else self.pattern.search(path.stem)
        if found is not None and found.end() == len(path.stem):
            return composed(path.stem)
        bare = stem_of(path, "", known)
        whole = composed(path.stem)
        settled = (
            path.suffix.lower() in VIDEO_SUFFIXES
            or bare != whole.removesuffix("_filtered")
            or ends_in_view(whole, known)
        )
        return bare if settled else stem_of(path, scorer_of(path), known)

    def fitted(self, stems: Iterable[str], *, end_wins: bool = False) -> Naming:
        """The same with the place of the view derived from all stems together.

        A number may name a camera as well as a trial or a part of a date. The place is the view's
        whose names pair the files up to sessions of several views; a number behind "cam" is
        rather one, a number behind "trial" or "day" rather not. Names that are words are taken at
        the end of the stem where this leaves several places; numbers and letters are `unclear`,
        and so are words at the end of none.

        Parameters
        ----------
        end_wins : bool
            Whether numbers, too, are taken at the end of the stem then, as Lightning Pose has it.
        """
        if self.pattern is not None or self.unit is not None or self.single:
            return self
        rests = sorted({take_seed(composed(stem))[0] for stem in stems})
        if not self.views:
            unit = camera_unit(rests)
            return replace(self, unit=unit) if unit else self._fitted_to_counts(rests)
        found = {rest: matches_in(rest, self.views) for rest in rests}
        several = {rest: matches for rest, matches in found.items() if len(matches) > 1}
        if not several:
            return self
        weak = any(is_weak(m[0]) for matches in several.values() for m in matches)
        readings = _readings(found, several, weak)
        best = _best(readings)
        if len(best) > 1 and best[0].pairs and (end_wins or not weak):
            least = min(reading.from_end for reading in best)
            if least:
                return replace(self, unclear=True)
            best = [reading for reading in best if reading.from_end == least]
        if len(best) == 1:
            return replace(self, slot=best[0].slot)
        return replace(self, unclear=weak and not end_wins)

    def _fitted_to_counts(self, rests: Sequence[str]) -> Naming:
        """Without known names: another place, where the ends of the stems count trials or days."""
        if not any(ends_in_count(rest) for rest in rests):
            return self
        values = {w for rest in rests for w in WORD.findall(rest) if is_weak(w)}
        views = tuple(sorted(values, key=natural_order))
        found = {rest: matches_in(rest, views) for rest in rests}
        best = [r for r in _best(_readings(found, found, True)) if r.pairs and r.word >= 0]
        if len(best) != 1:
            return self
        used = {view for view, _ in best[0].parsed.values()}
        return replace(
            self, views=tuple(v for v in views if v in used), guessed=True, slot=best[0].slot
        )


@dataclass(frozen=True)
class _Reading:
    """The stems read with the view in one place: (view, key) of each, and what speaks for it.

    `from_end` is how many letters stand behind it at most.
    """

    slot: Slot
    parsed: Mapping[str, tuple[str, str]]
    pairs: bool
    word: int
    complete: bool
    from_end: int


def _slots(rest: str, start: int, end: int) -> tuple[Slot, Slot]:
    return ("start", len(WORD.findall(rest[:start]))), ("end", len(WORD.findall(rest[end:])))


def _readings(
    found: Mapping[str, list[tuple[str, int, int]]],
    several: Mapping[str, list[tuple[str, int, int]]],
    weak: bool,
) -> list[_Reading]:
    places: dict[str, dict[Slot, tuple[str, int, int]]] = {
        rest: {slot: m for m in matches for slot in _slots(rest, m[1], m[2])}
        for rest, matches in found.items()
    }
    slots = dict.fromkeys(slot for rest in several for slot in places[rest])
    named = sum(bool(matches) for matches in found.values())
    readings: list[_Reading] = []
    for slot in slots:
        at = {rest: place[slot] for rest, place in places.items() if slot in place}
        parsed = {rest: (m[0], cut(rest, m[1], m[2])) for rest, m in at.items()}
        if any(other.parsed == parsed for other in readings):
            continue
        sessions: dict[str, set[str]] = {}
        for view, key in parsed.values():
            sessions.setdefault(key, set()).add(view)
        paired = sum(len(sessions[key]) > 1 for _, key in parsed.values())
        word = sum(kind_of_number(rest, *m[1:]) for rest, m in at.items()) if weak else 0
        readings.append(
            _Reading(
                slot,
                parsed,
                pairs=len(parsed) == named and 2 * paired >= named,
                word=(word > 0) - (word < 0),
                complete=len({frozenset(views) for views in sessions.values()}) == 1,
                from_end=max(len(rest) - m[2] for rest, m in at.items()),
            )
        )
    return readings


def _best(readings: list[_Reading]) -> list[_Reading]:
    """Those that most speaks for."""
    left = [r for r in readings if r.pairs] or readings
    for worth in (lambda r: r.word, lambda r: len(r.parsed), lambda r: r.complete):
        most = max((worth(r) for r in left), default=0)
        left = [r for r in left if worth(r) == most]
    return left


def _unclear(stem: str, rest: str, matches: Sequence[tuple[str, int, int]]) -> PoseDataError:
    readings = [
        f"view '{view}' of session '{cut(rest, start, end)}'" for view, start, end in matches
    ]
    if len(set(readings)) < len(readings):
        readings = [
            f"{text} (by letter {start + 1})"
            for text, (_, start, _) in zip(readings, matches, strict=True)
        ]
    return PoseDataError(
        f"the name '{stem}' can be read as {' or '.join(readings)}",
        expected="one place in the names that identifies the camera",
        todo="Rename the files, best to <session>_<view>, or name the cameras by words, such as "
        "cam1, in the files and the calibration",
    )
