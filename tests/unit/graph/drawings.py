"""Process graphs made by hand, for what places and draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from lxml import etree

from app.graph.model import Activity, Certainty, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey, Process, process_key
from app.store.port import Rarity
from app.sysmon.kinds import Category
from tests.builders import NOON, SYSTEM32

COMPUTER = "ws-01.example"
CATEGORIES = list(Category)


def guid(number: int) -> str:
    return f"5c3485a0-{number // 0x10000:04x}-{number % 0x10000:04x}-0010-000000000001"


def key(number: int) -> NodeKey:
    return process_key(COMPUTER, guid(number))


def process(number: int, **said: Any) -> Process:
    values: dict[str, Any] = {
        "key": key(number),
        "computer": COMPUTER,
        "process_guid": guid(number),
        "process_id": 1000 + number,
        "image": f"{SYSTEM32}p{number}.exe",
        "command_line": f"p{number}.exe /quiet",
        "user": "EXAMPLE\\alice",
        "utc_time": NOON + timedelta(seconds=number),
    }
    return Process(**{**values, **said})


def activity(owner: int, number: int, **said: Any) -> Activity:
    values: dict[str, Any] = {
        "key": ("file", COMPUTER, guid(owner), f"c:\\temp\\{number}.tmp"),
        "process": key(owner),
        "category": Category.CREATE_FILE,
        "label": f"{number}.tmp",
        "title": f"C:\\Temp\\{number}.tmp",
        "count": 1,
        "first": NOON,
        "last": NOON + timedelta(minutes=1),
    }
    return Activity(**{**values, **said})


def folded(owner: int, number: int, count: int, **said: Any) -> Activity:
    values: dict[str, Any] = {"label": "files", "count": count, "objects": count, "reason": "many alike"}
    return activity(owner, number, certainty=Certainty.FOLDED, **{**values, **said})


def node(number: int, children: Sequence[int] = (), **said: Any) -> ProcessNode:
    values: dict[str, Any] = {
        "process": process(number),
        "children": tuple(key(child) for child in children),
        "counts": {Category.CREATE_FILE: 3},
        "first": NOON + timedelta(seconds=number),
        "last": NOON + timedelta(seconds=number + 60),
        "ticks": ((NOON + timedelta(seconds=number + 1), Category.CREATE_FILE, 3),),
    }
    return ProcessNode(**{**values, **said})


def graph_of(*nodes: ProcessNode, roots: Sequence[int] = (0,), **said: Any) -> ProcessGraph:
    values: dict[str, Any] = {
        "computer": COMPUTER,
        "nodes": {each.key: each for each in nodes},
        "roots": tuple(key(root) for root in roots),
        "computers": 7,
        "total": len(nodes),
    }
    return ProcessGraph(**{**values, **said})


def chain(length: int, **said: Any) -> ProcessGraph:
    """Return a graph in which each process started the next one."""
    nodes = [node(number, [number + 1] if number + 1 < length else []) for number in range(length)]
    return graph_of(*nodes, **said)


def infected() -> ProcessGraph:
    """Return a graph with something of every kind, as cards."""
    kinds = [
        activity(
            1, place, key=(category.value, COMPUTER, str(place)), category=category, label=category.value
        )
        for place, category in enumerate(CATEGORIES)
    ]
    target = node(
        1,
        [2, 3],
        is_target=True,
        is_spine=True,
        is_open=True,
        is_rare=True,
        rarity=seen_once(),
        activities=(*kinds, folded(1, 90, 1234), activity(1, 91, certainty=Certainty.INFERRED)),
    )
    root = node(0, [1], is_spine=True, process=process(0, logged=False, utc_time=None))
    return graph_of(root, target, node(2, hidden_children=12, reason="budget"), node(3), target=key(1))


def seen_once() -> Rarity:
    return Rarity(computers=1, events=1, first=NOON, last=NOON)


def with_texts(graph: ProcessGraph, text: str) -> ProcessGraph:
    """Return the graph with this text in every place that a log fills."""

    def hostile(each: ProcessNode) -> ProcessNode:
        said = replace(each.process, image=text, command_line=text, user=text, computer=text)
        acts = tuple(replace(act, label=text, title=text, query=text) for act in each.activities)
        return replace(each, process=said, activities=acts)

    nodes = {name: hostile(each) for name, each in graph.nodes.items()}
    return replace(graph, nodes=nodes, computer=text)


def forest(parents: Mapping[int, int | None], acts: Mapping[int, int], **said: Any) -> ProcessGraph:
    """Return a graph of these processes: child -> parent, process -> number of activities."""
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(child)
    nodes = [
        node(
            number,
            children.get(number, []),
            activities=tuple(_activities(number, acts.get(number, 0))),
            hidden_children=number % 3 * (number % 5 == 0),
        )
        for number in parents
    ]
    roots = [number for number, parent in parents.items() if parent is None]
    return graph_of(*nodes, roots=roots, **said)


def _activities(owner: int, count: int) -> Iterator[Activity]:
    for place in range(count):
        yield folded(owner, place, 20) if place == 0 else activity(owner, place)


def parsed(svg: str | bytes) -> Any:
    """Return what is drawn as a tree; its ``xpath`` has a type that says little."""
    return etree.fromstring(svg.encode() if isinstance(svg, str) else svg)
