"""How many events each process has, of which category and when: counts and life lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from app.graph.activity import ActivityLog
from app.graph.ask import portions
from app.graph.describe import EVENT_ID, NOT_ACTIVITY, SUBJECT
from app.store.port import Groups
from app.sysmon.condition import equals_any
from app.sysmon.kinds import Category, category_of

STEPS: Final = 100
"""About so many steps has a life line over the time of its graph."""

Tick = tuple[datetime, Category, int]


@dataclass(slots=True)
class Tally:
    """The events of one process in the range: per category, and when."""

    counts: Counter[Category] = field(default_factory=Counter)
    activity: Counter[Category] = field(default_factory=Counter)
    """The same without its own beginning and end."""
    ticks: Counter[tuple[datetime, Category]] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def events(self) -> int:
        return self.counts.total()

    def add(self, event_id: int, count: int, first: datetime, last: datetime) -> None:
        """Count some events."""
        self.counts[category_of(event_id)] += count
        if event_id not in NOT_ACTIVITY:
            self.activity[category_of(event_id)] += count
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)


def tallies(log: ActivityLog, guids: Sequence[str]) -> dict[str, Tally]:
    """Count the events of each of these processes; those without any are left out."""
    found: dict[str, Tally] = {}
    for portion in portions(guids):
        found |= tallies_of(log.groups(equals_any(SUBJECT, portion), (SUBJECT, EVENT_ID)))
    return found


def tallies_of(groups: Groups) -> dict[str, Tally]:
    """Return groups by process and event ID as the tallies of the processes."""
    found: dict[str, Tally] = {}
    for row in groups.rows:
        guid, event_id = row.values
        if guid is not None:
            found.setdefault(guid, Tally()).add(int(event_id or 0), row.count, row.first, row.last)
    return found


def add_ticks(log: ActivityLog, found: dict[str, Tally], guids: Sequence[str]) -> None:
    """Add when the events of these processes were, in steps that fit the time of all of them."""
    known = [guid for guid in guids if guid in found]
    step = step_of([found[guid] for guid in known])
    for portion in portions(known):
        for row in log.groups(equals_any(SUBJECT, portion), (SUBJECT, EVENT_ID), step).rows:
            guid, event_id = row.values
            if guid is not None and row.start is not None:
                found[guid].ticks[row.start, category_of(int(event_id or 0))] += row.count


def step_of(some: Sequence[Tally]) -> timedelta:
    """Return a whole number of seconds (or the thousandth of one) that fits about a hundred times."""
    first = min((tally.first for tally in some if tally.first), default=_NEVER)
    last = max((tally.last for tally in some if tally.last), default=_NEVER)
    step = (last - first) / STEPS
    if step < timedelta(seconds=1):
        return max(timedelta(milliseconds=step // timedelta(milliseconds=1)), timedelta(milliseconds=1))
    return timedelta(seconds=round(step.total_seconds()))


_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
