"""How a process tree grows: the target, its ancestors one by one, its descendants by level.

Nothing here recurses, and no process is asked for twice, so neither a deep tree nor a
log that tells of a circle is a danger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from app.graph.ask import PORTION, ProcessLog, first_value
from app.graph.missing import not_found
from app.graph.nodes import NodeKey, Process, Role, process_key
from app.graph.notes import Notes
from app.sysmon.events import Event, EventKey, Value, time_text
from app.sysmon.fields import FIELDS

CLOCKS_APART: Final = timedelta(minutes=1)
"""From here on a note says that an event's two times differ."""

CHILDREN_ASKED: Final = 100
"""So many children are asked what their parent is, where its own creation is not logged."""

#: Column of a process -> where its children, its own events, and those that touch it say so.
FROM_CHILDREN: Final = {
    "process_id": "parent_process_id",
    "image": "parent_image",
    "command_line": "parent_command_line",
    "user": "parent_user",
}
_FROM_ITS_EVENTS: Final = {"process_id": "SubjectProcessId", "image": "Process", "user": "SubjectUser"}
_FROM_OTHERS: Final = {"process_id": "TargetProcessId", "image": "TargetImage", "user": "TargetUser"}


class Growth:
    """A tree in the making; call ``plant``, ``climb``, ``descend`` and ``finish`` in this order."""

    def __init__(self, log: ProcessLog, limit: int) -> None:
        self._log = log
        self._limit = limit
        self.processes: dict[NodeKey, Process] = {}
        self.parents: dict[NodeKey, NodeKey] = {}
        self.evidence: dict[NodeKey, tuple[EventKey, ...]] = {}
        self.folded: list[tuple[NodeKey, int, str]] = []
        self.notes = Notes()
        self._creation: dict[NodeKey, Event] = {}
        self._circles: set[tuple[NodeKey, NodeKey]] = set()
        self._top: NodeKey = ()
        self._target: NodeKey = ()

    def plant(self, guid: str) -> NodeKey:
        """Find the target; raise NotFound where nothing stored speaks of it."""
        creations = list(self._log.created([guid]))
        if creations:
            process = self._logged(creations, Role.TARGET, 0)
        else:
            children = self._log.some_started_by(guid, CHILDREN_ASKED)
            process = self._unlogged(guid, children, Role.TARGET, 0)
            if not (children or process.image or process.process_id is not None):
                raise not_found(self._log, guid)
        self._target = self._top = process.key
        return process.key

    def climb(self) -> None:
        """Follow the parents up to the oldest one that the log knows of."""
        while (event := self._creation.get(self._top)) is not None:
            child, guid = self.processes[self._top], event.parent_process_guid
            key = process_key(event.computer, guid) if guid else _nameless_parent(event)
            if key is None:
                return
            if key in self.processes:
                self._note_circle(key, child.key)
                return
            if len(self.processes) >= self._limit:
                self.folded.append((child.key, 1, f"Its ancestors: the limit is {self._limit:,} processes."))
                return
            creations = list(self._log.created([guid])) if guid else []
            if creations:
                parent = self._logged(creations, Role.ANCESTOR, child.level - 1)
            else:
                parent = self._unlogged(guid, [event], Role.ANCESTOR, child.level - 1, key)
            self.parents[child.key] = self._top = parent.key

    def descend(self) -> None:
        """Follow the children down, level by level, until there are none or the limit is met."""
        level = [self._target]
        while level:
            found: list[NodeKey] = []
            known = [key for key in level if self.processes[key].process_guid]
            for start in range(0, len(known), PORTION):
                found += self._children(known[start : start + PORTION])
            level = sorted(found, key=lambda key: (_time_of(self.processes[key]), key))

    def finish(self) -> None:
        """Add when processes ended, where the log says so."""
        by_guid = {p.process_guid: key for key, p in self.processes.items() if p.process_guid}
        for event in self._log.ended(list(by_guid)):
            key = by_guid.get(event.process_guid or "")
            if key is not None and self.processes[key].ended is None:
                self.processes[key] = replace(self.processes[key], ended=event.utc_time or event.time)

    def _children(self, parents: Sequence[NodeKey]) -> list[NodeKey]:
        """Add the children of a portion of a level; fold what goes beyond the limit."""
        guids = {self.processes[key].process_guid or "": key for key in parents}
        read: Counter[NodeKey] = Counter()
        found: list[NodeKey] = []
        if len(self.processes) < self._limit:
            for event in self._log.started_by(list(guids)):
                parent = guids[event.parent_process_guid or ""]
                key = key_of(event)
                if key in self.processes:
                    self._again(key, parent, event)
                elif len(self.processes) < self._limit:
                    self._add_child(key, parent, event)
                    found.append(key)
                else:
                    break
                read[parent] += 1
            else:
                return found
        self._fold(guids, read)
        return found

    def _fold(self, guids: dict[str, NodeKey], read: Counter[NodeKey]) -> None:
        for guid, count in sorted(self._log.count_started_by(list(guids)).items()):
            parent = guids.get(guid)
            if parent is not None and count > read[parent]:
                reason = (
                    f"Its other children: the limit is {self._limit:,} processes."
                    if read[parent]
                    else f"Its children: the limit is {self._limit:,} processes."
                )
                self.folded.append(
                    (parent, count - read[parent], f"{reason} What they started is not counted.")
                )

    def _add_child(self, key: NodeKey, parent: NodeKey, event: Event) -> None:
        level = self.processes[parent].level + 1
        self.processes[key] = from_creation(key, event, Role.DESCENDANT, level, (event.key,))
        self.parents[key], self.evidence[key] = parent, (event.key,)
        self._note_clocks(self.processes[key], event)
        if key[2] != event.process_guid:
            self.notes.add(
                "processes without a ProcessGuid",
                f"The creation of {self.processes[key].label} was logged without a ProcessGuid:"
                " its children cannot be found.",
            )

    def _again(self, key: NodeKey, parent: NodeKey, event: Event) -> None:
        """Take note of a creation whose process is in the tree already."""
        known = self.processes[key]
        if key in self._path_up(parent):
            self._note_circle(parent, key)
        elif self.parents.get(key) == parent:
            if event.key not in known.creations:
                self.processes[key] = replace(known, creations=(*known.creations, event.key))
                self.evidence[key] = (*self.evidence[key], event.key)
                self._note_twice(known)
        else:
            self._note_two_parents(known, self.processes[parent].label)

    def _path_up(self, key: NodeKey) -> set[NodeKey]:
        path = {key}
        while key in self.parents:
            key = self.parents[key]
            path.add(key)
        return path

    def _logged(self, creations: Sequence[Event], role: Role, level: int) -> Process:
        """Add a process with its creation: the first one, where the log has several."""
        first = creations[0]
        same = [event for event in creations if event.parent_process_guid == first.parent_process_guid]
        keys = tuple(event.key for event in same)
        process = from_creation(key_of(first), first, role, level, keys)
        self.processes[process.key], self.evidence[process.key] = process, keys
        self._creation[process.key] = first
        self._note_clocks(process, first)
        if len(same) > 1:
            self._note_twice(process)
        for other in creations:
            if other.parent_process_guid != first.parent_process_guid:
                self._note_two_parents(process, f"{other.text_of('parent_image') or 'another process'}")
        return process

    def _unlogged(
        self, guid: str | None, children: Sequence[Event], role: Role, level: int, key: NodeKey = ()
    ) -> Process:
        """Add a process without a creation, made of what other events say of it."""
        said: dict[str, Value | None] = {
            column: first_value(children, parent_column) for column, parent_column in FROM_CHILDREN.items()
        }
        sources = ["its children's Parent fields"] if any(v is not None for v in said.values()) else []
        if guid:
            for guid_field, names, source in (
                ("SubjectProcessGuid", _FROM_ITS_EVENTS, "its own other events"),
                ("TargetProcessGuid", _FROM_OTHERS, "events of others that touched it"),
            ):
                if self._ask(said, guid_field, guid, names):
                    sources.append(source)
        computer = children[0].computer if children else self._log.computer
        process = made(key or process_key(computer, guid or ""), computer, guid, said, role, level)
        self.processes[process.key] = process
        named = "has no ProcessGuid in the log of its child" if not guid else "is not logged"
        self.notes.add(
            "processes whose creation is not logged",
            f"The creation of {process.label} {named}: what is shown comes from {' and '.join(sources)}.",
        )
        return process

    def _ask(self, said: dict[str, Value | None], guid_field: str, guid: str, names: dict[str, str]) -> bool:
        """Fill what is still missing from the oldest event that says it; tell if any did."""
        filled = False
        for column, name in names.items():
            if said[column] is None:
                event = self._log.oldest(guid_field, guid, name)
                if event is not None:
                    said[column] = event.column(FIELDS[name].column)
                    filled = True
        return filled

    def _note_twice(self, process: Process) -> None:
        self.notes.add(
            "creations that are logged more than once",
            f"The creation of {process.label} is logged more than once: the first is shown,"
            " the evidence lists all.",
        )

    def _note_two_parents(self, process: Process, other: str) -> None:
        self.notes.add(
            "creations with different parents",
            f"The log names another parent of {process.label} too, {other}: the one named first is shown.",
        )

    def _note_circle(self, parent: NodeKey, child: NodeKey) -> None:
        if (parent, child) in self._circles:
            return
        self._circles.add((parent, child))
        starter, started = self.processes[parent].label, self.processes[child].label
        said = (
            f"{starter} started {started}, which is its ancestor"
            if parent != child
            else f"{starter} started itself"
        )
        self.notes.add("circles", f"The log says that {said}: the tree is cut there.")

    def _note_clocks(self, process: Process, event: Event) -> None:
        utc_time = event.utc_time
        if utc_time is not None and abs(event.time - utc_time) > CLOCKS_APART:
            self.notes.add(
                "creations with two times that are more than a minute apart",
                f"The creation of {process.label} has UtcTime {time_text(utc_time)}"
                f" but was recorded at {time_text(event.time)}.",
            )


def key_of(event: Event) -> NodeKey:
    """Return the key of the process that an event 1 created, though its ProcessGuid is lost."""
    guid = event.process_guid
    return process_key(event.computer, guid if guid else f"created-by-{event.key}")


def _nameless_parent(event: Event) -> NodeKey | None:
    """Return a key for a parent whose GUID is lost, where its child says anything of it."""
    if event.text_of("parent_image") is None and not event.column("parent_process_id"):
        return None
    return process_key(event.computer, f"parent-of-{event.key}")


def from_creation(
    key: NodeKey, event: Event, role: Role, level: int, creations: tuple[EventKey, ...]
) -> Process:
    """Return a process as its creation tells of it."""
    return Process(
        key=key,
        computer=event.computer,
        process_guid=event.process_guid,
        process_id=event.process_id,
        image=event.image,
        command_line=event.text_of("command_line"),
        user=event.text_of("user"),
        utc_time=event.utc_time,
        role=role,
        level=level,
        creations=creations,
    )


def made(
    key: NodeKey, computer: str, guid: str | None, said: Mapping[str, Value | None], role: Role, level: int
) -> Process:
    """Return a process without a creation, made of what others say of it, by column."""

    def text(column: str) -> str | None:
        value = said.get(column)
        return None if value is None else str(value)

    process_id = said.get("process_id")
    return Process(
        key=key,
        computer=computer,
        process_guid=guid,
        process_id=process_id if isinstance(process_id, int) else None,
        image=text("image"),
        command_line=text("command_line"),
        user=text("user"),
        logged=False,
        role=role,
        level=level,
    )


def _time_of(process: Process) -> datetime:
    return process.utc_time or datetime.max.replace(tzinfo=UTC)
