"""Reading in order of storing over a real server: ours, those of others, and both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.settings import Settings
from app.store.elastic.batches import read_batches
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names
from app.store.elastic.mappings import FieldsCache
from app.store.elastic.numbers import Numbers
from app.store.elastic.writing import Writer
from app.store.port import Budget, StoredColumns
from app.sysmon.batch import SCHEMA, events_of
from app.sysmon.events import microseconds
from tests.builders import NOON, as_stored, batch_of, create_remote_thread, event, process_create

CHANNEL = "Microsoft-Windows-Sysmon/Operational"


@pytest.fixture
def settings(elastic_url: str, elastic_prefix: str) -> Settings:
    host = elastic_url.partition("://")[2]
    return Settings(store=f"elasticsearch://{host}/{elastic_prefix}-beats-*", elastic_prefix=elastic_prefix)


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    connection = Connection(settings)
    yield connection
    connection.close()


@pytest.fixture
def writer(connection: Connection, settings: Settings) -> Writer:
    return Writer(connection, settings)


def _chunks(
    connection: Connection,
    settings: Settings,
    after: int = 0,
    columns: Sequence[str] = ("record_id",),
    until: int | None = None,
    chunk_rows: int = 50_000,
) -> list[StoredColumns]:
    fields = FieldsCache(connection, settings).get(Budget(30))
    return list(read_batches(connection, fields, after, columns, until, chunk_rows))


def _records(chunks: Sequence[StoredColumns]) -> list[list[int]]:
    return [chunk.table["record_id"].to_pylist() for chunk in chunks]


def test_chunks_are_cut_between_batches(connection: Connection, settings: Settings, writer: Writer) -> None:
    numbers = []
    for size in (2, 2, 5, 1, 1):
        added = writer.add(batch_of(*(process_create() for _ in range(size))), "import")
        numbers.append(added.batch)

    chunks = _chunks(connection, settings, chunk_rows=4)

    assert [len(chunk.table) for chunk in chunks] == [4, 5, 2]
    assert [chunk.through for chunk in chunks] == [numbers[1], numbers[2], numbers[4]]
    assert [chunk.table["batch"].to_pylist() for chunk in chunks] == [
        [numbers[0]] * 2 + [numbers[1]] * 2,
        [numbers[2]] * 5,
        [numbers[3], numbers[4]],
    ]


def test_all_columns_give_the_events_back(connection: Connection, settings: Settings, writer: Writer) -> None:
    events = [
        process_create(other={"New": "field", "UtcTime": "x"}, command_line="a\0b", image=""),
        as_stored(process_create(record_id=None, utc_time=None, command_line="x" * 100_000)),
        create_remote_thread(level="Information", channel=CHANNEL, event_version=2, md5="0A"),
        event(30, time=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        event(3, time=datetime(1601, 1, 1, tzinfo=UTC), destination_port=443),
    ]
    writer.add(batch_of(*events), "import")

    (chunk,) = _chunks(connection, settings, columns=SCHEMA.names)

    assert chunk.table.schema.field("image") == SCHEMA.field("image")
    key = lambda one: one.place  # noqa: E731 - two sorts by one key
    assert sorted(events_of(chunk.table), key=key) == sorted(events, key=key)


def test_a_scan_stops_before_a_batch_that_is_being_written(
    connection: Connection, settings: Settings, writer: Writer
) -> None:
    first = writer.add(batch_of(process_create(record_id=1)), "import")
    numbers = Numbers(connection, Names(settings.elastic_prefix))
    open_number = numbers.begin()
    writer.add(batch_of(process_create(record_id=2)), "import")

    assert [chunk.through for chunk in _chunks(connection, settings)] == [first.batch]

    numbers.end(open_number, stored=False)
    assert _records(_chunks(connection, settings)) == [[1, 2]]


def test_a_column_that_no_event_has_is_a_mistake_of_the_caller(
    connection: Connection, settings: Settings
) -> None:
    with pytest.raises(ValueError, match="no columns of an event: Image"):
        _chunks(connection, settings, columns=["Image"])


def _beats(connection: Connection, settings: Settings, name: str, *documents: dict[str, Any]) -> None:
    lines: list[dict[str, Any]] = []
    for document in documents:
        lines += ({"create": {"_index": f"{settings.elastic_prefix}-beats-{name}"}}, document)
    answer = connection.client.bulk(operations=lines, refresh=True)
    assert not answer["errors"]


def _document(record: int, time: datetime, ingested: datetime | None = None, **winlog: Any) -> dict[str, Any]:
    return {
        "@timestamp": time.isoformat(),
        "log": {"level": "information"},
        "event": {"code": 5} | ({} if ingested is None else {"ingested": ingested.isoformat()}),
        "winlog": {
            "channel": CHANNEL,
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": "ws-01",
            "event_id": 5,
            "record_id": record,
            "version": 3,
            "event_data": {"UtcTime": "2019-01-08 12:00:00.000", "Image": "a.exe"},
            **winlog,
        },
    }


def test_documents_of_others_are_numbered_by_the_time_of_storing(
    connection: Connection, settings: Settings
) -> None:
    stored = [NOON + timedelta(minutes=minutes) for minutes in (9, 3, 3, 5)]
    _beats(
        connection,
        settings,
        "7",
        *(_document(n, NOON - timedelta(days=n), time) for n, time in enumerate(stored)),
        _document(4, NOON + timedelta(minutes=4, microseconds=1999)),
        _document(5, NOON + timedelta(minutes=4), channel="Security", provider_name="Other"),
    )

    chunks = _chunks(connection, settings)
    small = _chunks(connection, settings, chunk_rows=1)

    assert [sorted(records) for records in _records(chunks)] == [[0, 1, 2, 3, 4]]
    assert _records(chunks)[0][2:] == [4, 3, 0]
    assert chunks[0].through == microseconds(stored[0])
    assert chunks[0].table["batch"].to_pylist()[2] == microseconds(NOON + timedelta(minutes=4)) + 1000
    assert [len(chunk.table) for chunk in small] == [2, 1, 1, 1]
    behind = _chunks(connection, settings, after=small[0].through)
    assert _records(behind) == [[4, 3, 0]]
    assert _records(_chunks(connection, settings, until=small[2].through))[0][2:] == [4, 3]


def test_ours_and_those_of_others_come_in_one_order_behind_a_margin(
    connection: Connection, settings: Settings, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = writer.add(batch_of(process_create(record_id=100)), "import").batch
    now = datetime.now(UTC)
    _beats(
        connection,
        settings,
        "8",
        _document(1, NOON, now - timedelta(hours=1)),
        _document(2, NOON, now),
        _document(3, datetime(1960, 1, 1, tzinfo=UTC)),
    )

    assert sorted(_records(_chunks(connection, settings))[0]) == [1, 3]

    monkeypatch.setattr("app.store.elastic.batches.MARGIN", -1_000_000)
    chunks = _chunks(connection, settings)
    assert _records(chunks) == [[3, 1, 100, 2]]
    numbers = chunks[0].table["batch"].to_pylist()
    assert numbers[0] == 1
    assert numbers[2] == ours
    assert numbers == sorted(numbers)


def test_a_busy_minute_is_cut_by_seconds(
    connection: Connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.elastic.streams._MOST_IN_STEP", 3)
    _beats(
        connection,
        settings,
        "7",
        *(_document(n, NOON, NOON + timedelta(seconds=n // 2)) for n in range(6)),
        _document(6, NOON, NOON + timedelta(minutes=1)),
    )

    chunks = _chunks(connection, settings, chunk_rows=2)

    assert [sorted(records) for records in _records(chunks)] == [[0, 1], [2, 3], [4, 5], [6]]
