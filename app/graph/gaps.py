"""Spans in which a computer logged nothing, within the time that a graph shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from app.graph.activity import ActivityLog
from app.sysmon.condition import EVERYTHING

SHORTEST: Final = timedelta(minutes=5)
_STEPS: Final = 10_000

Gap = tuple[datetime, datetime]


def gaps_between(log: ActivityLog, start: datetime, end: datetime) -> tuple[Gap, ...]:
    """Return the spans of five minutes and more without any event of the computer.

    Each begins with the last event before it and ends with the first one behind it. A
    graph of more than about a month is looked at in longer steps, so that its shortest
    gaps are left out; they would be too narrow to see.
    """
    if end - start < SHORTEST:
        return ()
    step = max(SHORTEST, _whole((end - start) / _STEPS))
    rows = log.within(start, end).groups(EVERYTHING, (), step).rows
    edges = [(start, start), *((row.first, row.last) for row in rows), (end, end)]
    return tuple((last, first) for (_, last), (first, _) in pairwise(edges) if first - last >= SHORTEST)


def _whole(span: timedelta) -> timedelta:
    """Return whole minutes, so that the same graph has the same steps."""
    return timedelta(minutes=-(-span // timedelta(minutes=1)))
