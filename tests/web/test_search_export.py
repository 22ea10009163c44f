"""The whole result as CSV, NDJSON and JSON."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterable
from datetime import timedelta
from typing import cast
from urllib.parse import urlencode

import orjson
import pytest
from flask.testing import FlaskClient

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.answers import STREAMED
from app.store.port import Budget, Results
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.builders import NOON, batch_of, network_connect, process_create
from tests.memory_store import MemoryStore
from tests.web import hostile
from tests.web.conftest import Add

SECOND = timedelta(seconds=1)


def many(number: int) -> list[Event]:
    return [process_create(time=NOON + n * SECOND, process_id=n) for n in range(number)]


def lines_of(body: bytes) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in body.splitlines()]


def test_files_hold_every_event_whatever_the_page_shows(add: Add, client: FlaskClient) -> None:
    events = many(STREAMED + 500)
    add(*events, network_connect())
    keys = [str(event.key) for event in reversed(events)]

    ndjson = lines_of(client.get("/search.ndjson?q=EventId:1").data)
    rows = list(csv.DictReader(io.StringIO(client.get("/search.csv?q=EventId:1").get_data(as_text=True))))

    assert [line["event_key"] for line in ndjson] == keys
    assert [row["event_key"] for row in rows] == keys


def test_files_obey_range_computers_form_and_sort(add: Add, client: FlaskClient) -> None:
    add(*many(10), process_create(computer="ws-02.example", process_id=77))
    asked = {
        "ProcessName": "cmd.exe",
        "from": "2019-01-08 12:00:03",
        "to": "2019-01-08 12:00:07",
        "computer": "WS-01.example",
        "sort": "Time",
    }

    lines = lines_of(client.get(f"/search.ndjson?{urlencode(asked)}").data)

    assert [line["ProcessId"] for line in lines] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("kind", "type_"), [("csv", "text/csv; charset=utf-8"), ("ndjson", "application/x-ndjson")]
)
def test_a_file_is_saved_under_a_name_of_ours(add: Add, client: FlaskClient, kind: str, type_: str) -> None:
    add(process_create(computer=hostile.MARKUP))

    response = client.get(f"/search.{kind}?{urlencode({'computer': hostile.MARKUP})}")

    name = response.headers["Content-Disposition"]
    assert response.content_type == type_
    assert name.startswith('attachment; filename="sysmonsearch-')
    assert name.endswith(f'Z.{kind}"')
    assert len(name) < 80


def test_an_empty_result_is_an_empty_file(client: FlaskClient) -> None:
    ndjson, table = client.get("/search.ndjson"), client.get("/search.csv")

    assert (ndjson.status_code, ndjson.data) == (200, b"")
    assert table.get_data(as_text=True).startswith("event_key,EventId,Computer,Time,")
    assert len(table.data.splitlines()) == 1


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_values_stay_in_their_cells_and_are_no_formulas(
    add: Add, client: FlaskClient, text: str
) -> None:
    made = process_create(command_line=text, user="=1+1", image=text, other={"Strange": text})
    add(made)

    rows = list(csv.reader(io.StringIO(client.get("/search.csv").get_data(as_text=True), newline="")))
    line = lines_of(client.get("/search.ndjson").data)[0]
    cells = dict(zip(rows[0], rows[1], strict=True))

    assert len(rows) == 2
    assert cells["CommandLine"].removeprefix("'") == text
    assert cells["User"] == "'=1+1"
    assert not [cell for cell in rows[1] if cell[:1] in {"=", "+", "@", "\t", "\r"}]
    assert line["CommandLine"] == text


class FailingStore(MemoryStore):
    """Answers the first page and no other."""

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        if query.after is not None:
            raise StoreUnavailable("The disk is gone.")
        return super().search(query, budget)


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_file_that_ends_early_does_not_look_whole(settings: Settings, kind: str) -> None:
    store = FailingStore()
    store.add(batch_of(*many(STREAMED + 1)), "test")
    client = create_app(settings, store).test_client()
    pieces: list[bytes] = []

    response = client.get(f"/search.{kind}", buffered=False)
    # The server cuts the connection at this error: the browser says that the download failed.
    with pytest.raises(StoreUnavailable):
        pieces.extend(cast(Iterable[bytes], response.response))

    lines = b"".join(pieces).splitlines()
    assert len(lines) == STREAMED + 1 + (kind == "csv")
    assert b"This file is not complete. The disk is gone." in lines[-1]
    if kind == "ndjson":
        assert orjson.loads(lines[-1])["error"]["type"] == "StoreUnavailable"


def test_what_fails_at_once_is_an_error_and_no_file(down: FlaskClient) -> None:
    response = down.get("/search.csv")

    assert response.status_code == 503
    assert "Content-Disposition" not in response.headers


class EndlessStore(MemoryStore):
    """Gives out the same page again and again, six times in all."""

    pages = 6

    def __init__(self) -> None:
        super().__init__()
        self.page = many(STREAMED)

    def search(self, query: EventQuery, budget: Budget | None = None) -> Results:
        page = int(query.after or 0) + 1
        return Results(tuple(self.page), str(page) if page < self.pages else None)


def test_a_large_file_takes_no_more_memory_than_a_page(settings: Settings) -> None:
    client = create_app(settings, EndlessStore()).test_client()
    response = client.get("/search.csv", buffered=False)
    stream = iter(cast(Iterable[bytes], response.response))
    next(stream)
    lines = 0

    tracemalloc.start()
    for piece in stream:
        lines += piece.count(b"\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert lines > STREAMED * (EndlessStore.pages - 1)
    assert peak < 5_000_000
