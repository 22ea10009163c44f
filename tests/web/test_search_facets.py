"""Facets: what found events have in common, counted, and links that narrow down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from lxml import html

from tests.builders import NOON, network_connect, process_access, process_create, registry_object
from tests.web import hostile
from tests.web.conftest import Add, Get, text_of
from tests.web.reading import asked, found, search


@dataclass(frozen=True)
class Value:
    """One value of a facet as the page shows it."""

    text: str
    count: int
    href: str
    is_on: bool


def facet(page: html.HtmlElement, title: str) -> dict[str, Value]:
    values = []
    for item in found(
        page, f"//section[@class='facet'][h2[starts-with(normalize-space(), '{title}')]]/ul/li"
    ):
        links = found(item, "./a/@href")
        values.append(
            Value(
                text_of(item, "./*[1]/span[1]"),
                int(text_of(item, ".//span[@class='num']").replace(",", "")),
                links[0] if links else "",
                "is-on" in (item.get("class") or ""),
            )
        )
    return {value.text: value for value in values}


def counts(page: html.HtmlElement, title: str) -> dict[str, int]:
    return {text: value.count for text, value in facet(page, title).items()}


def test_facets_count_the_found_events(add: Add, get: Get) -> None:
    add(
        process_create(user="EXAMPLE\\alice", computer="ws-01"),
        process_create(user="example\\ALICE", computer="ws-02", image="C:\\b.exe"),
        network_connect(user=None, computer="WS-02", image="c:\\B.exe"),
        process_access(user=None, computer="ws-03", image="C:\\a.exe"),
        registry_object(user=None, computer="ws-04"),
    )

    page = get(search(q="not Category:registry"))

    assert counts(page, "Computers") == {"WS-02": 2, "ws-01": 1, "ws-03": 1, "ws-04": 0}
    assert counts(page, "Event types") == {
        "Process create": 2,
        "Network": 1,
        "Process access": 1,
        "Registry": 1,
    }
    assert counts(page, "Users") == {"EXAMPLE\\alice": 2, "no user of their own": 2}
    assert counts(page, "Top images") == {"b.exe": 2, "a.exe": 1, "cmd.exe": 1}
    assert text_of(page, "//section[@class='facet'][1]/h2/span") == "3 of 4"


def test_each_count_is_what_a_click_finds(add: Add, get: Get) -> None:
    add(
        *(
            process_create(computer=f"ws-{n % 3}", user=f"u{n % 2}", image=f"C:\\{n % 4}.exe")
            for n in range(24)
        ),
        *(
            network_connect(computer=f"ws-{n % 2}", user=f"u{n % 3}", image=f"C:\\{n % 3}.exe")
            for n in range(12)
        ),
        *(process_access(computer="ws-0", user=None, image="C:\\0.exe") for _ in range(3)),
    )

    page = get(search(q="EventId:1 or EventId:3 or EventId:10", fold="0"))

    for title in ("Computers", "Event types", "Users", "Top images"):
        for value in facet(page, title).values():
            if value.href:
                assert asked(value.href)["fold"] == ["0"]
                assert text_of(get(value.href), "//h1").startswith(f"{value.count} event")


def test_a_facet_leaves_out_its_own_filter(add: Add, get: Get) -> None:
    add(
        process_create(user="alice", image="C:\\a.exe"),
        process_create(user="bob", image="C:\\a.exe"),
        process_create(user="bob", image="C:\\b.exe"),
        network_connect(user="alice", image="C:\\a.exe"),
    )

    page = get(search(q="SubjectUser:alice and Image:*\\a.exe and EventId:1"))

    assert text_of(page, "//h1") == "1 event on 1 computer"
    assert counts(page, "Users") == {"alice": 1, "bob": 1}
    assert counts(page, "Top images") == {"a.exe": 1}
    assert counts(page, "Event types") == {"Process create": 1, "Network": 1}
    assert [value.is_on for value in facet(page, "Users").values()] == [True, False]
    assert facet(page, "Top images")["a.exe"].is_on


def test_computers_leave_out_their_own_filter(add: Add, get: Get) -> None:
    add(*(process_create(computer=f"ws-{n}") for n in (1, 1, 2, 3)))

    page = get(search(computer=["ws-1", "WS-2"]))

    assert text_of(page, "//h1") == "3 events on 2 computers"
    assert counts(page, "Computers") == {"ws-1": 2, "ws-2": 1, "ws-3": 1}
    assert [value.is_on for value in facet(page, "Computers").values()] == [True, True, False]
    assert asked(facet(page, "Computers")["ws-3"].href) == {"computer": ["ws-1", "WS-2", "ws-3"]}
    assert asked(facet(page, "Computers")["ws-2"].href) == {"computer": ["ws-1"]}


def test_a_value_that_is_on_is_left_by_a_click(add: Add, get: Get) -> None:
    add(process_create(user="alice"), process_create(user="bob"), network_connect(user="alice"))

    page = get(search(q="EventId:1 and SubjectUser:alice", computer="ws-01.example"))
    without = facet(page, "Users")["alice"].href
    both = facet(page, "Users")["bob"].href

    assert asked(without) == {"q": ["EventId:1"], "computer": ["ws-01.example"]}
    assert asked(both)["q"] == ["EventId:1 and SubjectUser:(alice or bob)"]
    assert facet(page, "Event types")["Network"].href
    assert asked(facet(page, "Event types")["Network"].href)["q"] == [
        "SubjectUser:alice and Category:net_access"
    ]


def test_a_click_begins_on_the_first_page_with_nothing_picked(add: Add, get: Get) -> None:
    events = [process_create(time=NOON + n * timedelta(minutes=1), user=f"u{n % 2}") for n in range(60)]
    add(*events)
    second = found(get("/search"), "//a[@rel='next']/@href")[0]

    page = get(f"{second}&sel={events[0].key}")

    assert asked(facet(page, "Users")["u1"].href) == {"q": ["SubjectUser:u1"]}


def test_more_values_are_a_click_away(add: Add, get: Get) -> None:
    add(*(process_create(image=f"C:\\{n:02}.exe") for n in range(30)))

    page = get(search(q="EventId:1"))
    more = found(page, "//section[@class='facet']/a/@href")
    longer = get(more[0])

    assert len(facet(page, "Top images")) == 8
    assert found(page, "//section[@class='facet']/a/text()") == ["22 more"]
    assert len(facet(longer, "Top images")) == 30
    assert found(longer, "//section[@class='facet']/a[text()='fewer']/@href") == [search(q="EventId:1")]


def test_a_chosen_value_is_shown_however_rare_it_is(add: Add, get: Get) -> None:
    add(
        *(process_create(image=f"C:\\{n % 12:02}.exe") for n in range(60)),
        process_create(image="C:\\rare.exe"),
    )

    page = get(search(q="Process:C:\\rare.exe"))

    assert facet(page, "Top images")["rare.exe"].is_on
    assert facet(page, "Top images")["rare.exe"].count == 1


def test_images_of_one_name_are_told_apart_by_their_folder(add: Add, get: Get) -> None:
    add(
        process_create(image="C:\\Windows\\System32\\cmd.exe"),
        process_create(image="C:\\Windows\\SysWOW64\\cmd.exe"),
        process_create(image="C:\\Windows\\explorer.exe"),
    )

    assert sorted(facet(get("/search"), "Top images")) == [
        "SysWOW64\\cmd.exe",
        "System32\\cmd.exe",
        "explorer.exe",
    ]


def test_images_say_on_how_many_computers_they_were_seen(add: Add, get: Get) -> None:
    add(
        *(process_create(computer=f"ws-{n}", image="C:\\everywhere.exe") for n in range(6)),
        process_create(computer="ws-3", image="C:\\once.exe"),
    )

    page = get(search(computer="ws-3"))
    marks = {
        text_of(item, "./*[1]/span[1]"): text_of(item, ".//span[contains(@class, 'rar')]/@title")
        for item in found(page, "//section[@class='facet'][4]/ul/li")
    }

    assert marks == {
        "everywhere.exe": "seen on 6 of 6 computers",
        "once.exe": "seen on 1 of 6 computers",
    }
    assert len(found(page, "//*[contains(@class, 'rar--1')]")) == 1


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_values_are_counted_and_found_by_a_click(add: Add, get: Get, text: str) -> None:
    add(*(process_create(user=text, image=text) for _ in range(2)), process_create(user="bob", image="b.exe"))

    page = get(search(q="EventId:1"))

    for title in ("Users", "Top images"):
        value = next(value for value in facet(page, title).values() if value.count == 2)
        assert len(value.text) <= 61
        if value.href:
            assert text_of(get(value.href), "//h1") == "2 events on 1 computer"
        else:
            assert text == hostile.LONG
