"""The address of a process of which only the GUID is known: other programs have no more to give.

Kibana makes a link of one field's value, and a ProcessGuid does not name its computer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from flask import Blueprint, redirect
from werkzeug.wrappers import Response

from app.errors import NotFound
from app.graph.nodes import parse_guid
from app.sysmon.condition import any_of, equals_any
from app.sysmon.query import EventQuery
from app.sysmon.text import fold
from app.web import links
from app.web.json import json_response
from app.web.pages import Page
from app.web.results import address
from app.web.stores import get_store
from app.web.texts import _
from app.web.what import short

_AT: Final = "/processes/<guid:guid>"

MOST: Final = 50
"""So many computers are listed: a GUID is of one, but for machines that are copies of each other."""

bp = Blueprint("by_guid", __name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """A computer that knows the process: how many events name it, and the address of its graph."""

    computer: str
    name: str
    events: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByGuidPage(Page):
    """All that processes/by_guid.html may use."""

    template: ClassVar[str] = "processes/by_guid.html"
    tab: ClassVar[str] = "search"

    guid: str
    choices: tuple[Choice, ...]
    left_out: int
    json: str


@bp.get(_AT)
def process_by_guid(guid: str) -> str | Response:
    """Lead to the graph of a process; let the reader choose where several computers know the GUID."""
    known = parse_guid(guid)
    choices, left_out = _choices(known)
    if len(choices) == 1 and choices[0].href:
        return redirect(choices[0].href)
    return ByGuidPage(
        guid=known, choices=choices, left_out=left_out, json=links.process_by_guid(known, ".json")
    ).render()


@bp.get(_AT + ".json")
def process_by_guid_json(guid: str) -> Response:
    """Return the computers that know a process."""
    known = parse_guid(guid)
    choices, left_out = _choices(known)
    computers = [
        {"computer": choice.computer, "events": choice.events, "address": choice.href or None}
        for choice in choices
    ]
    return json_response({"process_guid": known, "computers": computers, "left_out": left_out})


def _choices(guid: str) -> tuple[tuple[Choice, ...], int]:
    """Return the computers of which an event names the process, and how many more there are."""
    # A parent that Sysmon never logged is named by its children only, and has a graph all the same.
    names = ("SubjectProcessGuid", "ParentProcessGuid", "TargetProcessGuid")
    query = EventQuery(condition=any_of(equals_any(name, [guid]) for name in names))
    terms = get_store().terms(query, "Computer", MOST)
    if not terms.values:
        raise NotFound(
            _(
                "No event of the process %(guid)s is stored, on any computer. Compare the GUID with the"
                " ProcessGuid of the event, and see whether the log of that time was imported here.",
                guid=guid,
            )
        )
    choices = tuple(
        Choice(computer, short(computer, 200), count, address(links.process, computer, guid))
        for computer, count in _in_any_case(terms.values)
    )
    return choices, max(terms.distinct - len(terms.values), 0)


def _in_any_case(values: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    """Return each computer once, as it is written most often, with the events of all its spellings."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, count in values:
        counts[names.setdefault(fold(name), name)] += count
    return counts.items()
