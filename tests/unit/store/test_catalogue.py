"""The catalogue: which segments may hold what a query asks for."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from app.settings import Settings
from app.store.catalogue import holding
from app.store.compaction import Effort
from app.store.embedded import EmbeddedStore
from app.store.open import open_embedded
from tests.builders import NOON, batch_of, dns_query, process_create

MICROSECOND = timedelta(microseconds=1)


def _filled(store: EmbeddedStore) -> None:
    store.add(batch_of(process_create(computer="WS-Ä1", time=NOON)), "one")
    store.add(batch_of(dns_query(computer="ws-02", time=NOON + timedelta(hours=1))), "two")
    store.add(batch_of(process_create(computer="ws-ä1", time=NOON + timedelta(hours=2))), "three")


def test_segments_come_newest_first_and_are_those_that_may_hold_what_is_asked(settings: Settings) -> None:
    with open_embedded(settings) as store:
        _filled(store)
        found = partial(holding, store.catalogue.live())
        numbers = {
            "all": found(),
            "from": found(start=NOON + timedelta(hours=1)),
            "until": found(end=NOON + timedelta(hours=1)),
            "just": found(start=NOON, end=NOON + MICROSECOND),
            "none": found(start=NOON + MICROSECOND, end=NOON + timedelta(hours=1)),
            "computer": found(computers=["ws-Ä1"]),
            "two computers": found(computers=["WS-02", "nobody"]),
            "event ID": found(event_ids=[22, 5]),
            "no event ID": found(event_ids=[]),
        }

    assert {name: [segment.min_batch for segment in some] for name, some in numbers.items()} == {
        "all": [3, 2, 1],
        "from": [3, 2],
        "until": [1],
        "just": [1],
        "none": [],
        "computer": [3, 1],
        "two computers": [2],
        "event ID": [2],
        "no event ID": [],
    }


def test_a_segment_says_what_it_holds_of_each_computer(settings: Settings) -> None:
    with open_embedded(settings) as store:
        made = [
            process_create(computer="WS-Ä1", record_id=5),
            process_create(computer="ws-ä1", record_id=9, time=NOON + timedelta(minutes=1)),
            process_create(computer="ws-02", record_id=None),
        ]
        store.add(batch_of(*made), "test")
        store.add(batch_of(process_create(computer="WS-Ä1", record_id=3)), "test")
        store.compact(Effort.EVERYTHING)
        (segment,) = store.catalogue.live()

    assert segment.computers.keys() == {"ws-ä1", "ws-02"}
    held = segment.computers["ws-ä1"]
    assert (held.name, held.rows, held.first_record, held.last_record, held.hashed) == ("WS-Ä1", 3, 3, 9, 0)
    assert held.last_time - held.first_time == held.last_utc - held.first_utc == 60_000_000
    other = segment.computers["ws-02"]
    assert (other.first_record, other.last_record, other.hashed) == (None, None, 1)
    assert (segment.min_batch, segment.max_batch, segment.rows) == (1, 2, 4)


def test_a_reader_that_stays_open_sees_what_others_add_and_merge(settings: Settings) -> None:
    with open_embedded(settings) as reader, open_embedded(settings) as writer:
        assert reader.catalogue.live() == []
        _filled(writer)
        assert len(reader.catalogue.live()) == 3
        writer.compact(Effort.EVERYTHING)
        (segment,) = reader.catalogue.live()
        assert (segment.rows, segment.level) == (3, 1)
