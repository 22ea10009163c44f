"""An engine may arrange anew what it holds; nobody notices."""

from __future__ import annotations

from datetime import timedelta

from app.store.port import Added
from app.sysmon.batch import SCHEMA, events_of
from app.sysmon.events import Event
from app.sysmon.query import EventQuery, Order
from tests.builders import NOON, batch_of, dns_query, process_access, process_create
from tests.contract.conftest import Adapter


def _fill(adapter: Adapter, batches: int = 6) -> list[tuple[int, list[Event]]]:
    """Store batches over several months and computers; return them with their numbers."""
    filled = []
    for number in range(batches):
        events = [
            kind(time=NOON + timedelta(days=17 * (number % 4), minutes=n), computer=f"ws-{n % 2}")
            for n in range(4)
            for kind in (process_create, dns_query, process_access)
        ]
        added = adapter.store.add(batch_of(*events), "import").batch
        assert added is not None
        filled.append((added, events))
    return filled


def test_rows_come_once_and_with_the_number_of_their_batch(adapter: Adapter) -> None:
    filled = _fill(adapter)
    adapter.rearrange()
    filled += _fill(adapter, 2)

    for mark in (0, filled[0][0], filled[3][0], filled[6][0]):
        read: dict[int, list[Event]] = {}
        for chunk in adapter.store.batches(mark, SCHEMA.names):
            for number, event in zip(chunk.table["batch"].to_pylist(), events_of(chunk.table), strict=True):
                read.setdefault(number, []).append(event)

        assert list(read) == [number for number, _ in filled if number > mark]
        for number, events in filled:
            if number > mark:
                assert sorted(map(str, (e.key for e in read[number]))) == sorted(str(e.key) for e in events)


def test_a_scan_that_has_begun_goes_on(adapter: Adapter) -> None:
    filled = _fill(adapter)
    chunks = adapter.store.batches(0, ["record_id"])

    read = next(chunks).table["record_id"].to_pylist()
    adapter.rearrange()
    read += [record for chunk in chunks for record in chunk.table["record_id"].to_pylist()]

    assert sorted(read) == sorted(e.values["record_id"] for _, events in filled for e in events)


def test_pages_go_on_where_they_were(adapter: Adapter) -> None:
    stored = [event for _, events in _fill(adapter) for event in events]

    for order in Order:
        query = EventQuery(size=5, order=order)
        first = adapter.store.search(query)
        adapter.rearrange()
        rest = adapter.store.search(EventQuery(size=1000, order=order, after=first.next))

        expected = sorted(stored, key=lambda event: event.place, reverse=order is Order.NEWEST)
        assert [*first.events, *rest.events] == expected
        stored += [event for _, events in _fill(adapter, 2) for event in events]


def test_duplicates_are_known_and_numbers_ascend(adapter: Adapter) -> None:
    filled = _fill(adapter)
    adapter.rearrange()

    for _, events in filled:
        assert adapter.store.add(batch_of(*events), "again") == Added(0, len(events), None)
    newest = adapter.store.add(batch_of(process_create()), "new").batch
    assert newest is not None
    assert newest > filled[-1][0]


def test_answers_are_the_same(adapter: Adapter) -> None:
    _fill(adapter)
    other = adapter.again()
    query = EventQuery(computers=("ws-1",))
    before = [
        (store.count(query), store.histogram(query, timedelta(days=1)), store.terms(query, "Process", 9))
        for store in (adapter.store, other)
    ]
    info = adapter.store.info()

    adapter.rearrange()

    after = [
        (store.count(query), store.histogram(query, timedelta(days=1)), store.terms(query, "Process", 9))
        for store in (adapter.store, other)
    ]
    assert after == before
    assert (adapter.store.info().computers, adapter.store.info().event_ids) == (
        info.computers,
        info.event_ids,
    )
    assert adapter.store.info().newest_batch == info.newest_batch


def test_upkeep_that_is_due_changes_nothing_that_a_query_shows(adapter: Adapter) -> None:
    _fill(adapter, 20)
    before = adapter.store.search(EventQuery(size=1000))

    adapter.store.tidy()

    assert adapter.store.search(EventQuery(size=1000)) == before
    assert adapter.again().search(EventQuery(size=1000)) == before
