"""Value summaries say of a segment what counting its events says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.settings import Settings
from app.store.open import open_embedded
from app.store.summary import (
    COMPUTER_COLUMNS,
    PAIR_COLUMN,
    SUMMARY_COLUMNS,
    SUMMARY_SCHEMA,
    by_column,
    merge,
    summarise,
)
from app.sysmon.batch import EventBatch
from app.sysmon.events import Event
from tests.builders import NOON, batch_of, dns_query, event, process_create
from tests.contract.strategies import events

Sums = dict[tuple[str, str, str | None], tuple[int, datetime, datetime]]


def _values(one: Event) -> set[tuple[str, str]]:
    """Return the columns and values that one event adds to; ``other`` may add one several times."""
    found = {(column, text) for column in SUMMARY_COLUMNS if (text := one.text_of(column)) is not None}
    parent, image = one.text_of("parent_image"), one.text_of("image")
    if one.event_id == 1 and parent is not None and image is not None:
        found.add((PAIR_COLUMN, f"{parent}\x1f{image}"))
    return found


def _counted(made: Sequence[Event]) -> Sums:
    found: Sums = {}
    for one in made:
        for column, value in [*_values(one), *(("other", value) for value in one.other.values())]:
            key = (column, value, one.computer if column in COMPUTER_COLUMNS else None)
            count, first, last = found.get(key, (0, one.time, one.time))
            found[key] = (count + 1, min(first, one.time), max(last, one.time))
    return found


def _summed(made: Sequence[Event]) -> Sums:
    ordered = sorted(made, key=lambda one: one.time)
    return _sums(summarise(EventBatch.from_events(ordered).table).to_pylist())


def _sums(rows: list[dict[str, object]]) -> Sums:
    keys = [(row["column"], row["value"], row["computer"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert keys == sorted(
        keys, key=lambda key: (str(key[0]), str(key[1]).encode(), str(key[2] or "").encode())
    )
    return {key: (row["count"], row["first"], row["last"]) for key, row in zip(keys, rows, strict=True)}  # type: ignore[misc]


@given(st.lists(events(), max_size=12))
@hypothesis_settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_a_summary_says_what_counting_says(made: list[Event]) -> None:
    assert _summed(made) == _counted(made)


@given(st.lists(st.lists(events(), max_size=8), min_size=1, max_size=4))
@hypothesis_settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_merged_summaries_say_what_counting_all_says(parts: list[list[Event]]) -> None:
    tables = [
        summarise(EventBatch.from_events(sorted(part, key=lambda one: one.time)).table) for part in parts
    ]

    assert _sums([row for part in merge(map(by_column, tables)) for row in part.to_pylist()]) == _counted(
        [one for part in parts for one in part]
    )


def test_numbers_are_summed_up_by_their_text_and_pairs_by_event_1_alone() -> None:
    sums = _summed(
        [
            process_create(process_id=4, parent_image="a", image="b"),
            event(5, process_id=4, image="b"),
        ]
    )

    assert sums["process_id", "4", None][0] == 2
    assert sums[PAIR_COLUMN, "a\x1fb", "ws-01.example"][0] == 1
    assert sums["image", "b", "ws-01.example"][0] == 2


def test_guids_and_computers_are_left_out() -> None:
    columns = {column for column, _, _ in _summed([process_create()])}

    assert not columns & {"process_guid", "parent_process_guid", "computer", "md5"}


def test_the_file_beside_a_segment_has_the_columns_of_the_schema(settings: Settings) -> None:
    with open_embedded(settings) as store:
        store.add(batch_of(dns_query(query_name="example.com"), process_create(time=NOON)), "test")
        (segment,) = store.catalogue.live()
        table = pq.read_table(segment.summary_path)

    assert Path(segment.summary_path).name == f"{segment.name}.values.parquet"
    assert table.schema.names == SUMMARY_SCHEMA.names
    assert ("query_name", "example.com") in {(row["column"], row["value"]) for row in table.to_pylist()}
