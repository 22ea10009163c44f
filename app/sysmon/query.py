"""A question to the store: condition, time, computers, order and place."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from app.errors import BadQuery
from app.sysmon.condition import EVERYTHING, Condition
from app.sysmon.events import Event, Place, microseconds
from app.sysmon.fields import FIELDS, Field, FieldType

MAX_PAGE = 10_000

SORTED_LENGTH = 256
"""So many code points of a text count where events are sorted by it: a cursor must fit an address."""

SortValue = str | int | None
"""What events are sorted by: a text's beginning, a number, a time in microseconds since 1970."""


class Order(StrEnum):
    """The order of results; equal times stand in one fixed order, the same backwards.

    With ``EventQuery.sort``, NEWEST is descending and OLDEST ascending.
    """

    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events, and which page of them.

    Events with ``start <= time < end`` (both UTC, None: no bound), on one of
    ``computers`` (whole names in any case; none named: all). ``after`` is the
    ``next`` of the page before, ``size`` 1 to 10,000.

    ``sort`` is a name of ``fields.FIELDS``; None: by record time. Texts compare by code
    points as they are written, of long ones the first ``SORTED_LENGTH``; numbers and times
    by their value. Events without a value come last in both orders; those of equal values
    stand as they do by time, in the same direction.
    """

    condition: Condition = EVERYTHING
    start: datetime | None = None
    end: datetime | None = None
    computers: tuple[str, ...] = ()
    order: Order = Order.NEWEST
    size: int = 50
    after: str | None = None
    sort: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_PAGE:
            raise BadQuery(f"A page has 1 to {MAX_PAGE:,} events, not {self.size}.")
        if self.start and self.end and self.start > self.end:
            raise BadQuery("The time range ends before it starts: exchange its two ends.")
        if self.sort is not None and self.sort not in FIELDS:
            raise BadQuery(
                f"Events cannot be sorted by {self.sort!r}: there is no such field.", text=self.sort
            )

    @property
    def sort_field(self) -> Field | None:
        """Return the field to sort by; None: as they stand in time."""
        return None if self.sort is None or self.sort == "Time" else FIELDS[self.sort]

    def following(self, after: str | None) -> EventQuery:
        """Return the query for the page that begins behind ``after``."""
        return replace(self, after=after)


def sort_value(event: Event, field: Field) -> SortValue:
    """Return what an event is sorted by; None: it has no value."""
    value = event.get(field.name)
    if isinstance(value, datetime):
        return microseconds(value)
    return value[:SORTED_LENGTH] if isinstance(value, str) else value


def cursor_behind(query: EventQuery, event: Event) -> str:
    """Return the cursor of the page that begins behind an event."""
    field = query.sort_field
    return _encoded(event.place if field is None else (field.name, sort_value(event, field), *event.place))


def encode_cursor(place: Place) -> str:
    """Return the cursor of a place in the order of time."""
    return _encoded(place)


def _encoded(parts: tuple[SortValue, ...]) -> str:
    """Return a cursor for URLs."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


_INT64 = range(-(2**63), 2**63)
_CALENDAR = range(
    microseconds(datetime.min.replace(tzinfo=UTC)), microseconds(datetime.max.replace(tzinfo=UTC)) + 1
)
_PLACE_PARTS = 6


def decode_cursor(cursor: str) -> Place:
    """Take a cursor of the order of time apart; raise BadQuery where it is none."""
    sort, place = _parts(cursor)
    if sort:
        raise _of_another_sort(cursor)
    return place


def decode_sorted(cursor: str, field: Field) -> tuple[SortValue, Place]:
    """Take a cursor of the order by a field apart; raise BadQuery where it is none."""
    sort, place = _parts(cursor)
    if not sort or sort[0] != field.name:
        raise _of_another_sort(cursor)
    value: SortValue = sort[1]
    if not _can_be_value(value, field):
        raise _of_nobody(cursor)
    return value, place


def _parts(cursor: str) -> tuple[list[Any], Place]:
    """Return the name and value of a cursor's sort, if it has one, and its place."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(parts, list) and len(parts) in {_PLACE_PARTS, _PLACE_PARTS + 2}:
            *sort, time, computer, event_id, utc_time, record, content = parts
            numbers = (time, event_id, utc_time, record, content)
            if (
                isinstance(computer, str)
                and all(type(number) is int and number in _INT64 for number in numbers)
                and time in _CALENDAR
            ):
                return sort, (time, computer, event_id, utc_time, record, content)
    except (ValueError, binascii.Error):
        pass
    raise _of_nobody(cursor)


def _can_be_value(value: object, field: Field) -> bool:
    if value is None:
        return True
    if field.type is FieldType.INTEGER:
        return type(value) is int and value in _INT64
    if field.type is FieldType.TIME:
        return type(value) is int and value in _CALENDAR
    return isinstance(value, str) and len(value) <= SORTED_LENGTH


def _of_nobody(cursor: str) -> BadQuery:
    return BadQuery("The place to go on from ('after') is not one that this program gave out.", text=cursor)


def _of_another_sort(cursor: str) -> BadQuery:
    return BadQuery(
        "The place to go on from ('after') is of another sort: begin with the first page again.", text=cursor
    )
