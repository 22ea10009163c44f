"""Our own indices: names, template and pipeline, and what is dropped when."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.settings import Settings
from app.store.elastic import preparing
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Month, Names, drop_old, overdue, read_months
from app.store.elastic.mapping import VERSION, mapping, template_of
from app.store.elastic.preparing import prepare
from app.store.elastic.writing import Writer
from app.sysmon.events import microseconds
from tests.builders import NOON, batch_of, network_connect, process_create

GB = 1_000_000_000


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


def _template(connection: Connection, names: Names) -> dict[str, Any]:
    answer = connection.client.indices.get_index_template(name=names.template)
    template = answer["index_templates"][0]["index_template"]
    assert isinstance(template, dict)
    return template


def test_every_field_is_mapped_by_its_type() -> None:
    properties = mapping()["properties"]
    data = properties["winlog"]["properties"]["event_data"]["properties"]

    assert data["ProcessId"]["fields"] == data["SourceProcessId"]["fields"] == {"number": {"type": "long"}}
    assert data["CommandLine"] == {"type": "keyword", "ignore_above": 8191}
    assert "SourceImage" in data
    assert properties["sysmonsearch"]["properties"]["time"] == {"type": "long"}
    aliases = properties["sysmonsearch"]["properties"]["fields"]["properties"]
    assert aliases.keys() == data.keys()
    assert aliases["Image"] == {"type": "alias", "path": "winlog.event_data.Image"}


def test_the_template_says_what_the_settings_say() -> None:
    settings = Settings(elastic_shards=3, elastic_replicas=2)
    told = template_of("a-events-*", "a-ingest", settings)

    index = told["template"]["settings"]["index"]
    assert (index["number_of_shards"], index["auto_expand_replicas"]) == (3, "0-2")
    assert index["final_pipeline"] == "a-ingest"
    other = template_of("a-events-*", "a-ingest", replace(settings, elastic_replicas=0))
    assert other["template"]["settings"]["index"]["auto_expand_replicas"] == "false"
    assert other["_meta"]["hash"] != told["_meta"]["hash"]


def test_an_index_is_made_by_the_template(connection: Connection, settings: Settings, names: Names) -> None:
    Writer(connection, settings).add(batch_of(network_connect()), "import")

    index = f"{settings.elastic_prefix}-events-2019.01"
    caps = connection.client.field_caps(index=index, fields="*")["fields"]
    assert caps["winlog.event_data.DestinationPort.number"].keys() == {"long"}
    assert caps["sysmonsearch.fields.DestinationPort"].keys() == {"keyword"}
    assert caps["@timestamp"].keys() == {"date"}
    hit = connection.client.search(index=names.events)["hits"]["hits"][0]
    assert hit["_source"]["event"]["ingested"].startswith("20")
    found = connection.client.indices.get(index=index)[index]
    assert found["settings"]["index"]["final_pipeline"] == names.pipeline
    assert found["mappings"]["dynamic"] == "false"


def test_what_somebody_deleted_is_put_again(connection: Connection, settings: Settings, names: Names) -> None:
    writer = Writer(connection, settings)
    writer.add(batch_of(process_create()), "import")
    client = connection.client
    client.indices.delete(index=f"{settings.elastic_prefix}-events-2019.01")
    client.indices.delete_index_template(name=names.template)
    assert writer.add(batch_of(process_create()), "import").added == 1
    client.indices.delete(index=f"{settings.elastic_prefix}-events-2019.01")
    client.ingest.delete_pipeline(id=names.pipeline)

    assert writer.add(batch_of(process_create()), "import").added == 1

    assert _template(connection, names)["version"] == VERSION
    caps = client.field_caps(index=names.events, fields="sysmonsearch.batch")["fields"]
    assert caps["sysmonsearch.batch"].keys() == {"long"}


def test_other_settings_and_newer_programs_replace_the_template_and_older_ones_leave_it(
    connection: Connection, settings: Settings, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(connection, names, settings)
    prepare(connection, names, replace(settings, elastic_shards=2))
    assert _template(connection, names)["template"]["settings"]["index"]["number_of_shards"] == "2"

    monkeypatch.setattr(preparing, "VERSION", VERSION - 1)
    prepare(connection, names, settings)
    assert _template(connection, names)["template"]["settings"]["index"]["number_of_shards"] == "2"

    monkeypatch.setattr(preparing, "VERSION", VERSION + 1)
    prepare(connection, names, settings)
    assert _template(connection, names)["template"]["settings"]["index"]["number_of_shards"] == "1"


def _month(name: str, days: int, size: int = 0) -> Month:
    return Month(name, microseconds(NOON - timedelta(days=days)), 1, size)


def test_months_whose_newest_event_is_too_old_are_overdue() -> None:
    months = [_month("new", 0), _month("old", 91), _month("just", 90), _month("oldest", 400)]

    found = overdue(months, Settings(retention_days=90), NOON)

    assert [(month.name, reason) for month, reason in found] == [
        ("oldest", "older than 90 days"),
        ("old", "older than 90 days"),
    ]
    assert overdue(months, Settings(), NOON) == []


def test_above_the_size_the_oldest_are_overdue() -> None:
    months = [_month("a", 0, GB), _month("b", 30, GB), _month("c", 60, GB // 2), _month("d", 500, GB)]

    found = overdue(months, Settings(retention_gb=2, retention_days=90), NOON)

    assert [(month.name, reason) for month, reason in found] == [
        ("d", "older than 90 days"),
        ("c", "more than 2 GB of events"),
    ]


def test_months_are_dropped_and_the_log_says_so(
    connection: Connection, settings: Settings, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(connection, settings)
    assert read_months(connection, names) == []
    assert drop_old(connection, names, replace(settings, retention_days=90), NOON) == []
    times = [NOON, NOON - timedelta(days=40), NOON - timedelta(days=400)]
    writer.add(batch_of(*(process_create(time=time) for time in times)), "import")
    stranger = f"{settings.elastic_prefix}-events-other"
    connection.client.index(index=stranger, document={"sysmonsearch": {"time": 0}}, refresh=True)
    keeping = replace(settings, retention_days=90)

    assert drop_old(connection, names, settings, NOON) == []
    with caplog.at_level(logging.WARNING):
        dropped = drop_old(connection, names, keeping, NOON)

    assert [month.name for month in dropped] == [f"{settings.elastic_prefix}-events-2017.12"]
    assert "with 1 events: older than 90 days." in caplog.text
    assert [month.name[-7:] for month in read_months(connection, names)] == ["2018.11", "2019.01"]
    assert connection.client.indices.exists(index=stranger)
    assert all(month.bytes > 0 and month.events == 1 for month in read_months(connection, names))


def test_tidying_a_writer_drops_by_todays_date(connection: Connection, settings: Settings) -> None:
    writer = Writer(connection, replace(settings, retention_days=90))
    writer.add(batch_of(process_create(time=NOON)), "import")

    writer.tidy()

    assert read_months(connection, Names(settings.elastic_prefix)) == []
