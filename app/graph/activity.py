"""What processes did, asked of the store in groups: over their whole life, never a sample.

Few questions, whatever the number of events: one for all that the processes did, one for
what was done to them, one for WMI and drivers, whose events name no process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.graph import texts
from app.graph.ask import portions
from app.graph.describe import (
    DONE_TO_NAMES,
    EVENT_ID,
    NOT_ACTIVITY,
    OBJECT,
    OBJECT_NAMES,
    OWN_NAMES,
    SUBJECT,
    done_to,
    event_ids,
    own,
    wmi,
)
from app.graph.model import Certainty, GraphSpec
from app.graph.nodes import Process
from app.graph.objects import Row, Said, Thing, gathered
from app.graph.texts import Translate
from app.store.port import Budget, Groups
from app.store.remember import Remembering
from app.sysmon.condition import Condition, Match, Not, Operator, all_of, equals_any
from app.sysmon.kinds import Category
from app.sysmon.query import EventQuery
from app.sysmon.text import fold

MOST_GROUPS = 20_000
"""So many groups one question brings; where there are more, several are asked."""

NAMELESS_NAMES = ("EventId", "Operation", "Name", "Consumer", "Filter", "User", "ImageLoaded", "Signed")
"""What events that name no process are grouped by."""

_MOMENT = timedelta(microseconds=1)
_LAST = datetime.max.replace(tzinfo=UTC)
_WMI = (19, 20, 21)
_DRIVER = 6


@dataclass(frozen=True, slots=True)
class ActivityLog:
    """The log of one computer in the range of a graph, as far as it tells of activity."""

    store: Remembering
    computer: str
    spec: GraphSpec
    budget: Budget | None
    translate: Translate = str

    def groups(
        self,
        condition: Condition,
        names: Sequence[str],
        step: timedelta | None = None,
        limit: int = MOST_GROUPS,
    ) -> Groups:
        """Count the events of the computer and range for which the condition holds."""
        query = self.query(condition)
        return self.store.groups(query, names, step=step, limit=limit, budget=self.budget)

    def stored(self) -> tuple[datetime | None, datetime | None]:
        """Return from when to when anything of the computer is stored, in the range."""
        info = self.store.info
        for name, computer in info.computers.items():
            if fold(name) == fold(self.computer):
                return self.spec.start or computer.first, self.spec.end or computer.last
        return self.spec.start or info.first, self.spec.end or info.last

    def within(self, start: datetime, end: datetime) -> ActivityLog:
        """Return the log between two moments, both included."""
        after = end + _MOMENT if end < _LAST else None
        spec = replace(self.spec, start=start, end=after)
        return replace(self, spec=spec)

    def always(self) -> ActivityLog:
        """Return the log of all times."""
        return replace(self, spec=replace(self.spec, start=None, end=None))

    def query(self, condition: Condition) -> EventQuery:
        """Return the question for events of the computer and range."""
        return EventQuery(
            condition=condition,
            start=self.spec.start,
            end=self.spec.end,
            computers=(self.computer,),
        )

    def things(
        self, processes: Sequence[Process], counts: Mapping[str, Mapping[Category, int]]
    ) -> dict[str, list[Thing]]:
        """Return all that these processes touched, and what touched them, by ProcessGuid.

        ``counts`` are the events of each process; what is not listed is counted by them.
        """
        guids = [process.process_guid for process in processes if process.process_guid]
        found: dict[str, list[Thing]] = {guid: [] for guid in guids}
        if not guids:
            return found
        for guid, rows in self._own(guids).items():
            found[guid] += gathered(rows, own, self.translate)
            found[guid] += self._unlisted(found[guid], counts.get(guid, {}))
        for guid, rows in self._done_to(guids).items():
            found[guid] += gathered(rows, done_to, self.translate)
        return found

    def nameless(self, process: Process, first: datetime | None, last: datetime | None) -> list[Thing]:
        """Return WMI objects and drivers that may be this process's: their events name none.

        WMI is tied by the user, both by the time in which the process ran: inferred.
        """
        if first is None or last is None or not self._has(*_WMI, _DRIVER):
            return []
        condition = all_of([event_ids([*_WMI, _DRIVER]), Not(Match(SUBJECT, Operator.EXISTS))])
        rows = [
            row
            for row in _rows(self.within(first, last).groups(condition, NAMELESS_NAMES), NAMELESS_NAMES)
            if row.event_id == _DRIVER or _same_user(row["User"], process.user)
        ]
        return gathered(rows, by_nobody, self.translate)

    def _has(self, *ids: int) -> bool:
        stored = self.store.info.event_ids
        return any(event_id in stored for event_id in ids)

    def _own(self, guids: Sequence[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {guid: [] for guid in guids}
        for portion in portions(guids):
            mine = all_of([equals_any(SUBJECT, portion), Not(event_ids(sorted(NOT_ACTIVITY)))])
            groups = self.groups(mine, OWN_NAMES)
            for group in self._all_of(groups, portion, mine):
                guid, row = group
                found.setdefault(guid, []).append(row)
        return found

    def _all_of(self, groups: Groups, guids: Sequence[str], mine: Condition) -> Iterable[tuple[str, Row]]:
        """Yield all rows; where there were too many for one question, ask per process and event ID."""
        if groups.complete:
            yield from ((row[SUBJECT] or "", row) for row in _rows(groups, OWN_NAMES))
            return
        for guid in guids:
            rest = equals_any(SUBJECT, [guid])
            for event_id, names in OBJECT_NAMES.items():
                asked = ("EventId", *names)
                groups = self.groups(all_of([rest, event_ids([event_id])]), asked)
                yield from ((guid, row) for row in _rows(groups, asked))
            asked = ("EventId", "TargetFilename", "Type", "Device")
            others = Not(event_ids([*OBJECT_NAMES, *NOT_ACTIVITY]))
            yield from ((guid, row) for row in _rows(self.groups(all_of([rest, others]), asked), asked))

    def _done_to(self, guids: Sequence[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {guid: [] for guid in guids}
        for portion in portions(guids):
            condition = all_of([event_ids([8, 10]), equals_any(OBJECT, portion)])
            for row in _rows(self.groups(condition, DONE_TO_NAMES), DONE_TO_NAMES):
                if row[OBJECT] and row[SUBJECT] != row[OBJECT]:
                    found.setdefault(row[OBJECT] or "", []).append(row)
        return found

    def _unlisted(self, things: Sequence[Thing], counts: Mapping[Category, int]) -> list[Thing]:
        """Return one thing per category for the events that no row told of: there were too many."""
        listed: dict[Category, list[Thing]] = {}
        for thing in things:
            listed.setdefault(thing.category, []).append(thing)
        rest = []
        for category, some in listed.items():
            missing = counts.get(category, 0) - sum(thing.count for thing in some)
            if category in _WHOLE and missing > 0:
                rest.append(self._rest(category, missing, some))
        return rest

    def _rest(self, category: Category, missing: int, listed: Sequence[Thing]) -> Thing:
        title = self.translate(texts.UNLISTED_TITLE).format(count=f"{missing:,}")
        said = Said(
            kind="unlisted",
            identity="unlisted",
            label=self.translate(texts.UNLISTED),
            value=title,
            condition=event_ids(sorted({event_id for thing in listed for event_id in thing.event_ids})),
        )
        first, last = min(thing.first for thing in listed), max(thing.last for thing in listed)
        return Thing(
            said=said, category=category, count=missing, first=first, last=last,
            event_ids={event_id for thing in listed for event_id in thing.event_ids},
        )  # fmt: skip


#: Categories all of whose events are activity.
_WHOLE = frozenset(Category) - {Category.CREATE_PROCESS, Category.OTHER}


def _rows(groups: Groups, names: Sequence[str]) -> Iterable[Row]:
    for group in groups.rows:
        values = dict(zip(names, group.values, strict=True))
        event_id = values.get(EVENT_ID)
        if event_id is not None:
            yield Row(int(event_id), values, group.count, group.first, group.last)


def by_nobody(row: Row, translate: Translate) -> Said:
    """Say what an event without a process speaks of; that it is this process's is inferred."""
    said = own(row, translate) if row.event_id == _DRIVER else wmi(row, translate)
    phrase = texts.DRIVER_WITHOUT_PROCESS if row.event_id == _DRIVER else texts.WMI_WITHOUT_PROCESS
    return replace(
        said,
        value=translate(phrase).format(what=said.value),
        certainty=Certainty.INFERRED,
        stands_alone=True,
    )


def _same_user(one: str | None, other: str | None) -> bool:
    return bool(one and other) and fold(one or "") == fold(other or "")
