"""Links to Kibana's Discover: there only where a Kibana is named, and with the same question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.errors import BadSetting
from app.settings import Settings
from app.web.app import create_app
from tests.builders import COMPUTER, dns_query, process_create
from tests.web.conftest import Add, Get

KIBANA = "https://kibana.example:5601/s/soc"
GUID = "5c3485a0-0000-0000-0010-0000000000bb"
LINK = "//a[@rel='noopener noreferrer']"

Ask = Callable[[str], html.HtmlElement]


@pytest.fixture
def beside(settings: Settings) -> FlaskClient:
    """A client of an application that knows a Kibana."""
    return create_app(replace(settings, kibana_url=KIBANA + "/")).test_client()


@pytest.fixture
def ask(beside: FlaskClient) -> Ask:
    def page(address: str) -> html.HtmlElement:
        answer = beside.get(address)
        assert answer.status_code == 200
        return html.fromstring(answer.data)

    return page


def state_of(link: html.HtmlElement) -> str:
    """Return what Kibana reads in the address."""
    base, _, state = link.get("href").partition("#/?")
    assert base == f"{KIBANA}/app/discover"
    assert not set(state) & set('"<> \\^`{}|'), "signs that stand in no address"
    return unquote(state)


def test_the_search_leads_to_the_same_query_range_and_computer(ask: Ask, add: Add) -> None:
    add(process_create())
    query = quote(r"Image:*\cmd.exe")

    page = ask(f"/search?q={query}&from=2019-01-08&to=2019-01-08&computer={COMPUTER}")

    [link] = page.xpath("//div[@class='result-head']" + LINK)
    state = state_of(link)
    assert "time:(from:'2019-01-08T00:00:00.000Z',to:'2019-01-08T23:59:59.999Z')" in state
    assert r"wildcard:(winlog.event_data.Image:(value:'*\\cmd.exe',case_insensitive:!t))" in state
    assert f"winlog.computer_name:(value:{COMPUTER},case_insensitive:!t)" in state
    assert link.get("title") == "The same query, range and computers in Kibana's Discover"


def test_without_a_range_kibana_gets_that_of_what_is_stored(ask: Ask, add: Add) -> None:
    add(process_create())

    [link] = ask("/search").xpath("//div[@class='result-head']" + LINK)

    assert "time:(from:'2019-01-08T12:00:00.000Z',to:'2019-01-08T12:00:00.001Z')" in state_of(link)


def test_a_query_that_kibana_cannot_say_is_said_to_be_wider(ask: Ask, add: Add) -> None:
    add(process_create())

    [link] = ask(r"/search?q=CommandLine:/who(ami)?/").xpath("//div[@class='result-head']" + LINK)

    assert "wider" in "".join(link.itertext())
    assert "more events" in link.get("title")


def test_the_event_has_a_link(ask: Ask, add: Add, beside: FlaskClient) -> None:
    event = process_create(record_id=4711)
    add(event)

    [link] = ask(f"/events/{event.key}").xpath(LINK)

    assert "winlog.record_id:'4711'" in state_of(link)


def test_an_event_without_record_number_is_found_by_its_process(ask: Ask, add: Add) -> None:
    event = dns_query(record_id=None, process_guid=GUID)
    add(event)

    [link] = ask(f"/events/{event.key}").xpath(LINK)

    assert GUID in state_of(link)


def test_the_process_has_a_link(ask: Ask, add: Add) -> None:
    add(process_create(process_guid=GUID))

    [link] = ask(f"/processes/{COMPUTER}/{GUID}").xpath(LINK)

    state = state_of(link)
    assert GUID in state
    assert "winlog.event_data.SourceProcessGuid" in state


def test_the_events_of_a_process_have_a_link(ask: Ask, add: Add) -> None:
    add(process_create(process_guid=GUID))

    [link] = ask(f"/processes/{COMPUTER}/{GUID}/events").xpath(LINK)

    assert GUID in state_of(link)


@pytest.mark.parametrize(
    "value",
    [
        "a'),(b:!t)&_g=(x:'",
        "!'!!'",
        '"><script>alert(1)</script>',
        "a&b=c#d%27",
        "javascript:alert(1)",
        "\u202eexe.cod",
    ],
)
def test_hostile_values_stay_inside_their_quotes(ask: Ask, add: Add, value: str) -> None:
    add(process_create(image=value, process_guid=GUID, computer=value))

    page = ask(f"/search?q={quote('mimikatz')}&computer={quote(value)}")

    [link] = page.xpath("//div[@class='result-head']" + LINK)
    state = state_of(link)
    written = "'" + value.replace("!", "!!").replace("'", "!'") + "'"
    assert f"winlog.computer_name:(value:{written},case_insensitive:!t)" in state
    assert link.get("href").count("&") == 1, "the only & is the one between _g and _a"
    assert link.get("href").count("#") == 1


def test_a_question_that_is_too_long_has_no_link(ask: Ask, add: Add) -> None:
    add(process_create())
    query = quote(" or ".join(f"Image:file-{number}.exe" for number in range(150)))

    assert not ask(f"/search?q={query}").xpath("//div[@class='result-head']" + LINK)


def test_without_the_setting_there_are_no_links(get: Get, add: Add) -> None:
    event = process_create(process_guid=GUID)
    add(event)

    for address in ("/search", f"/events/{event.key}", f"/processes/{COMPUTER}/{GUID}"):
        assert not get(address).xpath(LINK)


@pytest.mark.parametrize(
    "url", ["kibana:5601", "javascript:alert(1)", "http://", "https://k/?a=b", "http://k:x"]
)
def test_an_address_that_is_none_is_refused_at_the_start(settings: Settings, url: str) -> None:
    with pytest.raises(BadSetting, match="not the address of a server"):
        create_app(replace(settings, kibana_url=url))
