"""Who ran a process, where its events do not say so themselves.

Sysmon before version 13 names the user in few kinds of events: the others take the user
from the creation of their process, or from another event of the same process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.store.port import Budget, EventStore
from app.sysmon.condition import Condition, Match, Operator, all_of, equals_any
from app.sysmon.events import Event, time_text
from app.sysmon.query import EventQuery
from app.sysmon.text import fold
from app.web.texts import _

ProcessOf = tuple[str, str]
"""A computer in lower case, and a GUID."""


@dataclass(frozen=True, slots=True)
class User:
    """A user; ``source`` says from which other event the name comes, empty: from this one."""

    name: str
    source: str = ""


def users_of(
    store: EventStore, events: Sequence[Event], budget: Budget | None = None
) -> Mapping[ProcessOf, User]:
    """Return the users of the processes of those events that name none themselves."""
    asked = {_process(event) for event in events if event.text_of("user") is None and event.process_guid}
    computers = tuple(sorted({event.computer for event in events if _process(event) in asked}))
    known: dict[ProcessOf, User] = {}
    if asked:
        _read_creations(known, store, computers, asked, budget)
    left = asked - known.keys()
    if left:
        _read_others(known, store, computers, left, budget)
    return {process: user for process, user in known.items() if process in asked}


def user_of(event: Event, derived: Mapping[ProcessOf, User]) -> User | None:
    """Return the event's own user, or that of its process; None: not known."""
    own = event.text_of("user")
    return User(own) if own is not None else derived.get(_process(event))


def _process(event: Event) -> ProcessOf:
    return fold(event.computer), event.process_guid or ""


def _read_creations(
    known: dict[ProcessOf, User],
    store: EventStore,
    computers: tuple[str, ...],
    asked: Iterable[ProcessOf],
    budget: Budget | None,
) -> None:
    guids = sorted({guid for _computer, guid in asked})
    condition = all_of([Match("EventId", Operator.EQUALS, "1"), equals_any("ProcessGuid", guids)])
    query = EventQuery(condition=condition, computers=computers)
    # Groups, for they read four columns; whole events would be five times as dear.
    names = ("Computer", "ProcessGuid", "User", "UtcTime")
    for group in store.groups(query, names, budget=budget).rows:
        computer, guid, name, time = group.values
        if computer is None or guid is None or name is None:
            continue
        said = _("from the creation of its process, %(time)s UTC", time=time or time_text(group.first))
        known.setdefault((fold(computer), guid), User(name, said))


def _read_others(
    known: dict[ProcessOf, User],
    store: EventStore,
    computers: tuple[str, ...],
    asked: Iterable[ProcessOf],
    budget: Budget | None,
) -> None:
    guids = sorted({guid for _computer, guid in asked})
    condition: Condition = all_of(
        [equals_any("SubjectProcessGuid", guids), Match("SubjectUser", Operator.EXISTS)]
    )
    query = EventQuery(condition=condition, computers=computers)
    names = ("Computer", "SubjectProcessGuid", "SubjectUser")
    # Several users of one process: the one that is named most often, and the title says so.
    groups = sorted(store.groups(query, names, budget=budget).rows, key=lambda group: -group.count)
    for group in groups:
        computer, guid, name = group.values
        if computer is None or guid is None or name is None:
            continue
        said = _(
            "from %(number)s other events of its process, the first at %(time)s UTC",
            number=f"{group.count:,}",
            time=time_text(group.first),
        )
        known.setdefault((fold(computer), guid), User(name, said))
