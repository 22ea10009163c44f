"""Retention: whole segments, the oldest first, and the ledger says which."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from app.settings import Settings
from app.state.models import DropRow
from app.store.catalogue import Segment
from app.store.open import open_embedded
from app.store.retention import overdue, retain
from tests.builders import NOON, batch_of, process_create


def test_nothing_is_dropped_unless_it_is_set(settings: Settings) -> None:
    with open_embedded(settings) as store:
        store.add(batch_of(process_create(time=NOON.replace(year=1999))), "old")
        assert retain(store.catalogue, settings, NOON) == []
        store.compact()
        assert store.info().events == 1


def test_segments_whose_newest_event_is_too_old_go_and_the_ledger_says_so(settings: Settings) -> None:
    keeping = Settings(data=settings.data, retention_days=90)
    with open_embedded(keeping) as store:
        for days in (0, 89, 91, 400):
            store.add(batch_of(process_create(time=NOON - timedelta(days=days))), f"{days} days old")

        dropped = retain(store.catalogue, keeping, NOON)

        assert [segment.min_batch for segment in dropped] == [4, 3]
        assert store.info().events == 2
        with store.database.read() as connection:
            ledger = connection.execute(select(DropRow.segment, DropRow.rows, DropRow.reason)).all()
        assert ledger == [(segment.name, 1, "older than 90 days") for segment in dropped]
        assert [chunk.through for chunk in store.batches(0, ["time"])] == [4]
        assert store.add(batch_of(process_create()), "next").batch == 5


def test_above_the_size_the_oldest_go_first(settings: Settings) -> None:
    keeping = Settings(data=settings.data, retention_gb=1)
    with open_embedded(keeping) as store:
        for days in (0, 400, 200):
            store.add(batch_of(process_create(time=NOON - timedelta(days=days))), f"{days} days old")
        segments = store.catalogue.live()
    large = [_enlarged(segment, 400_000_000) for segment in segments]

    assert [segment.min_batch for segment, _ in overdue(large, keeping, NOON)] == [2]
    assert overdue(segments, keeping, NOON) == []


def _enlarged(segment: Segment, size: int) -> Segment:
    return replace(segment, bytes=size)
