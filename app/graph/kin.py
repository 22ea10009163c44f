"""The kin of one process, read ahead: who created whom on its computer, in two questions.

A tree asks level by level, and each question costs as much as one about everything. So the
pairs of parent and child of the whole computer are asked for first, which is little to
read, then the creations and ends of those that the tree needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.store.port import Groups
from app.sysmon.condition import Condition, Match, Not, Operator, all_of, equals_any
from app.sysmon.events import Event, Value
from app.sysmon.fields import FIELDS, FieldType
from app.sysmon.values import time_of

NAMES: Final = (
    *(
        "EventId",
        "Computer",
        "UtcTime",
        "RecordId",
        "ProcessGuid",
        "ProcessId",
        "Image",
        "CommandLine",
        "User",
    ),
    *("ParentProcessGuid", "ParentProcessId", "ParentImage", "ParentCommandLine", "ParentUser"),
)
"""All that graphs need of a creation, and what its key is made of."""

CREATED: Final = Match("EventId", Operator.EQUALS, "1")


@dataclass(slots=True)
class Kin:
    """Creations and ends of a process's ancestors and descendants, oldest first."""

    guids: frozenset[str]
    """Those whose creations and ends are known."""
    descendants: frozenset[str]
    """Those all of whose children are known."""
    created: dict[str, list[Event]] = field(default_factory=dict)
    ended: dict[str, list[Event]] = field(default_factory=dict)
    children: dict[str, list[Event]] = field(default_factory=dict)

    def add(self, events: Iterable[Event]) -> None:
        """Take in creations and ends."""
        for event in events:
            guid, parent = event.process_guid, event.parent_process_guid
            if guid is not None:
                place = self.created if event.event_id == 1 else self.ended
                place.setdefault(guid, []).append(event)
            if event.event_id == 1 and parent is not None:
                self.children.setdefault(parent, []).append(event)


def read_kin(
    guid: str,
    pairs: Groups,
    read: Callable[[Condition], Iterable[Event]],
    portions: Callable[[Sequence[str]], Iterable[Sequence[str]]],
) -> Kin | None:
    """Return the kin of a process, given all pairs of its computer; None: there are too many pairs."""
    if not pairs.complete:
        return None
    parents: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    nameless: set[str] = set()
    for row in pairs.rows:
        child, parent = row.values
        if child is None and parent is not None:
            nameless.add(parent)
        elif child is not None and parent is not None:
            parents.setdefault(child, []).append(parent)
            children.setdefault(parent, []).append(child)
    descendants = _reached(guid, children)
    kin = Kin(frozenset(descendants | _reached(guid, parents)), frozenset(descendants))
    created_or_ended = equals_any("EventId", ["1", "5"])
    events: list[Event] = []
    wanted = list(portions(sorted(kin.guids)))
    if len(wanted) > 2:  # One question about everything costs less than many about some.
        events += [event for event in read(created_or_ended) if event.process_guid in kin.guids]
    else:
        for portion in wanted:
            events += read(all_of([created_or_ended, equals_any("ProcessGuid", portion)]))
    without = sorted(nameless & descendants)
    for portion in portions(without):
        lost = Not(Match("ProcessGuid", Operator.EXISTS))
        events += read(all_of([CREATED, lost, equals_any("ParentProcessGuid", portion)]))
    kin.add(sorted(events, key=lambda event: event.place))
    return kin


def _reached(guid: str, steps: Mapping[str, Sequence[str]]) -> set[str]:
    reached, waiting = {guid}, [guid]
    while waiting:
        for other in steps.get(waiting.pop(), ()):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


def events_of(groups: Groups) -> list[Event] | None:
    """Return groups by ``NAMES`` as the events that they are, oldest first.

    None where they are not all events, or where a key needs more than they have: in
    layouts without record numbers.
    """
    if not groups.complete or any(row.values[_RECORD] is None for row in groups.rows):
        return None
    events = []
    for row in groups.rows:
        said = dict(zip(NAMES, row.values, strict=True))
        event_id, computer = int(said.pop("EventId") or 0), said.pop("Computer") or ""
        values = {FIELDS[name].column: _value(name, text) for name, text in said.items() if text is not None}
        kept = {column: value for column, value in values.items() if value is not None}
        events.append(Event(time=row.first, computer=computer, event_id=event_id, values=kept))
    return sorted(events, key=lambda event: event.place)


_RECORD: Final = NAMES.index("RecordId")


def _value(name: str, text: str) -> Value | None:
    match FIELDS[name].type:
        case FieldType.INTEGER:
            return int(text)
        case FieldType.TIME:
            return time_of(text)
        case _:
            return text
