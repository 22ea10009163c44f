"""A process graph as GraphML, for other programs that draw and count.

Values are whole. XML has no place for NUL and most control characters: their pictures
(``␀``) stand in for them, nothing else is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from app.graph.model import Activity, ProcessGraph, ProcessNode
from app.graph.nodes import node_id
from app.sysmon.events import time_text
from app.sysmon.text import visible

Value = str | int | bool | None

_NODE: Final = {
    "kind": "string",
    "label": "string",
    "Computer": "string",
    "ProcessGuid": "string",
    "ProcessId": "long",
    "Image": "string",
    "CommandLine": "string",
    "User": "string",
    "UtcTime": "string",
    "ended": "string",
    "logged": "boolean",
    "target": "boolean",
    "title": "string",
    "events": "long",
    "objects": "long",
    "hidden_children": "long",
    "first": "string",
    "last": "string",
    "certainty": "string",
    "reason": "string",
    "computers": "long",
    "query": "string",
}
_EDGE: Final = {"kind": "string", "count": "long", "label": "string", "certainty": "string"}


def to_graphml(graph: ProcessGraph) -> bytes:
    """Return the drawn nodes and edges as a GraphML document."""
    return "\n".join(_document(graph)).encode() + b"\n"


def _document(graph: ProcessGraph) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for place, fields in (("node", _NODE), ("edge", _EDGE)):
        for name, type_ in fields.items():
            yield f'<key id="{place}-{name}" for="{place}" attr.name="{name}" attr.type="{type_}"/>'
    yield f'<graph id={_attribute(graph.computer)} edgedefault="directed">'
    for node in graph.nodes.values():
        yield from _element("node", {"id": node.id}, _of_process(node))
        for activity in node.activities:
            yield from _element("node", {"id": activity.id}, _of_activity(activity))
    for node in graph.nodes.values():
        yield from _edges_of(graph, node)
    for edge in graph.edges:
        values: dict[str, Value] = {
            "kind": edge.kind,
            "count": edge.count,
            "label": edge.label,
            "certainty": edge.certainty.value,
        }
        yield from _edge(node_id(edge.source), node_id(edge.target), values)
    yield "</graph>"
    yield "</graphml>"


def _of_process(node: ProcessNode) -> dict[str, Value]:
    process = node.process
    return {
        "kind": "process",
        "label": process.label,
        "Computer": process.computer,
        "ProcessGuid": process.process_guid,
        "ProcessId": process.process_id,
        "Image": process.image,
        "CommandLine": process.command_line,
        "User": process.user,
        "UtcTime": _time(process.utc_time),
        "ended": _time(process.ended),
        "logged": process.logged,
        "target": node.is_target,
        "events": node.events,
        "hidden_children": node.hidden_children,
        "first": _time(node.first),
        "last": _time(node.last),
        "reason": node.reason or None,
        "computers": node.rarity.computers if node.rarity else None,
    }


def _of_activity(activity: Activity) -> dict[str, Value]:
    return {
        "kind": activity.category.value,
        "label": activity.label,
        "title": activity.title,
        "events": activity.count,
        "objects": activity.objects,
        "first": _time(activity.first),
        "last": _time(activity.last),
        "certainty": activity.certainty.value,
        "reason": activity.reason or None,
        "computers": activity.rarity.computers if activity.rarity else None,
        "query": activity.query or None,
    }


def _edges_of(graph: ProcessGraph, node: ProcessNode) -> Iterator[str]:
    for child in node.children:
        if child in graph.nodes:
            yield from _edge(node.id, node_id(child), {"kind": "started"})
    for activity in node.activities:
        values: dict[str, Value] = {
            "kind": activity.category.value,
            "count": activity.count,
            "certainty": activity.certainty.value,
        }
        yield from _edge(node.id, activity.id, values)


def _edge(source: str, target: str, values: Mapping[str, Value]) -> Iterator[str]:
    yield from _element("edge", {"source": source, "target": target}, values)


def _element(name: str, attributes: Mapping[str, str], values: Mapping[str, Value]) -> Iterator[str]:
    head = "".join(f" {key}={_attribute(value)}" for key, value in attributes.items())
    yield f"<{name}{head}>"
    for key, value in values.items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else _text(str(value))
            yield f'<data key="{name}-{key}">{text}</data>'
    yield f"</{name}>"


def _time(time: datetime | None) -> str | None:
    return None if time is None else time_text(time)


_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _text(text: str) -> str:
    # A carriage return would be read back as a line feed.
    return escape(_NOT_XML.sub(lambda found: visible(found[0]), text), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub(lambda found: visible(found[0]), text))
