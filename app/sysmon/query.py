"""A question to the store: condition, time, computers, order and place."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from app.errors import BadQuery
from app.sysmon.condition import EVERYTHING, Condition
from app.sysmon.events import Place, microseconds

MAX_PAGE = 10_000


class Order(StrEnum):
    """The order of results; equal times stand in one fixed order, the same backwards."""

    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events, and which page of them.

    Events with ``start <= time < end`` (both UTC, None: no bound), on one of
    ``computers`` (whole names in any case; none named: all). ``after`` is the
    ``next`` of the page before, ``size`` 1 to 10,000.
    """

    condition: Condition = EVERYTHING
    start: datetime | None = None
    end: datetime | None = None
    computers: tuple[str, ...] = ()
    order: Order = Order.NEWEST
    size: int = 50
    after: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_PAGE:
            raise BadQuery(f"A page has 1 to {MAX_PAGE:,} events, not {self.size}.")
        if self.start and self.end and self.start > self.end:
            raise BadQuery("The time range ends before it starts: exchange its two ends.")

    def following(self, after: str | None) -> EventQuery:
        """Return the query for the page that begins behind ``after``."""
        return replace(self, after=after)


def encode_cursor(place: Place) -> str:
    """Return a cursor for URLs."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


_INT64 = range(-(2**63), 2**63)
_CALENDAR = range(
    microseconds(datetime.min.replace(tzinfo=UTC)), microseconds(datetime.max.replace(tzinfo=UTC)) + 1
)


def decode_cursor(cursor: str) -> Place:
    """Take a cursor apart; raise BadQuery where it is none."""
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        time, computer, *numbers = place
        if (
            isinstance(time, int)
            and isinstance(computer, str)
            and len(numbers) == 4
            and all(isinstance(number, int) and number in _INT64 for number in numbers)
            and time in _CALENDAR
        ):
            return (time, computer, *numbers)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise BadQuery("The place to go on from ('after') is not one that this program gave out.", text=cursor)
