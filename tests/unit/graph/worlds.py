"""Processes that do things, for the tests of process graphs: short names for what is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from app.graph.model import Activity, GraphSpec, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey, node_id, process_key
from app.graph.process_graph import build_process_graph
from app.store.port import EventStore
from app.sysmon.events import Event
from app.sysmon.kinds import Category
from tests.builders import COMPUTER, NOON, process_create
from tests.unit.graph.families import guid

OTHER = "ws-02.example"


def key(number: int) -> NodeKey:
    return process_key(COMPUTER, guid(number))


def id_of(number: int) -> str:
    return node_id(key(number))


def by(number: int, **said: Any) -> dict[str, Any]:
    """Return the fields of an event of process ``number``, a minute after noon."""
    return {"process_guid": guid(number), "process_id": number, "time": NOON + timedelta(minutes=1), **said}


def graph(store: EventStore, number: int = 1, **spec: Any) -> ProcessGraph:
    return build_process_graph(store, COMPUTER, guid(number), GraphSpec(**spec))


def target(graph: ProcessGraph) -> ProcessNode:
    assert graph.target is not None
    return graph.nodes[graph.target]


def labels(node: ProcessNode, category: Category | None = None) -> list[str]:
    return [activity.label for activity in node.activities if category in (None, activity.category)]


def only(node: ProcessNode, label: str) -> Activity:
    found = [activity for activity in node.activities if activity.label == label]
    assert len(found) == 1, labels(node)
    return found[0]


def elsewhere(*numbers: int) -> Iterator[Event]:
    """Yield something from other computers, so that the store has several."""
    for number in numbers or (1,):
        yield process_create(computer=f"ws-{number + 1:02}.example", image="C:\\bin\\other.exe")
