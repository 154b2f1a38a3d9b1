"""The compiled loop that turns lines of decimal numbers into an array.

Importing this module imports numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_COMMA, _MINUS, _POINT, _ZERO, _NINE = (ord(c) for c in ",-.09")
_LINE_FEED, _RETURN = 10, 13
# Digits that a 64-bit integer always holds; those beyond are far below single precision.
_DIGITS = 18
_EXACT_POWERS = 22
# Powers of ten up to here are exact in double precision.
_POWERS = 10.0 ** np.arange(_EXACT_POWERS + 1)
_LARGEST = float(np.finfo(np.float32).max)


@_jit
def parse_lines(text: Any, stop: int, first_frame: int, numbers: Any) -> tuple[int, int]:
    """Parse lines that consist of a frame number and one decimal number per column.

    Parameters
    ----------
    text : (byte,) uint8
        Whole lines; the last byte before ``stop`` is a line feed.
    first_frame : int
        Number at the start of the first line; the others count on from it.
    numbers : (frame, column) float32
        Filled with the numbers; NaN for an empty cell and for ``nan``.

    Returns
    -------
    n_lines, n_bytes : int
        Parsed, until the end or until ``numbers`` is full. The number of lines is -1 where
        anything is not in this form: another frame number, more or fewer cells, text, quotes,
        blanks, a number too large.
    """
    n_columns = numbers.shape[1]
    at = 0
    row = 0
    while at < stop and row < numbers.shape[0]:
        for column in range(-1, n_columns):
            c = text[at]
            negative = c == _MINUS
            if negative:
                at += 1
                c = text[at]
            mantissa = 0
            held = 0
            exponent = 0
            start = at
            while _ZERO <= c <= _NINE:
                if held < _DIGITS:
                    mantissa = 10 * mantissa + (c - _ZERO)
                    held += mantissa > 0
                else:
                    exponent += 1
                at += 1
                c = text[at]
            n_digits = at - start
            if c == _POINT:
                at += 1
                c = text[at]
                start = at
                while _ZERO <= c <= _NINE:
                    if held < _DIGITS:
                        mantissa = 10 * mantissa + (c - _ZERO)
                        held += mantissa > 0
                        exponent -= 1
                    at += 1
                    c = text[at]
                n_digits += at - start
                if n_digits == 0:
                    return -1, at
            if n_digits > 0:
                # A lower-case or capital e.
                if c | 32 == 101:
                    at, shift = _exponent(text, at + 1)
                    if at < 0:
                        return -1, at
                    exponent += shift
                    c = text[at]
                value = _scaled(mantissa, exponent)
                if negative:
                    value = -value
            else:
                if negative or column < 0:
                    return -1, at
                # nan, NaN, NAN
                if c | 32 == 110 and text[at + 1] | 32 == 97 and text[at + 2] | 32 == 110:
                    at += 3
                    c = text[at]
                value = math.nan
            if column < n_columns - 1:
                if c != _COMMA:
                    return -1, at
                at += 1
            else:
                if c == _RETURN:
                    at += 1
                    c = text[at]
                if c != _LINE_FEED:
                    return -1, at
                at += 1
            if column < 0:
                if value != first_frame + row:
                    return -1, at
            elif abs(value) > _LARGEST:
                return -1, at
            else:
                numbers[row, column] = value
        row += 1
    return row, at


@_jit
def _exponent(text: Any, at: int) -> tuple[int, int]:
    """The integer behind an e, and where it ends; -1 where there is none."""
    sign = 1
    if text[at] == _MINUS or text[at] == 43:
        sign = 44 - text[at]
        at += 1
    start = at
    value = 0
    while _ZERO <= text[at] <= _NINE and at - start < 4:
        value = 10 * value + (text[at] - _ZERO)
        at += 1
    if at == start:
        return -1, 0
    return at, sign * value


@_jit
def _scaled(mantissa: int, exponent: int) -> float:
    if mantissa == 0 or exponent == 0:
        return float(mantissa)
    if -_EXACT_POWERS <= exponent < 0:
        return mantissa / _POWERS[-exponent]
    if 0 < exponent <= _EXACT_POWERS:
        return mantissa * _POWERS[exponent]
    return mantissa * 10.0 ** float(exponent)
