"""What value summaries said is kept, and events that several columns find are counted once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store import embedded_counts, embedded_sql, embedded_values
from app.store.embedded import EmbeddedStore
from app.store.embedded_values import KnownHits
from app.store.open import open_embedded
from app.sysmon.condition import And, Condition, Match, Not, Operator
from app.sysmon.fields import ANY_FIELD
from app.sysmon.query import EventQuery
from tests.builders import NOON, batch_of, event, process_access, process_create


def keyword(text: str) -> EventQuery:
    return EventQuery(condition=Match(ANY_FIELD, Operator.CONTAINS, text))


def fill(store: EmbeddedStore) -> None:
    for number in range(4):
        one = process_create(
            image="C:\\needle.exe",
            command_line="needle",
            time=NOON + timedelta(hours=number),
            other={"X": "needle", "Y": "needle"},
        )
        store.add(batch_of(one, process_create(image="C:\\needle.exe"), event(4)), "test")


def test_a_keyword_asked_again_reads_no_summary(settings: Settings) -> None:
    with open_embedded(settings) as store:
        fill(store)
        found = store.search(keyword("needle"))
        for segment in store.catalogue.live():
            segment.summary_path.unlink()

        assert store.search(keyword("needle")) == found
        assert store.count(keyword("needle")).value == len(found.events) == 8


def test_a_store_that_went_away_does_not_say_from_memory_that_nothing_is_found(settings: Settings) -> None:
    with open_embedded(settings) as store:
        fill(store)
        assert store.search(keyword("nowhere")).events == ()

        (settings.data / "store").rename(settings.data / "away")
        with pytest.raises(StoreUnavailable, match="mounted"):
            store.search(keyword("nowhere"))


def test_what_is_kept_has_a_limit() -> None:
    known = KnownHits(limit=2_100)
    match = Match(ANY_FIELD, Operator.CONTAINS, "a")

    for number in range(100):
        known.keep(match, {f"segment {number}": {}})

    assert len(known._kept) == 4


@pytest.mark.parametrize("most", [0, 10**9])
def test_events_that_several_columns_find_are_counted_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(embedded_sql, "_MOST_REPEATED", most)
    with open_embedded(settings) as store:
        fill(store)

        query = keyword("needle")
        assert store.count(query).value == 8
        assert sum(bucket.count for bucket in store.histogram(query, timedelta(days=1))) == 8
        assert store.facets(query, ["Image", "Computer"], 1)[0].values == (("C:\\needle.exe", 8),)
        assert [group.count for group in store.groups(query, ["EventId"]).rows] == [8]
        later = EventQuery(condition=And((query.condition,)), start=NOON + timedelta(hours=1), sort="Image")
        assert len(store.search(later).events) == store.count(later).value == 3


def test_more_values_than_are_taken_from_summaries_are_counted_from_events(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_counts, "_MOST_SUMMED", 1)
    with open_embedded(settings) as store:
        fill(store)
        store.add(batch_of(process_access(image="C:\\needle.exe"), process_create(image="b")), "test")

        terms = store.terms(EventQuery(), "Image", 10)

    assert terms.values == (("C:\\needle.exe", 8), ("b", 1))
    assert (terms.distinct, terms.missing) == (2, 5)


@pytest.mark.parametrize("most", [0, 64])
@pytest.mark.parametrize("cased", [False, True])
def test_images_are_compared_by_their_values_or_in_the_events(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, most: int, cased: bool
) -> None:
    monkeypatch.setattr(embedded_values, "_MOST_FILES", most)
    with open_embedded(settings) as store:
        fill(store)
        store.add(batch_of(process_access(image="C:\\needle.exe"), process_create(image=None)), "test")

        def count(condition: Condition) -> int:
            return store.count(EventQuery(condition=condition)).value

        ends = Match("Image", Operator.ENDS_WITH, "NEEDLE.exe", cased)
        assert count(ends) == (0 if cased else 8)
        assert count(Not(ends)) == (14 if cased else 6)
        assert count(Match("Process", Operator.EQUALS, "C:\\needle.exe", cased)) == 9
        assert count(Match("SourceImage", Operator.WILDCARD, "C:*.exe", cased)) == 1
        assert count(Match("User", Operator.CONTAINS, "nobody", cased)) == 0
