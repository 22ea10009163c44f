"""``EventStore.batches``: columns in order of storing."""

from __future__ import annotations

from collections.abc import Sequence

from app.store.port import EventStore, StoredColumns
from app.sysmon.batch import SCHEMA, events_of
from tests.builders import NOON, as_stored, batch_of, dns_query, event, network_connect, process_create


def _fill(store: EventStore, sizes: Sequence[int]) -> dict[int, set[int]]:
    """Store batches; return the record numbers of each, by batch number."""
    stored: dict[int, set[int]] = {}
    for number, size in enumerate(sizes):
        events = [process_create(time=NOON.replace(year=2019 - number % 3)) for _ in range(size)]
        added = store.add(batch_of(*events), "import")
        assert added.batch is not None
        stored[added.batch] = {int(str(one.values["record_id"])) for one in events}
    return stored


def _rows(chunks: Sequence[StoredColumns]) -> dict[int, set[int]]:
    """Return the record numbers by batch; check that no row comes twice and chunks ascend."""
    found: dict[int, set[int]] = {}
    through = 0
    for chunk in chunks:
        records = chunk.table["record_id"].to_pylist()
        numbers = chunk.table["batch"].to_pylist()
        assert len(records) == len(set(records))
        assert all(through < number <= chunk.through for number in numbers)
        assert not found.keys() & set(numbers), "a batch in two chunks"
        for record, number in zip(records, numbers, strict=True):
            found.setdefault(number, set()).add(record)
        assert numbers == sorted(numbers)
        through = chunk.through
    return found


def test_an_empty_store_has_no_batches(store: EventStore) -> None:
    assert list(store.batches(0, ["time"])) == []


def test_every_row_comes_once_with_the_number_of_its_batch(store: EventStore) -> None:
    stored = _fill(store, [3, 1, 4, 1, 5])

    chunks = list(store.batches(0, ["record_id"]))

    assert _rows(chunks) == stored
    assert chunks[-1].through == max(stored)


def test_only_batches_after_the_mark_come(store: EventStore) -> None:
    stored = _fill(store, [3, 1, 4, 1, 5])

    for mark in (0, *stored):
        later = {number: rows for number, rows in stored.items() if number > mark}
        assert _rows(list(store.batches(mark, ["record_id"]))) == later


def test_only_batches_until_the_given_one_come_and_that_one_whole(store: EventStore) -> None:
    stored = _fill(store, [3, 1, 4, 1, 5])
    numbers = sorted(stored)

    chunks = list(store.batches(numbers[0], ["record_id"], until=numbers[3]))

    assert _rows(chunks) == {number: stored[number] for number in numbers[1:4]}
    assert chunks[-1].through == numbers[3]
    assert list(store.batches(numbers[3], ["record_id"], until=numbers[3])) == []


def test_following_the_mark_reads_every_row_once(store: EventStore) -> None:
    first = _fill(store, [2, 3])
    mark = list(store.batches(0, ["record_id"]))[-1].through
    second = _fill(store, [4, 1])

    assert _rows(list(store.batches(mark, ["record_id"]))) == second
    assert not first.keys() & second.keys()


def test_it_ends_at_the_newest_batch_that_was_stored_when_it_began(store: EventStore) -> None:
    stored = _fill(store, [2, 3])
    chunks = store.batches(0, ["record_id"])

    read = [next(chunks)]
    _fill(store, [4])
    read += chunks

    assert _rows(read) == stored


def test_duplicates_come_once(store: EventStore) -> None:
    one, two = process_create(), process_create()
    first = store.add(batch_of(one, two), "import").batch
    second = store.add(batch_of(two, network_connect(record_id=77)), "import").batch

    found = _rows(list(store.batches(0, ["record_id"])))

    assert found[second or 0] == {77}
    assert len(found[first or 0]) == 2


def test_the_columns_asked_for_come_in_that_order_and_then_batch(store: EventStore) -> None:
    store.add(batch_of(dns_query()), "import")

    for columns in (["query_name", "time"], ["time", "query_name", "pipe_name"], []):
        table = next(iter(store.batches(0, columns))).table
        assert table.column_names == [*columns, "batch"]
        assert table.num_rows == 1


def test_all_columns_give_the_events_back(store: EventStore) -> None:
    events = [
        process_create(other={"New": "field"}),
        as_stored(process_create(record_id=None, utc_time=None)),
        event(30),
        dns_query(computer="WS-02"),
    ]
    store.add(batch_of(*events[:2]), "import")
    store.add(batch_of(*events[2:]), "import")

    read = [one for chunk in store.batches(0, SCHEMA.names) for one in events_of(chunk.table)]

    assert sorted(read, key=lambda one: one.place) == sorted(events, key=lambda one: one.place)
