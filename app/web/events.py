"""The pages of one event: the event itself, and the hour before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from app.errors import NotFound
from app.sysmon.decode import decoded_fields
from app.sysmon.events import Event, EventKey
from app.web import links
from app.web.around import AroundArgs, around_document
from app.web.around_page import around_page, pane_alone
from app.web.event_pane import ALONE, EventPane, pane_of
from app.web.json import json_response
from app.web.pages import Page
from app.web.stores import get_store
from app.web.texts import _
from app.web.what import short

bp = Blueprint("events", __name__, url_prefix="/events")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage(Page):
    """All that events/index.html may use."""

    template: ClassVar[str] = "events/index.html"
    tab: ClassVar[str] = "search"

    title: str
    pane: EventPane


@bp.get("/<whole:key>")
def event(key: str) -> str | Response:
    """Show one event with all its fields."""
    asked = EventKey.parse(key)
    if str(asked) != key:
        return _to(links.event(asked))
    pane = pane_of(get_store(), stored_event(asked), room=ALONE)
    return EventPage(title=_title(pane), pane=pane).render()


@bp.get("/<whole:key>.json")
def event_json(key: str) -> Response:
    """Return one event as ``search --output json`` has it, and what is decoded of it."""
    asked = EventKey.parse(key)
    if str(asked) != key:
        return _to(links.event(asked, ".json"))
    found = stored_event(asked)
    decoded = [{"field": name, **text.to_json()} for name, text in decoded_fields(found)]
    return json_response({"event": found.named(), "decoded": decoded})


@bp.get("/<whole:key>/around")
def around(key: str) -> str | Response:
    """Show all events of the computer from one hour before the event to one hour after."""
    asked = EventKey.parse(key)
    if str(asked) != key:
        return _to(links.event(asked, "/around"))
    store, args = get_store(), AroundArgs.read(request.args)
    picked = stored_event(asked)
    shown = stored_event(args.sel) if args.sel else picked
    if request.args.get("part") == "pane":
        return render_template("search/_pane.html", pane=pane_alone(store, picked, args, shown))
    return around_page(store, picked, args, shown).render()


@bp.get("/<whole:key>/around.json")
def around_json(key: str) -> Response:
    """Return a page of the events around an event, and where its neighbours begin."""
    asked = EventKey.parse(key)
    if str(asked) != key:
        return _to(links.event(asked, "/around.json"))
    picked = stored_event(asked)
    return json_response(around_document(get_store(), picked, AroundArgs.read(request.args)))


def stored_event(key: EventKey) -> Event:
    """Return the event with this key; raise NotFound, saying what to do, where none is stored."""
    try:
        return get_store().event(key)
    except NotFound as error:
        raise NotFound(
            _(
                "No event %(key)s is stored. It may be too old to be kept, or its log was not imported here.",
                key=short(str(key), 300),
            )
        ) from error


def _to(address: str) -> Response:
    """Lead to the one address of what has several spellings."""
    query = request.query_string.decode("ascii", "replace")
    return redirect(f"{address}?{query}" if query else address, 308)


def _title(pane: EventPane) -> str:
    if pane.name:
        return _("%(kind)s: %(name)s on %(computer)s", kind=pane.kind, name=pane.name, computer=pane.computer)
    return _("%(kind)s on %(computer)s", kind=pane.kind, computer=pane.computer)
