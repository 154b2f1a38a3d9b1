"""The compiled loop that turns an array of single precision into lines of decimal numbers.

Importing this module imports numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

_COMMA, _MINUS, _PLUS, _POINT, _ZERO, _E = (ord(c) for c in ",-+.0e")
_LINE_FEED = 10
# Nine digits always tell a number of single precision from its neighbours; most need fewer.
_FEWEST, _MOST = 6, 9
# Powers of ten up to here are exact in double precision.
_POWERS = 10.0 ** np.arange(23)
_SMALLEST, _LARGEST = 1e-13, 1e14
# Minus, nine digits, point, exponent, comma.
CELL_BYTES = 17
NUMBER_BYTES = 12


@_jit
def _scaled(value: float, exponent: int) -> float:
    return value * _POWERS[exponent] if exponent >= 0 else value / _POWERS[-exponent]


@_jit
def _digits(value: Any) -> tuple[int, int, int]:
    """The fewest digits that read back as a positive number ``d.ddd * 10^power``.

    The digits as an integer, how many, and the power; 0 digits: it cannot be done here.
    """
    exact = np.float64(value)
    if not _SMALLEST <= exact <= _LARGEST:
        return 0, 0, 0
    power = math.floor(math.log10(exact))
    for n in range(_FEWEST, _MOST + 1):
        shift = n - 1 - power
        mantissa = np.rint(_scaled(exact, shift))
        if np.float32(_scaled(mantissa, -shift)) == value or n == _MOST:
            # The logarithm may be off by one near a power of ten, and rounding may reach it.
            if mantissa >= _POWERS[n]:
                mantissa, power = np.rint(mantissa / 10.0), power + 1
            elif mantissa < _POWERS[n - 1]:
                return _digits_below(value, n, power - 1)
            return int(mantissa), n, power
    return 0, 0, 0


@_jit
def _digits_below(value: Any, n: int, power: int) -> tuple[int, int, int]:
    """As `_digits`, with the number of digits and the power known."""
    return int(np.rint(_scaled(np.float64(value), n - 1 - power))), n, power


@_jit
def format_lines(values: Any, first_frame: int, text: Any) -> int:
    """Write a line for each row: its number, and the values, fewest digits that read back the same.

    Very small and very large numbers have an exponent, as ``%g`` writes them; what is not finite
    becomes an empty cell.

    Parameters
    ----------
    values : (row, column) float32
    first_frame : int
        Number of the first row.
    text : (byte,) uint8
        Has `NUMBER_BYTES` for each row and `CELL_BYTES` for each value.

    Returns
    -------
    int
        Bytes written; -1 where a number is too small or too large for this.
    """
    digits = np.empty(20, np.uint8)
    at = 0
    for row in range(values.shape[0]):
        number = first_frame + row
        count = 0
        while number > 0 or count == 0:
            digits[count] = _ZERO + number % 10
            number //= 10
            count += 1
        for i in range(count - 1, -1, -1):
            text[at] = digits[i]
            at += 1
        for column in range(values.shape[1]):
            text[at] = _COMMA
            at += 1
            value = values[row, column]
            if not math.isfinite(value):
                continue
            if value < 0.0:
                text[at] = _MINUS
                at += 1
                value = -value
            if value == 0.0:
                text[at] = _ZERO
                at += 1
                continue
            mantissa, count, power = _digits(value)
            if count == 0:
                return -1
            while mantissa % 10 == 0:
                mantissa //= 10
                count -= 1
            for i in range(count):
                digits[count - 1 - i] = _ZERO + mantissa % 10
                mantissa //= 10
            at = _place(digits, count, power, text, at)
        text[at] = _LINE_FEED
        at += 1
    return at


@_jit
def _place(digits: Any, count: int, power: int, text: Any, at: int) -> int:
    """Write digits with their point, and with an exponent where that is usual; where they end."""
    scientific = power < -4 or power >= _MOST
    whole = 1 if scientific else power + 1
    if whole <= 0:
        text[at], text[at + 1] = _ZERO, _POINT
        at += 2
        for _ in range(-whole):
            text[at] = _ZERO
            at += 1
    for i in range(max(count, whole)):
        if i == whole and whole > 0:
            text[at] = _POINT
            at += 1
        text[at] = digits[i] if i < count else _ZERO
        at += 1
    if scientific:
        text[at] = _E
        text[at + 1] = _MINUS if power < 0 else _PLUS
        power = abs(power)
        text[at + 2], text[at + 3] = _ZERO + power // 10, _ZERO + power % 10
        at += 4
    return at
