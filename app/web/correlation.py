"""The graph of an hour before and after an event: all processes of its computer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.graph.correlation import build_correlation
from app.graph.graph_json import to_json, whole
from app.graph.model import GraphSpec, ProcessGraph
from app.graph.nodes import NodeKey, process_key
from app.sysmon.events import Event, EventKey
from app.web import links
from app.web.event_pivots import hour_around
from app.web.events import stored_event
from app.web.formats import clock, day
from app.web.graph_args import GraphArgs
from app.web.graph_page import Head, answer, graph_page, with_all_open
from app.web.json import json_response
from app.web.node_names import NodeNames
from app.web.processes import Ask, exports, graphml_of, picture_of, to_spelling, twin_arguments
from app.web.results import address
from app.web.stores import get_store
from app.web.texts import _, translate
from app.web.what import short

_AT: Final = "/events/<whole:key>/correlation"

bp = Blueprint("correlation", __name__)


@bp.get(_AT)
def correlation(key: str) -> Response:
    """Show what else ran on the computer from one hour before an event to one hour after."""
    known = EventKey.parse(key)
    if str(known) != key:
        return to_spelling(links.event_correlation(known))
    event = stored_event(known)
    args = _args_of(event)
    graph = _graph(event, args)
    return answer(graph_page(graph, args, _head(event, graph, args)), request.args.get("part", ""))


@bp.get(_AT + ".json")
def correlation_json(key: str) -> Response:
    """Return the graph for machines; nothing is folded for want of room."""
    return _twin(key, lambda graph: json_response(to_json(graph)), whole)


@bp.get(_AT + ".svg")
def correlation_svg(key: str) -> Response:
    """Return the picture as a file of its own."""
    return _twin(key, lambda graph: picture_of(graph, "correlation"))


@bp.get(_AT + ".graphml")
def correlation_graphml(key: str) -> Response:
    """Return what is drawn, for other programs that draw and count."""
    return _twin(key, lambda graph: graphml_of(graph, "correlation"))


def _twin(key: str, show: Callable[[ProcessGraph], Response], ask: Ask = lambda spec: spec) -> Response:
    event = stored_event(EventKey.parse(key))
    args = _args_of(event)
    args.check()
    return show(_graph(event, args, ask))


def _args_of(event: Event) -> GraphArgs:
    return GraphArgs.read(_arguments(), NodeNames(event.computer, event.process_guid or ""))


def _target(event: Event) -> NodeKey | None:
    guid = event.process_guid
    return process_key(event.computer, guid) if guid else None


def _graph(event: Event, args: GraphArgs, ask: Ask = lambda spec: spec) -> ProcessGraph:
    window = hour_around(event)
    spec = ask(args.spec(start=window.start, end=window.end))

    def build(spec: GraphSpec) -> ProcessGraph:
        return build_correlation(
            get_store(),
            event.computer,
            spec.start,
            spec.end,
            spec,
            target=_target(event),
            translate=translate,
        )

    graph = build(spec)
    return build(with_all_open(graph, spec)) if args.is_all_open else graph


def _head(event: Event, graph: ProcessGraph, args: GraphArgs) -> Head:
    key, computer = str(event.key), short(event.computer, 100)

    def link(twin: str) -> str:
        base, _question, query = links.event_correlation(key, **twin_arguments(args)).partition("?")
        return f"{base}{twin}?{query}" if query else base + twin

    return Head(
        title=_(
            "Correlation graph of %(computer)s, %(range)s",
            computer=computer,
            range=_range_words(graph.spec),
        ),
        trail=(
            (_("Search"), links.search()),
            (computer, address(lambda name: links.search(computer=name), event.computer)),
            (_("Event %(id)s", id=event.event_id), address(links.event, key)),
        ),
        exports=exports(link, key),
        json=address(lambda _key: link(".json"), key),
    )


def _range_words(spec: GraphSpec) -> str:
    """Return the range as a title has it: ``2019-05-18 20:57–22:57``; the day again where it is another."""
    start, end = spec.start, spec.end
    if start is None or end is None:
        return f"{'…' if start is None else clock(start)[:5]}–{'…' if end is None else clock(end)[:5]}"
    behind = clock(end)[:5] if day(start) == day(end) else f"{day(end)} {clock(end)[:5]}"
    return f"{day(start)} {clock(start)[:5]}–{behind}"


def _arguments() -> dict[str, list[str]]:
    return request.args.to_dict(flat=False)
