"""Copying into an Elasticsearch and out of it, also one that goes away in the midst."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from elasticsearch import Elasticsearch

from app.errors import BadSetting, StoreUnavailable
from app.settings import Settings
from app.store import embedded
from app.store.comparing import compare
from app.store.copying import Copied, Copy, Kept, Progress
from app.store.elastic import numbers
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names
from app.store.open import open_store
from app.store.scan import scan
from app.store.sides import Side, check_apart, source_side, target_side
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.builders import NOON, batch_of, event, process_create
from tests.proxy import Proxy

CHUNK = 4
KILLED = Path(__file__).parents[1] / "killed_copy.py"


@pytest.fixture
def settings(tmp_path: Path, elastic_prefix: str) -> Settings:
    return Settings(data=tmp_path / "var", elastic_prefix=elastic_prefix, elastic_replicas=0)


@pytest.fixture
def cluster(elastic_url: str) -> str:
    return f"elasticsearch://{elastic_url.partition('://')[2]}"


@pytest.fixture
def source(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Side:
    """An embedded store with twelve events, read in three chunks."""
    monkeypatch.setattr(embedded, "scan", partial(scan, chunk_rows=CHUNK))
    with open_store(settings) as store:
        for number in range(12):
            store.add(batch_of(_numbered(number)), "test")
    return source_side("embedded:", settings)


def _numbered(number: int) -> Event:
    time = NOON + timedelta(hours=number, microseconds=number)
    if number % 3 == 0:
        return event(250, time=time, record_id=None, other={"Said": f"number {number}"})
    return process_create(time=time, record_id=number, computer=f"PC-{number % 2}", image=None)


def copied(source: Side, target: Side, settings: Settings, on_read: object = None) -> Copied:
    with source.open() as one, target.open() as other:
        copying = Copy(Kept(settings.data, source, target), one, other)
        if callable(on_read):
            copying.on_progress = on_read
        return copying.run()


def all_of(side: Side) -> list[Event]:
    with side.open() as store:
        return list(store.search(EventQuery(size=100)).events)


def missing(source: Side, target: Side, folder: Path) -> int:
    with source.open() as one, target.open() as other:
        return compare(one, other, folder, patience=10).missing


def test_there_and_back_again(settings: Settings, source: Side, cluster: str, tmp_path: Path) -> None:
    there = target_side(cluster, settings)
    back = target_side(f"embedded:{tmp_path / 'back'}", settings)

    assert copied(source, there, settings).added == 12
    assert copied(source_side(f"{cluster}/-", settings), back, settings).added == 12

    assert all_of(there) == all_of(back) == all_of(source)
    assert missing(source, there, tmp_path) == missing(there, back, tmp_path) == 0


@pytest.mark.parametrize("moment", ["before the mark", "after the mark"])
def test_a_copy_that_was_killed_goes_on(
    settings: Settings, source: Side, cluster: str, moment: str, tmp_path: Path
) -> None:
    command = [sys.executable, str(KILLED), str(settings.data), cluster, moment, str(CHUNK)]
    more = {"PYTHONPATH": str(Path(__file__).parents[4]), "TEST_PREFIX": settings.elastic_prefix}
    ended = subprocess.run(command, check=False, env={**os.environ, **more})
    assert ended.returncode == -signal.SIGKILL
    target = target_side(cluster, settings)

    done = copied(source, target, settings)

    assert (done.resumed, done.added) == (True, 4)
    assert done.read == (8 if moment == "before the mark" else 4)
    assert all_of(target) == all_of(source)
    assert missing(source, target, tmp_path) == 0


def test_comparing_waits_for_a_writer_that_is_dead_or_slow(
    settings: Settings, source: Side, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "SKEW_SECONDS", 0.0)
    target = target_side(cluster, settings)
    connection = Connection(target.settings)
    # Long enough for a first comparison on a machine that has much else to do.
    numbers.Numbers(connection, Names(settings.elastic_prefix), lease_seconds=15).begin()
    connection.close()
    copied(source, target, settings)

    with source.open() as one, target.open() as other:
        assert compare(one, other, tmp_path).missing == 12
        assert compare(one, other, tmp_path, patience=60).missing == 0


@pytest.fixture
def proxy(elastic_url: str) -> Iterator[Proxy]:
    address = urlsplit(elastic_url)
    proxy = Proxy((address.hostname or "", address.port or 9200))
    yield proxy
    proxy.close()


def test_a_target_that_goes_away_is_filled_when_it_is_back(
    settings: Settings, source: Side, proxy: Proxy
) -> None:
    target = target_side(f"elasticsearch://127.0.0.1:{proxy.port}", settings)

    def shut(progress: Progress) -> None:
        proxy.set_open(progress.read < 8)

    with pytest.raises(StoreUnavailable):
        copied(source, target, settings, shut)
    proxy.set_open(True)
    done = copied(source, target, settings)

    assert (done.resumed, done.read, done.added) == (True, 4, 4)
    assert all_of(target) == all_of(source)


def test_a_source_that_goes_away_is_an_error_and_no_end(
    settings: Settings, source: Side, cluster: str, proxy: Proxy, tmp_path: Path
) -> None:
    copied(source, target_side(cluster, settings), settings)
    away = source_side(f"elasticsearch://127.0.0.1:{proxy.port}/-", settings)
    with away.open() as one, open_store(Settings(data=tmp_path / "other")) as other:
        one.info()
        proxy.set_open(False)
        with pytest.raises(StoreUnavailable):
            Copy(Kept(settings.data, away, away), one, other).run()


def test_what_others_have_written_is_copied_each_event_once(
    settings: Settings, elastic_url: str, cluster: str, tmp_path: Path
) -> None:
    name = f"{settings.elastic_prefix}-others"
    document = {
        "@timestamp": "2019-01-08T12:00:00.000Z",
        "winlog": {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": "PC-1",
            "event_id": 5,
            "record_id": 7,
            "event_data": {"UtcTime": "2019-01-08 12:00:00.000", "Image": "C:\\a.exe"},
        },
    }
    with Elasticsearch(elastic_url) as client:
        for _ in range(2):
            client.index(index=name, document=document, refresh=True)
    source = source_side(f"{cluster}/{name}", settings)
    target = target_side(f"embedded:{tmp_path / 'own'}", settings)

    done = copied(source, target, settings)

    assert (done.read, done.added, done.left_out) == (2, 1, False)
    assert [one.values["image"] for one in all_of(target)] == ["C:\\a.exe"]
    with source.open() as one, target.open() as other:
        found = compare(one, other, tmp_path)
    assert (found.source, found.target, found.missing, found.repeated) == (1, 1, 0, 1)


def test_one_cluster_under_two_addresses_is_refused(settings: Settings, cluster: str, proxy: Proxy) -> None:
    other = f"elasticsearch://127.0.0.1:{proxy.port}/-"

    with pytest.raises(BadSetting, match="the same store"):
        check_apart(source_side(cluster, settings), target_side(other, settings))


def test_a_target_is_named_without_what_others_fill(settings: Settings, cluster: str) -> None:
    target = target_side(f"{cluster}/winlogbeat-*,other-*", settings)

    assert target.name == cluster
    assert target.settings.store == f"{cluster}/-"
