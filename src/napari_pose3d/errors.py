"""The two exceptions that leave the core on purpose, and errors in words."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

RemedyKind = Literal[
    "views",
    "calibration",
    "cameras",
    "session",
    "individual",
    "any_individual",
    "keypoints",
    "mirrored",
    "allow_missing",
    "shared_keypoints",
    "folder",
    "replace",
    "skeleton",
    "convert",
    "size",
    "names",
    "format",
    "rig_format",
    "video_size",
    "offset",
    "refine",
    "fps",
    "split",
    "set",
    "subject",
    "exchange",
    "invert_pose",
    "rewrite",
    "calibrate",
    "litpose",
    "triggered",
    "sync_table",
    "same_trigger",
]


@dataclass(frozen=True)
class Remedy:
    """A setting that helps; each front end says in its own words where it is.

    Attributes
    ----------
    kind : str
        Which setting: "views", "calibration" and "keypoints" to give names or a file, "cameras" to
        say which camera of a calibration is which view, "session" and "individual" to choose one,
        "any_individual" to choose none, "mirrored", "allow_missing" and "shared_keypoints" to
        switch on, "folder" to write somewhere else,
        "replace" to overwrite, "skeleton" to draw one, "convert" to make a calibration of ours from
        another program's, "size", "names", "format" and "rig_format" to say what its files do not,
        "video_size" to take the size of the videos' images, "offset" to shift a view in time,
        "refine" to mend a calibration from points, "exchange" to give cameras each other's names,
        "invert_pose" to take a camera's pose the other way round, "rewrite" to write a file as it
        was understood, "calibrate" to make a new calibration, "triggered" to have the project
        remember that its cameras are triggered together, "sync_table" and "same_trigger" to say for
        a calibration which frames of the videos belong together, "litpose" to name the environment
        that Lightning Pose is installed in, "fps", "split", "set" and "subject" to say the frame
        rate, that a long recording becomes several files, which prediction set is meant, and whose
        recording it is.
    argument : str
        What to set it to, where that is known; else "".
    """

    kind: RemedyKind
    argument: str = ""


class PoseDataError(ValueError):
    """Input that cannot be used as it is.

    The message always says which file or array, where in it, what was found, what was expected and
    what to do, so that somebody who does not program can mend it.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence without a full stop.
    file : path, optional
        The file that holds the fault.
    place : str, optional
        Where in the file: ``"line 7, column 12"``, ``"camera Cam-B"``, ``"keypoint nose"``.
    expected : str, optional
        What should have been there.
    todo : str, optional
        What the user can do about it, without the name of an option or a button.
    remedy : Remedy or several, optional
        The settings that ``todo`` is about.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | os.PathLike[str] | None = None,
        place: str | None = None,
        expected: str | None = None,
        todo: str | None = None,
        remedy: Remedy | Sequence[Remedy] = (),
    ) -> None:
        self.problem, self.place, self.expected, self.todo = problem, place, expected, todo
        self.file = None if file is None else os.fspath(file)
        self.remedies = (remedy,) if isinstance(remedy, Remedy) else tuple(remedy)
        super().__init__(self.worded(lambda remedy: ""))

    def worded(self, words: Callable[[Remedy], str]) -> str:
        """The message with its remedies in the words of a front end.

        Parameters
        ----------
        words : callable
            Says where a setting is, such as "--session NAME"; "" for one that is nowhere.
        """
        where = ", ".join(part for part in (self.file, self.place) if part)
        sentences = [f"{where}: {self.problem}." if where else f"{self.problem}."]
        if self.expected:
            sentences.append(f"Expected {self.expected}.")
        todo = todo_in_words(self.todo or "", self.remedies, words)
        if todo:
            sentences.append(f"{todo}.")
        return " ".join(sentences)

    def located(
        self, file: str | os.PathLike[str] | None = None, place: str | None = None
    ) -> PoseDataError:
        """The same error with the name of the file, or a place in it."""
        return PoseDataError(
            self.problem,
            file=self.file if file is None else file,
            place=self.place if place is None else place,
            expected=self.expected,
            todo=self.todo,
            remedy=self.remedies,
        )


def todo_in_words(todo: str, remedies: Sequence[Remedy], words: Callable[[Remedy], str]) -> str:
    """What can be done, with the places of the settings behind it."""
    places = ", or ".join(place for remedy in remedies if (place := words(remedy)))
    return ": ".join(part for part in (todo, places) if part)


class Cancelled(Exception):  # noqa: N818 - a request that was met, not an error
    """The user cancelled the job; nothing was written and nothing was changed."""


def error_text(error: Exception) -> str:
    """What went wrong, in words for a user; the system's errors by file and reason."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{os.fspath(error.filename)}: "
        return f"{where}{error.strerror or error}"
    return str(error)
