"""The two exceptions that leave the core on purpose."""

from __future__ import annotations

import os


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
        What the user can do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | os.PathLike[str] | None = None,
        place: str | None = None,
        expected: str | None = None,
        todo: str | None = None,
    ) -> None:
        self.problem, self.place, self.expected, self.todo = problem, place, expected, todo
        self.file = None if file is None else os.fspath(file)
        where = ", ".join(part for part in (self.file, place) if part)
        sentences = [f"{where}: {problem}." if where else f"{problem}."]
        if expected:
            sentences.append(f"Expected {expected}.")
        if todo:
            sentences.append(f"{todo}.")
        super().__init__(" ".join(sentences))


class Cancelled(Exception):  # noqa: N818 - a request that was met, not an error
    """The user cancelled the job; nothing was written and nothing was changed."""
