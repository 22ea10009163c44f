"""The pages of one process: its graph with the twins, and the table of all its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from app.graph.graph_json import to_json, whole
from app.graph.graphml import to_graphml
from app.graph.layout import lay_out
from app.graph.model import GraphSpec, ProcessGraph
from app.graph.nodes import parse_guid
from app.graph.process_graph import build_process_graph
from app.graph.svg import draw
from app.web import links
from app.web.graph_args import GraphArgs
from app.web.graph_page import Head, answer, graph_page, with_all_open
from app.web.json import json_response
from app.web.node_names import NodeNames
from app.web.process_events import events_document, events_page
from app.web.results import address
from app.web.stores import get_store
from app.web.texts import _, translate
from app.web.what import short

_AT: Final = "/processes/<whole:computer>/<guid:guid>"

Ask = Callable[[GraphSpec], GraphSpec]
"""What is asked of a graph's builder -> what a twin asks instead."""

bp = Blueprint("processes", __name__)


@bp.get(_AT)
def process(computer: str, guid: str) -> Response:
    """Show the graph of a process."""
    if (known := parse_guid(guid)) != guid:
        return to_spelling(links.process(computer, known))
    args = GraphArgs.read(_arguments(), NodeNames(computer, guid))
    graph = _graph(computer, guid, args)
    return answer(graph_page(graph, args, _head(graph, guid, args)), request.args.get("part", ""))


@bp.get(_AT + ".json")
def process_json(computer: str, guid: str) -> Response:
    """Return the graph as ``tree --json`` has it, with activity; nothing is folded for want of room."""
    return _twin(computer, guid, ".json", lambda graph: json_response(to_json(graph)), ask=whole)


@bp.get(_AT + ".svg")
def process_svg(computer: str, guid: str) -> Response:
    """Return the picture as a file of its own."""
    return _twin(computer, guid, ".svg", lambda graph: picture_of(graph, f"process-{guid}"))


@bp.get(_AT + ".graphml")
def process_graphml(computer: str, guid: str) -> Response:
    """Return what is drawn, for other programs that draw and count."""
    return _twin(computer, guid, ".graphml", lambda graph: graphml_of(graph, f"process-{guid}"))


@bp.get(_AT + "/events")
def process_events(computer: str, guid: str) -> str | Response:
    """Show all events of a process, over its whole life."""
    if (known := parse_guid(guid)) != guid:
        return to_spelling(links.process_events(computer, known))
    return events_page(computer, guid, request.args).render()


@bp.get(_AT + "/events.json")
def process_events_json(computer: str, guid: str) -> Response:
    """Return a page of the events of a process as JSON."""
    if (known := parse_guid(guid)) != guid:
        return to_spelling(links.process_events(computer, known, ".json"))
    return json_response(events_document(computer, guid, request.args))


def picture_of(graph: ProcessGraph, name: str) -> Response:
    """Return the picture of a graph as a file to keep: its own styles are against our policy for pages."""
    svg = draw(lay_out(graph), link=str, unfold=str, translate=translate, standalone=True)
    return _file(svg, f"{name}.svg", "image/svg+xml; charset=utf-8")


def graphml_of(graph: ProcessGraph, name: str) -> Response:
    """Return a graph as GraphML."""
    return _file(to_graphml(graph), f"{name}.graphml", "application/graphml+xml; charset=utf-8")


def _file(content: str | bytes, name: str, content_type: str) -> Response:
    # The name is made of our own words and of a GUID: nothing of a log is in it.
    disposition = f'attachment; filename="{name}"'
    return Response(content, headers={"Content-Disposition": disposition}, content_type=content_type)


def _twin(
    computer: str,
    guid: str,
    twin: str,
    show: Callable[[ProcessGraph], Response],
    ask: Ask = lambda spec: spec,
) -> Response:
    if (known := parse_guid(guid)) != guid:
        return to_spelling(links.process(computer, known, twin))
    args = GraphArgs.read(_arguments(), NodeNames(computer, guid))
    args.check()
    return show(_graph(computer, guid, args, ask))


def _graph(computer: str, guid: str, args: GraphArgs, ask: Ask = lambda spec: spec) -> ProcessGraph:
    def build(spec: GraphSpec) -> ProcessGraph:
        return build_process_graph(get_store(), computer, guid, spec, translate=translate)

    graph = build(ask(args.spec()))
    # What there is to open is known only when it was drawn folded.
    return build(with_all_open(graph, ask(args.spec()))) if args.is_all_open else graph


def _head(graph: ProcessGraph, guid: str, args: GraphArgs) -> Head:
    target = graph.nodes[graph.target] if graph.target else next(iter(graph.nodes.values()))
    name = target.process.computer
    title = _(
        "Process graph of %(process)s on %(computer)s",
        process=short(target.process.label, 100),
        computer=short(name, 100),
    )
    return Head(
        title=title,
        trail=(
            (_("Search"), links.search()),
            (short(name, 60), address(lambda computer: links.search(computer=computer), name)),
        ),
        exports=exports(lambda twin: links.process(name, guid, twin, **twin_arguments(args)), name),
        json=address(lambda computer: links.process(computer, guid, ".json", **twin_arguments(args)), name),
    )


def exports(link: Callable[[str], str], name: str) -> tuple[tuple[str, str, str], ...]:
    """Return the exports of a graph: name, address, what it is; none where addresses would be too long."""
    said = (
        ("SVG", ".svg", _("the picture, with its styles")),
        ("GraphML", ".graphml", _("for other programs")),
        ("JSON", ".json", _("all processes, whatever is folded")),
    )
    return tuple(
        (text, address(lambda _name, twin=twin: link(twin), name), words) for text, twin, words in said
    )


def twin_arguments(args: GraphArgs) -> dict[str, list[str]]:
    """Return the arguments that an export has too."""
    found: dict[str, list[str]] = {}
    for name, text in args.pairs(sel=""):
        found.setdefault(f"{name}_" if name == "from" else name, []).append(text)
    return found


def _arguments() -> dict[str, list[str]]:
    return request.args.to_dict(flat=False)


def to_spelling(place: str) -> Response:
    """Lead to the one address of what has several spellings, with the same arguments."""
    query = request.query_string.decode("latin-1")
    return redirect(f"{place}?{query}" if query else place, 308)
