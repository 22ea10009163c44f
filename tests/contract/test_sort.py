"""``EventQuery.sort``: the order of a field, and its pages."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from app.errors import BadQuery
from app.store.port import EventStore
from app.sysmon.condition import EVERYTHING, NOTHING, Match, Operator
from app.sysmon.events import Event
from app.sysmon.fields import FIELDS
from app.sysmon.query import SORTED_LENGTH, EventQuery, Order, cursor_behind, encode_cursor, sort_value
from tests.builders import NOON, Said, batch_of, event, process_access, process_create
from tests.contract.conftest import Adapter
from tests.contract.strategies import TEXTS

ORDERS = pytest.mark.parametrize("order", Order)

#: Words that an engine might fold, cut or end in another way, and what shares a long beginning.
HOSTILE = [
    *TEXTS,
    "\0",
    "a\0",
    "\x7f",
    "\uffff",
    "\U0010ffff",
    "\u202eexe.txt",
    "\u200f",
    "x" * SORTED_LENGTH,
    "x" * (SORTED_LENGTH - 1),
    "x" * SORTED_LENGTH + "a",
    "x" * SORTED_LENGTH + "b",
    "🦊" * SORTED_LENGTH + "tail",
    "long " * 20_000,
]


def in_order(some: list[Event], query: EventQuery) -> list[Event]:
    """Sort as the promise says, in two lines of Python."""
    field = FIELDS[query.sort or ""]
    backwards = query.order is Order.NEWEST
    by_time = sorted(some, key=lambda e: e.place, reverse=backwards)
    having = [e for e in by_time if e.get(field.name) is not None]
    having.sort(key=lambda e: sort_value(e, field), reverse=backwards)  # type: ignore[arg-type, return-value]
    return having + [e for e in by_time if e.get(field.name) is None]


def walk(store: EventStore, query: EventQuery) -> list[Event]:
    """Follow ``next`` to the end."""
    page = store.search(query)
    found = list(page.events)
    while page.next is not None:
        assert len(page.events) == query.size
        page = store.search(query.following(page.next))
        found += page.events
    return found


def _users(*names: str | None) -> list[Event]:
    return [
        process_create(user=name, time=NOON + timedelta(minutes=number)) for number, name in enumerate(names)
    ]


def test_texts_stand_by_code_points_as_they_are_written(store: EventStore) -> None:
    some = _users("b", "B", "a", "ä", "🦊", "\uffff", "", "a\0", "ab")
    store.add(batch_of(*some), "import")

    found = store.search(EventQuery(sort="User", order=Order.OLDEST)).events

    assert [e.values["user"] for e in found] == ["", "B", "a", "a\0", "ab", "b", "ä", "\uffff", "🦊"]
    assert store.search(EventQuery(sort="User")).events == found[::-1]


def test_numbers_and_times_stand_by_their_value(store: EventStore) -> None:
    pids = [443, 9, 80, -1, 2**62, 0]
    store.add(batch_of(*(event(1, process_id=pid) for pid in pids)), "import")
    store.add(batch_of(*(event(1, utc_time=NOON + timedelta(days=n)) for n in (-99_999, 5, 2))), "import")

    query = EventQuery(sort="ProcessId", order=Order.OLDEST)
    assert [e.process_id for e in store.search(query).events][:6] == sorted(pids)
    by_time = [e.utc_time for e in store.search(EventQuery(sort="UtcTime")).events]
    assert by_time == sorted((time for time in by_time if time), reverse=True)


@ORDERS
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_events_without_a_value_come_last_both_ways(store: EventStore, order: Order, size: int) -> None:
    some = _users("b", None, "a", None, "b", None)
    store.add(batch_of(*some), "import")

    found = walk(store, EventQuery(sort="User", order=order, size=size))

    assert found == in_order(some, EventQuery(sort="User", order=order))
    assert [e.values.get("user") for e in found[3:]] == [None] * 3


@ORDERS
def test_equal_values_stand_in_the_fixed_order_in_its_direction(store: EventStore, order: Order) -> None:
    some = [event(5, record_id=n, user="same", computer=f"ws-{n % 2}") for n in range(9)]
    store.add(batch_of(*some[::2]), "import")
    store.add(batch_of(*some[1::2]), "import")

    expected = sorted(some, key=lambda e: e.place, reverse=order is Order.NEWEST)

    for size in (1, 4, 9, 50):
        assert walk(store, EventQuery(sort="User", order=order, size=size)) == expected


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_sorted_by(adapter: Adapter, name: str) -> None:
    said: dict[str, Said] = {
        "process_guid": "5c3485a0-0000-0000-0010-0000000000aa",
        "process_id": 7,
        "image": "a",
        "user": "u",
    }
    some = [
        event(event_id, time=NOON + timedelta(hours=n), other={"X": "y"}, **(said if n % 3 else {}))
        for n in range(4)
        for event_id in (1, 8, 10, 30)
    ]
    adapter.store.add(batch_of(*some), "import")

    for order in Order:
        query = EventQuery(sort=name, order=order, size=3)
        assert walk(adapter.store, query) == in_order(some, query)


def test_a_name_that_holds_for_some_events_is_missing_in_others(store: EventStore) -> None:
    access, create = process_access(image="a.exe"), process_create(image="b.exe")
    store.add(batch_of(access, create), "import")

    def found(name: str) -> list[Event]:
        return list(store.search(EventQuery(sort=name, order=Order.OLDEST)).events)

    assert found("Image") == [create, access]
    assert found("SourceImage") == [access, create]
    assert found("Process") == [access, create]


@ORDERS
def test_hostile_values_are_sorted_and_paged_like_others(adapter: Adapter, order: Order) -> None:
    some = _users(*HOSTILE, None)
    adapter.store.add(batch_of(*some[::2]), "import")
    adapter.rearrange()
    adapter.store.add(batch_of(*some[1::2]), "import")
    query = EventQuery(sort="User", order=order, size=7)

    assert walk(adapter.store, query) == in_order(some, query)


def test_a_cursor_fits_an_address_whatever_the_value(store: EventStore) -> None:
    some = [process_create(user=f"{'é' * 500_000}{n}") for n in range(3)]
    store.add(batch_of(*some), "import")

    first = store.search(EventQuery(sort="User", size=1))

    assert first.next is not None
    assert len(first.next) < 1_000
    assert walk(store, EventQuery(sort="User", size=1)) == sorted(some, key=lambda e: e.place, reverse=True)


@ORDERS
def test_pages_go_on_where_they_were_when_the_engine_arranges_anew(adapter: Adapter, order: Order) -> None:
    some = _users(*"cabbcaxyzabc")
    for one in some:
        adapter.store.add(batch_of(one), "import")
    query = EventQuery(sort="User", order=order, size=5)
    first = adapter.store.search(query)

    adapter.rearrange()
    rest = walk(adapter.store, query.following(first.next))

    assert [*first.events, *rest] == in_order(some, query)


def test_condition_range_and_computers_narrow_a_sorted_search(store: EventStore) -> None:
    some = [
        event(1, time=NOON + timedelta(minutes=n), user="abc"[n % 3], computer=f"ws-{n % 2}")
        for n in range(24)
    ]
    store.add(batch_of(*some), "import")
    query = EventQuery(
        sort="User",
        condition=Match("User", Operator.REGEX, "[bc]"),
        start=NOON + timedelta(minutes=3),
        end=NOON + timedelta(minutes=20),
        computers=("WS-1",),
        size=2,
    )

    expected = [e for e in some[3:20] if e.computer == "ws-1" and e.values["user"] != "a"]
    assert walk(store, query) == in_order(expected, query)


def test_free_text_can_be_sorted(store: EventStore) -> None:
    some = [
        process_create(user="abc"[n % 3], command_line=f"{'needle' if n % 2 else 'hay'} {n}")
        for n in range(9)
    ]
    store.add(batch_of(*some), "import")
    query = EventQuery(sort="User", condition=Match("*", Operator.CONTAINS, "NEEDLE"), size=1)

    assert walk(store, query) == in_order(some[1::2], query)


@ORDERS
@pytest.mark.parametrize("condition", [EVERYTHING, NOTHING])
def test_nothing_stored_or_found_has_no_next(store: EventStore, order: Order, condition: Match) -> None:
    query = EventQuery(sort="User", order=order, condition=condition)
    assert store.search(query).events == ()

    store.add(batch_of(process_create()), "import")

    assert store.search(query).next is None


def test_sorting_by_the_record_time_is_the_order_of_time(store: EventStore) -> None:
    store.add(batch_of(*(process_create(time=NOON + timedelta(minutes=n % 3)) for n in range(7))), "import")

    assert store.search(EventQuery(sort="Time", size=3)) == store.search(EventQuery(size=3))


def test_an_unknown_field_is_a_bad_query() -> None:
    with pytest.raises(BadQuery, match="sorted"):
        EventQuery(sort="Nonsense")


@pytest.mark.parametrize("sort", [None, "Image", "EventId", "UtcTime"])
def test_a_cursor_of_another_sort_is_a_bad_query(store: EventStore, sort: str | None) -> None:
    store.add(batch_of(*_users("a", "b", "c")), "import")
    cursor = store.search(EventQuery(sort="User", size=1)).next

    with pytest.raises(BadQuery, match="another sort"):
        store.search(EventQuery(sort=sort, after=cursor))


def test_the_cursor_of_the_order_of_time_is_none_of_a_sort(store: EventStore) -> None:
    some = _users("a", "b")
    store.add(batch_of(*some), "import")

    with pytest.raises(BadQuery, match="another sort"):
        store.search(EventQuery(sort="User", after=encode_cursor(some[0].place)))


@pytest.mark.parametrize(
    ("sort", "value"),
    [
        ("User", "1"),
        ("User", '["a"]'),
        ("User", "true"),
        ("User", f'"{"x" * (SORTED_LENGTH + 1)}"'),
        ("EventId", '"a"'),
        ("EventId", "true"),
        ("EventId", str(2**63)),
        ("EventId", "1.5"),
        ("UtcTime", str(2**62)),
        ("UtcTime", '"2019"'),
    ],
)
def test_a_cursor_that_nobody_gave_out_is_a_bad_query(store: EventStore, sort: str, value: str) -> None:
    store.add(batch_of(process_create()), "import")
    text = f'["{sort}",{value},1,"ws",1,2,3,4]'
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    with pytest.raises(BadQuery):
        store.search(EventQuery(sort=sort, after=cursor))


@ORDERS
def test_the_cursor_of_an_event_that_is_not_stored_works_too(store: EventStore, order: Order) -> None:
    some = _users("a", "b", "d", "e")
    store.add(batch_of(*some), "import")
    query = EventQuery(sort="User", order=order)
    elsewhere = process_create(user="c")

    rest = store.search(query.following(cursor_behind(query, elsewhere))).events

    assert [e.values["user"] for e in rest] == (["b", "a"] if order is Order.NEWEST else ["d", "e"])


def test_the_cursor_of_another_condition_and_order_goes_on_from_its_event(store: EventStore) -> None:
    some = _users("a", "b", "c", "d")
    store.add(batch_of(*some), "import")
    second = store.search(EventQuery(sort="User", order=Order.OLDEST, size=2)).next

    rest = store.search(EventQuery(sort="User", after=second, condition=Match("User", Operator.REGEX, ".")))

    assert list(rest.events) == [some[0]]
