"""What pages say where an engine counts documents, or can count no better than "at most"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.settings import Settings
from app.store.port import Budget, Count, StoreInfo, Terms
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.builders import batch_of, new_guid, process_create
from tests.memory_store import MemoryStore
from tests.web.conftest import text_of

NOTE = "CommandLine <b>is</b> cut after 256 characters in winlogbeat-6."


class WideningStore(MemoryStore):
    """A store that counts one event too many where there is a condition, and knows it."""

    def is_exact(self, query: EventQuery, budget: Budget | None = None) -> bool:
        return query.condition == EventQuery().condition

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        count = super().count(query, budget)
        return count if self.is_exact(query) else Count(count.value + 1, exact=False, at_most=True)

    def facets(
        self, query: EventQuery, names: Sequence[str], size: int, *, budget: Budget | None = None
    ) -> tuple[Terms, ...]:
        return tuple(replace(terms, error=3) for terms in super().facets(query, names, size, budget=budget))

    def info(self) -> StoreInfo:
        return replace(super().info(), counts_documents=True, notes=(NOTE,))


GUID = new_guid()


@pytest.fixture
def widening(settings: Settings) -> FlaskClient:
    store = WideningStore()
    store.add(batch_of(*(process_create(process_guid=GUID) for _ in range(3))), "test")
    return create_app(settings, store).test_client()


def page(client: FlaskClient, address: str) -> html.HtmlElement:
    response = client.get(address)
    assert response.status_code == 200
    return html.fromstring(response.data)


def test_a_total_that_is_too_wide_says_at_most_everywhere(widening: FlaskClient) -> None:
    found = page(widening, "/search?q=Image:*cmd*")

    words = text_of(found)
    assert "At most 3 events" in words
    assert "the index cannot express all of this query" in words
    assert "Count all the same" not in words
    assert text_of(found, "//figure//figcaption").count("at most") == 1
    assert all("at most" in text_of(head) for head in found.xpath("//section[@class='facet']/h2"))


def test_an_exact_total_says_nothing_of_it(widening: FlaskClient) -> None:
    assert "most 3" not in text_of(page(widening, "/search"))


def test_counts_that_miss_something_say_how_much(widening: FlaskClient) -> None:
    assert "each may have 3 events more" in text_of(page(widening, "/search"))


def test_documents_are_called_documents(widening: FlaskClient) -> None:
    for address in ("/", "/search"):
        assert "Counted are documents" in text_of(page(widening, address))


def test_what_the_store_has_to_say_stands_on_the_start_page_as_plain_text(widening: FlaskClient) -> None:
    assert NOTE in text_of(page(widening, "/"))
    document = widening.get("/.json").get_json()
    assert (document["notes"], document["counts_documents"]) == ([NOTE], True)


def test_twins_say_at_most(widening: FlaskClient) -> None:
    total = widening.get("/search.json?q=Image:*cmd*").get_json()["total"]
    assert total == {"value": 4, "exact": False, "at_most": True}
    assert widening.get("/search.json").get_json()["total"] == {"value": 3, "exact": True}

    assert "At most 4 events" in text_of(page(widening, f"/processes/ws-01.example/{GUID}/events"))
