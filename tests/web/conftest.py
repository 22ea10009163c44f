"""A client of the application on a store of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.events import Event
from app.web.app import create_app
from tests.builders import batch_of
from tests.memory_store import MemoryStore

Add = Callable[..., None]
Get = Callable[[str], html.HtmlElement]


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
