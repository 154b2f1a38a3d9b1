"""Whatever lies in a file's place, reading it ends with a result or a message, and soon."""

from __future__ import annotations

import csv
import json
import os
import socket
import tomllib
from pathlib import Path

import pytest

from napari_pose3d.core.storage.input_files import (
    check_regular,
    input_errors,
    open_input,
    read_bytes,
    read_text,
)
from napari_pose3d.errors import PoseDataError

READERS = (check_regular, open_input, read_bytes, read_text)
posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has them")


def test_text_and_bytes_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes("\ufeffname = 'Käfig'\r\n".encode())
    assert read_text(path) == "name = 'Käfig'\r\n"
    assert read_bytes(path) == path.read_bytes()
    assert check_regular(path) == path.stat().st_size
    with open_input(path) as stream:
        assert stream.read() == path.read_bytes()


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "there is no such file"),
        ("folder", "this is a folder"),
        pytest.param("pipe", "this is a named pipe", marks=posix),
        pytest.param("socket", "this is a socket", marks=posix),
        pytest.param("device", "this is a device", marks=posix),
        pytest.param("link to device", "this is a device", marks=posix),
        pytest.param("loop", "cannot be read", marks=posix),
        ("below a file", "cannot be read|there is no such file"),
        ("nul", "cannot be read"),
        ("long", "cannot be read|there is no such file"),
    ],
)
def test_what_is_no_file_is_named(read, kind: str, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        path = Path("/tmp") / f"pose3d-test-{os.getpid()}"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "link to device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(tmp_path / "y")
        (tmp_path / "y").symlink_to(path)
    elif kind == "below a file":
        path.write_text("a")
        path = path / "b"
    elif kind == "nul":
        path = tmp_path / "a\0b"
    elif kind == "long":
        path = tmp_path / ("a" * 5000)
    try:
        with pytest.raises(PoseDataError, match=message) as caught:
            read(path)
    finally:
        if kind == "socket":
            server.close()
            path.unlink()
    assert caught.value.file == str(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    with path.open("wb") as stream:
        stream.truncate(10_000_001)
    for read in READERS:
        with pytest.raises(PoseDataError, match="more than 10 MB"):
            read(path, largest=10_000_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = 'K\xe4fig'", "not in UTF-8.*Save the file as UTF-8"),
        ("a = 1".encode("utf-16"), "not in UTF-8 but in UTF-16"),
        (b"a = 1\0", "not a text file"),
    ],
)
def test_text_in_another_encoding_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(PoseDataError, match=message):
        read_text(path)


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (tomllib.loads, "a = " + "[" * 100_000, "too deep"),
        (json.loads, "[" * 100_000, "too deep"),
        (json.loads, "9" * 10_000, "cannot be read"),
        (tomllib.loads, "a = " + "9" * 10_000, "cannot be read"),
        (tomllib.loads, "a = = 1", "cannot be read"),
        (lambda text: list(csv.reader([text])), "a" * 200_000, "cannot be read"),
        (lambda text: [0] * (1 << 62), "", "memory"),
    ],
    ids=["deep toml", "deep json", "long json", "long toml", "invalid", "long cell", "memory"],
)
def test_what_a_parser_raises_becomes_one_kind_of_error(parse, text: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PoseDataError, match=message) as caught, input_errors("a.toml"):
        parse(text)
    assert caught.value.file == "a.toml"
    assert len(str(caught.value)) < 500


def test_an_error_of_ours_and_one_of_the_program_pass_unchanged() -> None:
    ours = PoseDataError("two cameras have one name", file="b.toml")
    with pytest.raises(PoseDataError) as caught, input_errors("a.toml"):
        raise ours
    assert caught.value is ours
    with pytest.raises(KeyError), input_errors("a.toml"):
        raise KeyError("a fault of the program")
    with pytest.raises(PoseDataError, match="cannot be read"), input_errors("a.toml", KeyError):
        raise KeyError("what this parser raises")
