"""How many events each process has, of which category and when: counts and life lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from app.graph.activity import ActivityLog
from app.graph.ask import PORTION, portions
from app.graph.describe import EVENT_ID, NOT_ACTIVITY, SUBJECT
from app.store.port import Groups
from app.sysmon.condition import EVERYTHING, equals_any
from app.sysmon.kinds import Category, category_of

STEPS: Final = 100
"""About so many steps has a life line over the time of its graph."""

ENOUGH: Final = 50
MOST_STEPS: Final = 400

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


def tallies(log: ActivityLog, guids: Sequence[str], step: timedelta) -> dict[str, Tally]:
    """Count the events of each of these processes; those without any are left out.

    They are counted in steps, which may be all that a life line needs.
    """
    if len(guids) > PORTION:  # One question about everything costs less than many about some.
        every = tallies_of(log.groups(EVERYTHING, (SUBJECT, EVENT_ID), limit=MOST_ROWS))
        return {guid: every[guid] for guid in guids if guid in every}
    found: dict[str, Tally] = {}
    for portion in portions(guids):
        mine = equals_any(SUBJECT, portion)
        groups = log.groups(mine, (SUBJECT, EVENT_ID), step)
        found |= tallies_of(groups if groups.complete else log.groups(mine, (SUBJECT, EVENT_ID)))
    return found


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


def add_ticks(log: ActivityLog, found: dict[str, Tally], guids: Sequence[str], step: timedelta) -> None:
    """See to it that the events of these processes are told in steps that fit the time of all.

    ``step`` is that in which they were counted: where it is much too long, or nothing was
    counted in steps, they are asked for again, in that short time only.
    """
    known = [guid for guid in guids if guid in found]
    first = min((tally.first for guid in known if (tally := found[guid]).first), default=None)
    last = max((tally.last for guid in known if (tally := found[guid]).last), default=None)
    if first is None or last is None:
        return
    if last - first >= step * ENOUGH and all(found[guid].ticks for guid in known):
        for guid in known:
            found[guid].ticks = _longer(found[guid].ticks, step, last - first)
        return
    step, span = step_of((last - first) / STEPS), log.within(first, last)
    for guid in known:
        found[guid].ticks.clear()
    for portion in portions(known):
        rows = span.groups(equals_any(SUBJECT, portion), (SUBJECT, EVENT_ID), step).rows
        for guid, tally in tallies_of(Groups(rows, True)).items():
            found[guid].ticks = tally.ticks


def _longer(
    ticks: Counter[tuple[datetime, Category]], step: timedelta, span: timedelta
) -> Counter[tuple[datetime, Category]]:
    """Put steps together until about a hundred of them fill the span."""
    longer = step * max(1, round(span / step / STEPS))
    put_together: Counter[tuple[datetime, Category]] = Counter()
    for (start, category), count in ticks.items():
        put_together[start - (start - _EPOCH) % longer, category] += count
    return put_together


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def step_of(step: timedelta) -> timedelta:
    """Return a whole number of seconds, or of thousandths of one, that is near."""
    if step < timedelta(seconds=1):
        return max(timedelta(milliseconds=step // timedelta(milliseconds=1)), timedelta(milliseconds=1))
    return timedelta(seconds=round(step.total_seconds()))
