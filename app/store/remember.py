"""Answers of the store, remembered for as long as nothing new is stored.

A reader of a graph clicks: picks a node, opens a group, switches a kind off. Each click asks
the store nearly the same again, and most of it is long work over all days of a computer.
So it is with the silences that every search draws, and with the days of the start page.
This is the one place where answers outlive a request: an answer holds for a state of the
store (its newest batch, its number of events) and is gone with it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Lock
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from app.store.port import Bucket, Budget, EventStore, Groups, Rarity, Results, StoreInfo, Terms
from app.sysmon.query import EventQuery

MOST_BYTES: Final = 32 << 20
"""So much memory the answers of one store may take, by estimate; then the oldest go."""

MOST_MADE: Final = 48 << 20
"""So much what is made of them may take: little for each graph, so that many stay."""

_ROW: Final = 150
_VALUE: Final = 24
_TEXT: Final = 60

Answer = TypeVar("Answer")


class Answers:
    """What one store answered since it last changed."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._state: tuple[int, int] | None = None
        self._answers: OrderedDict[object, tuple[object, int]] = OrderedDict()
        self._bytes = 0

    def get(self, state: tuple[int, int], question: object) -> object | None:
        """Return the answer to a question, where it is known and the store has not changed."""
        with self._lock:
            if state != self._state:
                self._answers.clear()
                self._bytes, self._state = 0, state
            if question not in self._answers:
                return None
            self._answers.move_to_end(question)
            return self._answers[question][0]

    def put(self, state: tuple[int, int], question: object, answer: object, size: int) -> None:
        """Remember an answer that was asked for in this state of the store."""
        with self._lock:
            if state != self._state or size > self._most_bytes // 2 or question in self._answers:
                return
            self._answers[question] = (answer, size)
            self._bytes += size
            while self._bytes > self._most_bytes:
                self._bytes -= self._answers.popitem(last=False)[1][1]


_ALL: WeakKeyDictionary[EventStore, tuple[Answers, Answers]] = WeakKeyDictionary()
"""Of each store its answers, and what was made of them."""
_ALL_LOCK: Final = Lock()


class Remembering:
    """Some questions to a store; each is asked once in each state of it."""

    def __init__(self, store: EventStore, info: StoreInfo | None = None) -> None:
        self._store = store
        with _ALL_LOCK:
            self._answers, self._made = _ALL.setdefault(store, (Answers(), Answers(MOST_MADE)))
        self.info = info or store.info()
        self._state = (self.info.newest_batch, self.info.events)

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        """Answer as ``EventStore.search`` does; single events are remembered."""
        if query.size > 1:
            return self._store.search(query, budget)
        return self._known(("search", query), lambda: self._store.search(query, budget), _size_of_results)

    def terms(self, query: EventQuery, name: str, size: int, *, budget: Budget | None = None) -> Terms:
        """Answer as ``EventStore.terms`` does."""
        return self._store.terms(query, name, size, budget=budget)

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        """Answer as ``EventStore.histogram`` does."""
        return self._known(
            ("histogram", query, step),
            lambda: self._store.histogram(query, step, budget),
            lambda answer: _ROW * len(answer),
        )

    def groups(
        self,
        query: EventQuery,
        names: Sequence[str],
        *,
        step: timedelta | None = None,
        limit: int = 20_000,
        budget: Budget | None = None,
    ) -> Groups:
        """Answer as ``EventStore.groups`` does."""

        def ask() -> Groups:
            return self._store.groups(query, names, step=step, limit=limit, budget=budget)

        return self._known(("groups", query, tuple(names), step, limit), ask, _size_of_groups)

    def rarity(
        self, values: Sequence[tuple[str, str]], budget: Budget | None = None
    ) -> tuple[Rarity | None, ...]:
        """Answer as ``EventStore.rarity`` does."""
        size = sum(_ROW + len(value) for _, value in values)
        return self._known(
            ("rarity", tuple(values)), lambda: self._store.rarity(values, budget), lambda _answer: size
        )

    def derived(
        self, question: object, make: Callable[[], Answer], size_of: Callable[[Answer], int]
    ) -> Answer:
        """Return what is made of the store's answers, made once in each state of the store."""
        return self._from(self._made, question, make, size_of)

    def _known(self, question: object, ask: Callable[[], Answer], size_of: Callable[[Answer], int]) -> Answer:
        return self._from(self._answers, question, ask, size_of)

    def _from(
        self, answers: Answers, question: object, ask: Callable[[], Answer], size_of: Callable[[Answer], int]
    ) -> Answer:
        known = answers.get(self._state, question)
        if known is not None:
            return known  # type: ignore[return-value]
        answer = ask()
        answers.put(self._state, question, answer, size_of(answer))
        return answer


def remembering(store: EventStore | Remembering, info: StoreInfo | None = None) -> Remembering:
    """Return the store as one that is asked nothing twice; ``info`` is what it says now, if known."""
    return store if isinstance(store, Remembering) else Remembering(store, info)


def _size_of_groups(groups: Groups) -> int:
    return sum(
        _ROW + sum(_VALUE if value is None else _TEXT + len(value) for value in row.values)
        for row in groups.rows
    )


def _size_of_results(results: Results) -> int:
    return sum(
        _ROW + sum(_TEXT + len(str(value)) for value in event.values.values()) for event in results.events
    )
