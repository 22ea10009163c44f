"""Events by computer and day: the newest days that have any, of the computers that log most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from typing import Final
from urllib.parse import quote

from app.errors import QueryTooSlow
from app.store.port import Budget, EventStore, StoreInfo
from app.store.remember import Remembering, remembering
from app.sysmon.query import EventQuery
from app.sysmon.text import fold

MOST_DAYS: Final = 31
MOST_COMPUTERS: Final = 25

_DAY: Final = timedelta(days=1)
_STEPS: Final = 5
_FEW_DAYS: Final = 14
_BUDGET_SECONDS: Final = 10.0
_MOST_EVENTS: Final = 10_000_000
"""Above this, about, fewer days are counted: the page must not wait for what nobody asked for."""

_LONGEST_LINKED: Final = 120


@dataclass(frozen=True, slots=True)
class Cell:
    """Events of one computer on one day; ``step`` is 0 for none, then 1 to 5."""

    day: date
    count: int
    step: int


@dataclass(frozen=True, slots=True)
class Row:
    """One computer, under one of the names that it has in the log, and all its events, of all days."""

    computer: str
    events: int
    cells: Sequence[Cell]

    @property
    def is_linked(self) -> bool:
        """Whether its name is short enough to stand in dozens of addresses."""
        return len(quote(self.computer)) <= _LONGEST_LINKED


@dataclass(frozen=True, slots=True)
class DayTable:
    """Events by computer and day; the rest is counted.

    ``begins`` is the first day that is stored; ``in_thousands``: so cells show their numbers.
    """

    days: Sequence[date]
    rows: Sequence[Row]
    computers: int
    begins: date
    in_thousands: bool

    @property
    def has_older(self) -> bool:
        """Whether there are days before these."""
        return self.begins < self.days[0]


def day_table(store: EventStore, info: StoreInfo) -> DayTable | None:
    """Return the table; None: it would take too long to count."""
    try:
        return _counted(remembering(store, info), info)
    except QueryTooSlow:
        return None


def _counted(store: Remembering, info: StoreInfo) -> DayTable:
    budget = Budget(_BUDGET_SECONDS)
    begins, ends = _day(info.first), _day(info.last)
    begin = _first_day(store, info, begins, ends, budget)
    recent = [name for name, computer in info.computers.items() if _day(computer.last) >= begin]
    names = sorted(recent, key=lambda name: (-info.computers[name].events, fold(name)))[:MOST_COMPUTERS]
    everybody = len(names) == len(info.computers)
    query = EventQuery(start=_midnight(begin), computers=() if everybody else tuple(names))
    counts: Counter[tuple[str, date]] = Counter()
    for group in store.groups(query, ("Computer",), step=_DAY, budget=budget).rows:
        if group.start is not None and group.values[0] is not None:
            counts[fold(group.values[0]), group.start.date()] += group.count
    days = sorted({day for _, day in counts})[-MOST_DAYS:]
    if days and days[-1] - days[0] < MOST_DAYS * _DAY:
        # No day is left out in between: that nothing came is worth seeing.
        days = [days[0] + number * _DAY for number in range((days[-1] - days[0]).days + 1)]
    return _table(info, names, days, counts)


def _table(
    info: StoreInfo, names: Sequence[str], days: Sequence[date], counts: Counter[tuple[str, date]]
) -> DayTable:
    most = max(counts.values(), default=1)
    rows = [
        Row(
            name,
            info.computers[name].events,
            [Cell(day, counts[fold(name), day], _step(counts[fold(name), day], most)) for day in days],
        )
        for name in names
    ]
    in_thousands = len(days) > _FEW_DAYS and most >= 10_000
    return DayTable(days, rows, len(info.computers), _day(info.first), in_thousands)


def _first_day(store: Remembering, info: StoreInfo, begins: date, ends: date, budget: Budget) -> date:
    """Return the first of the days that are counted."""
    days = (ends - begins).days + 1
    if days > MOST_DAYS and info.events <= _MOST_EVENTS:
        # Logs of single days that lie years apart: the newest days that have any.
        buckets = store.histogram(EventQuery(), _DAY, budget)
        found = sorted({bucket.start.date() for bucket in buckets})
        return found[-MOST_DAYS:][0]
    worth = max(1, int(_MOST_EVENTS * days / info.events)) if info.events > _MOST_EVENTS else days
    return max(begins, ends - (min(MOST_DAYS, worth) - 1) * _DAY)


def _step(count: int, most: int) -> int:
    return ceil(_STEPS * count / most)


def _day(moment: datetime | None) -> date:
    return date.min if moment is None else moment.astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
