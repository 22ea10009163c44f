"""What graphs ask of the store about the processes of one computer.

Always over any span of time: a parent may be years older than its child, and the clock
of either may lie. Wide levels are asked in portions of ``PORTION`` GUIDs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from app.graph.kin import CREATED, NAMES, Kin, events_of, read_kin
from app.store.port import Budget
from app.store.remember import Remembering
from app.sysmon.condition import Condition, Match, Not, Operator, all_of, equals_any
from app.sysmon.events import Event, Value
from app.sysmon.query import EventQuery, Order

PORTION: Final = 500
PAGE: Final = 1_000

#: What a log says where Sysmon itself did not know the image.
UNKNOWN_IMAGES: Final = ("<unknown process>", "&lt;unknown process&gt;")


@dataclass(slots=True)
class ProcessLog:
    """The log of one computer, as far as it speaks of processes."""

    store: Remembering
    computer: str
    budget: Budget | None
    _kin: Kin | None = field(default=None, init=False)

    def read_ahead(self, guid: str) -> None:
        """Read the kin of a process at once, so that most that is asked later is known already."""
        query = self._query(CREATED)
        pairs = self.store.groups(query, ("ProcessGuid", "ParentProcessGuid"), budget=self.budget)
        self._kin = read_kin(guid, pairs, self.read, portions)

    def read(self, condition: Condition) -> list[Event]:
        """Return the creations and ends for which a condition holds, oldest first.

        Only what graphs need of them is read, where that says which events they are.
        """
        groups = self.store.groups(self._query(condition), NAMES, budget=self.budget)
        events = events_of(groups)
        return list(self._all(condition)) if events is None else events

    def created_within(self, start: datetime | None, end: datetime | None) -> list[Event]:
        """Return the processes' creations recorded in a span, oldest first."""
        query = replace(self._query(CREATED), start=start, end=end)
        events = events_of(self.store.groups(query, NAMES, budget=self.budget))
        return list(self._pages(query)) if events is None else events

    def created(self, guids: Sequence[str]) -> Iterator[Event]:
        """Yield the creations of these processes, oldest first in each portion."""
        if self._kin and self._kin.guids.issuperset(guids):
            yield from _of(self._kin.created, guids)
            return
        for portion in portions(guids):
            yield from self.read(_events(1, "ProcessGuid", portion))

    def started_by(self, guids: Sequence[str]) -> Iterator[Event]:
        """Yield the creations of the children of at most ``PORTION`` processes, oldest first."""
        if self._kin and self._kin.descendants.issuperset(guids):
            yield from _of(self._kin.children, guids)
            return
        yield from self._all(_events(1, "ParentProcessGuid", guids))

    def some_started_by(self, guid: str, size: int) -> tuple[Event, ...]:
        """Return the oldest creations of children of a process, at most ``size``."""
        if self._kin and guid in self._kin.descendants:
            return tuple(self._kin.children.get(guid, ())[:size])
        query = self._query(_events(1, "ParentProcessGuid", [guid]), size)
        return self.store.search(query, self.budget).events

    def count_started_by(self, guids: Sequence[str]) -> dict[str, int]:
        """Count the creations of children per parent."""
        if self._kin and self._kin.descendants.issuperset(guids):
            children = self._kin.children
            return {guid: len(children[guid]) for guid in guids if guid in children}
        query = self._query(_events(1, "ParentProcessGuid", guids))
        terms = self.store.terms(query, "ParentProcessGuid", len(guids), budget=self.budget)
        return dict(terms.values)

    def ended(self, guids: Sequence[str]) -> Iterator[Event]:
        """Yield the terminations of these processes, oldest first in each portion."""
        if self._kin and self._kin.guids.issuperset(guids):
            yield from _of(self._kin.ended, guids)
            return
        for portion in portions(guids):
            yield from self.read(_events(5, "ProcessGuid", portion))

    def oldest(self, guid_field: str, guid: str, field: str) -> Event | None:
        """Return the oldest event with this GUID in which ``field`` has a value that says something."""
        known = all_of(
            [
                Match(guid_field, Operator.EQUALS, guid),
                Match(field, Operator.EXISTS),
                *(
                    _not_image(field, image)
                    for image in UNKNOWN_IMAGES
                    if field in {"Process", "TargetImage"}
                ),
            ]
        )
        events = self.store.search(self._query(known, size=1), self.budget).events
        return events[0] if events else None

    def computers_of(self, guid: str) -> tuple[str, ...]:
        """Return the computers on which any event of this process is stored."""
        query = EventQuery(condition=equals_any("SubjectProcessGuid", [guid]))
        return tuple(
            name for name, _ in self.store.terms(query, "Computer", size=10, budget=self.budget).values
        )

    def _query(self, condition: Condition, size: int = PAGE) -> EventQuery:
        return EventQuery(condition=condition, computers=(self.computer,), order=Order.OLDEST, size=size)

    def _all(self, condition: Condition) -> Iterator[Event]:
        yield from self._pages(self._query(condition))

    def _pages(self, query: EventQuery) -> Iterator[Event]:
        while True:
            if self.budget:
                self.budget.check()
            results = self.store.search(query, self.budget)
            yield from results.events
            if results.next is None:
                return
            query = query.following(results.next)


def portions(guids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a wide level into portions that one query can ask for."""
    for start in range(0, len(guids), PORTION):
        yield guids[start : start + PORTION]


def first_value(events: Iterable[Event], column: str) -> Value | None:
    """Return the first value that any of the events has in ``column``."""
    for event in events:
        value = event.column(column)
        if value is not None and value not in UNKNOWN_IMAGES:
            return value
    return None


def _of(events: Mapping[str, Sequence[Event]], guids: Sequence[str]) -> list[Event]:
    """Return the events of several processes, oldest first."""
    found = [event for guid in dict.fromkeys(guids) for event in events.get(guid, ())]
    return sorted(found, key=lambda event: event.place)


def _events(event_id: int, field: str, guids: Sequence[str]) -> Condition:
    return all_of([Match("EventId", Operator.EQUALS, str(event_id)), equals_any(field, guids)])


def _not_image(field: str, image: str) -> Condition:
    return Not(Match(field, Operator.EQUALS, image))
