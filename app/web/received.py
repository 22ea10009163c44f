"""How many events were received when, whatever they are.

Every search page draws the silences of its range. That takes as long as its own histogram,
and is the same for all searches of that range: so the answer is remembered.
"""

from __future__ import annotations

from datetime import timedelta

from app.store.port import Bucket, Budget, EventStore, StoreInfo
from app.store.remember import remembering
from app.sysmon.query import EventQuery


def all_received(
    store: EventStore, info: StoreInfo, query: EventQuery, step: timedelta, budget: Budget | None
) -> tuple[Bucket, ...]:
    """Return the histogram of all events in the query's range, on its computers.

    A range that takes in all that is stored is asked without bounds: searches that find
    something at other times share the answer.
    """
    start = query.start if info.first and query.start and query.start > info.first else None
    end = query.end if info.last and query.end and query.end <= info.last else None
    unbound = EventQuery(condition=query.condition, start=start, end=end, computers=query.computers)
    return remembering(store, info).histogram(unbound, step, budget)
