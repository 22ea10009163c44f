"""The search page as a whole: it works, empty, wrong argument, missing thing, engine down, hostile text."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.errors import QueryTooSlow
from app.settings import Settings
from app.store.port import Bucket, Budget, Count
from app.sysmon.query import EventQuery
from app.web.app import create_app
from tests.builders import NOON, batch_of, dns_query, network_connect, process_create, registry_value_set
from tests.memory_store import MemoryStore
from tests.web import hostile
from tests.web.conftest import Add, Get, text_of
from tests.web.reading import asked, found, read, search

SECOND = timedelta(seconds=1)


def test_the_page_shows_what_was_found(add: Add, get: Get) -> None:
    add(
        process_create(image="C:\\a\\evil.exe", command_line="evil /x", computer="ws-01.example"),
        process_create(image="C:\\a\\good.exe", computer="ws-02.example"),
        network_connect(image="C:\\a\\evil.exe", computer="ws-02.example"),
    )

    page = get(search(q="Image:*\\evil.exe"))

    assert text_of(page, "//h1") == "2 events on 2 computers"
    assert text_of(page, "//title") == "Search: Image:*\\evil.exe · SysmonSearch"
    assert len(found(page, "//table[contains(@class, 'results')]/tbody/tr[td/a]")) == 2
    assert found(page, "//input[@name='q']/@value") == ["Image:*\\evil.exe"]
    assert "Image ends with '\\evil.exe'" in text_of(page, "//*[@id='reads']")
    assert "3 events in this range" in text_of(page, "//*[@id='reads']")


def test_without_a_question_everything_is_shown_newest_first(add: Add, get: Get) -> None:
    add(*(process_create(time=NOON + n * SECOND, process_id=n) for n in range(60)))

    page = get("/search")

    assert text_of(page, "//h1") == "60 events on 1 computer"
    assert "Newest 50 shown; 10 older ones not shown" in text_of(page, "//*[@class='result-head']")
    assert found(page, "//span[@class='pid']/text()") == [str(n) for n in range(59, 9, -1)]
    assert "every event" in text_of(page, "//*[@id='reads']")


def test_one_computer_more_than_ten_is_counted_too(add: Add, get: Get) -> None:
    """The old tool never counted more than ten computers."""
    add(*(process_create(computer=f"ws-{n:02}.example") for n in range(23)))

    assert text_of(get("/search"), "//h1") == "23 events on 23 computers"


def test_an_empty_store_says_what_to_do(get: Get) -> None:
    page = get("/search")

    assert text_of(page, "//h1") == "0 events match"
    assert "Nothing is stored yet" in text_of(page, "//main")
    assert found(page, "//a[@href='/imports']")


def test_nothing_found_counts_each_part_alone(add: Add, get: Get) -> None:
    add(
        *(process_create() for _ in range(3)),
        network_connect(),
        process_create(time=NOON - timedelta(days=9)),
    )

    page = get(
        "/search?q=EventId:1+and+Image:*nothing.exe&computer=WS-01.example&computer=ws-99.example"
        "&from=2019-01-08&to=2019-01-08"
    )

    rows = [[text_of(cell) for cell in found(row, "td")] for row in found(page, "//table/tbody/tr")]
    assert text_of(page, "//h1") == "0 events match"
    assert rows == [
        ["EventId:1", "3", "not the cause alone"],
        ["Image:*nothing.exe", "0", "alone finds nothing here"],
        [
            "2019-01-08 – 2019-01-08",
            "4",
            "the store holds 2018-12-30 12:00:00 – 2019-01-08 12:00:00 UTC",
        ],
        ["WS-01.example, ws-99.example", "5", "not the cause alone"],
    ]


@pytest.mark.parametrize(
    ("address", "typed"),
    [
        (search(q="Image:a and (User:b"), "Image:a and (User:b"),
        (search(q="NoField:x"), "NoField:x"),
        (search(q="/[/"), "/[/"),
    ],
)
def test_a_query_that_is_not_understood_stays_as_it_was_typed(
    client: FlaskClient, address: str, typed: str
) -> None:
    response = client.get(address)
    page = html.fromstring(response.data)

    assert response.status_code == 400
    assert found(page, "//input[@name='q']/@value") == [typed]
    assert len(found(page, "//mark[@class='bad-mark']")) == 1
    assert text_of(page, "//div[@class='code']").replace("\xa0", "").strip() == typed
    assert text_of(page, "//*[@role='alert']").endswith("Nothing was searched.")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"from": "yesterday"}, "'from'"),
        ({"to": "2019-13-01"}, "'to'"),
        ({"from": "2019-01-09", "to": "2019-01-07"}, "'from' and 'to'"),
        ({"sort": "Nonsense"}, "'sort'"),
        ({"match": "none"}, "'match'"),
        ({"after": "nonsense"}, "after"),
        ({"sel": "nonsense"}, "'sel'"),
        ({"last": "eternity"}, "'last'"),
    ],
)
def test_a_wrong_argument_is_named_and_all_that_was_typed_is_kept(
    client: FlaskClient, arguments: dict[str, str], named: str
) -> None:
    said = {"q": "Image:a", "Port": "80", **arguments}

    for twin in ("", ".json", ".csv", ".ndjson"):
        if twin and "last" in arguments:
            continue  # The twins have no clock: only the page turns "last" into times.
        response = client.get(f"/search{twin}?{urlencode(said)}")
        assert response.status_code == 400
        if twin in {".json", ".ndjson"}:
            assert named in response.get_json()["error"]["message"]
        if not twin:
            page = html.fromstring(response.data)
            assert named in text_of(page, "//*[@role='alert']")
            assert found(page, "//input[@name='q']/@value") == ["Image:a"]
            assert found(page, "//input[@name='Port']/@value") == ["80"]
            for name in ("from", "to"):
                assert found(page, f"//input[@name='{name}']/@value") == [arguments.get(name, "")]


def test_a_sort_that_is_no_field_reaches_no_engine(client: FlaskClient) -> None:
    """The old tool handed sort fields and ranges of the client to Elasticsearch."""
    assert client.get(search(sort="Image; drop table")).status_code == 400
    assert client.get("/search?q=*&from[gte]=now-1d").status_code == 200


def test_a_picked_event_that_is_not_stored_is_said(add: Add, get: Get) -> None:
    add(process_create())

    page = get(search(sel=str(process_create(record_id=99_999).key)))

    assert "The picked event is not stored" in text_of(page, "//*[@class='honesty']")
    assert text_of(page, "//h1") == "1 event on 1 computer"


def test_a_place_behind_the_last_event_is_an_empty_page_with_a_way_back(add: Add, get: Get) -> None:
    add(*(process_create(time=NOON + n * SECOND) for n in range(55)))
    cursor = asked(found(get("/search"), "//a[@rel='next']/@href")[0])["after"][0]

    page = get(search(q="ProcessId:1", after=cursor))

    assert "No event stands behind this place" in text_of(page, "//main")
    assert [asked(href) for href in found(page, "//a[text()='First page']/@href")] == [{"q": ["ProcessId:1"]}]


@pytest.mark.parametrize("twin", ["", ".json", ".csv", ".ndjson"])
def test_a_store_that_is_down_is_503_and_never_an_empty_result(down: FlaskClient, twin: str) -> None:
    response = down.get(f"/search{twin}?q=a")

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert b"nothing listens at its address" in response.data


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_text_is_text_and_the_page_stays_small(add: Add, client: FlaskClient, text: str) -> None:
    clean = text.replace("\x00", "")
    made = [process_create, network_connect, registry_value_set, dns_query]
    said = {
        "image": text,
        "user": text,
        "command_line": text,
        "parent_image": text,
        "target_object": text,
        "details": text,
        "destination_ip": text,
        "destination_hostname": text,
        "protocol": text,
        "query_name": text,
        "query_results": text,
        "event_type": text,
        "process_guid": text,
        "level": text,
    }
    add(
        *(
            make(
                time=NOON + n * 20 * SECOND,
                computer=f"{clean[:200]}{n % 7}{clean[200:]}",
                other={text: text},
                **said,
            )
            for n in range(60 if len(text) < 10_000 else 15)  # More than a page has rows.
            for make in made
        )
    )

    for address in ("/search", search(q=text[:500].replace("\x00", "")), search(sort="Image", fold="0")):
        response = client.get(address)
        page = html.fromstring(response.data)

        assert response.status_code in {200, 400}
        assert len(response.data) < hostile.MOST_BYTES
        assert {src.split("?")[0].rsplit("/", 1)[0] for src in found(page, "//script/@src")} == {"/static/js"}
        assert not found(page, "//script[not(@src)] | //img | //@onerror | //@style")
        assert b"\x00" not in response.data
        assert "\u202e" not in text_of(page)


@pytest.mark.parametrize("length", [900, 5_000, 7_500, 20_000, 200_000])
def test_a_long_question_gives_no_large_page(add: Add, client: FlaskClient, length: int) -> None:
    add(*(process_create(computer=f"ws-{n:03}", image=f"C:\\{n}.exe") for n in range(100)))

    response = client.get(search(q="CommandLine:*w* or User:" + "u" * length))

    assert response.status_code == (200 if length < 8_000 else 400)
    assert len(response.data) < hostile.MOST_BYTES


class CountlessStore(MemoryStore):
    """Finds nothing soon, but cannot count in time."""

    def count(self, query: EventQuery, budget: Budget | None = None) -> Count:
        raise QueryTooSlow("Too slow.")


def test_nothing_found_stays_so_though_its_parts_cannot_be_counted(settings: Settings) -> None:
    store = CountlessStore()
    store.add(batch_of(process_create()), "test")

    page = read(create_app(settings, store).test_client(), search(q="EventId:1 and Image:nothing"))

    assert text_of(page, "//h1") == "0 events match"
    assert "counting it takes too long" in text_of(page, "//main")


class SlowStore(MemoryStore):
    """Finds rows at once, but counts for ever."""

    def histogram(
        self, query: EventQuery, step: timedelta, budget: Budget | None = None
    ) -> tuple[Bucket, ...]:
        if budget is not None:
            raise QueryTooSlow("Too slow.")
        return super().histogram(query, step, budget)


def test_where_counting_takes_too_long_rows_come_all_the_same(settings: Settings) -> None:
    store = SlowStore()
    store.add(batch_of(*(process_create() for _ in range(70))), "test")
    client = create_app(settings, store).test_client()

    page = read(client, "/search?q=EventId:1")
    link = found(page, "//a[text()='Count all the same']/@href")[0]

    assert text_of(page, "//h1") == "At least 50 events"
    assert "Not counted" in text_of(page, "//*[@class='honesty']")
    assert len(found(page, "//tbody/tr[td/a]")) == 50
    assert not found(page, "//figure")
    assert text_of(read(client, link), "//h1") == "70 events on 1 computer"


def test_the_twin_for_machines_is_announced_and_says_what_the_command_line_says(
    add: Add, get: Get, client: FlaskClient
) -> None:
    add(*(process_create(time=NOON + n * SECOND, computer=f"ws-{n % 2}") for n in range(55)))

    twin = found(get(search(q="EventId:1", computer="ws-1")), "//link[@rel='alternate']/@href")[0]
    answer = client.get(twin).get_json()

    assert list(answer) == ["total", "computers", "events", "next"]
    assert answer["total"] == {"value": 27, "exact": True}
    assert answer["computers"] == {"ws-1": 27}
    assert len(answer["events"]) == 27
    assert answer["next"] is None
    everything = client.get("/search.json").get_json()
    assert len(everything["events"]) == 50
    assert len(client.get(f"/search.json?after={everything['next']}").get_json()["events"]) == 5


def test_the_page_asks_each_time_anew_and_keeps_nothing(add: Add, get: Get) -> None:
    """The old server kept the last range in a variable that all readers shared."""
    add(process_create(), process_create(time=NOON - timedelta(days=30)))

    assert text_of(get(search(**{"from": "2019-01-01"})), "//h1") == "1 event on 1 computer"
    assert text_of(get("/search"), "//h1") == "2 events on 1 computer"
