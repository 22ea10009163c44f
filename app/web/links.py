"""The addresses of all pages, and of this page with another argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from flask import request
from werkzeug.routing import BaseConverter

from app.sysmon.condition import Match, Not, Operator
from app.sysmon.events import EventKey
from app.sysmon.language import to_text

Argument = str | int | Iterable[str] | None


class WholeConverter(BaseConverter):
    """A part of an address that may hold anything, slashes and line feeds too: computers' names do."""

    regex = r"(?s:.+?)"
    part_isolating = False
    weight = 200

    def to_url(self, value: str) -> str:
        return quote(value, safe="")


class GuidConverter(BaseConverter):
    """What stands where a GUID is due, in any spelling; behind a computer's name of any shape."""

    regex = r"(?!events(?:\.json)?\Z)[^/.]+"
    weight = 150


def start() -> str:
    """Return the address of the start page."""
    return "/"


def search(twin: str = "", **arguments: Argument) -> str:
    """Return the address of a search; ``twin`` is ``.json``, ``.csv`` or ``.ndjson``."""
    return _with("/search" + twin, arguments)


def event(key: EventKey | str, twin: str = "") -> str:
    """Return the address of one event."""
    return f"/events/{_part(str(key))}{twin}"


def event_around(key: EventKey | str, **arguments: Argument) -> str:
    """Return the address of the table of one hour before and after an event."""
    return _with(f"/events/{_part(str(key))}/around", arguments)


def event_correlation(key: EventKey | str, **arguments: Argument) -> str:
    """Return the address of the graph of one hour before and after an event."""
    return _with(f"/events/{_part(str(key))}/correlation", arguments)


def process(computer: str, guid: str, twin: str = "", **arguments: Argument) -> str:
    """Return the address of a process's graph; ``twin`` is ``.json``, ``.svg`` or ``.graphml``."""
    return _with(f"/processes/{_part(computer)}/{_part(guid)}{twin}", arguments)


def process_by_guid(guid: str, twin: str = "") -> str:
    """Return the address of a process whose computer is not known; ``twin`` is ``.json``."""
    return f"/processes/{_part(guid)}{twin}"


def process_events(computer: str, guid: str, twin: str = "", **arguments: Argument) -> str:
    """Return the address of the table of all events of a process."""
    return _with(f"/processes/{_part(computer)}/{_part(guid)}/events{twin}", arguments)


def imports() -> str:
    """Return the address of the imports."""
    return "/imports"


def import_(id_: int, twin: str = "") -> str:
    """Return the address of one import."""
    return f"/imports/{id_}{twin}"


def keys() -> str:
    """Return the address of the list of keys."""
    return "/keys"


def with_args(**changes: Argument) -> str:
    """Return this page with some arguments changed, as a relative address; None takes one away.

    ``from_`` stands for ``from``, which is a word of Python's own.
    """
    # Relative: the path may hold a computer's name that would not survive being written again.
    return "?" + _query({**request.args.to_dict(flat=False), **changes})


def whole(query: str) -> str:
    """Return the present address with another query (``?…``), from the scheme on.

    For redirects, which must neither be empty nor, where a path begins with two slashes, lead
    to another host.
    """
    return request.host_url.rstrip("/") + _raw_path() + query.removesuffix("?")


def _raw_path() -> str:
    """Return the path as it was asked for: written anew, a name in it could become another."""
    raw = request.environ.get("REQUEST_URI")
    return raw.partition("?")[0] if raw and raw.startswith("/") else quote(request.path, safe="/~")


def field_query(name: str, value: str, *, negated: bool = False) -> str:
    """Return the term of the query language for exactly this value of a field."""
    term = Match(name, Operator.EQUALS, value)
    return to_text(Not(term) if negated else term)


def _part(text: str) -> str:
    return quote(text, safe="~")


def _with(path: str, arguments: Mapping[str, Argument]) -> str:
    query = _query(arguments)
    return f"{path}?{query}" if query else path


def _query(arguments: Mapping[str, Argument]) -> str:
    return urlencode(
        [
            (name.rstrip("_"), text)
            for name, value in arguments.items()
            if value is not None
            for text in ([str(value)] if isinstance(value, str | int) else value)
        ]
    )
