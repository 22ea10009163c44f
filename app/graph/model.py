"""What a process graph shows: processes, what they did as counted groups, and what is folded.

Builders fill it, ``layout`` places it, ``svg`` draws it, pages list it: none of them asks
the store again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.graph.nodes import NodeKey, Process, node_id
from app.store.port import Rarity
from app.sysmon.events import EventKey
from app.sysmon.kinds import Category

BUDGET: Final = 150
"""So many nodes are drawn, unless the reader or a setting says otherwise."""

CARDS: Final = 40
"""Up to so many nodes are drawn as cards; more as pills."""


class Certainty(StrEnum):
    """How a node or an edge is known; it decides how its line is drawn."""

    LOGGED = "logged"
    INFERRED = "inferred"
    FOLDED = "folded"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSpec:
    """What a reader asks of a graph; all of it stands in the address.

    ``opened`` and ``closed`` are ids of nodes whose activity, group or children the reader
    unfolded or folded against the default. ``hidden`` are categories switched off. Events
    with ``start <= time < end`` (record time, None: no bound) make activity; processes
    outside of the range stay, without activity. ``mark`` is a word or hash to highlight.
    """

    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    hidden: frozenset[Category] = frozenset()
    start: datetime | None = None
    end: datetime | None = None
    budget: int = BUDGET
    mark: str = ""
    evidence: bool = False
    """Look up the events of nodes that stand for a single one: for machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing that a process touched, or a counted group of such things.

    ``objects`` is how many things it stands for (1: a single one), ``count`` how many
    events. ``label`` is short (a file's name, ``10.0.10.106:443``), ``title`` the whole
    value or a sentence. ``query`` finds its events, in the query language, together with
    the process's own condition. ``reason`` says why a group is folded, else empty.
    ``details`` are further facts by field name (ports with their counts, EventType …).
    """

    key: NodeKey
    process: NodeKey
    category: Category
    label: str
    title: str
    count: int
    objects: int = 1
    first: datetime
    last: datetime
    event_ids: tuple[int, ...] = ()
    certainty: Certainty = Certainty.LOGGED
    reason: str = ""
    rarity: Rarity | None = None
    is_unsigned: bool = False
    is_marked: bool = False
    query: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    event: EventKey | None = None
    """The one event it stands for, where it stands for one and it was asked for."""
    value: str = ""
    """The whole name of the thing, however long; ``title`` is cut where it is too long to draw."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Of an address: its ports with their connections, the busiest first."""
    group: NodeKey = ()
    """The group that it was in until the reader opened it."""
    opens: str = ""
    """The id that unfolds it when it stands in ``GraphSpec.opened``; empty: nothing to unfold."""
    rare: int = 0
    """Of a group: how many of its things were seen on this computer only."""
    stands_alone: bool = False
    """Its events name another process, or none: ``query`` needs no condition on this one."""

    @property
    def id(self) -> str:
        return node_id(self.key)

    @property
    def is_folded(self) -> bool:
        return self.certainty is Certainty.FOLDED


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessNode:
    """A process as it is drawn, with its activity and its children, in the order of drawing.

    ``counts`` are all its events per category, drawn or not. ``hidden_children`` counts
    the processes below it that are folded away; ``reason`` says why. ``events`` is the sum
    of ``counts``.
    """

    process: Process
    children: tuple[NodeKey, ...] = ()
    activities: tuple[Activity, ...] = ()
    counts: Mapping[Category, int] = field(default_factory=dict)
    ticks: tuple[tuple[datetime, Category, int], ...] = ()
    """Start of a step of time, category, events in it: for the life line."""
    first: datetime | None = None
    last: datetime | None = None
    """Record times of its own first and last event in the range."""
    rarity: Rarity | None = None
    counted_within: tuple[datetime, datetime] | None = None
    """It is much older than the target, and its events are counted in this time only; None: all are."""
    is_target: bool = False
    is_spine: bool = False
    """On the way from the root to the target."""
    is_open: bool = False
    """Its activity is shown in full."""
    is_marked: bool = False
    is_rare: bool = False
    """Its image was seen on one computer only, of several: never folded."""
    hidden_children: int = 0
    reason: str = ""
    hidden: tuple[tuple[str, int], ...] = ()
    """Of what is folded below: names of images with their numbers, the most frequent first."""

    @property
    def key(self) -> NodeKey:
        return self.process.key

    @property
    def id(self) -> str:
        return self.process.id

    @property
    def events(self) -> int:
        return sum(self.counts.values())

    @property
    def stands_out(self) -> bool:
        """Whether its tree belongs to the first band: the target, what is rare, what is marked."""
        return (
            self.is_target
            or self.is_rare
            or self.is_marked
            or any(activity.is_marked or activity.rare for activity in self.activities)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossEdge:
    """A tie between nodes of different branches: a remote thread, an access, a pipe."""

    source: NodeKey
    target: NodeKey
    kind: str
    label: str
    count: int
    evidence: tuple[EventKey, ...] = ()
    certainty: Certainty = Certainty.LOGGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One reason for folding, and how much it folds: for the line above the graph."""

    count: int
    """Things (nodes) that are not drawn one by one."""
    what: str
    reason: str
    node: NodeKey | None = None
    """The process below (or above) which they would be, where it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessGraph:
    """A graph ready to be placed.

    ``nodes`` are the drawn processes by key; ``roots`` the trees in the order of drawing,
    ``quiet`` those of the second band (empty where there is one band). ``computers`` is
    how many computers the store knows: what rarity is measured against. ``counts`` are the
    events per category of all processes of the graph in the range, hidden ones too.
    ``total`` is the number of processes that belong to the graph, drawn or not.
    """

    computer: str
    nodes: Mapping[NodeKey, ProcessNode]
    roots: tuple[NodeKey, ...]
    quiet: tuple[NodeKey, ...] = ()
    target: NodeKey | None = None
    edges: tuple[CrossEdge, ...] = ()
    folds: tuple[Fold, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    """Spans of five minutes and more in which this computer logged nothing, within the graph's time."""
    counts: Mapping[Category, int] = field(default_factory=dict)
    computers: int = 1
    total: int = 0
    spec: GraphSpec = GraphSpec()

    @property
    def visible(self) -> int:
        """How many nodes are drawn, processes and activity together."""
        return len(self.nodes) + sum(len(node.activities) for node in self.nodes.values())

    @property
    def has_cards(self) -> bool:
        return self.visible <= CARDS

    def node_of(self, id_: str) -> ProcessNode | Activity | None:
        """Return the drawn node with this id."""
        for node in self.nodes.values():
            if node.id == id_:
                return node
            for activity in node.activities:
                if activity.id == id_:
                    return activity
        return None


def size_of(graph: ProcessGraph) -> int:
    """Return about how many bytes a graph takes in memory."""
    ticks = sum(len(node.ticks) for node in graph.nodes.values())
    return 4_000 * graph.visible + 100 * ticks + 200 * len(graph.gaps)
