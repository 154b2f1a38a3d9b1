"""Pickles that hold data only: lists of names and arrays in pandas' HDF5 files, calibrations.

Notes
-----
Unpickling runs whatever functions the data names. Here it may name none: lists, tuples,
dictionaries, text, numbers, and NumPy's arrays of such objects or of numbers are made by the
classes of this module, and everything else is refused before any of it is imported. NumPy's own
functions are not used either, since the state of a ``dtype`` in a pickle can make it read memory as
objects.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

_DTYPE = re.compile(r"O8?|b1|[iu][1248]|f[248]")
# A table of 100,000 columns has some 1,000,000 names; pickles that repeat one list in another
# would have to be walked for ever.
_MOST_VALUES = 20_000_000
_DEEPEST = 20


class ForeignCode(pickle.UnpicklingError):
    """A pickle asks for a function or class, or is built to exhaust the memory."""


class _Dtype:
    """Stands for ``numpy.dtype``, of plain numbers and of objects."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise ForeignCode(f"an array of type {str(code)[:20]!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in tuple("<>|="):
            raise ForeignCode("an array of unknown type")
        self.order = state[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _Array:
    """Stands for ``numpy.ndarray``."""

    def __init__(self, *_: object) -> None:
        self.array: np.ndarray[Any, Any] = np.empty(0, object)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, by_columns, values = state
        if not isinstance(dtype, _Dtype):
            raise ForeignCode("an array of unknown type")
        if dtype.code[0] != "O":
            self.array = _numbers(_as_bytes(values), dtype.dtype, shape, by_columns)
            return
        if not isinstance(values, list) or len(values) != math.prod(shape):
            raise ForeignCode("an array of unknown content")
        self.array = np.empty(len(values), object)
        self.array[:] = values
        self.array = self.array.reshape(shape)


def _numbers(
    values: bytes, dtype: np.dtype[Any], shape: Any, by_columns: bool
) -> np.ndarray[Any, Any]:
    lengths_are_valid = isinstance(shape, tuple) and all(
        isinstance(length, int) and length >= 0 for length in shape
    )
    if not lengths_are_valid or math.prod(shape) * dtype.itemsize != len(values):
        raise ForeignCode("an array whose content is not what its shape says")
    return np.frombuffer(values, dtype).reshape(shape, order="F" if by_columns else "C").copy()


def _from_buffer(values: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """Stands for the function that makes NumPy's arrays in pickles of the fifth protocol."""
    if not isinstance(dtype, _Dtype) or dtype.code[0] == "O":
        raise ForeignCode("an array of unknown type")
    if not isinstance(values, bytes | bytearray):
        raise ForeignCode("an array of unknown content")
    made = _Array()
    made.array = _numbers(bytes(values), dtype.dtype, shape, order == "F")
    return made


def _scalar(dtype: Any, value: Any) -> Any:
    """Stands for the function that makes NumPy's scalars; a plain number comes out."""
    if not isinstance(dtype, _Dtype) or dtype.code[0] == "O":
        raise ForeignCode("a scalar of unknown type")
    return np.frombuffer(_as_bytes(value), dtype.dtype, 1)[0].item()


def _as_bytes(value: Any, encoding: Any = "latin1") -> bytes:
    """Stands for ``_codecs.encode``, with which old pickles store bytes."""
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or encoding != "latin1":
        raise ForeignCode("text in another encoding")
    return value.encode("latin1")


def _reconstruct(*_: object) -> _Array:
    return _Array()


_ALLOWED = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _as_bytes,
}


class _Unpickler(pickle._Unpickler):
    """The one in Python: a few bytes can make the compiled one reserve gigabytes."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise ForeignCode(f"{module}.{name}") from None

    def get_extension(self, code: int) -> Any:
        raise ForeignCode(f"extension {code}")


def loads(data: bytes, *, encoding: str = "ASCII") -> Any:
    """The data in a pickle.

    Raises
    ------
    ForeignCode
        When it asks for anything but plain data; nothing of it has run.
    Exception
        When it is damaged, whatever Python's unpickler raises.
    """
    value = _Unpickler(io.BytesIO(data), encoding=encoding).load()
    _check_plain(value)
    return _with_arrays(value)


def dumps(value: Any) -> bytes:
    """Plain data as a pickle that all supported versions of Python and NumPy read."""
    return pickle.dumps(value, protocol=4)


def _check_plain(value: Any) -> None:
    """Refuse what only pretends to be small: lists that hold each other many times over."""
    left = [(value, 0)]
    seen = 0
    while left:
        value, depth = left.pop()
        if isinstance(value, dict):
            parts = [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            parts = list(value)
        elif isinstance(value, _Array):
            parts = value.array.ravel().tolist() if value.array.dtype == object else []
        elif value is None or isinstance(value, str | bytes | int | float | complex):
            continue
        else:
            raise ForeignCode(f"a {type(value).__name__}")
        seen += len(parts)
        if seen > _MOST_VALUES or depth > _DEEPEST:
            raise ForeignCode("lists that hold each other")
        left += [(part, depth + 1) for part in parts]


def _with_arrays(value: Any) -> Any:
    """Plain data with NumPy's arrays where their stand-ins were."""
    if isinstance(value, dict):
        return {key: _with_arrays(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_with_arrays(each) for each in value])
    if not isinstance(value, _Array):
        return value
    if value.array.dtype != object:
        return value.array
    made = np.empty(value.array.size, object)
    for i, each in enumerate(value.array.ravel().tolist()):
        made[i] = _with_arrays(each)
    return made.reshape(value.array.shape)


class _Guard(threading.local):
    """Takes the place of the module ``pickle``: plain data only in a thread that asks for it."""

    def __init__(self) -> None:
        self.refused: list[str] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(pickle, name)

    def loads(self, data: bytes, **options: Any) -> Any:
        refused = self.refused
        if refused is None:
            return pickle.loads(data, **options)
        try:
            return loads(bytes(data), encoding=options.get("encoding", "ASCII"))
        except ForeignCode as error:
            # PyTables takes any error for text that happens to look like a pickle.
            refused.append(str(error))
            raise


_lock = threading.RLock()
_guard = _Guard()


@contextmanager
def plain_pickles(*modules: ModuleType) -> Iterator[list[str]]:
    """While this lasts, `modules` unpickle plain data only in this thread.

    Threads wait here for each other, also because PyTables must not be used by two at once. In
    threads that never come here, the modules unpickle as always.

    Parameters
    ----------
    *modules : module
        Those that have ``pickle`` among their names.

    Yields
    ------
    list of str
        What was refused.
    """
    with _lock:
        originals = [vars(module)["pickle"] for module in modules]
        before, _guard.refused = _guard.refused, []
        for module in modules:
            vars(module)["pickle"] = _guard
        try:
            yield _guard.refused
        finally:
            _guard.refused = before
            for module, original in zip(modules, originals, strict=True):
                vars(module)["pickle"] = original
