"""What stands around every page, and how errors are told."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from lxml import html

from app import errors as ours
from app.errors import BadQuery, SysmonSearchError
from app.settings import Settings
from app.sysmon.condition import Match, Not, Operator
from app.sysmon.language import parse
from app.sysmon.normal import normal_form
from app.web.app import create_app
from app.web.errors import STATUS
from app.web.links import field_query, process
from tests.builders import process_create
from tests.web.conftest import Add, Get, text_of
from tests.web.hostile import MOST_BYTES, TEXTS


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


def test_every_error_has_its_status() -> None:
    kinds = [
        kind for kind in vars(ours).values() if isinstance(kind, type) and issubclass(kind, SysmonSearchError)
    ]

    assert len(kinds) > 5
    assert [kind.__name__ for kind in kinds if kind not in STATUS] == []


def test_a_fault_of_the_program_gives_a_reference_and_no_detail(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    response = app.test_client().get("/broken")

    page = html.fromstring(response.data)
    reference = text_of(page, "//code[@class='all']")
    assert response.status_code == 500
    assert b"secret detail" not in response.data
    assert reference
    assert f"Fault {reference}" in caplog.text


def test_errors_of_twins_are_json(app: Flask) -> None:
    @app.get("/broken.json")
    def broken() -> str:
        raise BadQuery("No such field.", text="a:b", position=0)

    response = app.test_client().get("/broken.json")

    assert response.status_code == 400
    assert response.json == {"error": {"type": "BadQuery", "message": "No such field.", "position": 0}}


def test_a_page_that_is_not_there_is_404_as_page_and_as_json(client: FlaskClient) -> None:
    page, twin = client.get("/nothing"), client.get("/nothing.json")

    assert page.status_code == twin.status_code == 404
    assert "no page at this address" in text_of(html.fromstring(page.data), "//*[@role='alert']")
    assert twin.json is not None
    assert twin.json["error"]["type"] == "NotFound"


def test_a_link_sets_the_theme_and_leads_back(client: FlaskClient) -> None:
    response = client.get("/keys?a=1&theme=dark")

    assert response.status_code == 302
    assert response.headers["Location"] == "http://localhost/keys?a=1"
    page = html.fromstring(client.get("/keys").data)
    assert page.get("data-theme") == "dark"
    assert page.xpath("//a[@data-theme-link]/@href") == ["?theme=light"]


@pytest.mark.parametrize("path", ["/imports", "/search", "//evil.example/", "/processes/a%2F..%2Fb/1"])
def test_a_theme_link_leads_nowhere_else(client: FlaskClient, path: str) -> None:
    raw = {"PATH_INFO": unquote(path), "REQUEST_URI": f"{path}?theme=dark"}

    response = client.get("/?theme=dark", environ_overrides=raw)

    assert response.headers["Location"] == f"http://localhost{path}"


def test_an_unknown_theme_is_none(client: FlaskClient) -> None:
    client.get('/keys?theme="><script>')

    assert html.fromstring(client.get("/keys").data).get("data-theme") is None


def test_the_newest_event_stands_in_the_bar(add: Add, get: Get) -> None:
    add(process_create())

    assert "No data since" in text_of(get("/"), "//*[contains(@class, 'fresh')]")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({}, 200),
    ],
)
def test_only_our_own_pages_may_ask_for_a_change(app: Flask, headers: dict[str, str], status: int) -> None:
    @app.post("/change")
    def change() -> str:
        return "done"

    assert app.test_client().post("/change", headers=headers).status_code == status


@pytest.mark.parametrize("name", [*TEXTS, "a/b", "/a", "a//b", "a%2Fb", "a?b#c", "a\nb", "ünï", " "])
def test_addresses_take_any_name_of_a_computer(app: Flask, name: str) -> None:
    @app.get("/probe/<whole:computer>/<guid:guid>")
    def probe(computer: str, guid: str) -> str:
        return f"{computer}|{guid}"

    address = process(name, "1-2").replace("/processes/", "/probe/")

    assert app.test_client().get(address).get_data(as_text=True) == f"{name}|1-2"


@pytest.mark.parametrize("value", [*TEXTS, "C:\\a b\\*?.exe", '"', "\\", "and", "(a:b)"])
def test_a_term_for_a_value_finds_exactly_that_value(value: str) -> None:
    term = Match("Image", Operator.EQUALS, value)

    assert parse(field_query("Image", value)) == normal_form(term)
    assert parse(field_query("Image", value, negated=True)) == normal_form(Not(term))


def test_an_address_too_long_for_one_more_link_has_none(client: FlaskClient) -> None:
    page = client.get("/keys", query_string={"q": "ä" * 50_000})

    assert len(page.data) < MOST_BYTES
    assert not html.fromstring(page.data).xpath("//a[@data-theme-link]")


def test_numbers_in_plurals_have_commas(app: Flask) -> None:
    source = "{{ ngettext('%(num)s event', '%(num)s events', n) }}"
    with app.test_request_context():
        assert render_template_string(source, n=2551) == "2,551 events"
