"""Names that become a part of file names."""

from __future__ import annotations

import os
from collections.abc import Iterable

from napari_pose3d.errors import PoseDataError

_LONGEST = 100


def refuse_unsafe_names(
    names: Iterable[str], what: str, file: str | os.PathLike[str] | None = None
) -> None:
    """Refuse names that would lead out of a folder, or that no file can have.

    Parameters
    ----------
    what : str
        What is called so, such as "view".
    file : path, optional
        The file that the names are from.

    Raises
    ------
    PoseDataError
        A name holds nothing but dots and blanks, is longer than 100 characters, or holds a slash,
        a backslash or a control character.
    """
    for name in names:
        if (
            not name.strip(". ")
            or len(name) > _LONGEST
            or any(c in "/\\" or ord(c) < 32 or ord(c) == 127 for c in name)
        ):
            raise PoseDataError(
                f"the {what} {name[:_LONGEST]!r} cannot be in the name of a file",
                file=file,
                expected="at most 100 letters, digits and the like, without / and \\",
                todo=f"Rename the {what}",
            )
