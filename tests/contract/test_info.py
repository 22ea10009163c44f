"""``EventStore.info``: what is in the store."""

from __future__ import annotations

from datetime import timedelta

from app.store.port import ComputerInfo, EventStore
from app.sysmon.text import fold
from tests.builders import NOON, batch_of, dns_query, event, process_create
from tests.contract.conftest import Adapter


def test_an_empty_store_says_so(store: EventStore) -> None:
    info = store.info()

    assert (info.events, info.newest_batch) == (0, 0)
    assert (info.first, info.last) == (None, None)
    assert (dict(info.computers), dict(info.event_ids)) == ({}, {})


def test_the_numbers_are_those_of_the_stored_events(store: EventStore) -> None:
    early, late = NOON - timedelta(days=400), NOON + timedelta(microseconds=1)
    one = process_create(time=early, computer="ws-01")
    store.add(batch_of(one, dns_query(computer="ws-01")), "import")
    newest = store.add(
        batch_of(one, event(30, time=late, computer="ws-02"), dns_query(computer="ws-02")), "x"
    )

    info = store.info()

    assert info.events == 4
    assert info.bytes > 0
    assert info.newest_batch == newest.batch
    assert (info.first, info.last) == (early, late)
    assert dict(info.event_ids) == {1: 1, 22: 2, 30: 1}
    assert dict(info.computers) == {
        "ws-01": ComputerInfo(2, early, NOON),
        "ws-02": ComputerInfo(2, NOON, late),
    }


def test_times_are_record_times(store: EventStore) -> None:
    store.add(batch_of(process_create(time=NOON, utc_time=NOON - timedelta(days=9))), "import")

    assert store.info().first == store.info().last == NOON


def test_a_computer_is_one_though_its_name_is_written_in_two_cases(store: EventStore) -> None:
    store.add(batch_of(process_create(computer="WS-01")), "import")
    store.add(batch_of(process_create(computer="ws-01"), process_create(computer="Ws-01")), "import")

    computers = store.info().computers

    assert [(fold(name), computer.events) for name, computer in computers.items()] == [("ws-01", 3)]
    assert set(computers) <= {"WS-01", "ws-01", "Ws-01"}


def test_another_process_sees_the_same(adapter: Adapter) -> None:
    other = adapter.again()
    adapter.store.add(batch_of(process_create(), dns_query()), "import")

    assert other.info().events == 2
    assert other.info() == adapter.store.info()
