"""The fields of one event, in Sysmon's order, each with what narrows a search down to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.errors import BadQuery
from app.store.port import RARITY_FIELDS, Budget, EventStore, Rarity
from app.sysmon.events import Event, Value, value_text
from app.sysmon.fields import ANY_FIELD, COLUMN_TYPES, FIELDS, HASH_COLUMNS, name_in
from app.sysmon.kinds import KINDS
from app.web import links
from app.web.event_values import Purse, Shown
from app.web.formats import utc
from app.web.results import LONGEST_LINK
from app.web.users import ProcessOf, User, user_of
from app.web.what import short

Narrow = Callable[[str], str]
"""Term of the query language -> address of the search that this term is added to."""

_LONGEST_NAME: Final = 80
_ROW_OF_HTML: Final = "-" * 900
"""What a row costs beside its texts."""

_ABOVE: Final = 120
_HASHES: Final = ("Hashes", "Hash")

#: Whether a value is rare is told of these: what an event is about, not how it says it.
_RARE: Final = RARITY_FIELDS - {"Process", "Hashes", "MD5", "SHA1", "SHA256", "IMPHASH"}

#: The first that an event has stands for its file's content.
_STRONGEST: Final = ("SHA256", "SHA1", "MD5")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One field; ``title`` says more of its name.

    ``only`` and ``without`` are addresses, empty where a value is too long for one. ``note``
    says where a value comes from that the event does not have itself; such a value is
    ``is_derived``. ``whole`` is where all of a value stands that is cut here, empty: where
    the page says. ``is_part`` stands under the field before it.
    """

    name: str
    value: Shown
    title: str = ""
    only: str = ""
    without: str = ""
    rarity: Rarity | None = None
    note: str = ""
    whole: str = ""
    is_part: bool = False
    is_derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """All fields of an event.

    ``missing`` are the names that Sysmon has for this kind of event and this event lacks;
    ``left_out`` counts fields that are not shown.
    """

    rows: tuple[FieldRow, ...]
    missing: tuple[str, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Named:
    """A field of the event: its name, by which a query finds it, and its value."""

    name: str
    value: Value
    query_name: str
    is_part: bool = False


def fields_of(
    event: Event,
    users: Mapping[ProcessOf, User],
    rarities: Mapping[str, Rarity],
    narrow: Narrow,
    purse: Purse,
    *,
    most: int,
) -> Fields:
    """Return the fields of an event; a value has at most ``most`` characters.

    ``users`` are what ``users_of`` says of the event.
    """
    rows = [_row(field, narrow, purse, most, rarities) for field in _known(event)]
    rows += _derived_user(event, users, purse)
    before = len(rows)
    for field in _other(event):
        if not purse.affords(_ROW_OF_HTML, short(field.name, _LONGEST_NAME)):
            break
        rows.append(_row(field, narrow, purse, most, rarities))
    kind = KINDS.get(event.event_id)
    missing = tuple(name for name in (kind.fields if kind else ()) if event.get(name) is None)
    return Fields(rows=tuple(rows), missing=missing, left_out=len(event.other) - (len(rows) - before))


def rarities_of(store: EventStore, event: Event, budget: Budget | None = None) -> dict[str, Rarity]:
    """Return where and when the values of the event were seen, by the names of its fields."""
    values = [
        (name, value_text(value))
        for name in (*sorted(_RARE), *content_hash(event))
        if (value := event.get(name)) is not None and len(value_text(value)) <= LONGEST_LINK
    ]
    found = store.rarity(values, budget) if values else ()
    return {name: rarity for (name, _value), rarity in zip(values, found, strict=True) if rarity}


def content_hash(event: Event) -> tuple[str, ...]:
    """Return the name of the strongest hash that the event has of its file, if it has one."""
    return tuple(name for name in _STRONGEST if event.get(name) is not None)[:1]


def _known(event: Event) -> Iterator[_Named]:
    """Yield what the field table knows: the event's own marks, Sysmon's fields, then the rest."""
    kind = KINDS.get(event.event_id)
    columns = {name_in(column, event.event_id): column for column in event.values if column in COLUMN_TYPES}
    first = _marks(event)
    order = [*first, *(kind.fields if kind else ()), *columns]
    hashes = {column.upper() for column in HASH_COLUMNS}
    has_whole = any(name in columns for name in _HASHES)
    for name in dict.fromkeys(order):
        if name in first:
            yield _Named(name, first[name], name)
        elif name in columns and not (name in hashes and has_whole):
            yield _Named(name, event.values[columns[name]], name)
        if name in _HASHES and name in columns:
            yield from _parts(event)


def _marks(event: Event) -> dict[str, Value]:
    return {"EventId": event.event_id, "Computer": event.computer, "Time": event.time}


def _parts(event: Event) -> Iterator[_Named]:
    for column in HASH_COLUMNS:
        if column in event.values:
            yield _Named(column.upper(), event.values[column], column.upper(), is_part=True)


def _other(event: Event) -> Iterator[_Named]:
    # No name of the table: any field with this value will do.
    return (_Named(name, text, ANY_FIELD) for name, text in event.other.items())


def _row(field: _Named, narrow: Narrow, purse: Purse, most: int, rarities: Mapping[str, Rarity]) -> FieldRow:
    text = value_text(field.value)
    # It stands above the fields already, with more room.
    is_above = field.name == "CommandLine" and field.query_name != ANY_FIELD
    most = min(most, _ABOVE) if is_above else most
    only, without = narrowing_links(field.query_name, text, narrow, purse)
    return FieldRow(
        name=short(field.name, _LONGEST_NAME),
        value=purse.show(utc(field.value) if isinstance(field.value, datetime) else text, most),
        title=_label(field),
        only=only,
        without=without,
        rarity=rarities.get(field.name) if field.query_name != ANY_FIELD else None,
        whole="#command-line" if is_above else "",
        is_part=field.is_part,
    )


def _label(field: _Named) -> str:
    known = FIELDS.get(field.query_name)
    return known.label if known else ""


def narrowing_links(name: str, text: str, narrow: Narrow, purse: Purse) -> tuple[str, str]:
    """Return the addresses that keep only this value and that leave it out, empty where it is too long."""
    if len(text) > LONGEST_LINK:
        return "", ""
    try:
        made = tuple(narrow(links.field_query(name, text, negated=negated)) for negated in (False, True))
    except BadQuery:
        # Half a character: no query can hold it.
        return "", ""
    fits = all(len(address) <= 3 * LONGEST_LINK for address in made) and purse.affords(*made)
    return (made[0], made[1]) if fits else ("", "")


def _derived_user(event: Event, users: Mapping[ProcessOf, User], purse: Purse) -> Sequence[FieldRow]:
    """Return the user of the event's process, where the event does not name one itself."""
    if event.text_of("user") is not None or event.process_guid is None:
        return ()
    user = user_of(event, users)
    if user is None:
        return ()
    row = FieldRow(
        name=name_in("user", event.event_id),
        value=purse.show(user.name, 200),
        note=user.source,
        is_derived=True,
    )
    return (row,)
