"""Indexes of GUIDs: they name the very rows, and nothing is lost where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import Settings
from app.store import embedded_guids, guids, indexing, merge, segments
from app.store.compaction import Effort
from app.store.embedded import EmbeddedStore
from app.store.embedded_guids import guids_of
from app.store.guids import GUID_COLUMNS, GuidIndex, GuidRows, key_of, keys_of
from app.store.open import open_embedded
from app.store.verify import Fault
from app.sysmon.batch import SCHEMA
from app.sysmon.condition import And, Condition, Match, Not, Operator, all_of, any_of, equals_any
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.query import EventQuery, Order
from tests.builders import NOON, batch_of, dns_query, image_load, process_access, process_create

GUIDS = [f"5c3485a0-{number:04x}-0000-0010-00000000{number % 3:04x}" for number in range(40)]


@pytest.fixture(autouse=True)
def indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small segments have indexes too."""
    for module in (guids, merge, segments, indexing, embedded_guids):
        monkeypatch.setattr(module, "LEAST_ROWS", 1)


@pytest.fixture
def store(settings: Settings) -> Iterator[EmbeddedStore]:
    with open_embedded(settings) as opened:
        yield opened


def _events(count: int = 120) -> list[Event]:
    events = []
    for number in range(count):
        guid, other = GUIDS[number % 40], GUIDS[number * 7 % 40]
        time = NOON + timedelta(minutes=number)
        computer = "ws-02.example" if number % 5 == 0 else "ws-01.example"
        said: dict[str, Any] = {
            "time": time,
            "computer": computer,
            "process_guid": None if number % 17 == 0 else guid,
        }
        made = (
            partial(process_create, parent_process_guid=other),
            image_load,
            partial(process_access, target_process_guid=other),
            dns_query,
        )[number % 4](**said)
        events.append(made)
    return events


def _fill(store: EmbeddedStore) -> list[Event]:
    events = _events()
    for start in range(0, len(events), 40):
        store.add(batch_of(*events[start : start + 40]), "test")
    return events


CONDITIONS: Sequence[Condition] = (
    Match("ProcessGuid", Operator.EQUALS, GUIDS[3]),
    Match("ProcessGuid", Operator.EQUALS, GUIDS[3].upper()),
    Match("ProcessGuid", Operator.EQUALS, GUIDS[3].upper(), case_sensitive=True),
    Match("ProcessGuid", Operator.CONTAINS, GUIDS[3]),
    Match("ProcessGuid", Operator.CONTAINS, GUIDS[3][:20]),
    equals_any("SubjectProcessGuid", GUIDS[:9]),
    equals_any("SourceProcessGuid", GUIDS[:9]),
    equals_any("ParentProcessGuid", GUIDS[2:7]),
    any_of(
        [*(Match(name, Operator.EQUALS, GUIDS[6]) for name in ("SubjectProcessGuid", "TargetProcessGuid"))]
    ),
    all_of([equals_any("SubjectProcessGuid", GUIDS), Not(equals_any("EventId", ["1", "22"]))]),
    all_of([equals_any("EventId", ["10"]), equals_any("TargetProcessGuid", GUIDS[:20])]),
    And((equals_any("ParentProcessGuid", GUIDS[:20]), equals_any("ProcessGuid", GUIDS[5:30]))),
    any_of([Match("ProcessGuid", Operator.EQUALS, GUIDS[1]), Match("EventId", Operator.EQUALS, "22")]),
    Not(Match("ProcessGuid", Operator.EQUALS, GUIDS[1])),
    Match("ProcessGuid", Operator.EQUALS, "5c3485a0-ffff-0000-0010-000000000000"),
    Match("EventId", Operator.EQUALS, "1"),
)


@pytest.mark.parametrize("is_merged", [False, True])
def test_answers_are_those_of_the_events_themselves(store: EmbeddedStore, is_merged: bool) -> None:
    events = _fill(store)
    if is_merged:
        store.compact(Effort.EVERYTHING)
    half = NOON + timedelta(minutes=61)
    for condition in CONDITIONS:
        for limits in ({}, {"start": half}, {"end": half}, {"computers": ("WS-02.example",)}):
            query = EventQuery(condition=condition, order=Order.OLDEST, size=1_000, **limits)
            expected = [
                event
                for event in events
                if holds(condition, event)
                and (query.start is None or event.time >= query.start)
                and (query.end is None or event.time < query.end)
                and (not query.computers or event.computer == "ws-02.example")
            ]
            assert list(store.search(query).events) == expected, (condition, limits)
            assert store.count(query).value == len(expected)
            groups = store.groups(query, ("ProcessGuid", "ParentProcessGuid", "EventId"))
            assert sum(row.count for row in groups.rows) == len(expected)
            assert {row.values[2] for row in groups.rows} == {str(event.event_id) for event in expected}
            steps = store.histogram(query, timedelta(hours=1))
            assert sum(bucket.count for bucket in steps) == len(expected)


def test_a_store_without_indexes_answers_and_compaction_writes_them(store: EmbeddedStore) -> None:
    events = _fill(store)
    query = EventQuery(condition=equals_any("ProcessGuid", GUIDS[:9]), order=Order.OLDEST, size=1_000)
    expected = [event for event in events if holds(query.condition, event)]
    for segment in store.catalogue.live():
        segment.guids_path.unlink()

    assert list(store.verify()) == []
    assert list(store.search(query).events) == expected
    assert indexing.write_missing(store.catalogue) == len(store.catalogue.live())
    assert all(segment.guids_path.exists() for segment in store.catalogue.live())
    assert indexing.write_missing(store.catalogue) == 0
    assert list(store.search(query).events) == expected


def test_a_damaged_index_is_named_and_not_believed(store: EmbeddedStore) -> None:
    events = _fill(store)
    harmed = store.catalogue.live()[0].guids_path
    content = bytearray(harmed.read_bytes())
    content[len(content) // 3] ^= 0x40
    harmed.write_bytes(content)
    query = EventQuery(condition=equals_any("ProcessGuid", GUIDS[:9]), order=Order.OLDEST, size=1_000)

    assert list(store.search(query).events) == [event for event in events if holds(query.condition, event)]
    (finding,) = store.verify()
    assert (finding.fault, finding.file) == (Fault.CHANGED, harmed)
    assert "no event is lost" in finding.message


@pytest.mark.parametrize("content", [b"", b"short"])
def test_an_index_that_was_cut_short_is_named_too(store: EmbeddedStore, content: bytes) -> None:
    events = _fill(store)
    harmed = store.catalogue.live()[0].guids_path
    harmed.write_bytes(content)

    query = EventQuery(condition=equals_any("ProcessGuid", GUIDS[:9]), size=1_000)
    assert len(store.search(query).events) == sum(holds(query.condition, event) for event in events)
    assert [finding.file for finding in store.verify()] == [harmed]


def test_indexes_go_with_their_segments(store: EmbeddedStore) -> None:
    _fill(store)
    old = [segment.guids_path for segment in store.catalogue.live()]
    before = store.info().bytes
    store.compact(Effort.EVERYTHING)
    orphan = store.catalogue.guids_path("00000042-cafecafe")
    orphan.write_bytes(b"?")

    assert before > sum(path.stat().st_size for path in old)
    assert {finding.fault for finding in store.verify()} == {Fault.ORPHAN}


def test_a_column_with_something_that_is_no_guid_has_no_index(tmp_path: Path) -> None:
    events = [
        process_create(process_guid="5C3485A0", parent_process_guid=GUIDS[0]),
        image_load(process_guid=GUIDS[1]),
    ]
    path = tmp_path / "index"
    rows = GuidRows()
    rows.see(batch_of(*events).table)
    rows.write(path)
    index = GuidIndex(path)

    keys = np.array([key_of(GUIDS[0])], "S16")
    assert index.rows("process_guid", keys) is None
    found = index.rows("parent_process_guid", keys)
    assert found is not None
    assert found[0].tolist() == [0]


_some_guids = st.lists(st.one_of(st.none(), st.sampled_from(GUIDS), st.uuids().map(str)), max_size=60)


@given(st.lists(_some_guids, min_size=1, max_size=4))
def test_an_index_names_the_rows_of_each_guid(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str | None]]
) -> None:
    path = tmp_path_factory.mktemp("index") / "index"
    rows = GuidRows()
    for part in parts:
        column = pa.array(part, pa.string()).dictionary_encode().cast(SCHEMA.field(GUID_COLUMNS[0]).type)
        nothing = pa.nulls(len(part), column.type)
        rows.see(pa.table({name: column if name == GUID_COLUMNS[0] else nothing for name in GUID_COLUMNS}))
    rows.write(path)

    every = [guid for part in parts for guid in part]
    wanted = [*dict.fromkeys(guid for guid in every if guid), "00000000-0000-0000-0000-000000000001"]
    found = GuidIndex(path).rows(GUID_COLUMNS[0], np.array([*map(key_of, wanted)], "S16"))
    assert found is not None
    said = {(int(row), wanted[place]) for row, place in zip(*found, strict=True)}
    assert said == {(row, guid) for row, guid in enumerate(every) if guid}


@given(st.uuids())
def test_a_guid_becomes_sixteen_bytes(guid: UUID) -> None:
    keys = keys_of(pa.array(["0" * 8 + "-0000-0000-0000-" + "0" * 12, str(guid)]).slice(1))
    assert keys is not None
    assert keys.tobytes() == guid.bytes == key_of(str(guid))


@pytest.mark.parametrize("text", ["", "5c3485a0", "5C3485A0-0000-0000-0010-000000000001", "g" * 36, "é" * 18])
def test_what_is_stored_otherwise_is_no_guid(text: str) -> None:
    assert keys_of(pa.array([GUIDS[0], text])) is None


def test_conditions_that_ask_for_guids_are_told_from_others() -> None:
    one, two = GUIDS[:2]
    assert guids_of(equals_any("ParentProcessGuid", [one, two])) == {"parent_process_guid": [one, two]}
    assert guids_of(Match("ProcessGuid", Operator.STARTS_WITH, one)) == {"process_guid": [one]}
    assert guids_of(Match("ProcessGuid", Operator.EXISTS)) is None
    assert guids_of(Match("LogonGuid", Operator.EQUALS, one)) is None
    assert (
        guids_of(any_of([Match("ProcessGuid", Operator.EQUALS, one), Match("EventId", Operator.EQUALS, "1")]))
        is None
    )


def test_warming_reads_ahead_and_changes_no_answer(store: EmbeddedStore) -> None:
    _fill(store)
    store.warm()
    for segment in store.catalogue.live():
        segment.summary_path.rename(segment.summary_path.with_suffix(".away"))

    (rarity,) = store.rarity([("Image", "C:\\Windows\\System32\\cmd.exe")])
    assert rarity is not None
    assert rarity.computers == 2


def test_warming_ends_when_the_store_is_closed(settings: Settings) -> None:
    with open_embedded(settings) as opened:
        _fill(opened)
    opened.warm()
