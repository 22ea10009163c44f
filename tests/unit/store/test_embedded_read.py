"""What only the embedded store's reading side does: walking segments, reading again, summaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.errors import StoreDamaged, StoreUnavailable
from app.settings import Settings
from app.store.catalogue import Catalogue, Segment, holding
from app.store.embedded import EmbeddedStore
from app.store.embedded_ids import event_ids_of, speaks_of_event_ids_only
from app.store.embedded_read import EmbeddedReader
from app.store.embedded_sql import Hit, Statement
from app.store.open import open_embedded
from app.sysmon.condition import EVERYTHING, NOTHING, And, Condition, Match, Not, Operator, Or
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.fields import ANY_FIELD
from app.sysmon.query import EventQuery, Order
from tests.builders import NOON, batch_of, dns_query, image_load, new_guid, process_access, process_create

CMD = Match("Image", Operator.ENDS_WITH, "\\cmd.exe")


@pytest.fixture
def store(settings: Settings) -> Iterator[EmbeddedStore]:
    with open_embedded(settings) as opened:
        yield opened


def fill(store: EmbeddedStore, segments: int = 4, rows: int = 5) -> list[Event]:
    """Store events in segments whose times overlap, with equal times within and between."""
    events = []
    for segment in range(segments):
        some = [
            process_create(time=NOON + timedelta(minutes=segment // 2 + row // 2), computer=f"ws-{row % 3}")
            for row in range(rows)
        ]
        store.add(batch_of(*some), "test")
        events += some
    return events


@dataclass(frozen=True)
class StaleCatalogue(Catalogue):
    """A catalogue whose first lists name files that are gone."""

    stale: list[int] = None  # type: ignore[assignment]

    def live(self) -> list[Segment]:
        return self._age(Catalogue.live(self))

    def _age(self, segments: list[Segment]) -> list[Segment]:
        if not self.stale:
            return segments
        self.stale.pop()
        return [
            replace(segment, path=Path(f"{segment.path}.gone"), summary_path=Path(f"{segment.path}.gone"))
            for segment in segments
        ]


def stale_reader(store: EmbeddedStore, times: int) -> EmbeddedReader:
    catalogue = StaleCatalogue(store.catalogue.database, store.catalogue.folder, stale=[0] * times)
    return EmbeddedReader(catalogue, store.settings)


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_over_many_segments_are_the_whole_in_one_order(
    store: EmbeddedStore, order: Order, size: int
) -> None:
    events = sorted(fill(store), key=lambda event: event.place, reverse=order is Order.NEWEST)

    seen: list[Event] = []
    page = store.search(EventQuery(condition=CMD, order=order, size=size))
    seen += page.events
    while page.next:
        page = store.search(EventQuery(condition=CMD, order=order, size=size, after=page.next))
        seen += page.events

    assert seen == events


def test_events_of_large_and_small_files_stand_on_one_page(store: EmbeddedStore) -> None:
    many = [
        process_create(record_id=number, time=NOON + timedelta(milliseconds=number), command_line="ping")
        for number in range(10_001)
    ]
    few = [
        image_load(record_id=20_000 + number, time=NOON + timedelta(seconds=number), image_loaded="C:\\a.dll")
        for number in range(12)
    ]
    for events in (many, few[::2], few[1::2]):
        store.add(batch_of(*events), "test")
    ordered = sorted((*many, *few), key=lambda event: event.place, reverse=True)
    assert store.search(EventQuery(size=3_000)).events == tuple(ordered[:3_000])


def test_a_segment_without_a_computer_in_the_time_asked_for_is_left_out(store: EmbeddedStore) -> None:
    store.add(
        batch_of(
            process_create(computer="a.example", record_id=1, time=NOON),
            process_create(computer="b.example", record_id=2, time=NOON + timedelta(hours=9)),
        ),
        "test",
    )
    live = store.catalogue.live()
    later = NOON + timedelta(hours=5)
    assert holding(live, later, None, ["B.example"])
    assert not holding(live, later, None, ["a.example"])
    assert not holding(live, None, later, ["b.example"])


def test_a_query_that_meets_a_replaced_file_reads_the_catalogue_again(store: EmbeddedStore) -> None:
    events = fill(store)
    free_text = EventQuery(condition=Match(ANY_FIELD, Operator.CONTAINS, "whoami"))

    assert len(stale_reader(store, 1).search(EventQuery()).events) == len(events)
    assert stale_reader(store, 1).count(EventQuery(condition=CMD)).value == len(events)
    assert stale_reader(store, 1).count(free_text).value == len(events)
    assert stale_reader(store, 1).terms(EventQuery(), "CommandLine", 10).values[0][1] == len(events)


def test_a_file_that_stays_away_is_no_empty_answer(store: EmbeddedStore) -> None:
    fill(store)

    with pytest.raises(StoreUnavailable, match="store verify"):
        stale_reader(store, 2).search(EventQuery())


def test_a_damaged_segment_is_no_short_answer(store: EmbeddedStore) -> None:
    fill(store)
    segment = store.catalogue.live()[0]
    content = segment.path.read_bytes()
    segment.path.write_bytes(content[:-100])

    with pytest.raises(StoreDamaged, match="store verify"):
        store.search(EventQuery())


def test_whole_segments_are_counted_from_the_catalogue(store: EmbeddedStore) -> None:
    store.add(batch_of(process_create(), dns_query(), image_load(computer="Ws-02")), "test")
    for segment in store.catalogue.live():
        segment.path.unlink()

    def count(condition: Condition, **asked: tuple[str, ...] | datetime) -> int:
        return store.count(replace(EventQuery(condition=condition), **asked)).value  # type: ignore[arg-type]

    assert count(EVERYTHING) == 3
    assert count(EVERYTHING, computers=("WS-02",)) == 1
    assert count(EVERYTHING, start=NOON, end=NOON + timedelta(seconds=1)) == 3
    assert count(Match("EventId", Operator.EQUALS, "22")) == 1
    assert (
        count(Or((Match("Kind", Operator.EQUALS, "imageload"), Match("Category", Operator.EQUALS, "dns"))))
        == 2
    )
    assert count(NOTHING) == 0


def test_a_keyword_is_found_in_each_place_where_it_can_stand(store: EmbeddedStore) -> None:
    guid = new_guid()
    events = [
        process_create(process_guid=guid),
        process_create(parent_process_guid=guid, process_id=4711),
        dns_query(query_name="host-4711.example"),
        dns_query(computer="PC4711"),
        dns_query(other={"Unheard": "about 4711"}),
        process_access(),
    ]
    store.add(batch_of(*events), "test")

    for text in ("4711", guid, guid.upper(), guid[:14], "about", "pc4711"):
        for operator in (Operator.CONTAINS, Operator.EQUALS, Operator.REGEX):
            match = Match(ANY_FIELD, operator, text)
            for condition in (match, Not(match), And((match, Match("EventId", Operator.EQUALS, "22")))):
                wanted = {event.key for event in events if holds(condition, event)}
                page = store.search(EventQuery(condition=condition))
                assert {event.key for event in page.events} == wanted, condition
                assert len(page.events) == len(wanted)
                assert store.count(EventQuery(condition=condition)).value == len(wanted)


def test_a_frequent_keyword_asks_the_columns_in_place_of_their_values(store: EmbeddedStore) -> None:
    events = [process_create(command_line=f"frequent {number}") for number in range(2000)]
    store.add(batch_of(*events), "test")

    assert store.count(EventQuery(condition=Match(ANY_FIELD, Operator.CONTAINS, "frequent"))).value == 2000
    assert store.count(EventQuery(condition=Match(ANY_FIELD, Operator.CONTAINS, "frequent 77"))).value == 11


def test_alternatives_in_several_columns_are_asked_one_by_one() -> None:
    keyword = Match(ANY_FIELD, Operator.CONTAINS, "x")
    hits = {keyword: {"image": Hit(frozenset({"X"})), "user": Hit(frozenset({"x"}), frozenset({"file"}))}}
    one = Match("Process", Operator.EQUALS, "a")
    two = Match("User", Operator.EQUALS, "a")

    def branches(condition: Condition) -> int:
        return len(Statement(hits=hits).branches(EventQuery(condition=condition)))

    assert branches(EVERYTHING) == branches(one) == branches(Not(keyword)) == 1
    assert branches(keyword) == branches(And((one, keyword))) == branches(Or((one, two))) == 2
    assert branches(Or((one, one))) == 1
    assert branches(NOTHING) == 0


@pytest.mark.parametrize(
    ("condition", "ids", "only"),
    [
        (EVERYTHING, None, True),
        (NOTHING, frozenset(), True),
        (Match("EventId", Operator.EQUALS, "1"), {1}, True),
        (Match("EventId", Operator.EQUALS, "01"), frozenset(), True),
        (Match("Kind", Operator.EQUALS, "event30"), {30}, True),
        (Match("Kind", Operator.EQUALS, "event1"), frozenset(), True),
        (Match("Category", Operator.EQUALS, "Registry"), {12, 13, 14}, True),
        (Match("Category", Operator.EQUALS, "other"), None, False),
        (Match("SourceImage", Operator.CONTAINS, "x"), {8, 10}, False),
        (And((Match("EventId", Operator.EQUALS, "1"), CMD)), {1}, False),
        (Or((Match("EventId", Operator.EQUALS, "1"), CMD)), None, False),
        (Not(Match("EventId", Operator.EQUALS, "1")), None, False),
    ],
)
def test_a_condition_says_which_event_ids_it_can_match(
    condition: Condition, ids: set[int] | None, only: bool
) -> None:
    assert event_ids_of(condition) == ids
    assert speaks_of_event_ids_only(condition) is only
