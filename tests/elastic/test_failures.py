"""An Elasticsearch that is away, full, old, slow or changed under the program: each is said in a
sentence that tells what to do, and nothing is lost. On a server of this module's own."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from flask.testing import FlaskClient

from app.demo.files import write_scenario
from app.demo.scenario import COMPUTERS
from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.elastic.connection import READING_SECONDS
from app.store.elastic.numbers import LEASE_SECONDS, SKEW_SECONDS
from app.store.open import open_store
from app.store.port import EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.builders import batch_of, process_create
from tests.elastic.importing import Importer, keys, totals
from tests.proxy import Proxy
from tests.services.elasticsearch.cluster import Cluster, Plan, running
from tests.services.elasticsearch.install import RELEASES, home_of
from tests.services.programs import absent
from tests.unit.layouts.render import winlogbeat_7

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("own-elasticsearch")]
PASSWORD = "tests"
FLOOD = "cluster.routing.allocation.disk"
KILLS = 10
Open = Callable[..., EventStore]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if not home_of(RELEASES[8]).exists():
        absent("no Elasticsearch is installed: `make services` fetches it")
    with running(Plan(heap="512m", password=PASSWORD)) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[Elasticsearch]:
    who = ("elastic", PASSWORD)
    with Elasticsearch(cluster.urls, basic_auth=who, request_timeout=60) as client:
        yield client


@pytest.fixture
def settings(cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    prefix = request.node.name.replace("_", "-")[5:45].lower()
    return Settings(
        data=tmp_path / "var", store=address(cluster.plan.port), elastic_prefix=prefix, elastic_replicas=0
    )


def address(port: int, patterns: str = "-", user: str = "elastic", password: str = PASSWORD) -> str:
    return f"elasticsearch://{user}:{password}@127.0.0.1:{port}/{patterns}"


@pytest.fixture
def store(settings: Settings) -> Iterator[EventStore]:
    with open_store(settings) as store:
        yield store


def refusal(ask: Callable[[], object]) -> str:
    """Return the sentence of what cannot be done now."""
    with pytest.raises(StoreUnavailable) as error:
        ask()
    assert PASSWORD + "@" not in str(error.value)
    return str(error.value)


# Imports.


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Logs of several layouts, with events that lie in two of them."""
    return write_scenario(tmp_path_factory.mktemp("logs"), COMPUTERS[:4])


@pytest.fixture
def importer(settings: Settings, logs: list[Path]) -> Importer:
    return Importer(settings.data, settings.store, settings.elastic_prefix, logs)


@pytest.fixture(scope="module")
def clean(logs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Counter[Any], dict[str, Any]]:
    """What one import without any accident stores, in the embedded store."""
    data = tmp_path_factory.mktemp("clean")
    Importer(data, "embedded:", "clean", logs).finish()
    with open_store(Settings(data=data)) as store:
        return keys(store), totals(store)


def test_an_importer_that_is_killed_ten_times_loses_and_doubles_nothing(
    importer: Importer, store: EventStore, clean: tuple[Counter[Any], dict[str, Any]]
) -> None:
    rolls = random.Random(5)
    for _ in range(KILLS):
        process = importer.start()
        time.sleep(rolls.uniform(1.0, 6.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    killed = time.monotonic()

    report = importer.finish()

    assert totals(store) == clean[1]
    assert report["added"] + report["duplicates"] == report["sysmon_events"]
    while keys(store).total() < clean[0].total():
        waited = time.monotonic() - killed
        assert waited < LEASE_SECONDS + SKEW_SECONDS + 30, "readers wait for writers that are dead"
        time.sleep(1)
    assert keys(store) == clean[0]


def test_an_import_outlives_its_server_or_is_finished_by_the_same_command(
    importer: Importer, store: EventStore, cluster: Cluster, clean: tuple[Counter[Any], dict[str, Any]]
) -> None:
    process = importer.start()
    end = time.monotonic() + 120
    while not store.info().events and time.monotonic() < end:
        time.sleep(0.1)
    cluster.kill(1)
    assert "Nothing listens at" in refusal(store.info) or "broke off" in refusal(store.info)
    time.sleep(2)
    cluster.revive(1)
    output, errors = process.communicate(timeout=600)

    assert process.returncode in (0, 1)
    if process.returncode == 1:
        assert b"run the same command again: it adds what is missing." in errors, (output, errors)
    importer.finish()
    assert totals(store) == clean[1]
    end = time.monotonic() + LEASE_SECONDS + SKEW_SECONDS + 30
    while keys(store).total() < clean[0].total() and time.monotonic() < end:
        time.sleep(1)
    assert keys(store) == clean[0]


# A full disk.


def set_watermarks(client: Elasticsearch, *, full: bool) -> None:
    """Let the node think that its disk is above all marks, or as it was."""
    names = ("watermark.low", "watermark.high", "watermark.flood_stage")
    marks = dict.fromkeys(names, "99999gb" if full else None)
    said = {**marks, "threshold_enabled": True if full else None}
    settings: dict[str, object] = {f"{FLOOD}.{name}": value for name, value in said.items()}
    settings["cluster.info.update.interval"] = "10s" if full else None
    client.cluster.put_settings(persistent=settings)


def is_blocked(client: Elasticsearch, index: str) -> bool:
    settings = client.indices.get_settings(index=index, flat_settings=True)
    return any("index.blocks.read_only_allow_delete" in each["settings"] for each in settings.values())


def test_above_the_flood_stage_adding_says_so_and_goes_on_when_there_is_room(
    client: Elasticsearch, store: EventStore, settings: Settings
) -> None:
    first, more = batch_of(process_create(), process_create()), batch_of(process_create(), process_create())
    store.add(first, "import")
    set_watermarks(client, full=True)
    try:
        wait(lambda: is_blocked(client, f"{settings.elastic_prefix}-events-*"))

        said = refusal(lambda: store.add(more, "import"))

        assert "disk of a node is nearly full" in said
        assert "Nothing was lost" in said
        assert store.count(EventQuery()).value == 2
    finally:
        set_watermarks(client, full=False)
        # The server lifts the block where it looks at the disk; the tests' own does not.
        client.indices.put_settings(
            index="*", settings={"index.blocks.read_only_allow_delete": None}, expand_wildcards="all"
        )
    assert store.add(more, "import").added == 2
    assert store.count(EventQuery()).value == 4


def wait(happened: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.2)


# Pages.

EVENT = process_create(record_id=1)
PAGES = (
    "/",
    "/.json",
    "/search",
    "/search.json?q=whoami",
    "/search.csv",
    f"/events/{EVENT.key}",
    f"/events/{EVENT.key}/around",
    f"/events/{EVENT.key}/correlation",
    f"/processes/{EVENT.computer}/{EVENT.values['process_guid']}",
    f"/processes/{EVENT.computer}/{EVENT.values['process_guid']}/events",
)


def statuses(client: FlaskClient) -> dict[str, int]:
    return {page: client.get(page).status_code for page in PAGES}


def test_pages_tell_that_the_server_is_away_and_work_when_it_is_back(
    cluster: Cluster, settings: Settings, store: EventStore
) -> None:
    store.add(batch_of(EVENT), "import")
    proxy = Proxy(("127.0.0.1", cluster.plan.port))
    behind = Settings(data=settings.data, store=address(proxy.port), elastic_prefix=settings.elastic_prefix)
    pages = create_app(behind).test_client()
    try:
        assert statuses(pages) == dict.fromkeys(PAGES, 200)
        for _ in range(2):
            proxy.set_open(False)
            for page in PAGES:
                answer = pages.get(page)
                assert (page, answer.status_code) == (page, 503)
                assert int(answer.headers["Retry-After"]) > 0
                assert "127.0.0.1" in answer.text
                assert f"{PASSWORD}@" not in answer.text
            proxy.set_open(True)
            assert statuses(pages) == dict.fromkeys(PAGES, 200)
    finally:
        proxy.close()


def test_a_password_that_is_changed_meanwhile_is_named_on_the_page(
    client: Elasticsearch, settings: Settings, store: EventStore, cluster: Cluster
) -> None:
    store.add(batch_of(EVENT), "import")
    client.security.put_role(
        name="searcher",
        cluster=["monitor"],
        indices=[{"names": [f"{settings.elastic_prefix}-*"], "privileges": ["read", "monitor"]}],
    )
    client.security.put_user(username="searcher", password="the first", roles=["searcher"])
    theirs = Settings(
        data=settings.data,
        store=address(cluster.plan.port, user="searcher", password="the%20first"),
        elastic_prefix=settings.elastic_prefix,
    )
    pages = create_app(theirs).test_client()
    assert pages.get("/search").status_code == 200

    client.security.change_password(username="searcher", password="the second")
    for page in PAGES:
        answer = pages.get(page)
        assert answer.status_code == 503
        assert "SYSMONSEARCH_ELASTIC_PASSWORD" in answer.text
        assert "the first" not in answer.text

    client.security.change_password(username="searcher", password="the first")
    assert statuses(pages) == dict.fromkeys(PAGES, 200)


def test_indices_that_are_hidden_meanwhile_are_not_taken_for_empty(
    client: Elasticsearch, settings: Settings, store: EventStore, cluster: Cluster
) -> None:
    store.add(batch_of(EVENT), "import")
    names = [f"{settings.elastic_prefix}-*"]
    client.security.put_role(
        name="hidden", cluster=["monitor"], indices=[{"names": names, "privileges": ["read"]}]
    )
    client.security.put_user(username="hidden", password="the first", roles=["hidden"])
    theirs = Settings(
        data=settings.data,
        store=address(cluster.plan.port, user="hidden", password="the%20first"),
        elastic_prefix=settings.elastic_prefix,
    )
    with open_store(theirs) as hidden:
        assert hidden.count(EventQuery()).value == 1
        client.security.put_role(name="hidden", cluster=["monitor"], indices=[])
        time.sleep(READING_SECONDS + 1)
        assert "may not read" in refusal(lambda: hidden.count(EventQuery()))


@pytest.mark.parametrize("patterns", ["nothing-*", "nothing", "nothing-*,nothing", "-"])
def test_a_pattern_that_fits_nothing_is_an_empty_store(
    cluster: Cluster, settings: Settings, patterns: str
) -> None:
    empty = Settings(data=settings.data, store=address(cluster.plan.port, patterns), elastic_prefix="nobodys")
    pages = create_app(empty).test_client()
    for page in ("/", "/search", "/search?q=Image:*cmd.exe"):
        assert pages.get(page).status_code == 200
    assert b'"events":[]' in pages.get("/search.json").data
    assert pages.get(f"/events/{EVENT.key}").status_code == 404


def test_a_mapping_that_conflicts_meanwhile_changes_no_answer(
    client: Elasticsearch, cluster: Cluster, settings: Settings
) -> None:
    """One field is a keyword, then text too, then a number, then an object."""
    theirs = Settings(
        data=settings.data,
        store=address(cluster.plan.port, "shipped-*"),
        elastic_prefix=settings.elastic_prefix,
    )
    query = EventQuery(condition=Match("CommandLine", Operator.CONTAINS, "WHOAMI"))
    object_there = {"type": "object", "enabled": False}
    types = [{"type": "keyword"}, {"type": "text"}, {"type": "long", "ignore_malformed": True}, object_there]
    with open_store(theirs) as store:
        for number, kind in enumerate(types, 1):
            index = f"shipped-{number}"
            data = {"dynamic": True, "properties": {"CommandLine": kind}}
            properties = {"winlog": {"properties": {"event_data": data}}}
            client.indices.create(index=index, mappings={"properties": properties})
            client.index(index=index, document=winlogbeat_7(process_create(record_id=number)), refresh=True)
            time.sleep(6)  # So long it may take until new fields are known.
            found = store.search(query).events
            assert sorted(int(str(event.values["record_id"])) for event in found) == list(
                range(1, number + 1)
            ), kind
            assert store.count(query).value == number
    client.indices.delete(index=[f"shipped-{number}" for number in range(1, len(types) + 1)])


def test_a_search_in_the_midst_of_which_the_server_dies_is_an_error(
    cluster: Cluster, store: EventStore, settings: Settings
) -> None:
    store.add(batch_of(*[process_create() for _ in range(300)]), "import")
    kill = threading.Timer(0.5, cluster.kill, [1])
    kill.start()
    said: set[str] = set()
    while kill.is_alive() or not said:
        try:
            assert store.count(EventQuery()).value == 300
            assert len(store.search(EventQuery(size=1000)).events) == 300
        except StoreUnavailable as error:
            said.add(str(error))
    cluster.revive(1)
    assert all("127.0.0.1" in each for each in said), said
    assert store.count(EventQuery()).value == 300
