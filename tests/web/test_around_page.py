"""The hour before and after an event: page and twin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.store.port import EventStore
from app.sysmon.events import Event
from app.sysmon.query import encode_cursor
from app.web import links
from tests import builders
from tests.builders import NOON, process_create
from tests.web import hostile
from tests.web.conftest import Add, Get, text_of
from tests.web.test_event_page_hostile import hostile_event

HOUR = timedelta(hours=1)


def at(seconds: float, **said: Any) -> Event:
    """Return a process creation so many seconds after noon."""
    return process_create(computer="ws-01", time=NOON + timedelta(seconds=seconds), **said)


def rows(page: html.HtmlElement) -> list[str]:
    """Return the times of the rows, from top to bottom."""
    return [text_of(row, "td[1]") for row in page.xpath("//table[contains(@class, 'results')]//tr[td[7]]")]


def picked(page: html.HtmlElement) -> list[str]:
    return [text_of(row, "td[1]") for row in page.xpath("//tr[@class='is-picked']")]


def link(page: html.HtmlElement, text: str) -> str:
    return str(page.xpath(f"string(//a[normalize-space()='{text}']/@href)"))


def test_all_events_of_the_computer_stand_around_the_event(add: Add, get: Get) -> None:
    centre = at(0)
    kinds = (builders.file_create, builders.dns_query, builders.registry_rename, builders.pipe_created)
    around = [
        kind(computer="WS-01", time=NOON + timedelta(minutes=place))
        for place, kind in enumerate(kinds, start=-2)
    ]
    elsewhere = process_create(computer="ws-02", time=NOON)
    add(centre, *around, elsewhere)
    page = get(links.event_around(centre.key))

    assert rows(page) == ["12:01:00.000", "12:00:00.000", "12:00:00.000", "11:59:00.000", "11:58:00.000"]
    assert picked(page) == ["12:00:00.000"]
    assert text_of(page, "//h1") == "ws-01, 11:00–13:00"
    assert text_of(page, "//div[@class='result-head']/h2") == "5 events"
    assert not link(page, "Newer rows")
    assert not link(page, "Older rows")
    # The rename of a registry key was missing from the old table.
    assert "HKLM\\SOFTWARE\\Sample" in text_of(page)


def test_the_hour_is_exact_at_both_ends_and_counted_by_record_time(add: Add, client: FlaskClient) -> None:
    moment = timedelta(microseconds=1)
    centre = at(0, utc_time=NOON - timedelta(days=11))
    inside = [process_create(computer="ws-01", time=NOON + by) for by in (-HOUR, HOUR)]
    outside = [process_create(computer="ws-01", time=NOON + by) for by in (-HOUR - moment, HOUR + moment)]
    add(centre, *inside, *outside)
    document = client.get(links.event(centre.key, "/around.json")).get_json()

    keys = [event["event_key"] for event in document["events"]]
    assert keys == [str(inside[1].key), str(centre.key), str(inside[0].key)]
    assert document["total"] == {"value": 3, "exact": True}
    assert document["from"] == "2019-01-08 11:00:00.000"
    assert document["event_key"] == str(centre.key)


def test_an_hour_across_midnight_has_both_days(add: Add, get: Get) -> None:
    midnight = datetime.fromisoformat("2019-01-09T00:10:00+00:00")
    centre = process_create(computer="ws-01", time=midnight)
    before = process_create(computer="ws-01", time=midnight - timedelta(minutes=30))
    add(centre, before)
    page = get(links.event_around(centre.key))
    days = [text_of(row) for row in page.xpath("//tr[@class='day']")]
    assert days == ["Wednesday 2019-01-09", "Tuesday 2019-01-08"]
    assert text_of(page, "//h1") == "ws-01, 23:10–01:10"


def test_the_page_of_the_event_comes_first_and_others_go_outwards(add: Add, get: Get) -> None:
    made = [at(place, record_id=place + 1000) for place in range(-200, 200)]
    add(*made)
    first = get(links.event_around(made[200].key))

    assert picked(first) == ["12:00:00.000"]
    assert rows(first).index("12:00:00.000") <= 15
    seen = rows(first)
    page = first
    while newer := link(page, "Newer rows"):
        page = get(newer)
        seen = rows(page) + seen
        assert not picked(page)
    page = first
    while older := link(page, "Older rows"):
        page = get(older)
        seen += rows(page)
    assert seen == [one.time.strftime("%H:%M:%S.000") for one in reversed(made)]


def test_pages_lead_back_without_a_gap(add: Add, get: Get) -> None:
    made = [at(place) for place in range(-200, 200)]
    add(*made)
    first = get(links.event_around(made[200].key))
    older = get(link(first, "Older rows"))
    back = get(link(older, "Newer rows"))
    assert rows(back)[-1] == rows(first)[-1]
    assert link(older, "Back to the event").endswith("/around")
    newer = get(link(first, "Newer rows"))
    assert rows(get(link(newer, "Older rows")))[0] == rows(first)[0]


def test_equal_times_are_neither_lost_nor_doubled(add: Add, client: FlaskClient) -> None:
    made = [at(0, record_id=number) for number in range(1, 300)]
    add(*made)
    address = links.event(made[150].key, "/around.json?fold=0")
    document = client.get(address).get_json()
    keys = [event["event_key"] for event in document["events"]]
    for way in ("newer", "older"):
        cursor = document[way]
        while cursor:
            page = client.get(f"{address}&{way}={cursor}").get_json()
            keys += [event["event_key"] for event in page["events"]]
            cursor = page[way]
    assert len(keys) == len(set(keys)) == 299


def test_bursts_fold_and_the_event_itself_never_does(add: Add, get: Get) -> None:
    guid = builders.new_guid()
    burst = [
        builders.image_load(computer="ws-01", process_guid=guid, time=NOON + timedelta(milliseconds=place))
        for place in range(-30, 30)
    ]
    add(*burst)
    centre = burst[30]
    page = get(links.event_around(centre.key))

    assert len(rows(page)) == 3
    assert [text_of(one) for one in page.xpath("//span[@class='times']")] == ["×29", "×30"]
    assert picked(page) == ["12:00:00.000"]
    assert "60 events shown in 3 rows" in text_of(page, "//div[@class='result-head']")
    unfolded = get(link(page, "Show every row"))
    assert len(rows(unfolded)) > 30
    assert picked(unfolded) == ["12:00:00.000"]
    assert parse_qs(urlsplit(link(unfolded, "Older rows") or link(unfolded, "Newer rows")).query)["fold"] == [
        "0"
    ]


def test_a_row_is_picked_into_the_pane_while_the_hour_stays(add: Add, get: Get) -> None:
    centre, other = at(0), at(60, command_line="other.exe")
    add(centre, other)
    page = get(links.event_around(centre.key))
    assert text_of(page, "//aside//section[@id='command-line']//span[@class='all']") == centre.get(
        "CommandLine"
    )
    href = page.xpath("//tr[td[contains(., '12:01:00.000')]]//a[contains(@class, 'rowlink')]/@href")[0]
    chosen = get(href)

    assert text_of(chosen, "//aside//section[@id='command-line']//span[@class='all']") == "other.exe"
    assert picked(chosen) == ["12:01:00.000"]
    assert text_of(chosen, "//h1") == "ws-01, 11:00–13:00"
    assert "The hours are counted from this event" in text_of(chosen, "//table")
    closing = chosen.xpath("string(//aside//a[@data-go='close']/@href)")
    assert picked(get(str(closing))) == ["12:00:00.000"]


def test_the_pane_comes_alone_where_a_script_asks_for_it(add: Add, client: FlaskClient) -> None:
    centre, other = at(0), at(60, command_line="other.exe")
    add(centre, other)
    answer = client.get(links.event_around(centre.key, sel=str(other.key), part="pane"))
    pane = html.fromstring(answer.data)
    assert pane.tag == "aside"
    assert text_of(pane, ".//section[@id='command-line']//span[@class='all']") == "other.exe"
    assert pane.xpath("string(.//a[@data-go='close']/@href)") == links.event_around(centre.key)


def test_the_pane_leads_to_the_rows_above_and_below(add: Add, get: Get) -> None:
    made = [at(seconds) for seconds in (-60, 0, 60)]
    add(*made)
    page = get(links.event_around(made[1].key))
    assert picked(get(str(page.xpath("string(//aside//a[@data-go='newer']/@href)")))) == ["12:01:00.000"]
    assert picked(get(str(page.xpath("string(//aside//a[@data-go='older']/@href)")))) == ["11:59:00.000"]


def test_silence_is_shown_as_silence_of_all_computers(add: Add, get: Get) -> None:
    centre, early = at(0), at(-1800)
    add(centre, early)
    assert "nothing received from any computer for" in text_of(
        get(links.event_around(centre.key)), "//tr[@class='gaprow']"
    )
    add(*(process_create(computer="ws-02", time=NOON - timedelta(minutes=n)) for n in range(1, 30)))
    assert not get(links.event_around(centre.key)).xpath("//tr[@class='gaprow']")


def test_clocks_that_are_apart_are_said(add: Add, get: Get) -> None:
    centre = at(0, utc_time=NOON - timedelta(days=11))
    add(centre, at(5))
    page = get(links.event_around(centre.key))
    assert "1 of the events shown has a UtcTime over a minute off: record time orders" in text_of(
        page, "//*[@class='honesty']"
    )


def test_one_readers_hours_are_not_the_next_readers(add: Add, get: Get) -> None:
    """The old server kept the last range that anybody asked for."""
    early, late = at(0), at(7200)
    add(early, late)
    assert text_of(get(links.event_around(early.key)), "//h1") == "ws-01, 11:00–13:00"
    assert text_of(get(links.event_around(late.key)), "//h1") == "ws-01, 13:00–15:00"
    assert rows(get(links.event_around(early.key))) == ["12:00:00.000"]


def test_links_lead_to_the_graph_and_a_search_of_the_same_hour(
    add: Add, get: Get, client: FlaskClient
) -> None:
    centre = at(0)
    add(centre, at(3600), at(3601))
    page = get(links.event_around(centre.key))
    assert link(page, "As a graph") == links.event_correlation(centre.key)
    asked = parse_qs(urlsplit(link(page, "Search these hours")).query)
    assert asked["computer"] == ["ws-01"]
    twin = link(page, "Search these hours").replace("/search?", "/search.json?")
    assert client.get(twin).get_json()["total"]["value"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        "newer=x",
        "older=x",
        "older=W10",
        "newer=a&older=b",
        "fold=2",
        "sel=x",
        "newer=%00",
        "older=" + "A" * 5000,
    ],
)
@pytest.mark.parametrize("twin", ["/around", "/around.json"])
def test_wrong_arguments_are_refused(add: Add, client: FlaskClient, twin: str, arguments: str) -> None:
    centre = at(0)
    add(centre)
    answer = client.get(f"{links.event(centre.key, twin)}?{arguments}")
    assert answer.status_code == 400


def test_a_picked_event_that_is_not_stored_is_not_found(add: Add, client: FlaskClient) -> None:
    centre = at(0)
    add(centre)
    missing = client.get(links.event_around(centre.key, sel="ws-01~1~20190108T120000.000~4711"))
    assert missing.status_code == 404


def test_a_page_past_the_end_says_so(add: Add, get: Get, client: FlaskClient) -> None:
    centre = at(0)
    add(centre, at(7200))
    document = client.get(links.event(centre.key, "/around.json")).get_json()
    assert document["newer"] is None
    assert document["older"] is None
    page = get(links.event_around(centre.key, older=encode_cursor(centre.place)))
    assert not rows(page)
    assert "this is the end of the hour" in text_of(page)
    assert rows(get(link(page, "Back to the event"))) == ["12:00:00.000"]


@pytest.mark.parametrize("year", ["0001-01-01T00:30:00+00:00", "9999-12-31T23:30:00+00:00"])
def test_the_ends_of_the_calendar_are_no_ends_of_the_page(add: Add, get: Get, year: str) -> None:
    centre = process_create(computer="ws-01", time=datetime.fromisoformat(year))
    add(centre)
    assert len(rows(get(links.event_around(centre.key)))) == 1


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_rows_are_texts_and_fit_a_page(
    add: Add, client: FlaskClient, store: EventStore, text: str
) -> None:
    base = hostile_event(10, text)
    made = [
        Event(
            time=NOON + timedelta(seconds=place),
            computer="ws-01",
            event_id=(1, 3, 7, 8, 10, 11, 13, 22, 77)[place % 9],
            values={**base.values, "record_id": place + 1},
            other=base.other,
        )
        for place in range(100)
    ]
    add(*made)
    answer = client.get(links.event(made[50].key, "/around?fold=0"))
    assert answer.status_code == 200
    assert len(answer.data) < hostile.MOST_BYTES
    page = html.fromstring(answer.data)
    assert not page.xpath("//main//script | //main//img | //main//*[@onerror or @style]")
    assert len(rows(page)) == 50
    assert not set("\x00\x07\x1b\x7f\x9b\u202e\u200b\u2066") & set(answer.get_data(as_text=True))
