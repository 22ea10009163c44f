"""``EventStore.search``: order, pages, cursors, time, computers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import BadQuery
from app.store.port import EventStore
from app.sysmon.condition import NOTHING, Match, Operator
from app.sysmon.events import Event, EventKey
from app.sysmon.query import EventQuery, Order, encode_cursor
from tests.builders import NOON, batch_of, dns_query, event, network_connect, process_create

ORDERS = pytest.mark.parametrize("order", list(Order))


def _ties() -> list[Event]:
    """Return events of three moments; most times are equal."""
    moments = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(hours=1)]
    return [
        event(event_id, time=time, utc_time=utc_time, computer=computer, record_id=record_id, image="a.exe")
        for time in moments
        for event_id in (1, 5)
        for computer in ("ws-02", "WS-01", "ws-10")
        for utc_time, record_id in (
            (NOON, 9),
            (NOON, 10),
            (None, 10),
            (NOON - timedelta(days=9), 11),
            (NOON, None),
        )
        if not (time == moments[1] and record_id == 9)
    ]


def _fill(store: EventStore, events: list[Event], batches: int = 3) -> list[Event]:
    """Store the events, in batches that interleave; return what is stored, oldest first."""
    for n in range(batches):
        store.add(batch_of(*events[n::batches]), "import")
    unique: dict[EventKey, Event] = {}
    for n in range(batches):
        for one in events[n::batches]:
            unique.setdefault(one.key, one)
    return sorted(unique.values(), key=lambda one: one.place)


def _walk(store: EventStore, query: EventQuery) -> list[Event]:
    events: list[Event] = []
    after = query.after
    for _ in range(1000):
        page = store.search(query.following(after))
        events += page.events
        if page.next is None:
            return events
        assert len(page.events) == query.size
        after = page.next
    raise AssertionError("the pages have no end")


def test_an_empty_store_has_no_events(store: EventStore) -> None:
    results = store.search(EventQuery())

    assert results.events == ()
    assert results.next is None


def test_newest_come_first_by_default(store: EventStore) -> None:
    events = [process_create(time=NOON + timedelta(minutes=n)) for n in (3, 1, 4, 0, 2)]
    store.add(batch_of(*events), "import")

    minutes = [e.time.minute for e in store.search(EventQuery()).events]

    assert minutes == [4, 3, 2, 1, 0]


def test_the_oldest_come_first_when_asked_for(store: EventStore) -> None:
    for n in (3, 1, 4, 0, 2):
        store.add(batch_of(process_create(time=NOON + timedelta(minutes=n))), "import")

    minutes = [e.time.minute for e in store.search(EventQuery(order=Order.OLDEST)).events]

    assert minutes == [0, 1, 2, 3, 4]


@ORDERS
def test_equal_times_stand_in_the_order_of_their_places(store: EventStore, order: Order) -> None:
    expected = _fill(store, _ties())
    if order is Order.NEWEST:
        expected.reverse()

    assert list(store.search(EventQuery(order=order, size=1000)).events) == expected


@ORDERS
@pytest.mark.parametrize("size", [1, 2, 3, 7, 45, 1000])
def test_pages_neither_repeat_nor_skip(store: EventStore, order: Order, size: int) -> None:
    expected = _fill(store, _ties())
    if order is Order.NEWEST:
        expected.reverse()

    assert _walk(store, EventQuery(order=order, size=size)) == expected


@ORDERS
def test_pages_of_a_condition_neither_repeat_nor_skip(store: EventStore, order: Order) -> None:
    expected = [e for e in _fill(store, _ties(), batches=5) if e.event_id == 5]
    if order is Order.NEWEST:
        expected.reverse()

    condition = Match("EventId", Operator.EQUALS, "5")

    assert _walk(store, EventQuery(condition=condition, order=order, size=4)) == expected


@ORDERS
def test_the_last_page_has_no_next_even_when_it_is_full(store: EventStore, order: Order) -> None:
    store.add(batch_of(*(process_create() for _ in range(6))), "import")

    first = store.search(EventQuery(size=3, order=order))
    second = store.search(EventQuery(size=3, order=order, after=first.next))

    assert len(first.events) == len(second.events) == 3
    assert first.next is not None
    assert second.next is None


def test_nothing_found_has_no_next(store: EventStore) -> None:
    store.add(batch_of(process_create()), "import")

    results = store.search(EventQuery(condition=NOTHING))

    assert (results.events, results.next) == ((), None)


@ORDERS
def test_the_cursor_of_another_query_goes_on_from_its_event(store: EventStore, order: Order) -> None:
    times = [NOON + timedelta(minutes=n) for n in range(6)]
    store.add(
        batch_of(*(kind(time=t) for t in times for kind in (process_create, network_connect))), "import"
    )
    processes = EventQuery(condition=Match("EventId", Operator.EQUALS, "1"), size=2, order=order)
    connections = EventQuery(condition=Match("EventId", Operator.EQUALS, "3"), size=50, order=order)

    first = store.search(processes)
    there = first.events[-1].place
    rest = store.search(connections.following(first.next)).events

    assert rest
    expected = [e for e in store.search(connections).events if (e.place > there) is (order is Order.OLDEST)]
    assert list(rest) == expected


def test_the_cursor_of_an_event_that_is_not_stored_works_too(store: EventStore) -> None:
    store.add(batch_of(*(process_create(time=NOON + timedelta(minutes=n)) for n in range(4))), "import")
    elsewhere = process_create(time=NOON + timedelta(minutes=1, seconds=30), record_id=None, utc_time=None)

    rest = store.search(EventQuery(after=encode_cursor(elsewhere.place))).events

    assert [e.time.minute for e in rest] == [1, 0]


@ORDERS
def test_events_added_meanwhile_show_if_they_belong_behind_the_cursor(
    store: EventStore, order: Order
) -> None:
    old = [process_create(time=NOON + timedelta(minutes=10 * n)) for n in range(8)]
    store.add(batch_of(*old), "import")
    query = EventQuery(order=order, size=3)
    first = store.search(query)
    step = timedelta(seconds=1 if order is Order.OLDEST else -1)
    behind, before = (process_create(time=first.events[-1].time + sign * step) for sign in (1, -1))

    store.add(batch_of(behind, before), "meanwhile")
    rest = _walk(store, query.following(first.next))

    assert rest[0] == behind
    assert before not in rest
    assert sorted(str(e.key) for e in (*first.events, *rest[1:])) == sorted(str(e.key) for e in old)


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "!!!",
        "ä",
        "bnVsbA",
        "W10",
        encode_cursor((1, "ws", 1, 2, 3, 4))[:-6],
        encode_cursor((2**62, "ws", 1, 2, 3, 4)),
        encode_cursor((1, "ws", 1, 2, 2**63, 4)),
    ],
)
def test_a_cursor_that_nobody_gave_out_is_a_bad_query(store: EventStore, after: str) -> None:
    store.add(batch_of(process_create()), "import")

    with pytest.raises(BadQuery):
        store.search(EventQuery(after=after))


def test_a_time_range_holds_its_start_and_not_its_end(store: EventStore) -> None:
    microsecond = timedelta(microseconds=1)
    times = [NOON - microsecond, NOON, NOON + microsecond, NOON + 2 * microsecond]
    store.add(batch_of(*(process_create(time=time) for time in times)), "import")

    def found(start: datetime | None, end: datetime | None) -> list[datetime]:
        query = EventQuery(start=start, end=end, order=Order.OLDEST)
        assert store.count(query).value == len(store.search(query).events)
        return [e.time for e in store.search(query).events]

    assert found(NOON, NOON + 2 * microsecond) == times[1:3]
    assert found(NOON, None) == times[1:]
    assert found(None, NOON) == times[:1]
    assert found(NOON, NOON) == []
    assert found(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)) == times


def test_the_range_is_of_record_times(store: EventStore) -> None:
    store.add(batch_of(process_create(time=NOON, utc_time=NOON - timedelta(days=900))), "import")

    assert store.search(EventQuery(start=NOON)).events
    assert not store.search(EventQuery(end=NOON)).events


def test_computers_are_whole_names_in_any_case(store: EventStore) -> None:
    names = ["ws-01", "WS-01", "ws-010", "Größe", "srv.example"]
    store.add(batch_of(*(process_create(computer=name) for name in names)), "import")

    def found(*computers: str) -> list[str]:
        events = store.search(EventQuery(computers=computers)).events
        assert store.count(EventQuery(computers=computers)).value == len(events)
        return sorted(e.computer for e in events)

    assert found("Ws-01") == ["WS-01", "ws-01"]
    assert found("ws-0") == []
    assert found("GRÖßE", "SRV.example", "nobody") == ["Größe", "srv.example"]
    assert found() == sorted(names)


def test_condition_time_and_computers_narrow_together(store: EventStore) -> None:
    wanted = dns_query(computer="ws-02", time=NOON + timedelta(minutes=1))
    others = [
        dns_query(computer="ws-01", time=NOON + timedelta(minutes=1)),
        dns_query(computer="ws-02", time=NOON - timedelta(minutes=1)),
        process_create(computer="ws-02", time=NOON + timedelta(minutes=1)),
    ]
    store.add(batch_of(wanted, *others), "import")

    query = EventQuery(
        condition=Match("QueryName", Operator.CONTAINS, "example"), start=NOON, computers=("WS-02",)
    )

    assert store.search(query).events == (wanted,)


def test_a_query_asked_for_from_several_threads_at_once_answers_each(store: EventStore) -> None:
    for computer in ("ws-01", "ws-02", "ws-03", "ws-04"):
        store.add(batch_of(*(process_create(computer=computer) for _ in range(9))), "import")

    def ask(n: int) -> set[str]:
        events = store.search(EventQuery(computers=(f"ws-0{n % 4 + 1}",))).events
        return {e.computer for e in events if len(events) == 9}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(16))) == [{f"ws-0{n % 4 + 1}"} for n in range(16)]
