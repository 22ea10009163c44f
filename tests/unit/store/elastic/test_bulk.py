"""Bulk requests to a server that refuses, loses and limits them."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.elastic import bulk as module
from app.store.elastic.bulk import Bulk, Sent
from app.store.elastic.connection import Connection
from app.store.elastic.documents import Out
from tests.unit.store.elastic.refusing import BUSY, CREATED, EXISTS, Item, Refusing, Script, refusing

DOCUMENTS = [Out(f"id-{n}", "index", b'{"n":%d}' % n) for n in range(6)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.005)


def _bulk(server: Refusing, chunk_bytes: int = 1_000, patience: float = 20, threads: int = 1) -> Bulk:
    settings = Settings(store=f"elasticsearch://{server.url}/-")
    return Bulk(Connection(settings), chunk_bytes, threads, patience)


def _sent(script: Script, chunk_bytes: int = 1_000) -> tuple[Sent, list[list[str]], bool]:
    with refusing(script) as server:
        bulk = _bulk(server, chunk_bytes)
        return bulk.send(iter(DOCUMENTS)), server.requests, bulk.is_unsure


def _all(ids: list[str]) -> list[Item]:
    return [CREATED for _ in ids]


def test_chunks_are_as_long_as_they_may_be() -> None:
    sent, requests, is_unsure = _sent(lambda _, ids: _all(ids), chunk_bytes=14)

    assert [len(ids) for ids in requests] == [2, 2, 2]
    assert (sent, is_unsure) == (Sent(6, 0), False)


def test_nothing_is_sent_of_nothing() -> None:
    with refusing(lambda _, ids: _all(ids)) as server:
        assert _bulk(server).send([]) == Sent()
        assert server.requests == []


def test_what_is_there_already_is_counted_apart() -> None:
    sent, _, _ = _sent(lambda _, ids: [CREATED, EXISTS, *_all(ids)[2:]])

    assert sent == Sent(5, 1)


def test_only_what_was_refused_is_sent_again() -> None:
    def script(number: int, ids: list[str]) -> list[Item]:
        return [BUSY if (n + number) % 2 and number < 2 else CREATED for n in range(len(ids))]

    sent, requests, is_unsure = _sent(script)

    assert requests == [
        [f"id-{n}" for n in range(6)],
        ["id-1", "id-3", "id-5"],
        ["id-1", "id-5"],
    ]
    assert (sent, is_unsure) == (Sent(6, 0), False)


@pytest.mark.parametrize(("status", "is_unsure"), [(429, False), (503, True), (504, True), (None, True)])
def test_a_request_that_is_refused_or_lost_is_sent_again(status: int | None, is_unsure: bool) -> None:
    sent, requests, unsure = _sent(lambda number, ids: status if number < 2 else _all(ids))

    assert [len(ids) for ids in requests] == [6, 6, 6]
    assert (sent, unsure) == (Sent(6, 0), is_unsure)


def test_a_request_that_is_too_large_is_cut() -> None:
    sent, requests, _ = _sent(lambda _, ids: 413 if len(ids) > 2 else _all(ids))

    assert [len(ids) for ids in requests] == [6, 3, 1, 2, 3, 1, 2]
    assert sent == Sent(6, 0)


def test_one_document_that_is_too_large_is_an_error() -> None:
    with pytest.raises(StoreUnavailable, match="larger than Elasticsearch"):
        _sent(lambda *_: 413)


@pytest.mark.parametrize("said", [429, 503, None, [BUSY] * 6])
def test_patience_comes_to_an_end(said: int | list[Item] | None) -> None:
    with refusing(lambda *_: said) as server:
        began = monotonic()
        with pytest.raises(StoreUnavailable):
            _bulk(server, patience=0.2).send(DOCUMENTS)

        assert monotonic() - began < 20
        assert len(server.requests) > 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_full_disk_is_an_error_at_once(status: int) -> None:
    reason = (
        "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has"
        " read-only-allow-delete block];"
    )
    blocked = {"status": status, "error": {"type": "cluster_block_exception", "reason": reason}}

    with refusing(lambda _, ids: [blocked] * len(ids)) as server:
        with pytest.raises(StoreUnavailable, match="disk of a node is nearly full"):
            _bulk(server).send(DOCUMENTS)
        assert len(server.requests) == 1


def test_another_error_names_the_event() -> None:
    error = {"type": "document_parsing_exception", "reason": "failed to parse field [@timestamp]"}
    bad = {"status": 400, "error": error}

    with pytest.raises(StoreUnavailable, match=r"@timestamp.*about the event id-1, for index"):
        _sent(lambda _, ids: [CREATED, bad, *_all(ids)[2:]])


def test_an_error_stops_what_is_not_sent_yet() -> None:
    with refusing(lambda number, ids: 400 if number == 0 else _all(ids)) as server:
        with pytest.raises(StoreUnavailable):
            _bulk(server, chunk_bytes=1).send(_slowly())
        assert len(server.requests) <= 3


def _slowly() -> Iterator[Out]:
    for number in range(1000):
        yield Out(str(number), "index", b"{}")
