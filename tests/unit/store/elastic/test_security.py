"""An Elasticsearch that wants to know who asks, over TLS: a server of this module's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.errors import QueryCancelled, StoreUnavailable
from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.port import Budget
from tests.services.elasticsearch.cluster import Cluster, Plan, running
from tests.services.elasticsearch.install import RELEASES, home_of
from tests.services.programs import absent

pytestmark = pytest.mark.slow
PASSWORD = "a secret: of /tests?@#%"
INDEX = "guarded-1"
Connect = Callable[..., Connection]
JSON = {"accept": "application/json", "content-type": "application/json"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if not home_of(RELEASES[8]).exists():
        absent("no Elasticsearch is installed: `make services` fetches it")
    with running(Plan(heap="512m", password=PASSWORD, is_tls=True)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def connect(cluster: Cluster) -> Iterator[Connect]:
    """Connect as somebody; all is closed at the end."""
    opened = []

    def connect(**who: str) -> Connection:
        store = cluster.urls[0].replace("https", "elasticsearch+https") + "/guarded-*"
        settings: dict[str, Any] = {"store": store, "elastic_ca_file": str(cluster.ca_file), **who}
        opened.append(Connection(Settings(**settings)))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture(scope="module")
def elastic(connect: Connect) -> Connection:
    """The user who may do all, after having made an index and other users."""
    connection = connect(elastic_user="elastic", elastic_password=PASSWORD)
    client = connection.client
    client.indices.create(index=INDEX, mappings={"properties": {"number": {"type": "keyword"}}})
    lines: list[dict[str, Any]] = []
    for number in range(3000):
        lines += ({"index": {}}, {"number": str(number)})
    client.bulk(index=INDEX, operations=lines, refresh=True)
    everywhere = ["sysmonsearch-*", "guarded-*"]
    for name, privileges, names in (
        ("reader", ["monitor"], everywhere),
        ("partly", ["monitor"], ["sysmonsearch-*", INDEX]),
        ("nobody", [], everywhere),
    ):
        role = {"cluster": privileges, "indices": [{"names": names, "privileges": ["read"]}]}
        client.perform_request("PUT", f"/_security/role/{name}", headers=JSON, body=role)
        user = {"password": PASSWORD, "roles": [name]}
        client.perform_request("PUT", f"/_security/user/{name}", headers=JSON, body=user)
    return connection


def count(connection: Connection, indices: str = INDEX) -> int:
    answer = connection.search({"size": 0}, indices=indices, budget=Budget(30))
    return int(answer["hits"]["total"]["value"])


def refusal(connection: Connection) -> str:
    with pytest.raises(StoreUnavailable) as error:
        count(connection)
    assert PASSWORD not in str(error.value)
    return str(error.value)


def test_a_right_password_is_let_in_from_the_settings_and_the_store(
    connect: Connect, elastic: Connection, cluster: Cluster
) -> None:
    assert count(elastic) == 3000
    port = cluster.plan.port
    store = f"elasticsearch+https://elastic:a%20secret%3A%20of%20%2Ftests%3F%40%23%25@localhost:{port}/-"
    assert count(connect(store=store)) == 3000


def test_a_wrong_password_and_none_are_refused(connect: Connect, elastic: Connection) -> None:
    wrong = connect(elastic_user="elastic", elastic_password="wrong")

    assert "does not accept the user 'elastic' with this password" in refusal(wrong)
    assert "wants to know who asks" in refusal(connect())


def test_an_api_key_is_let_in_in_both_forms_until_it_is_taken_back(
    connect: Connect, elastic: Connection
) -> None:
    may = {"reader": {"cluster": ["monitor"], "indices": [{"names": ["*"], "privileges": ["read"]}]}}
    key = elastic.client.security.create_api_key(name="tests", role_descriptors=may)
    encoded, parts = key["encoded"], f"{key['id']}:{key['api_key']}"

    assert count(connect(elastic_api_key=encoded)) == count(connect(elastic_api_key=parts)) == 3000
    elastic.client.security.invalidate_api_key(ids=[key["id"]])
    for text in (encoded, parts):
        assert "does not accept the API key" in refusal(connect(elastic_api_key=text))


def test_who_lacks_a_privilege_learns_which(connect: Connect, elastic: Connection) -> None:
    reader = connect(elastic_user="reader", elastic_password=PASSWORD)
    nobody = connect(elastic_user="nobody", elastic_password=PASSWORD)

    assert count(reader) == 3000
    assert "these privileges: monitor, manage, all" in refusal(nobody)
    with pytest.raises(StoreUnavailable, match=f"write/index on {INDEX}"), reader.asking():
        reader.client.index(index=INDEX, document={})
    with pytest.raises(StoreUnavailable, match="manage_index_templates"), reader.asking():
        reader.client.indices.simulate_template(index_patterns=["x"])


def test_indices_that_are_hidden_from_a_user_are_not_taken_for_empty(
    connect: Connect, elastic: Connection
) -> None:
    partly = connect(elastic_user="partly", elastic_password=PASSWORD)

    assert "The user 'partly' may not read guarded-* in Elasticsearch" in refusal(partly)


def test_who_may_only_read_can_cancel(connect: Connect, elastic: Connection) -> None:
    reader = connect(elastic_user="reader", elastic_password=PASSWORD)
    script = "long x = 0; for (int i = 0; i < 100000; i++) { x += i % 7; } return x > 0"
    budget = Budget(60)
    threading.Timer(0.3, budget.cancel).start()

    with pytest.raises(QueryCancelled):
        reader.search({"query": {"script": {"script": script}}}, indices=INDEX, budget=budget)
