"""Texts that are times -> microseconds since 1970, many at once.

Written for columns: Python's own parser takes most of a second for a million of them,
and Arrow's can hold either the year 1601 or seven digits of a second, not both.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.sysmon.events import microseconds

_SHORTEST: Final = 19  # 2019-05-18 18:20:46
_LONGEST: Final = 30  # 2019-05-18T18:20:46.123456789Z
_OFFSET: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: UTC|[+-]\d\d:?\d\d)")
_SEPARATORS: Final = ((4, b"-"), (7, b"-"), (13, b":"), (16, b":"))
_DAYS: Final = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def parse_times(texts: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return microseconds since 1970 (UTC) of each text, and which of them are times.

    ``2019-05-18 18:20:46.031``: ``T`` or a blank between, up to nine digits of a second
    (cut below the microsecond), ``Z`` or nothing at the end; years 1 to 9999. An offset
    (``+02:00``) is read too, only slower.
    """
    times = np.zeros(len(texts), np.int64)
    is_time = np.zeros(len(texts), np.bool_)
    if not len(texts):
        return times, is_time
    starts, data = _buffers(texts)
    lengths = np.diff(starts)
    present = texts.is_valid().to_numpy(zero_copy_only=False)
    for length in np.unique(lengths[present]):
        if _SHORTEST <= length <= _LONGEST:
            rows = np.flatnonzero(present & (lengths == length))
            times[rows], is_time[rows] = _parse_block(_block(data, starts, rows, int(length)))
    for row in np.flatnonzero(present & ~is_time & (lengths >= _SHORTEST) & (lengths <= _LONGEST + 6)):
        _parse_slowly(str(texts[row].as_py()), int(row), times, is_time)
    return times, is_time


def _buffers(texts: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
    return starts, np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)


def _block(
    data: NDArray[np.uint8], starts: NDArray[np.int32], rows: NDArray[Any], length: int
) -> NDArray[np.uint8]:
    """Return the texts of these rows, all of one length, one per line."""
    first = starts[rows]
    if len(rows) == len(starts) - 1:  # All of them, so they lie side by side.
        return data[first[0] : first[0] + len(rows) * length].reshape(-1, length)
    block: NDArray[np.uint8] = data[first[:, None] + np.arange(length, dtype=np.int32)]
    return block


def _parse_block(block: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    block = np.ascontiguousarray(block.T)  # By place, then by text: each step below is over one place.
    length = len(block)
    digits = block - np.uint8(ord("0"))  # What is no digit wraps round to 10 and above.
    zulu = block[-1] == ord("Z")
    end = length - zulu.astype(np.int64)
    good = (block[10] == ord("T")) | (block[10] == ord(" "))
    for place, mark in _SEPARATORS:
        good &= block[place] == ord(mark)
    for place in (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18):
        good &= digits[place] < 10
    if length > _SHORTEST:
        good &= (end == _SHORTEST) | ((block[_SHORTEST] == ord(".")) & (end > _SHORTEST + 1))
        good &= end <= _LONGEST - 1

    fraction = np.zeros(block.shape[1], np.int64)
    for place in range(_SHORTEST + 1, length):
        inside = place < end
        good &= ~inside | (digits[place] < 10)
        if place < _SHORTEST + 7:
            fraction += np.where(inside, digits[place], 0).astype(np.int64) * 10 ** (_SHORTEST + 6 - place)

    year = _number(digits, 0, 4)
    month, day, hour, minute, second = (_number(digits, place, 2) for place in (5, 8, 11, 14, 17))
    good &= (year >= 1) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = _DAYS[np.where(good, month, 0)] - ((month == 2) & ~leap)
    good &= (day >= 1) & (day <= last)
    seconds = ((_days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    return np.where(good, seconds * 1_000_000 + fraction, 0), good


def _number(digits: NDArray[np.uint8], place: int, width: int) -> NDArray[np.int64]:
    number: NDArray[np.int64] = digits[place].astype(np.int64)
    for next_place in range(place + 1, place + width):
        number = number * 10 + digits[next_place]
    return number


def _days_since_1970(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count days in years that begin in March, so that the leap day comes last."""
    year = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    leaps = year // 4 - year // 100 + year // 400
    days: NDArray[np.int64] = year * 365 + leaps + of_year - 719_468
    return days


def _parse_slowly(text: str, row: int, times: NDArray[np.int64], is_time: NDArray[np.bool_]) -> None:
    if _OFFSET.fullmatch(text):
        try:
            time = datetime.fromisoformat(text.replace(" UTC", "+00:00").replace(",", ".")).astimezone(UTC)
        except (ValueError, OverflowError):  # No such day or hour, or out of the calendar in UTC.
            return
        times[row], is_time[row] = microseconds(time), True
