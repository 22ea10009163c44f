"""An event rendered into a layout and read again is the same event."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layouts.reader import Reader
from app.sysmon.events import Event
from tests.unit.layouts.anything import events, without
from tests.unit.layouts.read import read, read_all
from tests.unit.layouts.render import (
    HAVE_RECORD_NUMBER,
    HAVE_RECORD_TIME,
    RENDERERS,
    event_xml,
    evtx_record,
    winlogbeat_7,
)


def expected(event: Event, layout: str) -> Event:
    """Return what the layout can bring back of the event."""
    if layout not in HAVE_RECORD_TIME:
        assert event.utc_time is not None
        event = replace(event, time=event.utc_time)
    if layout in HAVE_RECORD_NUMBER:
        return event
    lost = ("record_id", "event_version") + (("level",) if layout == "azure_old" else ())
    return without(event, *lost)


def comparable(event: Event) -> Event:
    """Return the event without its content hash: clocks that it does not keep are part of that."""
    return without(event, "content_hash")


@pytest.mark.parametrize("layout", RENDERERS)
@given(event=events())
def test_an_event_comes_back_from_each_layout(layout: str, event: Event) -> None:
    assert comparable(read(RENDERERS[layout](event))) == expected(event, layout)


@given(event=events())
def test_an_event_comes_back_from_xml(event: Event) -> None:
    reader = Reader()
    reader.xml(event_xml(event), "event 1")
    assert list(reader.take().events()) == [event]


@given(event=events())
def test_an_event_comes_back_from_a_record_of_the_evtx_package(event: Event) -> None:
    reader = Reader()
    reader.evtx([evtx_record(event)])
    assert list(reader.take().events()) == [event]


@given(event=events())
def test_an_event_comes_back_from_an_export_of_elasticsearch(event: Event) -> None:
    hit = {"_index": "winlogbeat-7", "_id": "x", "_score": 1.0, "_source": winlogbeat_7(event)}
    assert read(hit) == event


@given(st.lists(st.tuples(st.sampled_from(sorted(RENDERERS)), events()), max_size=30))
def test_layouts_may_be_mixed_in_one_file_and_order_is_kept(mixed: list[tuple[str, Event]]) -> None:
    documents = [RENDERERS[layout](event) for layout, event in mixed]
    found = [comparable(event) for event in read_all(*documents)]
    assert found == [expected(event, layout) for layout, event in mixed]


@pytest.mark.parametrize("layout", RENDERERS)
@given(event=events())
def test_the_order_of_a_documents_keys_does_not_matter(layout: str, event: Event) -> None:
    def turned(value: object) -> object:
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    document = RENDERERS[layout](event)
    straight, other_way_round = read_all(document, turned(document))
    assert straight == other_way_round


@pytest.mark.parametrize("layout", ["azure", "azure_old", "sentinel"])
@given(event=events())
def test_events_that_differ_in_their_record_time_only_are_two(layout: str, event: Event) -> None:
    later = replace(event, time=event.time + timedelta(milliseconds=3))
    one, same, other = read_all(*(RENDERERS[layout](said) for said in (event, event, later)))
    assert one.key == same.key != other.key
