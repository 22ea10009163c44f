"""Counting in Elasticsearch: documents of others, numbers of requests, what is beyond the bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import AuthorizationException, Elasticsearch

from app.errors import QueryTooSlow
from app.layouts.reader import Reader
from app.settings import Settings
from app.store.elastic import infos, valuing
from app.store.elastic.base import Asker
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Decoder
from app.store.elastic.doubtful import Doubtful
from app.store.elastic.grouping import Grouper
from app.store.elastic.index_fields import IndexFields
from app.store.elastic.infos import Informer
from app.store.elastic.mappings import FieldsReader
from app.store.elastic.places import Fields
from app.store.elastic.rarity import RarityAsker
from app.store.elastic.store import ElasticStore
from app.store.elastic.valuing import Valuing
from app.store.port import Budget, EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.query import EventQuery
from tests.builders import NOON, batch_of, dns_query, process_access, process_create
from tests.memory_store import MemoryStore
from tests.services.elastic import own_prefix

HOUR = timedelta(hours=1)
MD5 = "0123456789ABCDEF0123456789ABCDEF"
GUID = "{5C3485A0-0001-0000-0010-000000000001}"
ZERO = "{00000000-0000-0000-0000-000000000000}"

#: A date, and texts that are indexed up to 120 characters.
MAPPINGS = {
    "dynamic_templates": [
        {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 120}}}
    ],
    "properties": {"@timestamp": {"type": "date"}},
}

EVERYTHING = EventQuery()
DOUBTFUL = EventQuery(condition=Match("Image", Operator.FIELD_EQUALS_FIELD, "CommandLine"))
"""Which events match is known by reading them only."""

NAMES = [
    *["Image", "SourceImage", "Process", "ProcessGuid", "SubjectProcessGuid", "ProcessId", "EventId"],
    *["Level", "CommandLine", "MD5", "SHA256", "Kind", "Category", "UtcTime", "Time", "Computer", "User"],
]


def document(number: int, event_id: int, **data: str) -> dict[str, Any]:
    """Return what Winlogbeat 7 writes."""
    second = f"{number:02}"
    return {
        "@timestamp": f"2019-01-08T12:00:{second}.031Z",
        "log": {"level": "information" if number % 2 else "warning"},
        "winlog": {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": ["WS-07", "ws-07", "ws-08"][number % 3],
            "event_id": event_id,
            "record_id": str(1000 + number),
            "version": 5,
            "event_data": {"UtcTime": f"2019-01-08 12:00:{second}.030", **data},
        },
    }


DOCUMENTS = [
    document(1, 1, ProcessGuid=GUID, ProcessId="12", Image="a.exe", CommandLine="a.exe", User="-"),
    document(2, 1, ProcessGuid=GUID.lower(), ProcessId="0x0c", Image="b.exe", CommandLine="b " * 80),
    document(3, 1, ProcessGuid=ZERO, Image="B.exe", Hashes=f"MD5={MD5},SHA256={'AB' * 32}", User="bob"),
    document(4, 10, SourceProcessGUID=GUID, SourceImage="a.exe", TargetImage="b.exe"),
    document(5, 22, ProcessGuid=GUID, Image="a.exe", QueryName="x.example"),
    document(6, 7, ProcessGuid=GUID, Image="a.exe", ImageLoaded="l.dll", Hashes=f"MD5={MD5}"),
]


OWN = [
    process_create(image="a.exe", time=NOON + timedelta(microseconds=7), record_id=1),
    process_access(image="c.exe", time=NOON + HOUR, record_id=2),
    dns_query(image="a.exe", computer="ws-08", time=NOON + 2 * HOUR, record_id=3),
    process_create(image="long", command_line="x" * 9000, record_id=4),
]


@pytest.fixture(scope="module")
def store(elastic_url: str) -> Iterator[ElasticStore]:
    """A store that reads documents of Winlogbeat, and has events of its own."""
    with own_prefix(elastic_url) as prefix:
        index = f"{prefix}-winlogbeat"
        with Elasticsearch(elastic_url) as client:
            client.indices.create(index=index, mappings=MAPPINGS, settings={"number_of_replicas": 0})
            lines: list[dict[str, Any]] = []
            for each in DOCUMENTS:
                lines += ({"index": {}}, each)
            client.bulk(index=index, operations=lines, refresh=True)
        address = elastic_url.replace("http", "elasticsearch", 1)
        store = ElasticStore(Settings(store=f"{address}/{index}", elastic_prefix=prefix, elastic_replicas=0))
        store.add(batch_of(*OWN), "import")
        yield store
        store.close()


@pytest.fixture(scope="module")
def judge() -> EventStore:
    """The same events in memory."""
    reader, memory = Reader(), MemoryStore()
    reader.lines([orjson.dumps(each) for each in DOCUMENTS], 1)
    memory.add(reader.take(), "winlogbeat")
    memory.add(batch_of(*OWN), "import")
    return memory


@pytest.fixture
def fields(store: ElasticStore) -> IndexFields:
    return FieldsReader(store._connection, store._connection.address).read(Budget(30))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that are sent, by their paths."""
    sent: list[str] = []
    ask: Callable[..., Any] = Connection._ask

    def counting(self: Connection, path: str, *rest: Any) -> Any:
        sent.append(path)
        return ask(self, path, *rest)

    monkeypatch.setattr(Connection, "_ask", counting)
    return sent


QUERIES = [
    EVERYTHING,
    DOUBTFUL,
    EventQuery(condition=Match("Image", Operator.EQUALS, "A.EXE"), end=NOON + HOUR),
    EventQuery(computers=("ws-07",)),
]


@pytest.mark.parametrize("query", QUERIES)
def test_documents_of_others_are_counted_as_the_events_that_they_hold(
    store: ElasticStore, judge: EventStore, query: EventQuery
) -> None:
    assert store.count(query) == judge.count(query)
    assert store.histogram(query, timedelta(seconds=2)) == judge.histogram(query, timedelta(seconds=2))
    for name, found, expected in zip(
        NAMES, store.facets(query, NAMES, 50), judge.facets(query, NAMES, 50), strict=True
    ):
        assert found == expected, name
    for name in NAMES:
        assert store.terms(query, name, 2, rarest=True) == judge.terms(query, name, 2, rarest=True), name


@pytest.mark.parametrize("query", QUERIES)
def test_documents_of_others_are_grouped_as_the_events_that_they_hold(
    store: ElasticStore, judge: EventStore, query: EventQuery
) -> None:
    for names in (["Process", "EventId"], ["ProcessGuid", "Level"], ["CommandLine"], ["Kind", "MD5"], NAMES):
        for step in (None, timedelta(microseconds=20), HOUR):
            assert store.groups(query, names, step=step) == judge.groups(query, names, step=step), names
    assert store.groups(query, ["Process"], limit=1) == judge.groups(query, ["Process"], limit=1)


def test_values_in_documents_of_others_are_as_rare_as_they_are(
    store: ElasticStore, judge: EventStore
) -> None:
    values = [("Image", "A.exe"), ("MD5", MD5.lower()), ("SHA1", MD5), ("CommandLine", "b " * 80)]
    values += [("CommandLine", "X" * 9000), ("TargetImage", "b.exe"), ("SHA256", "ab" * 32)]

    assert store.rarity(values) == judge.rarity(values)


def test_too_many_doubtful_values_are_estimates(store: ElasticStore, fields: Fields) -> None:
    asker = RarityAsker(store._connection, Decoder(), most=0)

    (found,) = asker.rarity([("CommandLine", "b " * 80)], fields, Budget(30))

    assert found is not None
    assert found.is_estimate


def test_info_counts_documents(store: ElasticStore, judge: EventStore) -> None:
    found, expected = store.info(), judge.info()

    assert found.counts_documents
    assert (found.events, found.first, found.last) == (expected.events, expected.first, expected.last)
    assert {name.lower(): one for name, one in found.computers.items()} == {
        name.lower(): one for name, one in expected.computers.items()
    }
    assert found.event_ids == expected.event_ids
    assert found.details["indices"] == 2
    assert found.newest_batch > 1_700_000_000_000_000  # Microseconds: our own batch is the newest.


def test_what_is_stored_is_not_counted_again_while_nothing_changes(
    store: ElasticStore, fields: IndexFields, asked: list[str]
) -> None:
    informer = Informer(store._connection, store._settings)
    first = informer.info(fields, Budget(30))
    asked.clear()

    assert informer.info(fields, Budget(30)) == first
    assert asked == []


def test_what_took_long_is_kept_though_more_is_stored(
    store: ElasticStore, fields: IndexFields, monkeypatch: pytest.MonkeyPatch
) -> None:
    informer = Informer(store._connection, store._settings)
    first = informer.info(fields, Budget(30))
    monkeypatch.setattr(infos, "_LONG_SECONDS", 0.0)
    monkeypatch.setattr(infos, "_KEPT_FOR", 1_000_000)
    monkeypatch.setattr(Informer, "_statistics", lambda *_: infos._Statistics("new", 1, 2, 3))
    second = informer.info(fields, Budget(30))
    monkeypatch.setattr(Informer, "_statistics", lambda *_: infos._Statistics("newer", 4, 5, 6))

    assert informer.info(fields, Budget(30)) is second
    assert (first.details["indices"], second.details["indices"]) == (2, 1)
    informer.forget()
    assert informer.info(fields, Budget(30)).details["indices"] == 4


def test_who_may_only_read_is_told_what_can_be_read(
    store: ElasticStore, fields: IndexFields, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        node = NodeConfig("http", "localhost", 9200)
        raise AuthorizationException("no", ApiResponseMeta(403, "1.1", HttpHeaders(), 0.0, node), {})

    informer = Informer(store._connection, store._settings)
    known = informer.info(fields, Budget(30))
    monkeypatch.setattr(Elasticsearch, "perform_request", refuse)

    told = informer._statistics(fields, Budget(30))

    assert (told.state, told.bytes) == (None, 0)
    assert known.bytes > 0


@pytest.mark.parametrize(("query", "most"), [(EVERYTHING, 1), (DOUBTFUL, 2)])
def test_a_question_takes_one_request_or_two(
    store: ElasticStore, fields: IndexFields, asked: list[str], query: EventQuery, most: int
) -> None:
    counter, grouper, budget = store._counter, store._grouper, Budget(30)
    questions: list[Callable[[], object]] = [
        lambda: counter.count(query, fields, budget),
        lambda: counter.histogram(query, HOUR, fields, budget),
        lambda: counter.facets(query, NAMES, 10, fields, budget),
        lambda: counter.terms(query, "CommandLine", 10, fields, budget, rarest=True),
        lambda: grouper.groups(query, NAMES, HOUR, 100, fields, budget),
    ]
    for question in questions:
        asked.clear()
        question()
        assert len(asked) <= most


def test_hundreds_of_values_take_one_request(
    store: ElasticStore, fields: IndexFields, asked: list[str]
) -> None:
    values = [("Image", f"{number}.exe") for number in range(300)]

    RarityAsker(store._connection, Decoder()).rarity(values, fields, Budget(30))

    assert len(asked) == 1


def test_where_too_many_may_match_all_of_them_are_counted(store: ElasticStore, fields: Fields) -> None:
    doubtful = Doubtful(store._connection, Decoder(), most=1)
    counter = type(store._counter)(store._connection, Decoder(), doubtful)

    assert not counter.is_exact(DOUBTFUL, fields, Budget(30))
    count = counter.count(DOUBTFUL, fields, Budget(30))
    assert (count.exact, count.at_most) == (False, True)
    assert count.value > store.count(DOUBTFUL).value


def test_what_took_long_to_read_is_read_once(store: ElasticStore, fields: Fields, asked: list[str]) -> None:
    doubtful = Doubtful(store._connection, Decoder(), long_seconds=0)
    counter = type(store._counter)(store._connection, Decoder(), doubtful)

    first = counter.is_exact(DOUBTFUL, fields, Budget(30))
    assert counter.is_exact(replace(DOUBTFUL, size=1), fields, Budget(30)) == first
    assert len(asked) == 1
    doubtful.forget()
    counter.is_exact(DOUBTFUL, fields, Budget(30))
    assert len(asked) == 2


def test_values_that_are_not_fetched_are_said_to_be_missing(
    store: ElasticStore, judge: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valuing, "LEAST_FETCHED", 1)

    found, whole = store.terms(EVERYTHING, "RecordId", 1), judge.terms(EVERYTHING, "RecordId", 100)

    assert found.error > 0
    assert found.missing == whole.missing
    assert 1 <= found.distinct <= whole.distinct


def test_rarest_values_beyond_the_bound_are_said_to_be_missing(store: ElasticStore, fields: Fields) -> None:
    asker = Asker(store._connection, Decoder(), Doubtful(store._connection, Decoder()))
    base = asker.base(EVERYTHING, fields, Budget(30))

    found = Valuing(asker, EVERYTHING, base, fields, Budget(30), 10, most=1).rarest("RecordId")

    assert found.error > 0


def test_groups_whose_values_must_be_read_from_too_many_events_say_so(
    store: ElasticStore, fields: Fields
) -> None:
    grouper = Grouper(store._connection, Decoder(), most_odd=0)

    with pytest.raises(QueryTooSlow, match="CommandLine"):
        grouper.groups(EVERYTHING, ["CommandLine"], None, 10, fields, Budget(30))
