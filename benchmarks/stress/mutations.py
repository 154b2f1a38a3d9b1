"""Damage to files: what editors, copies, full disks and other programs do, and worse."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

Mutate = Callable[[bytes, random.Random], bytes]

_TOKENS = (
    b"nan", b"inf", b"-inf", b"1e200", b"1e999", b"-1", b"", b" ", b"null", b"true", b"None",
    b"9" * 400, b"9" * 5000, b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", "\u2028".encode(), b"\r",
    b"\n", b"\r\n", b",", b",,", b";", b"\t", b'"', b"'", b"''", b'"""', b"[", b"]", b"{", b"}",
    b"=", b":", b"#", b"\\", b"/", b"../", b"&a", b"*a", b"!!python/object:os.system", b"- ",
    b"0x10", b"1_000", b"0", b"1", b"2", b"\xef\xbb\xbf", b"$", b"%s", b"{}",
)  # fmt: skip


# What may stand in the place of a number, of a quoted text, or of either in YAML.
_VALUES = (
    *(b"nan", b"inf", b"-inf", b".nan", b".inf", b"NaN", b"Infinity", b"1e400", b"1e200", b"1e12"),
    *(b"-1", b"0", b"-0.0", b"1.5", b"9" * 30, b"9" * 400, b"0x" + b"f" * 9000, b"true", b"null"),
    *(b"~", b'""', b'"x"', b"[]", b"{}", b"[[]]", b'"../../x"', b"${a}", b"2024-01-01"),
)
_VALUE = re.compile(
    rb"(?<![\w.#-])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.-])|\"[^\"\n]*\"|(?<=: )[^\s,{}\[\]]+"
)


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content or b"x")
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _insert(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice(_TOKENS) * rng.choice([1, 1, 1, 2, 50]) + content[at:]


def _replace(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice(_TOKENS) + content[at + rng.choice([1, 2, 5, 30]) :]


def _cell(content: bytes, rng: random.Random) -> bytes:
    """Another value for one cell, number, name or quoted text."""
    separator = rng.choice([b",", b" ", b'"', b"\n", b"="])
    parts = content.split(separator)
    parts[rng.randrange(len(parts))] = rng.choice(_TOKENS)
    return separator.join(parts)


def _value(content: bytes, rng: random.Random) -> bytes:
    """One number or text for another value, so that the file is as valid as it was."""
    spots = [found.span() for found in _VALUE.finditer(content)]
    if not spots:
        return _replace(content, rng)
    start, end = rng.choice(spots)
    return content[:start] + rng.choice(_VALUES) + content[end:]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _delete(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at + rng.choice([1, 3, 10, 100]) :]


def _zero_tail(content: bytes, rng: random.Random) -> bytes:
    """What a file system may leave after a power cut."""
    at = rng.randrange(len(content) + 1)
    return content[:at] + b"\0" * (len(content) - at)


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == 1:
        lines.insert(i, lines[j])
    elif kind == 2:
        del lines[i]
    else:
        lines[i] = lines[i] * rng.choice([2, 100])
    return b"\n".join(lines)


def _encoding(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("utf-8", errors="replace")
    encoding = rng.choice(["utf-16", "utf-32", "utf-16-le", "cp500", "utf-8-sig"])
    return text.encode(encoding, errors="replace")


def _nested(content: bytes, rng: random.Random) -> bytes:
    n = rng.choice([500, 5_000, 100_000])
    at = rng.randrange(len(content) + 1)
    opening, closing = rng.choice([(b"[", b"]"), (b"{", b"}"), (b'{"a":', b"}"), (b"- ", b"")])
    return content[:at] + opening * n + closing * rng.choice([0, n]) + content[at:]


def _bomb(content: bytes, rng: random.Random) -> bytes:
    """YAML aliases that multiply, and a TOML key of many parts."""
    if rng.random() < 0.5:
        lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [
            b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 9)
        ]
        keys = re.findall(rb"^(\w+):", content, re.MULTILINE) or [b"view_names"]
        return content + b"\n" + b"\n".join(lines) + b"\n" + rng.choice(keys) + b": *a8\n"
    return content + b"\n" + b".".join([b"a"] * 20_000) + b" = 1\n"


def _huge(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return (
        content[:at]
        + rng.choice([b"a", b"1", b",", b"\n", b" ", b"[1],"]) * 5_000_000
        + content[at:]
    )


def _names(content: bytes, rng: random.Random) -> bytes:
    """Names that lead elsewhere, are twice there, or are very many."""
    name = rng.choice([b"nose", b"Cam-A", b"day1", b"tail"])
    other = rng.choice(
        [b"tail", b"../../x", b"a/b", b"", b"N" * 5000, "näse".encode(), b"a\0b", b"Cam-B"]
    )
    return content.replace(name, other, rng.choice([1, -1]))


CONTENTS: tuple[Mutate, ...] = (
    _flip, _insert, _replace, _cell, _cut, _delete, _zero_tail, _lines, _encoding, _nested, _names,
    _flip, _insert, _replace, _cell, _cut, _delete, _lines, _cell, _replace,
    _value, _value, _value, _value, _value, _value,
)  # fmt: skip
RARE: tuple[Mutate, ...] = (_bomb, _huge)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with one to three faults; rarely a very large one."""
    if rng.random() < 0.02:
        return rng.choice(RARE)(content, rng)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        content = rng.choice(CONTENTS)(content, rng)
    return content


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to(random.Random(str(path)).choice(["/dev/zero", "/dev/full", "/dev/null"]))


def _loop(path: Path) -> None:
    other = path.with_name(f"loop-{path.name}")
    path.symlink_to(other)
    other.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def _folder(path: Path) -> None:
    path.mkdir()


def _folder_link(path: Path) -> None:
    path.symlink_to(path.parent)


PLACES: tuple[Callable[[Path], None], ...] = (
    _pipe, _device, _loop, _dangling, _folder, _folder_link,
)  # fmt: skip


def put_in_place_of(path: Path, rng: random.Random) -> str:
    """Something else in a file's place, or nothing; what it is."""
    path.unlink()
    make = rng.choice(PLACES)
    make(path)
    return make.__name__.strip("_")
