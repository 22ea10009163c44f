"""Numbers of batches over a real server: given once, open while they are written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.elastic import numbers as module
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names
from app.store.elastic.numbers import LeaseLost, Numbers
from app.store.elastic.writing import Writer
from tests.builders import batch_of, process_create


@pytest.fixture
def settings(elastic_url: str, elastic_prefix: str) -> Settings:
    host = elastic_url.partition("://")[2]
    return Settings(store=f"elasticsearch://{host}/-", elastic_prefix=elastic_prefix)


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    connection = Connection(settings)
    yield connection
    connection.close()


@pytest.fixture
def names(settings: Settings) -> Names:
    return Names(settings.elastic_prefix)


@pytest.fixture
def numbers(connection: Connection, names: Names) -> Numbers:
    return Numbers(connection, names)


def test_a_store_without_batches(numbers: Numbers) -> None:
    assert (numbers.newest(), numbers.safe_until()) == (0, 0)


def test_numbers_ascend_and_are_times(numbers: Numbers) -> None:
    before = int(time.time() * 1_000_000)
    given = [numbers.begin() for _ in range(3)]

    assert given == sorted(set(given))
    assert before <= given[0] <= given[-1] <= int(time.time() * 1_000_000) + 3


def test_a_number_is_passed_when_it_is_closed_and_is_the_newest_when_it_has_events(
    numbers: Numbers, connection: Connection, names: Names
) -> None:
    reader = Numbers(connection, names)
    first, second, third = (numbers.begin() for _ in range(3))
    assert reader.safe_until() == first - 1

    numbers.end(second, stored=True)
    assert (reader.safe_until(), reader.newest()) == (first - 1, second)
    assert reader.safe_until(first - 7) == first - 7

    numbers.end(first, stored=True)
    assert (reader.safe_until(), reader.newest()) == (third - 1, second)
    assert reader.safe_until(third + 9) == third - 1

    numbers.end(third, stored=False)
    assert (reader.safe_until(), reader.newest()) == (third, second)
    assert reader.safe_until(third + 9) == third + 9


def test_writers_at_once_get_numbers_of_their_own(connection: Connection, names: Names) -> None:
    writers = [Numbers(connection, names) for _ in range(3)]

    def work(writer: Numbers) -> list[int]:
        given = []
        for _ in range(8):
            given.append(writer.begin())
            writer.end(given[-1], stored=True)
        return given

    with ThreadPoolExecutor(3) as pool:
        given = list(pool.map(work, writers))

    every = [number for some in given for number in some]
    assert len(set(every)) == 24
    assert all(some == sorted(some) for some in given)
    assert Numbers(connection, names).newest() == max(every)


def test_a_dead_writer_is_not_waited_for(
    connection: Connection, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SKEW_SECONDS", 0.0)
    dying, living = Numbers(connection, names, lease_seconds=0.05), Numbers(connection, names)
    lost = dying.begin()
    time.sleep(0.1)

    assert living.safe_until() == lost
    number = living.begin()
    living.end(number, stored=True)
    assert living.safe_until() == number
    with pytest.raises(LeaseLost, match="add it again"):
        dying.renew(lost)
    with pytest.raises(LeaseLost):
        dying.end(lost, stored=True)
    dying.end(lost, stored=False)
    assert living.newest() == number


def test_a_number_is_renewed_for_as_long_as_it_takes(
    connection: Connection, names: Names, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RENEWALS", 600)
    number = numbers.begin()

    with numbers.held(number):
        leases = {_lease_of(connection, names, number)}
        until = time.monotonic() + 30
        while len(leases) < 3 and time.monotonic() < until:
            leases.add(_lease_of(connection, names, number))

    assert len(leases) == 3
    numbers.end(number, stored=True)
    assert numbers.newest() == number


def test_a_number_whose_lease_was_lost_is_renewed_no_more(connection: Connection, names: Names) -> None:
    writer = Numbers(connection, names, lease_seconds=0.1)
    number = writer.begin()
    time.sleep(0.2)

    with writer.held(number) as lost:
        assert lost.wait(30)


def _lease_of(connection: Connection, names: Names, number: int) -> int:
    source = connection.client.get(index=names.state, id="batches")["_source"]
    return int(source["open"][str(number)])


def test_a_change_whose_answer_was_lost_is_no_lost_lease(connection: Connection, names: Names) -> None:
    writer, again = Numbers(connection, names), Numbers(connection, names)
    number = writer.begin()
    again.end(number, stored=False)

    writer.end(number, stored=True)

    assert again.newest() == number


def test_the_number_of_what_is_stored_is_known_though_the_document_is_lost(
    connection: Connection, settings: Settings, numbers: Numbers, names: Names
) -> None:
    added = Writer(connection, settings).add(batch_of(process_create()), "import")
    connection.client.indices.delete(index=names.state)

    assert (numbers.newest(), numbers.safe_until()) == (added.batch, added.batch)
    number = numbers.begin()
    assert added.batch is not None
    assert number > added.batch


def test_a_number_that_is_not_to_be_had_is_an_error(
    numbers: Numbers, connection: Connection, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRIES", 3)
    monkeypatch.setattr(numbers, "_written", lambda *_: False)

    with pytest.raises(StoreUnavailable, match="Too many processes"):
        numbers.begin()
