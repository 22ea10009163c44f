"""Rows on the search page: columns, links, sort, pages, bursts, the picked event."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.sysmon.events import Event
from tests.builders import (
    NOON,
    new_guid,
    process_access,
    process_create,
    process_terminate,
    registry_object,
    registry_value_set,
)
from tests.web.conftest import Add, Get, text_of
from tests.web.reading import asked, found, read, search

SECOND = timedelta(seconds=1)
GUID = "5c3485a0-0077-0000-0010-000000000001"
ROWS = "//table[contains(@class, 'results')]/tbody/tr[td[contains(@class, 'mono')]]"


def column(page: html.HtmlElement, number: int) -> list[str]:
    return [text_of(cell) for cell in found(page, f"{ROWS}/td[{number}]")]


def burst(number: int, start: int = 0, **said: str) -> list[Event]:
    return [
        registry_object(
            time=NOON + (start + n) * SECOND, process_guid=GUID, target_object=f"HKLM\\{start + n}", **said
        )
        for n in range(number)
    ]


def test_a_row_says_when_what_where_who_and_leads_on(add: Add, get: Get) -> None:
    event = process_create(
        process_guid=GUID, command_line="whoami /all", user="EXAMPLE\\alice", process_id=77
    )
    add(event)

    page = get(search(q="EventId:1"))
    cells = [text_of(cell) for cell in found(page, f"{ROWS}/td")]
    links = found(page, f"{ROWS}//a/@href")

    assert cells == [
        "12:00:00.000",
        "1",
        "Process create",
        "ws-01",
        "alice",
        "cmd.exe 77",
        "whoami /all from explorer.exe (2280)",
    ]
    assert asked(links[0]) == {"q": ["EventId:1"], "sel": [str(event.key)]}
    assert links[1:] == [
        f"/events/{quote(str(event.key))}/around",
        f"/events/{quote(str(event.key))}/correlation",
        f"/processes/ws-01.example/{GUID}",
    ]
    assert text_of(page, f"{ROWS}/preceding::tr[@class='day'][1]") == "Tuesday 2019-01-08"
    assert found(page, f"{ROWS}//span[@class='host']/@title") == ["ws-01.example"]


def test_the_user_is_that_of_the_process_not_of_the_service(add: Add, get: Get) -> None:
    """The old list named the account that Sysmon runs under, always SYSTEM."""
    add(
        process_create(process_guid=GUID, user="EXAMPLE\\alice", time=NOON - timedelta(days=2)),
        registry_object(process_guid=GUID, user=None),
        process_access(user="EXAMPLE\\bob"),
    )

    page = get(search(q="not EventId:1"))

    assert sorted(column(page, 5)) == ["alice", "bob"]
    derived = found(page, f"{ROWS}//span[@class='derived']/@title")
    assert derived == ["EXAMPLE\\alice, from the creation of its process, 2019-01-06 12:00:00.000 UTC"]


def test_bursts_are_one_row_and_counts_are_counts_of_events(add: Add, get: Get) -> None:
    add(*burst(29), process_terminate(time=NOON + timedelta(hours=1)))

    folded, unfolded = get("/search"), get(search(fold="0"))

    assert len(found(folded, ROWS)) == 2
    assert text_of(folded, "//h1") == text_of(unfolded, "//h1") == "30 events on 1 computer"
    assert text_of(folded, "//span[@class='times']") == "×29"
    assert "and 28 more in 28 s" in column(folded, 7)[1]
    assert "Newest 30 shown, bursts folded into 2 rows; these are all" in text_of(
        folded, "//*[@class='result-head']"
    )
    assert len(found(unfolded, ROWS)) == 30
    assert found(folded, "//input[@type='checkbox' and @name='fold']/@checked")
    assert not found(unfolded, "//input[@type='checkbox' and @name='fold']/@checked")


@pytest.mark.parametrize("fold", ["", "0"])
def test_following_the_pages_shows_every_event_once(add: Add, client: FlaskClient, fold: str) -> None:
    events = [event for n in range(130) for event in burst(n % 4 + 1, n * 60)]
    add(*events)
    address, counted, keys = search(fold=fold) if fold else "/search", 0, set()

    for _page in range(20):
        page = read(client, address)
        for row in found(page, ROWS):
            times = text_of(row, ".//span[@class='times']")
            counted += int(times[1:]) if times else 1
            keys |= set(asked(found(row, ".//a[contains(@class, 'rowlink')]/@href")[0])["sel"])
        following = found(page, "//a[@rel='next']/@href")
        if not following:
            break
        address = following[0]

    assert counted == len(events)
    assert len(keys) == (130 if not fold else len(events))
    assert "of a later page" in text_of(page, "//*[@class='result-head']")
    assert [asked(href) for href in found(page, "//a[text()='First page']/@href")] == [
        {"fold": ["0"]} if fold else {}
    ]


def test_a_burst_that_is_longer_than_a_page_may_read_is_cut_honestly(add: Add, get: Get) -> None:
    add(
        *(
            registry_object(time=NOON + n * timedelta(milliseconds=10), process_guid=GUID)
            for n in range(2_300)
        )
    )

    first = get("/search")
    second = get(found(first, "//a[@rel='next']/@href")[0])

    assert text_of(first, "//h1") == "2,300 events on 1 computer"
    assert text_of(first, "//span[@class='times']") == "×2,000"
    assert "Newest 2,000 shown, bursts folded into 1 row; 300 older ones not shown" in text_of(
        first, "//main"
    )
    assert text_of(second, "//span[@class='times']") == "×300"


def test_event_ids_sort_as_numbers(add: Add, get: Get) -> None:
    """The old list had 1, 11, 12, 2."""
    add(*(registry_value_set(), process_create(), registry_object(), process_terminate()))
    add(process_access())

    assert column(get(search(sort="EventId")), 2) == ["1", "5", "10", "12", "13"]
    assert column(get(search(sort="-EventId")), 2) == ["13", "12", "10", "5", "1"]


@pytest.mark.parametrize(
    ("heading", "name", "number"), [("Computer", "Computer", 4), ("User", "User", 5), ("Image", "Image", 6)]
)
def test_a_heading_sorts_and_its_second_click_turns_the_order_round(
    add: Add, get: Get, heading: str, name: str, number: int
) -> None:
    add(
        *(
            process_create(computer=f"{letter}.example", user=letter, image=f"{letter}.exe", process_id=1)
            for letter in "bca"
        )
    )

    unsorted = get(search(q="EventId:1"))
    up = get(found(unsorted, f"//th/a[normalize-space()='{heading}']/@href")[0])
    down = get(found(up, f"//th/a[normalize-space()='{heading}']/@href")[0])

    assert column(up, number) == sorted(column(up, number))
    assert column(down, number) == column(up, number)[::-1]
    assert [
        found(page, f"//th[a[normalize-space()='{heading}']]/@aria-sort") for page in (unsorted, up, down)
    ] == [
        [],
        ["ascending"],
        ["descending"],
    ]
    assert f"sorted by {name}" in text_of(up, "//*[@class='result-head']")
    assert found(up, "//a[text()='back to record time']/@href") == [search(q="EventId:1")]
    assert column(up, 1) == ["2019-01-08 12:00:00"] * 3


def test_record_time_orders_unless_utc_time_is_asked_for(add: Add, get: Get) -> None:
    add(
        process_create(time=NOON, utc_time=NOON + timedelta(hours=5), process_id=1),
        process_create(time=NOON + SECOND, process_id=2),
    )

    default = get("/search")
    oldest = get(found(default, "//th/a[normalize-space()='UtcTime']/@href")[0])
    newest = get(found(oldest, "//th/a[normalize-space()='UtcTime']/@href")[0])

    pids = [found(page, "//span[@class='pid']/text()") for page in (default, oldest, newest)]
    assert pids == [["2", "1"], ["2", "1"], ["1", "2"]]
    assert found(default, "//th[a[normalize-space()='UtcTime']]/@aria-sort") == ["descending"]
    assert found(oldest, "//th[a[normalize-space()='UtcTime']]/@aria-sort") == ["ascending"]


@pytest.mark.parametrize("sort", ["UtcTime", "-EventId", "Level", "-Computer", "User", "-Image"])
def test_pages_of_every_sort_fit_together(add: Add, client: FlaskClient, sort: str) -> None:
    add(*(process_create(computer=f"ws-{n % 7}", image=f"{n % 5}.exe", process_id=n) for n in range(120)))
    address, pids = search(sort=sort), []

    while address:
        page = read(client, address)
        pids += found(page, "//span[@class='pid']/text()")
        address = next(iter(found(page, "//a[@rel='next']/@href")), "")

    assert sorted(map(int, pids)) == list(range(120))


def test_a_place_of_another_sort_is_refused(add: Add, get: Get, client: FlaskClient) -> None:
    add(*(process_create(time=NOON + n * SECOND) for n in range(60)))
    cursor = asked(found(get("/search"), "//a[@rel='next']/@href")[0])["after"][0]

    assert client.get(search(sort="Image", after=cursor)).status_code == 400


def test_a_picked_event_stands_beside_the_rows(add: Add, get: Get) -> None:
    events = [*burst(3), process_create(time=NOON + timedelta(minutes=9), command_line="whoami")]
    add(*events)

    page = get(search(q="*", sel=str(events[1].key)))

    assert len(found(page, "//tr[@class='is-picked' and @aria-selected='true']")) == 1
    assert text_of(page, "//tr[@class='is-picked']//span[@class='times']") == "×3"
    assert "HKLM\\1" in text_of(page, "//event-pane")
    assert len(found(page, "//*[@class='needle']")) == 1
    assert [asked(href) for href in found(page, "//event-pane//a[@data-go='close']/@href")] == [{"q": ["*"]}]
    newer = asked(found(page, "//event-pane//a[@data-go='newer']/@href")[0])
    assert newer == {"q": ["*"], "sel": [str(events[3].key)]}
    assert not found(page, "//event-pane//a[@data-go='older']")


def test_an_event_of_another_page_is_shown_all_the_same(add: Add, get: Get) -> None:
    other = process_access(process_guid=new_guid())
    add(other, process_create())

    page = get(search(q="EventId:1", sel=str(other.key)))

    assert not found(page, "//tr[@class='is-picked']")
    assert "lsass.exe" in text_of(page, "//event-pane")


def test_a_value_of_the_picked_event_narrows_the_search(add: Add, get: Get) -> None:
    event = process_create(user="EXAMPLE\\alice")
    add(event, process_create(user="EXAMPLE\\bob"))

    page = get(search(q="EventId:1 or EventId:3", sel=str(event.key)))
    narrowed = [
        asked(href)["q"][0] for href in found(page, "//event-pane//a/@href") if href.startswith("/search?")
    ]

    assert "(EventId:1 or EventId:3) and User:EXAMPLE\\alice" in narrowed
    assert "(EventId:1 or EventId:3) and not User:EXAMPLE\\alice" in narrowed


def test_scripts_fetch_the_pane_alone(add: Add, client: FlaskClient) -> None:
    event = process_create(command_line="whoami")
    add(event)

    response = client.get(search(q="*", sel=str(event.key), part="pane"))

    assert response.status_code == 200
    assert b"<html" not in response.data
    assert "whoami" in text_of(html.fromstring(response.data))
    assert client.get(search(q="*", part="pane")).status_code == 400
    assert (
        client.get(search(q="*", part="pane", sel=str(process_create(record_id=9_999).key))).status_code
        == 404
    )
