"""A client of the application on a store of the test's own, of the engine that ``TEST_ENGINE`` names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from elasticsearch import Elasticsearch
from flask.testing import FlaskClient
from lxml import html

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.events import Event
from app.web.app import create_app
from tests.builders import NOON, batch_of
from tests.memory_store import MemoryStore
from tests.services import elastic

Add = Callable[..., None]
Get = Callable[[str], html.HtmlElement]

ENGINES = ("embedded", "elastic")
ENGINE = os.environ.get("TEST_ENGINE", "embedded")
"""Each page works on each engine: ``make test-pages-elastic`` runs these tests over Elasticsearch."""


def embedded_only(reason: str) -> pytest.MarkDecorator:
    """Mark a test that skips on any other engine, for a reason."""
    return pytest.mark.skipif(ENGINE != "embedded", reason=reason)


def pytest_configure() -> None:
    if ENGINE not in ENGINES:
        raise pytest.UsageError(f"TEST_ENGINE is {ENGINE!r}; there are: {', '.join(ENGINES)}")


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a data folder of the test's own and, over Elasticsearch, with indices that are empty."""
    if ENGINE == "embedded":
        return Settings(data=tmp_path / "var")
    # Asked for by name, so that tests of the embedded store look for no server.
    place: Place = request.getfixturevalue("empty_place")
    return place.settings(tmp_path / "var")


@dataclass(frozen=True)
class Place:
    """Where on a server the tests of one worker store, one after the other."""

    url: str
    prefix: str
    client: Elasticsearch

    def settings(self, data: Path) -> Settings:
        """Return settings of a store that has its events here, and reads no others."""
        return Settings(
            data=data,
            store=f"elasticsearch://{urlsplit(self.url).netloc}/-",
            elastic_prefix=self.prefix,
            elastic_replicas=0,
        )


@pytest.fixture(scope="session")
def place(elastic_url: str) -> Iterator[Place]:
    with elastic.own_prefix(elastic_url) as prefix, Elasticsearch(elastic_url) as client:
        yield Place(elastic_url, prefix, client)


@pytest.fixture
def empty_place(place: Place) -> Iterator[Place]:
    with elastic.emptied(place.client, place.prefix, f"{NOON:%Y.%m}"):
        yield place


@pytest.fixture
def store(settings: Settings) -> Iterator[EventStore]:
    with open_store(settings) as store:
        yield store


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    """A client whose application opens the store of the settings by itself."""
    return create_app(settings).test_client()


@pytest.fixture
def add(store: EventStore) -> Add:
    """Store events: ``add(process_create(), network_connect())``."""

    def stored(*events: Event) -> None:
        store.add(batch_of(*events), "test")

    return stored


@pytest.fixture
def get(client: FlaskClient) -> Get:
    """Return the page at an address, parsed; it must be there."""

    def page(address: str) -> html.HtmlElement:
        response = client.get(address)
        assert response.status_code == 200, response.get_data(as_text=True)[-2000:]
        return html.fromstring(response.data)

    return page


class DownStore(MemoryStore):
    """A store that answers nothing."""

    def __getattribute__(self, name: str) -> object:
        if name in {
            "search",
            "count",
            "histogram",
            "terms",
            "event",
            "events",
            "info",
            "groups",
            "rarity",
            "facets",
        }:
            raise StoreUnavailable("The store is down: nothing listens at its address.")
        return super().__getattribute__(name)


@pytest.fixture
def down(settings: Settings) -> FlaskClient:
    """A client of an application whose store does not answer."""
    return create_app(settings, DownStore()).test_client()


def text_of(element: html.HtmlElement, path: str = ".") -> str:
    """Return the text of what a path finds, with single spaces."""
    return " ".join(str(element.xpath(f"string({path})")).split())
