"""Adding batches over a real server, also one that refuses in the midst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from elastic_transport import ConnectionTimeout

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.elastic import bulk as bulk_module
from app.store.elastic import writing
from app.store.elastic.bulk import Bulk
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder, Out
from app.store.elastic.indices import Names
from app.store.elastic.numbers import LeaseLost
from app.store.elastic.writing import Writer
from app.store.port import Added
from app.sysmon.events import Event
from tests.builders import NOON, batch_of, event, process_create


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
def writer(connection: Connection, settings: Settings) -> Writer:
    return Writer(connection, settings)


def _stored(connection: Connection) -> list[Event]:
    """Return what readers see, in order of record numbers."""
    names = Names(connection.address.prefix)
    hits = connection.client.search(index=names.events, size=1000)["hits"]["hits"]
    events = [one for one in Decoder().events(hits) if one]
    assert len(events) == len(hits)
    return sorted(events, key=lambda one: int(str(one.values.get("record_id", 0))))


def test_events_of_many_months_are_stored_and_seen(
    connection: Connection, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_MOST_NAMED", 4)
    events = [process_create(time=NOON + timedelta(days=40 * n)) for n in range(6)]

    added = writer.add(batch_of(*events), "import")

    assert (added.added, added.duplicates) == (6, 0)
    assert _stored(connection) == events
    assert writer.numbers.newest() == writer.numbers.safe_until() == added.batch


def test_an_empty_batch_asks_nothing(settings: Settings) -> None:
    nowhere = Connection(Settings(store="elasticsearch://127.0.0.1:1/-"))

    assert Writer(nowhere, settings).add(batch_of(), "import") == Added(0, 0, None)


def test_the_first_copy_stays(connection: Connection, writer: Writer) -> None:
    one, again = event(1, record_id=7, image="first.exe"), event(1, record_id=7, image="again.exe")

    assert writer.add(batch_of(one, again), "import").duplicates == 1
    assert writer.add(batch_of(again), "again") == Added(0, 1, None)
    assert _stored(connection) == [one]


def test_duplicates_leave_no_trace(connection: Connection, writer: Writer) -> None:
    batch = batch_of(process_create(), process_create())
    first = writer.add(batch, "import")

    assert writer.add(batch, "again") == Added(0, 2, None)

    assert writer.numbers.newest() == first.batch
    assert writer.numbers.safe_until() >= (first.batch or 0)


def test_two_writers_at_once_store_each_event_once(connection: Connection, settings: Settings) -> None:
    events = [process_create(time=NOON + timedelta(days=n)) for n in range(60)]
    batches = [batch_of(*events[n : n + 20]) for n in range(0, 41, 5)]
    writers = [Writer(connection, settings, chunk_bytes=2_000) for _ in range(2)]

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda n: writers[n % 2].add(batches[n], "import"), range(len(batches))))

    assert sum(each.added for each in added) == 60
    assert sum(each.added + each.duplicates for each in added) == 180
    assert _stored(connection) == events


def test_a_blocked_index_is_an_error_and_nothing_of_the_batch_stays(
    connection: Connection, settings: Settings, writer: Writer
) -> None:
    old = process_create(time=NOON - timedelta(days=40))
    first = writer.add(batch_of(old), "import")
    blocked = f"{settings.elastic_prefix}-events-2018.11"
    connection.client.indices.put_settings(index=blocked, settings={"index.blocks.write": True})
    some = [process_create(time=NOON - timedelta(days=40)), process_create(), process_create()]

    with pytest.raises(StoreUnavailable, match="does not let this be done now"):
        writer.add(batch_of(*some), "import")
    assert _stored(connection) == [old]

    connection.client.indices.put_settings(index=blocked, settings={"index.blocks.write": False})
    assert writer.numbers.newest() == first.batch
    assert writer.add(batch_of(*some), "import").added == 3


def test_a_document_that_the_index_does_not_take_is_named(
    connection: Connection, settings: Settings, writer: Writer
) -> None:
    index = f"{settings.elastic_prefix}-events-2018.11"
    mappings = {"properties": {"winlog": {"type": "keyword"}}}
    connection.client.indices.create(index=index, mappings=mappings)
    odd = process_create(time=NOON - timedelta(days=40))

    with pytest.raises(StoreUnavailable) as error:
        writer.add(batch_of(process_create(), odd), "import")

    assert f"about the event {odd.key}, for {index}." in str(error.value)
    assert _stored(connection) == []


class _Losing:
    """Bulk requests of which the first is done, and its answer is lost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ask = Bulk._ask
        self.lost = 0
        monkeypatch.setattr(Bulk, "_ask", lambda bulk, chunk: self.ask(bulk, chunk))
        monkeypatch.setattr(bulk_module, "_FIRST_WAIT", 0.01)

    def ask(self, bulk: Bulk, chunk: Sequence[Out]) -> Any:
        answer = self._ask(bulk, chunk)
        if not self.lost:
            self.lost += 1
            raise ConnectionTimeout("the answer is lost")
        return answer


def test_what_was_stored_though_the_answer_was_lost_counts_as_added(
    connection: Connection, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [process_create() for _ in range(4)]
    writer.add(batch_of(events[0]), "import")
    losing = _Losing(monkeypatch)

    added = writer.add(batch_of(*events), "import")

    assert losing.lost == 1
    assert (added.added, added.duplicates) == (3, 1)
    assert added.batch == writer.numbers.newest()
    assert _stored(connection) == events


def test_a_number_stays_open_while_a_request_may_still_take_effect(
    connection: Connection, settings: Settings, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object) -> Any:
        raise ConnectionTimeout("nobody answers")

    first = writer.add(batch_of(process_create()), "import")
    monkeypatch.setattr(Bulk, "_ask", ask)
    with pytest.raises(StoreUnavailable):
        Writer(connection, settings, patience=0).add(batch_of(process_create()), "import")
    monkeypatch.undo()

    later = writer.add(batch_of(process_create()), "import")

    assert first.batch is not None
    assert later.batch is not None
    assert first.batch < writer.numbers.safe_until() < later.batch
    assert len(_stored(connection)) == 2


def test_a_batch_whose_number_was_lost_is_taken_back(
    connection: Connection, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise LeaseLost

    monkeypatch.setattr(writer.numbers, "_check", lost)
    with pytest.raises(LeaseLost):
        writer.add(batch_of(process_create()), "import")

    assert _stored(connection) == []
