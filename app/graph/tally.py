"""How many events each process has, of which category and when: counts and life lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from app.graph.activity import ActivityLog
from app.graph.ask import PORTION, portions
from app.graph.describe import EVENT_ID, NOT_ACTIVITY, SUBJECT
from app.store.port import Groups
from app.sysmon.condition import EVERYTHING, equals_any
from app.sysmon.kinds import Category, category_of

STEPS: Final = 100
"""About so many steps has a life line over the time of its graph."""

MOST_ROWS: Final = 200_000
"""So many pairs of process and event ID are counted for all processes of a computer at once."""


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
        category = category_of(event_id)
        self.counts[category] += count
        if event_id not in NOT_ACTIVITY:
            self.activity[category] += count
        if self.first is None or first < self.first:
            self.first = first
        if self.last is None or last > self.last:
            self.last = last


def tallies(log: ActivityLog, guids: Sequence[str]) -> dict[str, Tally]:
    """Count the events of each of these processes; those without any are left out."""
    if len(guids) > PORTION:  # One question about everything costs less than many about some.
        every = tallies_of(log.groups(EVERYTHING, (SUBJECT, EVENT_ID), limit=MOST_ROWS))
        return {guid: every[guid] for guid in guids if guid in every}
    return tallies_of(log.groups(equals_any(SUBJECT, guids), (SUBJECT, EVENT_ID))) if guids else {}


def tallies_of(groups: Groups) -> dict[str, Tally]:
    """Return groups by process and event ID as the tallies of the processes."""
    found: dict[str, Tally] = {}
    for row in groups.rows:
        guid, text = row.values
        if guid is None:
            continue
        tally = found.get(guid)
        if tally is None:
            tally = found[guid] = Tally()
        event_id = int(text or 0)
        tally.add(event_id, row.count, row.first, row.last)
        if row.start is not None:
            tally.ticks[row.start, category_of(event_id)] += row.count
    return found


def with_ticks(
    log: ActivityLog, found: Mapping[str, Tally], guids: Sequence[str], span: tuple[datetime, datetime] | None
) -> dict[str, Tally]:
    """Return the tallies of these processes with their ticks within a span, about a hundred steps of it."""
    told: dict[str, Tally] = {}
    if span is None:
        return told
    first, last = span
    step, within = step_of((last - first) / STEPS), log.within(first, last)
    for portion in portions([guid for guid in guids if guid in found]):
        rows = within.groups(equals_any(SUBJECT, portion), (SUBJECT, EVENT_ID), step, MOST_ROWS).rows
        told |= tallies_of(Groups(rows, True))
    return {guid: replace(found[guid], ticks=tally.ticks) for guid, tally in told.items()}


def span_of(some: Iterable[Tally]) -> tuple[datetime, datetime] | None:
    """Return the first and the last time of these events; None: there are none."""
    ends = [(tally.first, tally.last) for tally in some if tally.first and tally.last]
    return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None


def step_of(step: timedelta) -> timedelta:
    """Return a whole number of seconds, or of thousandths of one, that is near."""
    if step < timedelta(seconds=1):
        return max(timedelta(milliseconds=step // timedelta(milliseconds=1)), timedelta(milliseconds=1))
    return timedelta(seconds=round(step.total_seconds()))
