"""What is stored comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.store.port import EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.events import Event, Value, value_text
from app.sysmon.fields import COLUMN_TYPES, FIELDS, HASH_COLUMNS, FieldType
from app.sysmon.kinds import KINDS
from app.sysmon.query import EventQuery, Order
from tests.builders import NOON, Said, as_stored, batch_of, event, process_create


def _value(column: str, type_: FieldType, number: int) -> Value:
    match type_:
        case _ if column in HASH_COLUMNS:
            return f"{number:032X}"
        case FieldType.TEXT:
            return f"Value of {column}"
        case FieldType.GUID:
            return f"5c3485a0-0000-0000-0000-{number:012x}"
        case FieldType.INTEGER:
            return 1000 + number
        case FieldType.TIME:
            return NOON + timedelta(milliseconds=number)


FILLED: dict[str, Said] = {
    column: _value(column, type_, number)
    for number, (column, type_) in enumerate(COLUMN_TYPES.items())
    if column not in {"time", "computer", "event_id"}
}

EVENTS = {
    "every column": event(1, **FILLED, other={"Unknown": "x"}),
    "no column": Event(time=NOON, computer="ws-01", event_id=1, values={"record_id": 1}),
    "nothing but a hash": as_stored(Event(time=NOON, computer="ws-01", event_id=1)),
    "the year 1601": event(1, time=datetime(1601, 1, 1, tzinfo=UTC)),
    "before 1970": event(1, time=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    "the year 9999": event(1, time=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    "microseconds": event(
        1, time=NOON + timedelta(microseconds=1), utc_time=NOON + timedelta(microseconds=7)
    ),
    "NUL": event(1, command_line="a\0b\0", image="\0"),
    "an emoji": event(1, command_line="🦊👩‍👩‍👧", computer="ws-🦊"),
    "marks that turn writing": event(1, image="C:\\\u202egnp.exe", command_line="\u200f\u2067x\ufeff"),
    "control characters": event(1, command_line="\x1b[31m\r\n\t\x7f\x85\u2028"),
    "code points that are none": event(1, command_line="\ufffe\uffff\U0010ffff\ufdd0"),
    "a value of 1 MB": event(1, command_line="é" * 524_288),
    "PIDs beyond 32 bits": event(
        1, process_id=2**32, parent_process_id=2**63 - 1, terminal_session_id=-(2**63)
    ),
    "zero": event(1, process_id=0, record_id=0),
    "empty texts": event(1, command_line="", image=""),
    "a text like null": event(1, command_line="NULL", image="null", user="None"),
    "spaces": event(1, command_line="  a  ", image=" "),
    "GUIDs that are none": event(1, process_guid="not a guid", logon_guid="{x}"),
    "HTML and formulas": event(1, command_line="<script>alert(1)</script>", image="=1+1|'x'!A1"),
    "an unknown event ID": event(65535, other={"A": "b"}),
    "fields of other": event(1, other={"Ключ": "значение", "a b": "\0", "": "empty name", "E": ""}),
    "many fields of other": event(1, other={f"Field{n}": "v" * n for n in range(300)}),
    "a value of other of 1 MB": event(1, other={"Big": "x" * 1_048_576}),
    "the computer in capitals": event(1, computer="WS-01.Example.ÄÖÜ"),
    "a long computer's name": event(1, computer="w" * 10_000),
    "a path-like computer": event(1, computer="../../etc/passwd"),
}


@pytest.mark.parametrize("stored", EVENTS.values(), ids=EVENTS.keys())
def test_an_event_comes_back_as_it_was(store: EventStore, stored: Event) -> None:
    store.add(batch_of(stored), "import")

    assert store.search(EventQuery()).events == (stored,)
    assert store.event(stored.key) == stored
    assert store.count(EventQuery(computers=(stored.computer,))).value == 1


def test_all_of_them_together_come_back_as_they_were(store: EventStore) -> None:
    store.add(batch_of(*EVENTS.values()), "import")

    found = store.search(EventQuery(size=1000, order=Order.OLDEST)).events

    assert list(found) == sorted(EVENTS.values(), key=lambda one: one.place)


def test_every_event_id_of_sysmon_is_stored(store: EventStore) -> None:
    store.add(batch_of(*(event(event_id) for event_id in KINDS)), "import")

    assert store.info().event_ids == dict.fromkeys(KINDS, 1)


@pytest.mark.parametrize("event_id", [1, 8])
def test_every_field_can_be_searched_by_its_value(store: EventStore, event_id: int) -> None:
    every = event(event_id, **FILLED)
    store.add(batch_of(every, event(16, time=NOON + timedelta(days=1), computer="ws-02")), "import")

    values = {name: value for name in FIELDS if (value := every.get(name)) is not None}
    for name, value in values.items():
        condition = Match(name, Operator.EQUALS, value_text(value).upper())
        assert store.count(EventQuery(condition=condition)).value == 1, name
    assert len(values) == len(FIELDS) - 4, "all but those that events 8 and 10 call otherwise"


def test_the_greatest_and_smallest_times_are_found_by_their_range(store: EventStore) -> None:
    early, late = EVENTS["the year 1601"], EVENTS["the year 9999"]
    store.add(batch_of(early, late, process_create()), "import")

    assert store.search(EventQuery(end=early.time + timedelta(microseconds=1))).events == (early,)
    assert store.search(EventQuery(start=late.time)).events == (late,)
