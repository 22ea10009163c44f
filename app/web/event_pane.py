"""One event as a pane beside a table, or as the body of its own page.

``pane_of`` asks the store; ``events/_pane.html`` shows what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.store.port import Budget, EventStore, Rarity
from app.sysmon.decode import MAX_FOUND, Decoded, decoded_fields
from app.sysmon.decode_bytes import NO_TEXT
from app.sysmon.events import Event
from app.sysmon.kinds import KINDS, Category
from app.web import links
from app.web.event_fields import Fields, Narrow, fields_of, rarities_of
from app.web.event_pivots import NOT_COUNTED, Counts, Pivot, counts_of, pivots_of
from app.web.event_values import Purse, Shown
from app.web.formats import base_name
from app.web.kibana import DiscoverLink, discover_event
from app.web.results import CLOCKS_APART, address
from app.web.stores import info_of
from app.web.texts import _
from app.web.users import ProcessOf, User, users_of
from app.web.what import short


@dataclass(frozen=True, slots=True)
class Room:
    """How much of an event is shown, in characters of a value and in bytes of a page.

    ``fields`` is for the values in the table of fields; all of an event's texts together
    take no more than ``whole`` bytes.
    """

    command_line: int
    decoded: int
    fields: int
    whole: int


BESIDE: Final = Room(command_line=320, decoded=2_000, fields=400, whole=60_000)
"""Beside a table: what does not fit is on the event's page."""

ALONE: Final = Room(command_line=100_000, decoded=60_000, fields=60_000, whole=200_000)
"""On the event's own page: what does not fit is in its JSON."""

_DECODED_SHARE: Final = 3
"""So many parts of the room are for all else together where a text is decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedText:
    """One decoded text. ``layer`` counts from 1; ``field`` is where the first was found.

    ``remarks`` say what is missing of it.
    """

    field: str
    how: str
    text: Shown
    layer: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPane:
    """All that events/_pane.html may use.

    ``utc_time`` is Sysmon's time; ``record_time`` is set where it is more than a minute off,
    or where there is no UtcTime. ``whole`` is where all of a value stands that is cut here.
    ``newer``, ``older`` and ``close`` are addresses of the page around, empty where there
    are none. ``computers`` is how many the store knows: what rarity is measured against.
    """

    event: Event
    key: str
    category: Category
    kind: str
    name: str
    computer: str
    utc_time: datetime | None
    record_time: datetime | None
    record: str
    command_line: Shown | None
    decoded: tuple[DecodedText, ...]
    has_more_decoded: bool
    pivots: tuple[Pivot, ...]
    fields: Fields
    computers: int
    whole: str
    page: str
    twin: str
    newer: str = ""
    older: str = ""
    close: str = ""
    discover: DiscoverLink | None = None


def pane_of(
    store: EventStore,
    event: Event,
    *,
    narrow: Narrow = lambda term: links.search(q=term),
    room: Room = BESIDE,
    newer: str = "",
    older: str = "",
    close: str = "",
    counts: bool = True,
    budget: Budget | None = None,
) -> EventPane:
    """Return what the pane of an event shows.

    ``narrow`` returns the address of the search to which a term of the query language is
    added; without it, the search for that term alone. ``counts``: say how many
    events its process and its hour have.
    """
    key = str(event.key)
    page, twin = address(links.event, key), address(links.event, key, ".json")
    purse = Purse(room.whole)
    command_line = event.text_of("command_line")
    shown = None if command_line is None else purse.show(command_line, room.command_line)
    decoded = decoded_fields(event)
    texts = tuple(_decoded_texts(decoded, room, purse))
    rarities, counted, derived, computers = _asked(store, event, budget, counts=counts)
    return EventPane(
        event=event,
        key=short(key, 300),
        category=event.category,
        kind=kind_label(event),
        name=short(base_name(event.image or ""), 60),
        computer=short(event.computer, 120),
        utc_time=event.utc_time,
        record_time=event.time if _is_apart(event) else None,
        record=event.text_of("record_id") or "",
        command_line=shown,
        decoded=texts,
        has_more_decoded=len(decoded) >= MAX_FOUND,
        pivots=pivots_of(event, rarities, counted),
        fields=fields_of(event, derived, rarities, narrow, purse, most=room.fields),
        computers=computers,
        whole=twin if room is ALONE else page,
        page=page,
        twin=twin,
        newer=newer,
        older=older,
        close=close,
        discover=discover_event(event),
    )


def _asked(
    store: EventStore, event: Event, budget: Budget | None, *, counts: bool
) -> tuple[Mapping[str, Rarity], Counts, Mapping[ProcessOf, User], int]:
    """Ask the store all that the pane shows of other events, at once."""
    together = store.together()
    rare = together.ask(lambda: rarities_of(store, event, budget))
    counted = together.ask(lambda: counts_of(store, event, budget)) if counts else None
    derived = together.ask(lambda: users_of(store, [event], budget))
    info = together.ask(lambda: info_of(store))
    return rare(), counted() if counted else NOT_COUNTED, derived(), len(info().computers)


def kind_label(event: Event) -> str:
    """Return what kind of event this is, in the reader's language."""
    kind = KINDS.get(event.event_id)
    return _(kind.label) if kind else _("Event %(number)s", number=event.event_id)


def _is_apart(event: Event) -> bool:
    return event.utc_time is None or abs(event.time - event.utc_time) > CLOCKS_APART


def _decoded_texts(found: tuple[tuple[str, Decoded], ...], room: Room, purse: Purse) -> list[DecodedText]:
    """Return the decoded texts with their layers, each behind the one that it was found in.

    The same text in another field (a parent's command line, say) is not shown again.
    """
    texts: list[DecodedText] = []
    seen: set[str] = set()
    # Some room is kept for the fields.
    own = Purse(purse.left - purse.left // _DECODED_SHARE)
    before = own.left

    def add(field: str, decoded: Decoded, layer: int) -> None:
        if decoded.text in seen:
            return
        seen.add(decoded.text)
        text = own.show(decoded.text, room.decoded)
        texts.append(
            DecodedText(field=field, how=_how(decoded), text=text, layer=layer, remarks=_remarks(decoded))
        )
        for inner in decoded.layers:
            add(field, inner, layer + 1)

    for name, decoded in found:
        add(short(name, 60), decoded, 1)
    purse.left -= before - own.left
    return texts


def _how(decoded: Decoded) -> str:
    return decoded.how.replace(NO_TEXT, _("no text"))


def _remarks(decoded: Decoded) -> tuple[str, ...]:
    remarks = []
    if not decoded.is_text:
        remarks.append(_("%(size)s bytes; the first 256 are shown.", size=f"{decoded.size:,}"))
    if decoded.truncated:
        remarks.append(
            _(
                "Unpacking stopped after %(length)s characters: there is more.",
                length=f"{len(decoded.text):,}",
            )
        )
    if decoded.broken:
        remarks.append(_("The encoded text breaks off before its end."))
    return tuple(remarks)
