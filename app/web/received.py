"""How many events were received when, whatever they are: asked once while nothing new comes.

Every search page draws the silences of its range. That takes as long as its own histogram,
and is the same for all searches of that range.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from app.store.port import Bucket, Budget, EventStore, StoreInfo
from app.sysmon.query import EventQuery

KEPT: Final = 64
"""So many ranges are kept of one store."""

_Question = tuple[int, int, timedelta, datetime | None, datetime | None, tuple[str, ...]]

_answers: Final[WeakKeyDictionary[EventStore, OrderedDict[_Question, tuple[Bucket, ...]]]] = (
    WeakKeyDictionary()
)
_lock: Final = Lock()


def all_received(
    store: EventStore, info: StoreInfo, query: EventQuery, step: timedelta, budget: Budget | None
) -> tuple[Bucket, ...]:
    """Return the histogram of all events in the query's range, on its computers.

    A range that takes in all that is stored is asked without bounds: searches that find
    something at other times share the answer.
    """
    start = query.start if info.first and query.start and query.start > info.first else None
    end = query.end if info.last and query.end and query.end <= info.last else None
    question = (info.newest_batch, info.events, step, start, end, query.computers)
    with _lock:
        answers = _answers.setdefault(store, OrderedDict())
        if question in answers:
            answers.move_to_end(question)
            return answers[question]
    unbound = EventQuery(condition=query.condition, start=start, end=end, computers=query.computers)
    answer = store.histogram(unbound, step, budget)
    with _lock:
        answers[question] = answer
        while len(answers) > KEPT:
            answers.popitem(last=False)
    return answer
