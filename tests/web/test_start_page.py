"""The start page."""

from __future__ import annotations

from flask.testing import FlaskClient
from lxml import html

from app.settings import Settings
from app.store.open import open_store
from tests.builders import batch_of, process_create


def text_of(page: html.HtmlElement, path: str) -> str:
    return " ".join(str(page.xpath(f"string({path})")).split())


def test_the_page_says_what_is_stored(client: FlaskClient, settings: Settings) -> None:
    with open_store(settings) as store:
        store.add(
            batch_of(process_create(computer="ws-01.example"), process_create(computer="ws-02.example")),
            "test",
        )

    page = html.fromstring(client.get("/").data)

    assert "2 events on 2 computers" in text_of(page, "//main")
    assert page.xpath("//tbody//th/text()") == ["ws-01.example", "ws-02.example"]


def test_an_empty_store_says_what_to_do_first(client: FlaskClient) -> None:
    page = html.fromstring(client.get("/").data)

    assert "Nothing is stored yet" in text_of(page, "//main")
    assert "sysmonsearch import" in text_of(page, "//main")


def test_a_missing_page_is_404(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404


def test_a_store_that_is_down_is_503_with_the_reason(client: FlaskClient, settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "state.sqlite").write_text("this is no database " * 100)

    response = client.get("/")

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "state.sqlite" in text_of(html.fromstring(response.data), "//*[@role='alert']")


def test_a_computer_with_a_hostile_name_is_text(client: FlaskClient, settings: Settings) -> None:
    name = "<script>alert(1)</script>\u202e\"'"
    with open_store(settings) as store:
        store.add(batch_of(process_create(computer=name)), "test")

    page = html.fromstring(client.get("/").data)

    assert page.xpath("//tbody//th/text()") == [name]
    assert page.xpath("//script/@src") == ["/static/js/app.js"]


def test_nothing_may_run_that_is_not_ours(client: FlaskClient) -> None:
    headers = client.get("/").headers

    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_another_sites_name_for_this_machine_is_refused(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "evil.example:8000"}).status_code == 400
    assert client.get("/", headers={"Host": "127.0.0.1:8000"}).status_code == 200
