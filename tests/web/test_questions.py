"""How often a page asks Elasticsearch: each way there and back counts, whatever it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app.settings import Settings
from app.store.elastic.store import ElasticStore
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.events import Event
from app.web.app import create_app
from tests.builders import (
    NOON,
    batch_of,
    network_connect,
    new_guid,
    process_create,
    process_terminate,
    registry_value_set,
)
from tests.web.conftest import ENGINE

pytestmark = pytest.mark.skipif(ENGINE != "elastic", reason="it counts requests to Elasticsearch")

MOST = 5
GUIDS = [new_guid() for _ in range(6)]
SECOND = timedelta(seconds=1)


def a_day() -> Iterator[Event]:
    """Processes with children, on two computers; some events name no user, some processes no creation."""
    for number, guid in enumerate(GUIDS):
        time = NOON + 600 * number * SECOND
        computer = f"ws{number % 2}.example"
        if number != 5:
            yield process_create(
                time=time,
                process_guid=guid,
                parent_process_guid=GUIDS[max(0, number - 2)],
                image=f"C:\\Windows\\tool{number}.exe",
                computer=computer,
            )
        yield process_terminate(time=time + 60 * SECOND, process_guid=guid, computer=computer)
        for n in range(3):
            yield network_connect(time=time + n * SECOND, process_guid=guid, computer=computer)
            yield registry_value_set(time=time + n * SECOND, process_guid=guid, computer=computer)


EVENTS = tuple(a_day())


@pytest.fixture
def requests(settings: Settings) -> Iterator[Requests]:
    with open_store(settings) as store:
        store.add(batch_of(*EVENTS), "test")
        yield Requests(settings, store)


class Requests:
    """A client that counts what its application asks of the cluster."""

    def __init__(self, settings: Settings, store: EventStore) -> None:
        assert isinstance(store, ElasticStore)
        self.store = store
        self.client: FlaskClient = create_app(settings, store).test_client()
        self.sent: list[str] = []

    @contextmanager
    def counted(self) -> Iterator[None]:
        transport = self.store._connection.client.transport
        send: Callable[..., object] = transport.perform_request

        def noting(method: str, target: str, **said: object) -> object:
            self.sent.append(f"{method} {target.partition('?')[0]}")
            return send(method, target, **said)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transport, "perform_request", noting)
            yield

    def of(self, address: str) -> int:
        """Return how many requests a page takes when the store is at rest."""
        self.client.get("/search")  # The first page of all reads what is in the store.
        self.sent.clear()
        with self.counted():
            response = self.client.get(address)
        assert response.status_code == 200, response.get_data(as_text=True)[-1500:]
        return len(self.sent)

    def first(self, event_id: int) -> str:
        return str(next(event for event in EVENTS if event.event_id == event_id).key)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/search",
        "/search?q=Image%3A*tool*",
        "/search?q=Image%3A*tool*&fold=0",
        "/search?q=%22Image~(a%7Ct)%2Boo.*l%22",
        "/search?q=EventId%3A3+and+Image%3A*tool*&computer=ws1.example",
        "/search?q=Process%3A*tool*+and+User%3A*",
        "/search?sort=Image",
        "/search?sort=UtcTime",
        "/search?q=nothing",
        "/imports",
    ],
)
def test_no_page_takes_more_than_five_requests(requests: Requests, address: str) -> None:
    assert requests.of(address) <= MOST


@pytest.mark.parametrize("event_id", [1, 3, 13])
@pytest.mark.parametrize(
    "page", ["/search?sel={}", "/search?q=Image%3A*tool*&sel={}", "/events/{}", "/events/{}/around"]
)
def test_no_page_about_an_event_takes_more(requests: Requests, page: str, event_id: int) -> None:
    assert requests.of(page.format(quote(requests.first(event_id), safe=""))) <= MOST


def test_the_events_of_a_process_take_no_more(requests: Requests) -> None:
    assert requests.of(f"/processes/ws0.example/{GUIDS[0]}/events") <= MOST
    assert requests.of(f"/processes/{GUIDS[0]}") <= MOST
