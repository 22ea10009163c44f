"""A process graph for machines: the contract of ``tree --json``, with activity and cross edges.

All processes are there, whatever the budget of the drawing; activity is that of the target
and of the processes that the reader opened, in the groups that he has not opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from app.graph.model import Activity, CrossEdge, GraphSpec, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey, Process, node_id
from app.sysmon.events import time_text

NO_BUDGET: Final = 10**9

#: First part of an activity's key -> whether it is left out: counts of a process say the same.
_COUNTERS: Final = "counter"


def whole(spec: GraphSpec) -> GraphSpec:
    """Return the spec of the graph that JSON is made of: nothing is folded for want of room."""
    return replace(spec, budget=NO_BUDGET, closed=frozenset(), evidence=True)


def to_json(graph: ProcessGraph) -> dict[str, Any]:
    """Return a graph as machines read it.

    ``target`` is an id or null; ``nodes`` are processes (with ``counts`` of their events
    per category), then activity; ``edges`` say what was ``started``, what a process did by
    the kind of the node, and the ties between processes; ``folded`` what is not there, by
    the node below (or above) which it would be; ``notes`` are sentences.
    """
    nodes = sorted(graph.nodes.values(), key=lambda node: _order(node.process))
    activities = [activity for node in nodes for activity in node.activities if activity.key[0] != _COUNTERS]
    return {
        "target": node_id(graph.target) if graph.target else None,
        "nodes": [*map(_process, nodes), *(_activity(activity, graph.computers) for activity in activities)],
        "edges": [
            *_started(graph, nodes),
            *(_did(activity) for activity in activities),
            *map(_crossing, graph.edges),
        ],
        "folded": list(_folded(graph)),
        "notes": list(graph.notes),
        "counts": {category.value: count for category, count in graph.counts.items()},
        "gaps": [{"from": time_text(start), "to": time_text(end)} for start, end in graph.gaps],
        "computers": graph.computers,
        "total": graph.total,
    }


def _process(node: ProcessNode) -> dict[str, Any]:
    return {
        **node.process.to_json(),
        "counts": {category.value: count for category, count in node.counts.items()},
        "computers": node.rarity.computers if node.rarity else None,
    }


def _activity(activity: Activity, computers: int) -> dict[str, Any]:
    return {
        "id": activity.id,
        "kind": _kind(activity),
        "process": node_id(activity.process),
        "Category": activity.category.value,
        "label": activity.label,
        "value": activity.value,
        "count": activity.count,
        "objects": activity.objects,
        "first": time_text(activity.first),
        "last": time_text(activity.last),
        "event_ids": list(activity.event_ids),
        "folded": activity.is_folded,
        "reason": activity.reason or None,
        "inferred": activity.certainty == "inferred",
        "unsigned": activity.is_unsigned,
        "computers": activity.rarity.computers if activity.rarity and computers > 1 else None,
        "ports": dict(activity.ports),
        "details": dict(activity.details),
        "query": activity.query,
    }


def _started(graph: ProcessGraph, nodes: Iterable[ProcessNode]) -> Iterator[dict[str, Any]]:
    """Yield the edges from parent to child, in the order of the children."""
    parents: dict[NodeKey, NodeKey] = {
        child: node.key for node in graph.nodes.values() for child in node.children
    }
    for node in nodes:
        if node.key in parents:
            creations = node.process.creations
            yield _edge(node_id(parents[node.key]), node.id, "started", map(str, creations), len(creations))


def _did(activity: Activity) -> dict[str, Any]:
    """Return the edge between a process and its activity: its direction is who did it to whom."""
    ends = (node_id(activity.process), activity.id)
    source, target = reversed(ends) if activity.details.get("SubjectProcessGuid") else ends
    evidence = [str(activity.event)] if activity.event else []
    return _edge(source, target, _kind(activity), evidence, activity.count)


def _kind(activity: Activity) -> str:
    """Return what kind of thing it is; of a group, whatever its category has."""
    return activity.category.value if activity.key[0] == "group" else activity.key[0]


def _crossing(edge: CrossEdge) -> dict[str, Any]:
    return _edge(node_id(edge.source), node_id(edge.target), edge.kind, map(str, edge.evidence), edge.count)


def _edge(source: str, target: str, kind: str, evidence: Iterable[str], count: int) -> dict[str, Any]:
    return {"source": source, "target": target, "kind": kind, "evidence": list(evidence), "count": count}


def _folded(graph: ProcessGraph) -> Iterator[dict[str, Any]]:
    for fold in graph.folds:
        if fold.node is not None:
            yield {"node": node_id(fold.node), "count": fold.count, "reason": fold.reason}


def _order(process: Process) -> tuple[int, bool, str, str]:
    time = process.utc_time
    return (process.level, time is None, time.isoformat() if time else "", process.id)
