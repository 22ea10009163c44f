"""``EventStore.add``: once each, whole batches, ascending numbers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.errors import StoreUnavailable
from app.store.port import Added, EventStore
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.builders import NOON, batch_of, event, network_connect, process_create
from tests.contract.conftest import Adapter


def _all(store: EventStore) -> tuple[Event, ...]:
    return store.search(EventQuery(size=10_000)).events


def test_added_and_duplicates_are_counted(store: EventStore) -> None:
    one, two, three = process_create(), process_create(), network_connect()

    assert store.add(batch_of(one, two), "first").added == 2
    added = store.add(batch_of(two, three, one), "second")

    assert (added.added, added.duplicates) == (1, 2)
    assert {e.key for e in _all(store)} == {one.key, two.key, three.key}


def test_what_is_added_is_seen_when_add_returns(adapter: Adapter) -> None:
    reader = adapter.again()
    assert _all(reader) == ()

    adapter.store.add(batch_of(process_create()), "import")

    assert len(_all(reader)) == 1
    assert reader.count(EventQuery()).value == 1


def test_an_event_twice_in_one_batch_is_stored_once_and_the_first_copy_stays(store: EventStore) -> None:
    first = event(1, record_id=7, image="first.exe")
    again = event(1, record_id=7, image="again.exe")

    added = store.add(batch_of(first, again), "import")

    assert (added.added, added.duplicates) == (1, 1)
    assert [e.image for e in _all(store)] == ["first.exe"]


def test_an_event_twice_in_two_batches_is_stored_once_and_the_first_copy_stays(store: EventStore) -> None:
    store.add(batch_of(event(1, record_id=7, image="first.exe")), "import")

    added = store.add(batch_of(event(1, record_id=7, image="again.exe")), "import")

    assert added == Added(0, 1, None)
    assert [e.image for e in _all(store)] == ["first.exe"]


def test_an_event_from_another_layout_is_the_same_though_its_times_are_finer(store: EventStore) -> None:
    seen = event(1, record_id=7, time=NOON + timedelta(milliseconds=5), utc_time=NOON)
    finer = event(
        1,
        record_id=7,
        time=NOON + timedelta(microseconds=5678),
        utc_time=NOON + timedelta(microseconds=999),
        channel="Microsoft-Windows-Sysmon/Operational",
    )
    store.add(batch_of(seen), "winlogbeat")

    assert store.add(batch_of(finer), "evtx").duplicates == 1


def test_a_record_time_in_another_month_does_not_make_an_event_another(store: EventStore) -> None:
    store.add(batch_of(event(1, record_id=7)), "import")

    moved = event(1, record_id=7, time=NOON + timedelta(days=400), utc_time=NOON)

    assert store.add(batch_of(moved), "import").duplicates == 1


def test_a_computers_name_in_other_case_is_the_same_computer(store: EventStore) -> None:
    store.add(batch_of(event(1, record_id=7, computer="ws-ÄΣ")), "import")

    assert store.add(batch_of(event(1, record_id=7, computer="WS-äσ")), "import").duplicates == 1


@pytest.mark.parametrize(
    "other",
    [
        event(1, record_id=8, image="a.exe"),
        event(5, record_id=7, image="a.exe"),
        event(1, record_id=7, image="a.exe", computer="ws-02"),
        event(1, record_id=7, image="a.exe", utc_time=NOON + timedelta(milliseconds=1)),
        event(1, record_id=7, image="a.exe", utc_time=None),
        event(1, record_id=None, image="a.exe"),
    ],
    ids=["record number", "event ID", "computer", "UtcTime", "no UtcTime", "no record number"],
)
def test_an_event_that_differs_in_its_key_is_another(store: EventStore, other: Event) -> None:
    added = store.add(batch_of(event(1, record_id=7, image="a.exe"), other), "import")

    assert added.added == 2
    assert store.add(batch_of(other), "import").duplicates == 1


def test_without_a_record_number_the_content_tells_events_apart(store: EventStore) -> None:
    one, two = event(1, record_id=None, image="a.exe"), event(1, record_id=None, image="b.exe")
    store.add(batch_of(one, two), "import")

    later = event(1, record_id=None, image="a.exe", time=NOON + timedelta(hours=9), utc_time=NOON)
    changed = event(1, record_id=None, image="a.exe", other={"More": "x"})

    assert store.add(batch_of(later, one, two), "import").duplicates == 3
    assert store.add(batch_of(changed), "import").added == 1


def test_batch_numbers_ascend(store: EventStore) -> None:
    numbers = [store.add(batch_of(process_create()), "import").batch for _ in range(3)]

    assert None not in numbers
    assert numbers == sorted(set(numbers), key=lambda number: number or 0)
    assert store.info().newest_batch == numbers[-1]


def test_a_batch_of_duplicates_stores_nothing_and_has_no_number(store: EventStore) -> None:
    batch = batch_of(process_create(), process_create())
    first = store.add(batch, "import")

    assert store.add(batch, "import") == Added(0, 2, None)
    assert store.info().newest_batch == first.batch
    assert [chunk.through for chunk in store.batches(0, ["event_id"])] == [first.batch]


def test_an_empty_batch_stores_nothing(store: EventStore) -> None:
    assert store.add(batch_of(), "import") == Added(0, 0, None)
    assert store.info().events == 0


def test_on_an_error_nothing_of_the_batch_is_stored(adapter: Adapter) -> None:
    store = adapter.store
    store.add(batch_of(process_create()), "before")
    months = [process_create(time=NOON + timedelta(days=40 * n)) for n in range(4)]

    adapter.set_available(False)
    with pytest.raises(StoreUnavailable):
        store.add(batch_of(*months), "import")
    adapter.set_available(True)

    assert len(_all(store)) == 1
    assert store.add(batch_of(*months), "again").added == 4


def test_one_batch_may_span_years(store: EventStore) -> None:
    events = [process_create(time=NOON.replace(year=year)) for year in (1601, 1969, 2019, 2020, 9999)]

    added = store.add(batch_of(*events), "import")

    assert added.added == 5
    assert {row for chunk in store.batches(0, []) for row in chunk.table["batch"].to_pylist()} == {
        added.batch
    }
    assert [e.time.year for e in _all(store)] == [9999, 2020, 2019, 1969, 1601]


def test_two_writers_at_once_store_each_event_once(adapter: Adapter) -> None:
    events = [process_create() for _ in range(60)]
    batches = [batch_of(*events[n : n + 20]) for n in range(0, 41, 5)]
    stores = [adapter.store, adapter.again()]

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda n: stores[n % 2].add(batches[n], "import"), range(len(batches))))

    assert sum(result.added for result in added) == 60
    assert sum(result.added + result.duplicates for result in added) == 9 * 20
    assert sorted(str(e.key) for e in _all(stores[1])) == sorted(str(e.key) for e in events)
    numbers = [result.batch for result in added if result.batch is not None]
    assert len(set(numbers)) == len(numbers)


def test_readers_see_whole_batches_only_while_another_thread_adds(store: EventStore) -> None:
    batches = [batch_of(*(process_create() for _ in range(7))) for _ in range(8)]

    with ThreadPoolExecutor(2) as pool:
        adding = pool.submit(lambda: [store.add(batch, "import") for batch in batches])
        counts = [len(_all(store))]
        while not adding.done():
            counts.append(len(_all(store)))
        adding.result()

    assert counts == sorted(counts)
    assert all(count % 7 == 0 for count in counts)
    assert len(_all(store)) == 56
