"""The tree of one process: who started it, back to the root, and all that it started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import networkx as nx

from app.errors import BadQuery, QueryTooSlow
from app.graph.ask import ProcessLog
from app.graph.grow import Growth
from app.graph.nodes import NodeKey, Process, node_id, parse_guid
from app.store.port import Budget, EventStore
from app.store.remember import Remembering, remembering

LIMIT: Final = 20_000
"""So many processes a tree has at most, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What a tree leaves out: how many process creations, below (or above) which node, and why."""

    node: NodeKey
    count: int
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"node": node_id(self.node), "count": self.count, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """A target with its ancestors and descendants, as a tree of networkx.

    Each node of ``graph`` is a key with the attribute ``process``; each edge leads from
    parent to child, with ``kind`` ``started``, ``evidence`` (keys of the child's
    creations) and ``count``.
    """

    graph: nx.DiGraph[NodeKey]
    target: NodeKey
    folded: tuple[Folded, ...]
    notes: tuple[str, ...]

    def process(self, key: NodeKey) -> Process:
        process: Process = self.graph.nodes[key]["process"]
        return process

    @property
    def root(self) -> Process:
        """The oldest known ancestor; the target itself where none is known."""
        return next(self.processes())

    def processes(self) -> Iterator[Process]:
        """Yield all processes: by level from the root down, then by UtcTime, then by id."""
        processes = (self.process(key) for key in self.graph)
        yield from sorted(processes, key=_order)

    def children(self, key: NodeKey) -> list[Process]:
        """Return the children of a process that are in the tree, oldest first."""
        return sorted((self.process(child) for child in self.graph.successors(key)), key=_order)

    def to_json(self) -> dict[str, Any]:
        """Return the tree as the contract for machines has it."""
        processes = list(self.processes())
        return {
            "target": node_id(self.target),
            "nodes": [process.to_json() for process in processes],
            "edges": [edge for process in processes for edge in self._edges_to(process.key)],
            "folded": [folded.to_json() for folded in self.folded],
            "notes": list(self.notes),
        }

    def _edges_to(self, key: NodeKey) -> Iterator[dict[str, Any]]:
        for parent in self.graph.predecessors(key):
            edge = self.graph.edges[parent, key]
            yield {
                "source": node_id(parent),
                "target": node_id(key),
                "kind": edge["kind"],
                "evidence": [str(event_key) for event_key in edge["evidence"]],
                "count": edge["count"],
            }


def _order(process: Process) -> tuple[int, bool, str, str]:
    time = process.utc_time
    return (process.level, time is None, time.isoformat() if time else "", process.id)


def build_tree(
    store: EventStore | Remembering,
    computer: str,
    guid: str,
    *,
    budget: Budget | None = None,
    limit: int = LIMIT,
) -> ProcessTree:
    """Build the tree of the process with this ProcessGuid on this computer.

    The store is asked for all at once, or level by level where the computer has created too
    many processes for that, over any span of time. Of more than ``limit``
    processes the rest is folded: counted, never cut in silence. Raise NotFound where
    nothing stored speaks of the process, BadQuery where ``guid`` is no GUID, and
    QueryTooSlow when the budget is used up.
    """
    if limit < 1:
        raise BadQuery(f"A tree has at least one process; a limit of {limit} leaves none.")
    guid = parse_guid(guid)
    log = ProcessLog(remembering(store), computer, budget)
    growth = Growth(log, limit)
    try:
        log.read_ahead(guid)
        target = growth.plant(guid)
        growth.climb()
        growth.descend()
        growth.finish()
    except QueryTooSlow as error:
        raise QueryTooSlow(
            f"The tree of {guid} on {computer} was not complete in time: {len(growth.processes):,} processes"
            " were found until then. Ask for fewer with a smaller limit, or for a process further down."
        ) from error
    return _tree(growth, target)


def _tree(growth: Growth, target: NodeKey) -> ProcessTree:
    graph: nx.DiGraph[NodeKey] = nx.DiGraph()
    for key, process in growth.processes.items():
        graph.add_node(key, process=process)
    for child, parent in growth.parents.items():
        evidence = growth.evidence[child]
        graph.add_edge(parent, child, kind="started", evidence=evidence, count=len(evidence))
    folded = tuple(Folded(node, count, reason) for node, count, reason in growth.folded)
    return ProcessTree(graph, target, folded, growth.notes.sentences())
