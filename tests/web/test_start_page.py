"""The start page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.demo.scenario import INFECTED
from app.errors import QueryTooSlow
from app.settings import Settings
from app.store.port import Groups
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.builders import NOON, batch_of, process_create
from tests.memory_store import MemoryStore
from tests.web.conftest import Add, Get, text_of
from tests.web.hostile import MOST_BYTES, TEXTS

DAY = timedelta(days=1)


def table_of(page: html.HtmlElement) -> list[list[str]]:
    """The numbers by computer and day, with their heads."""
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("th|td")]
        for row in page.xpath("//table[contains(@class, 'days')]//tr")
    ]


def test_the_page_says_what_is_stored(get: Get, add: Add) -> None:
    add(
        process_create(computer="ws-01.example", time=NOON),
        process_create(computer="ws-01.example", time=NOON + 2 * DAY),
        process_create(computer="ws-02.example", time=NOON + 2 * DAY),
        process_create(computer="WS-02.example", time=NOON + 2 * DAY),
    )

    page = get("/")

    tally = [text_of(part) for part in page.xpath("//*[@class='tally']/div")]
    assert tally[:3] == ["4events", "2computers", "2 d2019-01-08 – 2019-01-10"]
    assert tally[3] == "2019-01-10newest event, 12:00:00.000 UTC"
    assert [row[1:] for row in table_of(page)] == [
        ["201901-08", "01-09", "01-10"],
        ["1", "nothing received", "1"],
        ["nothing received", "nothing received", "2"],
    ]


def test_each_number_leads_to_its_events(get: Get, add: Add, client: FlaskClient) -> None:
    add(
        process_create(computer="ws-01.example", time=NOON),
        process_create(computer="ws-01.example", time=NOON.replace(hour=23, minute=59, second=59)),
        process_create(computer="ws-01.example", time=NOON + DAY),
        process_create(computer="ws-02.example", time=NOON),
    )

    links = get("/").xpath("//table[contains(@class, 'days')]//td/a")

    for link in links:
        asked = parse_qs(urlsplit(link.get("href")).query)
        assert asked.keys() == {"from", "to", "computer"}
        found = client.get(link.get("href").replace("/search?", "/search.json?")).get_json()
        assert found["total"]["value"] == int(text_of(link))
    assert [text_of(link) for link in links] == ["2", "1", "1"]


def test_an_empty_store_says_what_to_do_first(get: Get) -> None:
    page = get("/")

    assert "Nothing is stored yet" in text_of(page, "//main")
    assert page.xpath("//main//a[@href='/imports']")
    assert "sysmonsearch import" in text_of(page, "//main")
    assert "sysmonsearch demo" in text_of(page, "//main")


def test_the_demo_shows_its_infected_processes(get: Get, add: Add) -> None:
    add(process_create(computer=INFECTED[0].computer.upper()))

    page = get("/")

    graph = f"/processes/{INFECTED[0].computer.lower()}/{INFECTED[0].process_guid}"
    assert page.xpath("//main//a[starts-with(@href, '/processes/')]/@href") == [graph]


def test_first_searches_are_queries_that_are_understood(client: FlaskClient, get: Get, add: Add) -> None:
    add(process_create(computer="ws-01.example"), process_create(computer=INFECTED[0].computer))
    with_demo = get("/").xpath("//a[starts-with(@href, '/search?q=')]/@href")
    assert len(with_demo) == 5

    for address in with_demo:
        assert client.get(address).status_code == 200


def test_days_that_lie_years_apart_stand_side_by_side(get: Get, add: Add) -> None:
    add(
        process_create(computer="a", time=NOON.replace(year=2012)),
        process_create(computer="b", time=NOON),
        process_create(computer="b", time=NOON.replace(year=2021)),
    )

    assert [row[1:] for row in table_of(get("/"))] == [
        ["201201-08", "201901-08", "202101-08"],
        ["nothing received", "1", "1"],
        ["1", "nothing received", "nothing received"],
    ]


def test_of_many_days_the_newest_are_shown_and_the_others_linked(get: Get, add: Add) -> None:
    add(*(process_create(computer="a", time=NOON + number * DAY) for number in range(40)))

    page = get("/")

    heads = table_of(page)[0][1:]
    assert len(heads) == 31
    assert heads[-1] == "02-16"
    assert "Older events since 2019-01-08" in text_of(page, "//*[@class='honesty']")


def test_of_many_computers_those_with_the_most_events_are_shown(get: Get, add: Add) -> None:
    add(*(process_create(computer=f"ws-{number:03}") for number in range(300)))
    add(*(process_create(computer="busy") for _ in range(3)))

    page = get("/")

    rows = table_of(page)[1:]
    assert len(rows) == 25
    assert rows[0] == ["busy", "3"]
    assert "25 of 301 computers are shown" in text_of(page, "//*[@class='honesty']")


def test_numbers_of_many_days_are_thousands_and_the_title_has_the_number(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    store.add(batch_of(*(process_create(computer="a", time=NOON + number * DAY) for number in range(20))), "")
    original = store.groups

    def thousandfold(query: EventQuery, names: Sequence[str], **said: Any) -> Groups:
        found = original(query, names, **said)
        return Groups(tuple(replace(group, count=12_345) for group in found.rows), complete=True)

    monkeypatch.setattr(store, "groups", thousandfold)
    page = html.fromstring(create_app(settings, store).test_client().get("/").data)

    assert table_of(page)[1][1] == "12.3 k"
    assert page.xpath("//td[1]/a/@title") == ["2019-01-08: 12,345 events"]
    assert "thousands" in text_of(page, "//*[@class='honesty']")


def test_it_is_counted_anew_only_when_something_was_stored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    asked: list[EventQuery] = []
    original = store.groups

    def counting(query: EventQuery, names: Sequence[str], **said: Any) -> Groups:
        asked.append(query)
        return original(query, names, **said)

    monkeypatch.setattr(store, "groups", counting)
    client = create_app(settings, store).test_client()
    store.add(batch_of(process_create()), "")
    first = client.get("/").data
    again = client.get("/").data
    assert len(asked) == 1
    assert table_of(html.fromstring(first)) == table_of(html.fromstring(again))

    store.add(batch_of(process_create()), "")

    assert table_of(html.fromstring(client.get("/").data))[1][1] == "2"
    assert len(asked) == 2


def test_where_counting_would_take_too_long_the_page_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    store.add(batch_of(process_create()), "")

    def slow(*_said: object, **_more: object) -> Groups:
        raise QueryTooSlow("The query took more than 10 seconds.")

    monkeypatch.setattr(store, "groups", slow)
    response = create_app(settings, store).test_client().get("/")

    assert response.status_code == 200
    assert "would take too long" in text_of(html.fromstring(response.data), "//main")


def test_a_missing_page_is_404(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404


def test_a_store_that_is_down_is_503_with_the_reason(down: FlaskClient) -> None:
    response = down.get("/")

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "The store is down" in text_of(html.fromstring(response.data), "//*[@role='alert']")


def test_a_damaged_state_database_is_503_with_the_reason(client: FlaskClient, settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "state.sqlite").write_text("this is no database " * 100)

    response = client.get("/")

    assert response.status_code == 503
    assert "state.sqlite" in text_of(html.fromstring(response.data), "//*[@role='alert']")


@pytest.mark.parametrize("name", TEXTS)
def test_a_computer_with_a_hostile_name_is_text(client: FlaskClient, add: Add, name: str) -> None:
    add(*(process_create(computer=f"{name}{number}", time=NOON + number * DAY) for number in range(40)))

    response = client.get("/")
    page = html.fromstring(response.data)

    assert response.status_code == 200
    assert len(response.data) < MOST_BYTES
    assert len(table_of(page)) == 26
    assert page.xpath("//script/@src") == ["/static/js/app.js"]
    assert not page.xpath("//img[@onerror]")
    assert "\u202e" not in response.get_data(as_text=True)


def test_numbers_of_a_hostile_name_still_lead_to_its_events(client: FlaskClient, get: Get, add: Add) -> None:
    name = "a&b=c+d %2F#<\u202e>\n"
    add(process_create(computer=name))

    (link,) = get("/").xpath("//table[contains(@class, 'days')]//td/a/@href")

    assert client.get(link.replace("/search?", "/search.json?")).get_json()["total"]["value"] == 1


def test_times_at_the_ends_of_the_calendar_give_a_page(get: Get, add: Add) -> None:
    add(
        process_create(time=datetime(1970, 1, 1, tzinfo=UTC)),
        process_create(time=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    )

    assert len(table_of(get("/"))[0]) == 3


def test_machines_read_what_is_stored(client: FlaskClient, add: Add) -> None:
    add(process_create(computer="ws-01.example"))

    document = client.get("/.json").json

    assert document is not None
    assert document["events"] == 1
    assert list(document["computers"]) == ["ws-01.example"]
