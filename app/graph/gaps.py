"""Spans in which a computer logged nothing, within the time that a graph shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from app.graph.activity import ActivityLog
from app.sysmon.condition import EVERYTHING

SHORTEST: Final = timedelta(minutes=5)
_STEPS: Final = 10_000
_PART: Final = 0.1

Gap = tuple[datetime, datetime]


def gaps_between(log: ActivityLog, start: datetime, end: datetime) -> tuple[Gap, ...]:
    """Return the spans of five minutes and more without any event of the computer.

    Each begins with the last event before it and ends with the first one behind it. A
    graph of more than about a month is looked at in longer steps, so that its shortest
    gaps are left out; they would be too narrow to see.
    """
    if end - start < SHORTEST:
        return ()
    first, last = log.stored()
    if first is not None and last is not None and end - start > _PART * (last - first):
        # What holds for all the time of the computer serves its next graph too.
        gaps = _gaps(log, min(first, start), max(last, end))
    else:
        gaps = _gaps(log, start, end)
    cut = ((max(start, one), min(end, other)) for one, other in gaps)
    return tuple(gap for gap in cut if gap[1] - gap[0] >= SHORTEST)


def _gaps(log: ActivityLog, start: datetime, end: datetime) -> list[Gap]:
    step = max(SHORTEST, _whole((end - start) / _STEPS))
    rows = log.within(start, end).groups(EVERYTHING, (), step).rows
    edges = [(start, start), *((row.first, row.last) for row in rows), (end, end)]
    return [(last, first) for (_, last), (first, _) in pairwise(edges)]


def _whole(span: timedelta) -> timedelta:
    """Return whole minutes, so that the same graph has the same steps."""
    return timedelta(minutes=-(-span // timedelta(minutes=1)))
