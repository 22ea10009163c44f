"""Compaction: what is merged, how it is laid out, and that it changes nothing but that."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log2
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.errors import StoreDamaged
from app.settings import Settings
from app.store.catalogue import Segment
from app.store.compaction import FULL_ROWS, Effort, compact, plan, sweep, within_memory
from app.store.embedded import EmbeddedStore
from app.store.open import open_embedded
from app.store.scan import scan
from app.store.segments import open_segment, unpacked_bytes
from app.sysmon.batch import SCHEMA, EventBatch, events_of
from app.sysmon.events import Event
from tests.builders import NOON, batch_of, event, process_create
from tests.contract.strategies import events
from tests.unit.store.writers import ROWS, numbered


def _segment(number: int, rows: int, month: str = "2019-01", level: int = 0) -> Segment:
    return Segment(
        id=number,
        name=f"{number}",
        month=month,
        rows=rows,
        bytes=rows * 30,
        summary_bytes=rows,
        first_time=0,
        last_time=0,
        min_batch=number,
        max_batch=number,
        level=level,
        checksum="",
        summary_checksum="",
        event_ids={1: rows},
        computers={},
        path=Path(f"{number}.parquet"),
        summary_path=Path(f"{number}.values.parquet"),
    )


def _merged(number: int, pack: Sequence[Segment]) -> Segment:
    return replace(
        _segment(number, sum(segment.rows for segment in pack), pack[0].month, level=1),
        min_batch=pack[0].min_batch,
        max_batch=pack[-1].max_batch,
    )


def _apply(segments: list[Segment], packs: Sequence[Sequence[Segment]], next_id: int) -> list[Segment]:
    for pack in packs:
        segments = [segment for segment in segments if segment not in pack]
        segments.append(_merged(next_id, pack))
        next_id += 1
    return segments


_SEGMENTS = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 2_000), st.integers(1, 1_500_000)),
        st.sampled_from(["2019-01", "2019-02"]),
        st.sampled_from([0, 1]),
    ),
    max_size=40,
).map(lambda drawn: [_segment(number, *each) for number, each in enumerate(drawn)])


@given(_SEGMENTS, st.sampled_from(Effort))
def test_merged_are_neighbours_in_order_of_storing_of_one_month(
    segments: list[Segment], effort: Effort
) -> None:
    for pack in plan(segments, effort):
        ids = [segment.id for segment in pack]
        assert len({segment.month for segment in pack}) == 1
        month = [segment.id for segment in segments if segment.month == pack[0].month]
        start = month.index(ids[0])
        assert month[start : start + len(ids)] == ids
        assert len(pack) == 1 or sum(segment.rows for segment in pack) <= FULL_ROWS * 1.2


@given(_SEGMENTS, st.sampled_from(Effort))
def test_no_segment_is_merged_twice(segments: list[Segment], effort: Effort) -> None:
    planned = [segment.id for pack in plan(segments, effort) for segment in pack]

    assert len(planned) == len(set(planned))


@given(_SEGMENTS)
def test_after_everything_is_merged_nothing_is_left_to_do(segments: list[Segment]) -> None:
    done = _apply(segments, plan(segments, Effort.EVERYTHING), 1_000)

    for effort in Effort:
        assert all(len(pack) == 1 for pack in plan(done, effort))
    assert plan(_apply(done, plan(done, Effort.EVERYTHING), 2_000), Effort.EVERYTHING) == []


@pytest.mark.parametrize(("size", "adds"), [(10, 2_000), (1_000, 1_000), (65_536, 200), (100_000, 100)])
def test_each_event_is_moved_a_few_times_in_all_and_segments_stay_few(size: int, adds: int) -> None:
    segments: list[Segment] = []
    moved = most = 0
    for number in range(adds):
        segments.append(_segment(number * 100, size))
        packs = plan(segments, Effort.USUAL)
        moved += sum(segment.rows for pack in packs for segment in pack)
        segments = [
            replace(segment, min_batch=segment.min_batch)
            for segment in _apply(segments, packs, number * 100 + 1)
        ]
        most = max(most, len([segment for segment in segments if segment.rows < 700_000]))

    assert moved <= size * adds * (log2(min(adds, FULL_ROWS / size)) + 1)
    assert most <= 40


def test_during_a_long_import_each_event_is_moved_once() -> None:
    segments: list[Segment] = []
    moved = 0
    for number in range(100):
        segments.append(_segment(number * 100, 100_000))
        packs = plan(segments, Effort.DUE)
        moved += sum(segment.rows for pack in packs for segment in pack)
        segments = _apply(segments, packs, number * 100 + 1)

    assert moved <= 100 * 100_000
    assert len(segments) <= 10 + 9


def _all(store: EmbeddedStore) -> list[tuple[int, Event]]:
    found = [
        (number, one)
        for chunk in store.batches(0, SCHEMA.names)
        for number, one in zip(chunk.table["batch"].to_pylist(), events_of(chunk.table), strict=True)
    ]
    return sorted(found, key=lambda row: (row[1].place, row[0]))


def _summary(store: EmbeddedStore) -> dict[tuple[str, str, str | None], list[object]]:
    found: dict[tuple[str, str, str | None], list[object]] = {}
    for segment in store.catalogue.live():
        for row in pq.read_table(segment.summary_path).to_pylist():
            key = (row["column"], row["value"], row["computer"])
            count, first, last = found.setdefault(key, [0, row["first"], row["last"]])
            found[key] = [count + row["count"], min(first, row["first"]), max(last, row["last"])]
    return found


@given(st.lists(st.lists(events(), min_size=1, max_size=8), min_size=2, max_size=6))
@hypothesis_settings(max_examples=5, suppress_health_check=list(HealthCheck))
def test_compaction_changes_no_event_no_batch_and_no_sum(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Event]]
) -> None:
    with open_embedded(Settings(data=tmp_path_factory.mktemp("data"))) as store:
        for batch in batches:
            store.add(EventBatch.from_events(batch), "test")
        before, summary, info = _all(store), _summary(store), store.info()

        store.compact(Effort.EVERYTHING)

        assert _all(store) == before
        assert _summary(store) == summary
        months = {segment.month for segment in store.catalogue.live()}
        assert len(store.catalogue.live()) == len(months)
        after = store.info()
        assert (after.computers, after.event_ids, after.events, after.first, after.last) == (
            info.computers,
            info.event_ids,
            info.events,
            info.first,
            info.last,
        )
        assert [store.add(EventBatch.from_events(batch), "again").added for batch in batches] == [0] * len(
            batches
        )


def test_frequent_events_have_row_groups_of_their_own_in_order_of_time(settings: Settings) -> None:
    rng = random.Random(1)
    ids = [1] * 60 + [3] * 60 + [22] + [11]
    made = [event(id_, time=NOON + timedelta(seconds=rng.randrange(9_999))) for id_ in ids]
    rng.shuffle(made)
    with open_embedded(settings) as store:
        for start in range(0, len(made), 30):
            store.add(batch_of(*made[start : start + 30]), "test")
        store.compact(Effort.EVERYTHING)
        (segment,) = store.catalogue.live()
        with open_segment(segment.path) as file:
            groups = [file.read_row_group(n, ["event_id", "time"]) for n in range(file.num_row_groups)]

    assert [set(group["event_id"].to_pylist()) for group in groups] == [{1}, {3}, {11, 22}]
    for group in groups:
        assert group["time"].to_pylist() == sorted(group["time"].to_pylist())


def test_a_scan_sees_each_row_once_while_files_are_merged_and_unlinked(settings: Settings) -> None:
    with open_embedded(settings) as store:
        for number in range(12):
            store.add(numbered(number), "test")
        seen = []
        for chunk in scan(store.catalogue, 0, 12, ["record_id"], chunk_rows=2 * ROWS):
            seen += chunk.table["record_id"].to_pylist()
            store.compact(Effort.EVERYTHING)
            sweep(store.catalogue, datetime.now(UTC))
            store.add(numbered(20 + len(seen)), "meanwhile")

    assert sorted(seen) == list(range(12 * ROWS))


def test_two_compactions_at_once_do_the_work_once(settings: Settings) -> None:
    with open_embedded(settings) as store, open_embedded(settings) as other:
        for number in range(6):
            store.add(numbered(number), "test")
        before = _all(store)

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda one: one.compact(Effort.EVERYTHING), [store, other]))

        assert sum(each.rows for each in done) == 6 * ROWS
        assert _all(store) == before


def test_dead_files_outlive_every_query_and_are_then_unlinked(settings: Settings) -> None:
    with open_embedded(settings) as store:
        for number in range(3):
            store.add(numbered(number), "test")
        dead = [segment.path for segment in store.catalogue.live()]
        store.compact(Effort.EVERYTHING)
        store.compact(Effort.EVERYTHING)
        assert all(path.exists() for path in dead)

        assert sweep(store.catalogue, datetime.now(UTC)) == len(dead)
        assert not any(path.exists() for path in dead)
        assert list(store.verify()) == []


def test_what_would_not_fit_into_memory_is_merged_in_parts_or_left(settings: Settings) -> None:
    with open_embedded(settings) as store:
        for number in range(5):
            store.add(batch_of(process_create(record_id=number)), "test")
        pack = store.catalogue.live()
    sizes = [unpacked_bytes(segment.path) for segment in pack]
    assert max(sizes) < min(sizes) * 1.2

    def parts(most: float) -> list[int]:
        return [len(part) for part in within_memory(pack, int(most * max(sizes)))]

    assert parts(9) == [5]
    assert parts(3) == [3, 2]
    assert parts(2) == [2, 2]
    assert parts(1) == []
    assert within_memory(pack[:1], max(sizes)) == [pack[:1]]
    assert within_memory(pack[:1], min(sizes) - 1) == []


def test_damage_is_not_merged_into_new_files(settings: Settings) -> None:
    with open_embedded(settings) as store:
        for number in range(3):
            store.add(numbered(number), "test")
        path = store.catalogue.live()[0].path
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

        with pytest.raises(StoreDamaged, match=path.name):
            store.compact(Effort.EVERYTHING)
        assert list((settings.data / "store" / "tmp").iterdir()) == []


def test_a_segment_that_was_dropped_meanwhile_does_not_come_back(settings: Settings) -> None:
    with open_embedded(settings) as store:
        for number in range(3):
            store.add(batch_of(process_create(record_id=number)), "test")
        stale = store.catalogue.live()
        with store.catalogue.change() as change:
            change.drop(stale[0], "test")

        with store.catalogue.change() as change:
            assert not change.still_live(stale)
        assert compact(store.catalogue, Effort.EVERYTHING).rows == 2
        assert store.info().events == 2
