"""Reading files that a user gave: what may be opened, and what to say when it cannot be read.

Notes
-----
A pipe or a device never ends or waits for ever, and a parser that meets a text built to break it
ends in an error of its own. Every reader of a format opens its file here, and wraps the library
that parses it in `input_errors`.
"""

from __future__ import annotations

import csv
import io
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_pose3d.errors import PoseDataError, Remedy

# Settings, calibrations, lists of labels: those of a large laboratory have a few MB.
_MOST_INTEGER = 1 << 63
LARGEST_TEXT = 64 << 20
_BLOCK = 1 << 20

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_regular(
    path: str | os.PathLike[str], *, largest: int | None = None, expected: str | None = None
) -> int:
    """The size in bytes of a file that can be read to its end.

    Parameters
    ----------
    largest : int, optional
        Refuse more bytes than this.
    expected : str, optional
        What the file should be, for the message.

    Raises
    ------
    PoseDataError
        There is no such file, it is a folder, a pipe or a device, or it is too large.
    """
    with input_errors(path, expected=expected):
        found = os.stat(path)
    _check(found, path, largest, expected)
    return found.st_size


def open_input(
    path: str | os.PathLike[str], *, largest: int | None = None, expected: str | None = None
) -> io.BufferedReader:
    """Open a regular file for reading bytes.

    Raises
    ------
    PoseDataError
        As `check_regular`, or it may not be read.
    """
    check_regular(path, largest=largest, expected=expected)
    # The file may be exchanged for a pipe in between; opening must not wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with input_errors(path, expected=expected):
        stream = os.fdopen(os.open(path, flags), "rb")
        try:
            _check(os.fstat(stream.fileno()), path, largest, expected)
        except PoseDataError:
            stream.close()
            raise
    return stream


def read_bytes(
    path: str | os.PathLike[str], *, largest: int = LARGEST_TEXT, expected: str | None = None
) -> bytes:
    """The content of a regular file of at most `largest` bytes.

    Raises
    ------
    PoseDataError
        As `open_input`, or reading fails.
    """
    with (
        open_input(path, largest=largest, expected=expected) as stream,
        input_errors(path, expected=expected),
    ):
        # Not all that may come: room for it would be made at once.
        parts, rest = [], largest + 1
        while rest > 0 and (part := stream.read(min(rest, _BLOCK))):
            parts.append(part)
            rest -= len(part)
        content = b"".join(parts)
    if len(content) > largest:
        raise _too_large(path, largest, expected)
    return content


def read_text(
    path: str | os.PathLike[str], *, largest: int = LARGEST_TEXT, expected: str | None = None
) -> str:
    """The text of a regular file in UTF-8, without a byte order mark; line ends stay as they are.

    Raises
    ------
    PoseDataError
        As `read_bytes`, or it is no text in UTF-8.
    """
    content = read_bytes(path, largest=largest, expected=expected)
    if b"\0" in content:
        utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise PoseDataError(
            "the text is not in UTF-8 but in UTF-16" if utf16 else "this is not a text file",
            file=path,
            expected=expected,
            todo="Save it as UTF-8" if utf16 else None,
        )
    with input_errors(path, expected=expected):
        return content.decode("utf-8-sig")


@contextmanager
def input_errors(
    path: str | os.PathLike[str],
    *more: type[Exception],
    expected: str | None = None,
    todo: str | None = None,
) -> Iterator[None]:
    """Turn what the system and the parsers raise while a file is read into `PoseDataError`.

    Understood are what the system says (`OSError`), text in another encoding, numbers that are
    too long, nesting that is too deep, the `ValueError` of ``tomllib``, ``json``, ``csv``,
    NumPy and pandas, and bytes that end too early. A `PoseDataError` passes unchanged.

    Parameters
    ----------
    path : path
        The file, for the message.
    *more : exception types
        What the parser in use raises beside these: ``yaml.YAMLError``, ``tables.HDF5ExtError``.
    expected, todo : str, optional
        For the message.
    """
    invalid: tuple[type[Exception], ...] = (
        *(ValueError, OverflowError, csv.Error, struct.error, EOFError),
        *more,
    )
    try:
        yield
    except PoseDataError:
        raise
    except UnicodeDecodeError as error:
        raise PoseDataError(
            "the text is not in UTF-8",
            file=path,
            place=f"byte {error.start}",
            expected=expected,
            todo=todo or "Save the file as UTF-8",
        ) from error
    except FileNotFoundError as error:
        raise PoseDataError(
            "there is no such file", file=path, expected=expected, todo=todo
        ) from error
    except IsADirectoryError as error:
        raise PoseDataError("this is a folder", file=path, expected=expected, todo=todo) from error
    except OSError as error:
        raise PoseDataError(
            f"cannot be read ({error.strerror or _first_line(error)})",
            file=path,
            expected=expected,
            todo=todo,
        ) from error
    except RecursionError as error:
        raise PoseDataError(
            "lists or tables lie too deep in each other", file=path, expected=expected, todo=todo
        ) from error
    except MemoryError as error:
        raise PoseDataError(
            "there is not enough memory to read it", file=path, expected=expected, todo=todo
        ) from error
    except invalid as error:
        raise PoseDataError(
            f"cannot be read ({_first_line(error)})", file=path, expected=expected, todo=todo
        ) from error


def refuse_long_integers(content: object) -> None:
    """Refuse lists and tables that hold whole numbers of more than 64 bits.

    The parsers of TOML and YAML read any, with which nothing can be calculated and which Python
    may not even print.

    Raises
    ------
    ValueError
    """
    left = [content]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif isinstance(value, int) and not -_MOST_INTEGER <= value < _MOST_INTEGER:
            raise ValueError("a whole number has more than 64 bits")


def refuse_inputs(paths: Iterable[Path], sources: Iterable[Path]) -> None:
    """Refuse to write results over the files that they are made from.

    Raises
    ------
    PoseDataError
        One of the paths is a source, by whatever name.
    """
    read = {os.path.realpath(source) for source in sources}
    for path in paths:
        if os.path.realpath(path) in read:
            raise PoseDataError(
                "the result would replace a file that it is made from",
                file=path,
                todo="Choose another folder",
                remedy=Remedy("folder"),
            )


def _check(
    found: os.stat_result,
    path: str | os.PathLike[str],
    largest: int | None,
    expected: str | None,
) -> None:
    for is_kind, name in _KINDS:
        if is_kind(found.st_mode):
            raise PoseDataError(f"this is {name}, not a file", file=path, expected=expected)
    if largest is not None and found.st_size > largest:
        raise _too_large(path, largest, expected)


def _too_large(path: str | os.PathLike[str], largest: int, expected: str | None) -> PoseDataError:
    return PoseDataError(
        f"the file has more than {largest / 1e6:.0f} MB, which is too large to be what it is "
        "taken for",
        file=path,
        expected=expected,
    )


def _first_line(error: Exception) -> str:
    """What a library says, short enough for a message."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
