"""Where a training runs when it does not run here: a machine and a folder there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from napari_pose3d.errors import PoseDataError

# A colon may stand before the folder, as scp has it.
_PLACE = re.compile(r"ssh://(?P<host>[^/:]+)(?::(?P<port>\d+))?:?(?P<folder>/.+)")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*")
_FOLDER = re.compile(r"/[A-Za-z0-9._/~+@-]+")


@dataclass(frozen=True)
class RemotePlace:
    """A folder on a machine that ssh reaches.

    Attributes
    ----------
    host : str
        As for ssh: ``name`` or ``user@name``.
    folder : str
        Absolute; the project is copied into it.
    port : int or None
    """

    host: str
    folder: str
    port: int | None = None

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"ssh://{self.host}{port}{self.folder}"


def parse_place(text: str) -> RemotePlace:
    """``ssh://host/folder``, ``ssh://host:/folder`` or ``ssh://user@host:port/folder``.

    Raises
    ------
    PoseDataError
        It is no such place; names that ssh or a shell would take for something else are refused.
    """
    match = _PLACE.fullmatch(text)
    if (
        match is None
        or not _HOST.fullmatch(match["host"])
        or not _FOLDER.fullmatch(match["folder"])
        or ".." in match["folder"].split("/")
    ):
        raise PoseDataError(
            f"'{text}' is no place on another machine",
            place="--on",
            expected="ssh://host/folder with letters, digits and . _ - + @ in its names",
        )
    port = match["port"]
    return RemotePlace(match["host"], match["folder"].rstrip("/"), int(port) if port else None)
