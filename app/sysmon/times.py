"""Times as people write them: in queries, on the command line, in addresses of pages."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final

from app.errors import BadQuery
from app.sysmon.values import time_of

#: What is written of a time -> how long it lasts; a fraction of a second is a moment.
_LENGTHS: Final = (
    (re.compile(r"[0-9-]{10}"), timedelta(days=1)),
    (re.compile(r"[0-9-]{10}[ T][0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:?[0-9]{2})?"), timedelta(minutes=1)),
    (re.compile(r"[^.]*"), timedelta(seconds=1)),
)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str, *, end: bool = False) -> datetime:
    """Return the time that ``text`` says, in UTC.

    A date alone is its first moment; as the ``end`` of a range (ends are not part of a
    range) it is the next day's, so that a range to 2019-05-18 has that whole day in it.
    A time of day is a moment, at either end. Raise BadQuery where ``text`` is no time.
    """
    start, after = parse_span(text)
    return after if end and is_day(start, after) else start


def parse_span(text: str) -> tuple[datetime, datetime]:
    """Return the first moment of what ``text`` names, and the first one behind it.

    ``2019-05-18`` is a day, ``2019-05-18 18:20`` a minute, ``2019-05-18 18:20:46`` a
    second; with a fraction it is a moment, and both are the same.
    """
    written = plain(text)
    start = time_of(written)
    if start is None:
        raise BadQuery(
            f"'{text}' is not a time. Write a date, 2019-05-18, or a date and a time in UTC,"
            ' "2019-05-18 18:20" or 2019-05-18T18:20:46.031; other zones as 2019-05-18T18:20+09:00.',
            text=text,
        )
    length = next((length for shape, length in _LENGTHS if shape.fullmatch(written)), timedelta())
    return start, start + length if start <= _LAST - length else _LAST


def is_day(start: datetime, after: datetime) -> bool:
    """Tell whether a span is a whole day: all others are a minute or less."""
    return after - start > timedelta(minutes=1)


def step_start(time: datetime, step: timedelta) -> datetime:
    """Return where the step of time begins that holds ``time``: a whole multiple since 1970.

    One that would begin before the calendar does begins with it.
    """
    into = (time - _EPOCH) % step
    return time - into if time - _FIRST >= into else _FIRST


def plain(text: str) -> str:
    """Return digits and signs as ASCII has them: Japanese keyboards write full-width ones too."""
    return unicodedata.normalize("NFKC", text).strip()
