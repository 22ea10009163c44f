"""Copying one store into another, and comparing both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from app.errors import BadSetting, StoreUnavailable
from app.settings import Settings
from app.store import embedded
from app.store.comparing import compare
from app.store.copying import Copied, Copy, Kept, Progress
from app.store.open import open_store
from app.store.port import EventStore
from app.store.scan import scan
from app.store.sides import Side, check_apart, source_side, target_side
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.builders import NOON, batch_of, event, file_create_time, process_create

CHUNK = 3
"""So many events are read at once here, in place of many thousands."""
KILLED = Path(__file__).with_name("killed_copy.py")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "scan", partial(scan, chunk_rows=CHUNK))


@pytest.fixture
def sides(settings: Settings, tmp_path: Path) -> tuple[Side, Side]:
    """A source with twelve events of several months in twelve batches, and an empty target."""
    with open_store(settings) as store:
        for number in range(12):
            store.add(batch_of(_numbered(number)), "test")
    return source_side("embedded:", settings), target_side(f"embedded:{tmp_path / 'second'}", settings)


def _numbered(number: int) -> Event:
    time = NOON + timedelta(days=9 * number)
    if number % 3 == 0:
        return event(250, time=time, record_id=None, other={"Said": f"number {number}"})
    return process_create(time=time, record_id=number, computer=f"PC-{number % 2}")


def copied(sides: tuple[Side, Side], stop_at: int | None = None, *, anew: bool = False) -> Copied:
    source, target = sides
    kept = Kept(source.settings.data, source, target)
    with source.open() as one, target.open() as other:
        copying = Copy(kept, one, other)

        def stop(progress: Progress) -> None:
            if stop_at is not None and progress.read >= stop_at:
                copying.stop.set()

        copying.on_progress = stop
        return copying.run(anew=anew)


def all_of(side: Side) -> list[Event]:
    with side.open() as store:
        return list(store.search(EventQuery(size=100)).events)


def test_a_copy_has_all_that_every_event_says(sides: tuple[Side, Side]) -> None:
    done = copied(sides)

    assert (done.read, done.added, done.complete, done.left_out) == (12, 12, True, False)
    assert all_of(sides[1]) == all_of(sides[0])


def test_batches_keep_the_order_in_which_they_were_stored(sides: tuple[Side, Side]) -> None:
    copied(sides)

    with sides[1].open() as store:
        times = [sorted(found.table["time"].to_pylist()) for found in store.batches(0, ["time"])]
    assert [time for some in times for time in some] == [_numbered(n).time for n in range(12)]
    assert len(times) == 12 // CHUNK


def test_a_stopped_copy_goes_on_where_it_was(sides: tuple[Side, Side]) -> None:
    first = copied(sides, stop_at=5)
    second = copied(sides)
    third = copied(sides)

    assert (first.complete, first.read) == (False, 6)
    assert (second.complete, second.resumed, second.read, second.mark.read) == (True, True, 6, 12)
    assert (third.read, third.mark.added) == (0, 12)
    assert all_of(sides[1]) == all_of(sides[0])


def test_what_is_stored_later_is_copied_by_the_same_command(sides: tuple[Side, Side]) -> None:
    copied(sides)
    with sides[0].open() as store:
        store.add(batch_of(file_create_time()), "later")

    assert copied(sides).added == 1
    assert all_of(sides[1]) == all_of(sides[0])


def test_anew_reads_all_and_adds_what_is_missing(sides: tuple[Side, Side]) -> None:
    copied(sides)

    done = copied(sides, anew=True)

    assert (done.read, done.added, done.resumed) == (12, 0, False)


def test_a_target_that_was_emptied_is_filled_anew(sides: tuple[Side, Side], tmp_path: Path) -> None:
    copied(sides)
    (tmp_path / "second").rename(tmp_path / "away")

    done = copied(sides)

    assert (done.read, done.added, done.resumed) == (12, 12, False)


def test_a_mark_that_cannot_be_read_is_none(sides: tuple[Side, Side]) -> None:
    copied(sides)
    kept = Kept(sides[0].settings.data, *sides)
    kept.path.write_bytes(b'{"through": 3')

    assert copied(sides).read == 12


@pytest.mark.parametrize("moment", ["before the mark", "after the mark"])
def test_a_copy_that_was_killed_goes_on_and_doubles_nothing(sides: tuple[Side, Side], moment: str) -> None:
    source, target = sides
    command = [sys.executable, str(KILLED), str(source.settings.data), target.name, moment, str(CHUNK)]
    root = Path(__file__).parents[3]
    ended = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(root)})
    assert ended.returncode == -signal.SIGKILL

    done = copied(sides)

    kept = 3 if moment == "before the mark" else 6
    assert (done.resumed, done.read, done.added) == (True, 12 - kept, 6)
    assert all_of(target) == all_of(source)


def test_one_store_under_two_names_is_refused(settings: Settings, tmp_path: Path) -> None:
    open_store(settings).close()
    (tmp_path / "link").symlink_to(settings.data)

    with pytest.raises(BadSetting, match="the same store"):
        check_apart(
            source_side("embedded:", settings), target_side(f"embedded:{tmp_path / 'link'}", settings)
        )


def test_a_source_that_is_not_there_is_not_made(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="no store below"):
        source_side(f"embedded:{tmp_path / 'nowhere'}", settings)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("address", ["postgres://me:secret@host", "secret", ""])
def test_an_address_of_no_store_is_not_quoted(settings: Settings, address: str) -> None:
    with pytest.raises(BadSetting, match="no kind of store") as error:
        target_side(address, settings)
    assert "me:secret" not in str(error.value)


def test_faults_of_an_address_name_the_option(settings: Settings) -> None:
    with pytest.raises(BadSetting, match=r"^--to: the port of host") as error:
        target_side("elasticsearch://me:secret@host:port", settings)
    assert "secret" not in str(error.value)


def test_a_server_that_is_not_there_is_named_without_its_password(settings: Settings) -> None:
    with pytest.raises(StoreUnavailable, match="Nothing listens") as error:
        target_side("elasticsearch://me:secret@127.0.0.1:1", settings)
    assert "secret" not in str(error.value)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[EventStore, EventStore]]:
    with (
        open_store(Settings(data=tmp_path / "a")) as one,
        open_store(Settings(data=tmp_path / "b")) as other,
    ):
        yield one, other


def test_equal_stores_compare_equal_in_any_order(
    stores: tuple[EventStore, EventStore], tmp_path: Path
) -> None:
    events = [_numbered(number) for number in range(12)]
    stores[0].add(batch_of(*events), "test")
    for one in reversed(events):
        stores[1].add(batch_of(one), "test")

    found = compare(*stores, tmp_path / "keys")

    assert (found.source, found.target, found.missing, found.more, found.repeated) == (12, 12, 0, 0, 0)
    assert (found.differences, found.examples) == ((), ())
    assert not list((tmp_path / "keys").iterdir())


def test_what_is_missing_is_counted_and_named(stores: tuple[EventStore, EventStore], tmp_path: Path) -> None:
    events = [_numbered(number) for number in range(12)]
    stores[0].add(batch_of(*events), "test")
    stores[1].add(batch_of(*events[:10], file_create_time(computer="PC-9")), "test")

    found = compare(*stores, tmp_path)

    assert (found.source, found.target, found.missing, found.more) == (12, 11, 2, 1)
    assert set(found.examples) == {str(one.key) for one in events[10:]}
    lacking = {
        (one.computer, one.event_id): (one.source, one.target, one.missing, one.more)
        for one in found.differences
    }
    assert lacking[("pc-0", 1)] == (4, 3, 1, 0)
    assert lacking[("pc-9", 2)] == (0, 1, 0, 1)


def test_empty_stores_compare_equal(stores: tuple[EventStore, EventStore], tmp_path: Path) -> None:
    found = compare(*stores, tmp_path)

    assert (found.source, found.target, found.missing) == (0, 0, 0)
