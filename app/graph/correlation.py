"""The forest of all processes of a computer that did something in a span of time.

Those that were created in the span, those that only have other events in it, and who
started them. Counted in groups: a busy day of tens of thousands of processes is as true as
a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from app.graph.activity import ActivityLog
from app.graph.ask import UNKNOWN_IMAGES, ProcessLog
from app.graph.building import Builder
from app.graph.describe import EVENT_ID, SUBJECT
from app.graph.forest import Forest
from app.graph.grow import FROM_CHILDREN, from_creation, key_of, made
from app.graph.model import Fold, GraphSpec, ProcessGraph, size_of
from app.graph.nodes import NodeKey, Process, Role, process_key
from app.graph.notes import Notes
from app.graph.tally import MOST_ROWS, Tally, tallies_of
from app.graph.texts import PROCESSES, Translate, words
from app.graph.tree import LIMIT
from app.store.port import Budget, EventStore
from app.store.remember import Remembering, remembering
from app.sysmon.condition import EVERYTHING, Match, Operator, all_of, equals_any
from app.sysmon.events import Event, Value


def build_correlation(
    store: EventStore,
    computer: str,
    start: datetime | None,
    end: datetime | None,
    spec: GraphSpec,
    *,
    target: NodeKey | None = None,
    budget: Budget | None = None,
    translate: Translate = str,
    limit: int = LIMIT,
) -> ProcessGraph:
    """Build the forest of a computer's processes with events in ``start <= time < end``.

    ``target`` is shown with its activity where it is one of them. Trees that hold it, or
    something rare or marked, are in ``roots``; all others in ``quiet``. Of more than
    ``limit`` processes the rest is counted.
    """
    spec = replace(spec, start=start, end=end)
    asked = remembering(store)

    def make() -> ProcessGraph:
        return _forest(asked, computer, spec, target, budget, translate, limit)

    question = ("forest", computer, spec, target, limit, words(translate))
    return asked.derived(question, make, size_of)


def _forest(
    asked: Remembering,
    computer: str,
    spec: GraphSpec,
    target: NodeKey | None,
    budget: Budget | None,
    translate: Translate,
    limit: int,
) -> ProcessGraph:
    log = ActivityLog(asked, computer, spec, budget, translate)
    found = _Found(log, ProcessLog(asked, computer, budget), limit)
    found.look()
    forest = found.forest(target)
    known = target if target in forest.processes else None
    builder = Builder.of(asked, computer, forest, spec, known, budget, translate)
    builder.tallies = found.active
    folds = []
    if found.beyond:
        folds.append(Fold(count=found.beyond, what=translate(PROCESSES), reason=f"the limit is {limit:,}"))
    return builder.graph(folds=folds, notes=found.notes.sentences(), more=found.beyond, bands=True)


@dataclass(slots=True)
class _Found:
    """What the log says of the processes of a span."""

    log: ActivityLog
    processes: ProcessLog
    limit: int
    active: dict[str, Tally] = field(default_factory=dict)
    created: dict[str, list[Event]] = field(default_factory=dict)
    nameless: list[Event] = field(default_factory=list)
    said: dict[str, dict[str, Value | None]] = field(default_factory=dict)
    beyond: int = 0
    notes: Notes = field(default_factory=Notes)

    def look(self) -> None:
        """Ask for all that has events in the span, and for the creations of all that is named."""
        spec = self.log.spec
        groups = self.log.groups(EVERYTHING, (SUBJECT, EVENT_ID), limit=MOST_ROWS)
        if not groups.complete:
            self.notes.add("spans", f"Only the first {MOST_ROWS:,} counts of the span were read.")
        self.active = tallies_of(groups)
        self._take(self.processes.created_within(spec.start, spec.end))
        self._keep_to_the_limit()
        self._take(self.processes.created([guid for guid in self.active if guid not in self.created]))
        parents = {
            event.parent_process_guid
            for events in [*self.created.values(), self.nameless]
            for event in events
            if event.parent_process_guid
        }
        wanted = sorted(parents - self.created.keys())
        self._take(self.processes.created(wanted))
        self._ask_of_unlogged([guid for guid in self.active if guid not in self.created])

    def forest(self, target: NodeKey | None) -> Forest:
        """Return the processes with their parents; what would close a circle is left out."""
        computer = self.log.computer
        ended = self._ends()
        nodes: dict[NodeKey, Process] = {}
        parents: dict[NodeKey, NodeKey] = {}
        for guid, events in sorted(self.created.items()):
            nodes[process_key(computer, guid)] = replace(self._logged(events), ended=ended.get(guid))
        for event in self.nameless:
            key = key_of(event)
            nodes[key] = from_creation(key, event, Role.DESCENDANT, 0, (event.key,))
        for guid in sorted(self.active):
            key = process_key(computer, guid)
            if key not in nodes:
                nodes[key] = made(key, computer, guid, self.said.get(guid, {}), Role.DESCENDANT, 0)
                nodes[key] = replace(nodes[key], ended=ended.get(guid))
        for event in self._firsts():
            self._tie(event, nodes, parents)
        if target in nodes:
            nodes[target] = replace(nodes[target], role=Role.TARGET)
        return Forest(nodes, self._without_circles(nodes, parents))

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.process_guid is None:
                self.nameless.append(event)
            else:
                self.created.setdefault(event.process_guid, []).append(event)

    def _keep_to_the_limit(self) -> None:
        """Keep the processes with the most events, where there are too many."""
        guids = {**dict.fromkeys(self.created), **dict.fromkeys(self.active)}
        if len(guids) <= self.limit:
            return
        order = sorted(
            guids, key=lambda guid: (-self.active[guid].events if guid in self.active else 0, guid)
        )
        for guid in order[self.limit :]:
            self.created.pop(guid, None)
            self.active.pop(guid, None)
        self.beyond = len(guids) - self.limit

    def _ask_of_unlogged(self, guids: Sequence[str]) -> None:
        """Learn what their own events say of processes whose creation is nowhere."""
        names = (SUBJECT, "SubjectProcessId", "Process", "SubjectUser")
        wanted = set(guids)
        if not wanted:
            return
        condition = equals_any(SUBJECT, guids) if len(guids) <= 500 else EVERYTHING
        rows = self.log.groups(condition, names, limit=MOST_ROWS).rows
        for row in sorted(rows, key=lambda row: row.first):
            guid, process_id, image, user = row.values
            if guid in wanted and guid is not None:
                said = self.said.setdefault(guid, {})
                told = {
                    "process_id": int(process_id) if process_id else None,
                    "image": image if image not in UNKNOWN_IMAGES else None,
                    "user": user,
                }
                said |= {column: value for column, value in told.items() if said.get(column) is None}

    def _ends(self) -> dict[str, datetime]:
        """Return when processes ended, where the span has it."""
        condition = Match(EVENT_ID, Operator.EQUALS, "5")
        groups = self.log.groups(all_of([condition]), ("ProcessGuid",), limit=MOST_ROWS)
        return {row.values[0]: row.first for row in groups.rows if row.values[0] is not None}

    def _logged(self, events: Sequence[Event]) -> Process:
        """Return a process by its first creation; say it where there are several."""
        first = events[0]
        same = [event.key for event in events if event.parent_process_guid == first.parent_process_guid]
        process = from_creation(key_of(first), first, Role.DESCENDANT, 0, tuple(dict.fromkeys(same)))
        if len(same) < len(events):
            self.notes.add(
                "creations with different parents",
                f"The log names several parents of {process.label}: the one named first is shown.",
            )
        return process

    def _firsts(self) -> list[Event]:
        """Return the creation that counts of each process, oldest first."""
        firsts = [events[0] for events in self.created.values()] + self.nameless
        return sorted(firsts, key=lambda event: event.place)

    def _tie(self, event: Event, nodes: dict[NodeKey, Process], parents: dict[NodeKey, NodeKey]) -> None:
        """Put a process below its parent, which is made of what the child says where it is unknown."""
        guid = event.parent_process_guid
        if guid is None:
            return
        child, parent = key_of(event), process_key(event.computer, guid)
        says = {column: event.column(said) for column, said in FROM_CHILDREN.items()}
        if parent not in nodes:
            nodes[parent] = made(parent, event.computer, guid, says, Role.DESCENDANT, 0)
        elif not nodes[parent].logged:
            nodes[parent] = _completed(nodes[parent], says)
        if child == parent:
            self._note_circle(nodes[child])
        else:
            parents[child] = parent

    def _without_circles(
        self, nodes: Mapping[NodeKey, Process], parents: dict[NodeKey, NodeKey]
    ) -> dict[NodeKey, NodeKey]:
        """Cut each circle at the process that was seen first."""
        settled: set[NodeKey] = set()
        for start in nodes:
            path: dict[NodeKey, None] = {}
            key: NodeKey | None = start
            while key is not None and key not in settled and key not in path:
                path[key] = None
                key = parents.get(key)
            if key is not None and key in path:
                circle = list(path)[list(path).index(key) :]
                first = min(circle, key=lambda key: (str(nodes[key].utc_time), key))
                self._note_circle(nodes[first])
                del parents[first]
            settled.update(path)
        return parents

    def _note_circle(self, process: Process) -> None:
        said = f"The log says that {process.label} is its own ancestor: the tree is cut there."
        self.notes.add("circles", said)


def _completed(process: Process, says: Mapping[str, Value | None]) -> Process:
    """Fill what is still unknown of a process with what its child says."""
    other = made(process.key, process.computer, process.process_guid, says, process.role, process.level)
    return replace(
        process,
        process_id=process.process_id if process.process_id is not None else other.process_id,
        image=process.image or other.image,
        command_line=process.command_line or other.command_line,
        user=process.user or other.user,
    )
