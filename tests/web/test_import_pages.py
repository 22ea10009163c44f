"""The import pages: files in, progress, reports."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from flask.testing import FlaskClient
from lxml import html

from app.ingest import feed
from app.ingest.run import import_paths
from app.settings import Settings
from app.state.database import open_database
from app.state.imports import add_import
from tests.unit.ingest.logs import lines
from tests.unit.ingest.test_import import stored
from tests.unit.jobs.test_worker import _no_space
from tests.web.conftest import Get, text_of
from tests.web.sending import Post, files_of, left, poster, work


@pytest.fixture
def post(client: FlaskClient) -> Post:
    return poster(client)


def test_files_that_are_sent_are_imported_and_each_has_its_row(
    post: Post, get: Get, client: FlaskClient, settings: Settings
) -> None:
    response = post(
        ("a.json", lines([1, 2]) + b"oops\n"), ("b.json", lines([2, 3])), ("c.docx", b"PK no archive")
    )

    assert response.status_code == 303
    assert response.headers["Location"] == "/imports/1"
    page = get("/imports/1")
    assert [row[-1] for row in files_of(page)] == ["waiting"] * 3
    assert "No worker is running" in text_of(page, "//main")

    work(settings)

    page = get("/imports/1")
    rows = files_of(page)
    assert [row[3:] for row in rows] == [
        ["3", "2", "0", "1", "done, 1 rejected"],
        ["2", "1", "1", "0", "done"],
        ["0", "0", "0", "1", "refused"],
    ]
    assert [row[1] for row in rows] == ["Azure export", "Azure export", "not known"]
    assert rows[0][0].startswith("a.json")
    assert "SHA-256" in rows[0][0]
    tally = [text_of(part) for part in page.xpath("//*[@class='tally']/div")]
    assert tally[:3] == ["5records read", "3Sysmon events added", "1already there, skipped"]
    rejects = [text_of(row) for row in page.xpath("//table[contains(@class, 'table--top')]/tbody/tr")]
    assert rejects[0].startswith("a.json line 3 1It is no JSON")
    assert rejects[1].startswith("c.docx whole file 1It is no log")
    assert str(settings.data) not in client.get("/imports/1").get_data(as_text=True)
    assert left(settings) == []
    assert stored(settings) == [1, 2, 3]


def test_the_twin_says_what_import_json_prints_and_how_far_it_is(
    post: Post, client: FlaskClient, settings: Settings
) -> None:
    accepted = post(("a.json", lines([1, 2]) + b"oops\n"), to="/imports.json")
    assert accepted.status_code == 202
    assert accepted.headers["Location"] == "/imports/1.json"
    assert (accepted.get_json()["state"], accepted.get_json()["progress"]["percent"]) == ("queued", 0)

    work(settings)

    found = client.get("/imports/1.json").get_json()
    printed = import_paths(settings, []).to_json()
    assert printed.keys() <= found.keys()
    assert (found["state"], found["partial"], found["error"]) == ("complete", False, None)
    assert (found["added"], found["rejected"], found["import_id"]) == (2, 1, 1)
    assert found["rejects_file"] == "/imports/1/rejects.ndjson"
    assert found["by_file"][0]["file"] == "a.json"
    assert found["progress"]["percent"] == 100
    assert str(settings.data) not in str(found)


def test_all_rejects_can_be_downloaded(post: Post, client: FlaskClient, settings: Settings) -> None:
    post(("a.json", lines([1]) + b"oops\n" * 1500))
    work(settings)

    response = client.get("/imports/1/rejects.ndjson")

    rejects = [orjson.loads(line) for line in response.data.splitlines()]
    assert len(rejects) == 1500
    assert rejects[0]["place"] == "line 2"
    assert "import-1-rejects.ndjson" in response.headers["Content-Disposition"]
    response.close()


def test_an_import_without_rejects_has_an_empty_file_of_them(
    post: Post, client: FlaskClient, settings: Settings
) -> None:
    post(("a.json", lines([1])))
    work(settings)

    assert client.get("/imports/1/rejects.ndjson").data == b""


def test_without_imports_there_is_the_form(get: Get) -> None:
    page = get("/imports")

    assert "Nothing was imported yet" in text_of(page, "//main")
    (form,) = page.xpath("//form[@method='post']")
    assert (form.get("action"), form.get("enctype")) == ("/imports", "multipart/form-data")
    assert form.xpath(".//input[@type='file'][@multiple]/@name") == ["files"]


def test_the_list_has_imports_of_the_command_line_too(get: Get, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(lines([1, 2]))
    import_paths(settings, [path])

    rows = get("/imports").xpath("//section//tbody/tr")

    assert len(rows) == 1
    assert "a.json" in text_of(rows[0])
    page = get("/imports/1")
    assert files_of(page)[0][3:] == ["2", "2", "0", "0", "done"]
    assert not page.xpath("//form[contains(@action, 'cancel')]")


def test_long_lists_go_on(get: Get, client: FlaskClient, settings: Settings) -> None:
    database = open_database(settings)
    with database.write() as connection:
        for number in range(55):
            add_import(connection, [f"{number}.json"], "complete")
    database.close()

    page = get("/imports")

    assert len(page.xpath("//section//tbody/tr")) == 50
    (older,) = page.xpath("//a[.='Older imports']/@href")
    assert len(get(f"/imports{older}").xpath("//section//tbody/tr")) == 5
    for wrong in ("soon", "-1", "9" * 40):
        assert client.get(f"/imports?before={wrong}").status_code == 200


def test_an_import_can_be_stopped_before_it_begins(post: Post, client: FlaskClient, get: Get) -> None:
    post(("a.json", lines([1])))
    (action,) = get("/imports/1").xpath("//form[contains(@action, 'cancel')]/@action")

    assert client.post(action).status_code == 303

    page = get("/imports/1")
    assert "cancelled" in text_of(page, "//section")
    assert not page.xpath("//form[contains(@action, 'cancel')]")
    assert client.post(action).status_code == 303


def test_an_import_that_failed_can_be_run_again_or_given_up(
    post: Post, client: FlaskClient, get: Get, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        post(("a.json", lines([1])))
    with monkeypatch.context() as full:
        full.setattr(feed.Feed, "flush", _no_space)
        work(settings)
    page = get("/imports/1")
    assert "No space left" in text_of(page, "//*[@role='alert']")
    assert "ended early" in text_of(page, "//section")
    assert left(settings)

    client.post("/imports/1/again")
    client.post("/imports/2/cancel")
    work(settings)

    assert files_of(get("/imports/1"))[0][-1] == "done"
    assert not get("/imports/2").xpath("//form[contains(@action, 'again')]")
    assert left(settings) == []


def test_the_part_that_is_fetched_again_is_that_of_the_page(
    post: Post, client: FlaskClient, get: Get
) -> None:
    post(("a.json", lines([1])))

    part = html.fromstring(f"<section>{client.get('/imports/1/progress').get_data(as_text=True)}</section>")

    page = get("/imports/1")
    assert page.xpath("//import-progress/@data-url") == ["/imports/1/progress"]
    assert text_of(page, "//import-progress/section") == text_of(part)
    assert part.xpath("//*[@data-reload]")


def test_an_import_that_is_over_is_not_fetched_again(post: Post, get: Get, settings: Settings) -> None:
    post(("a.json", lines([1])))
    work(settings)

    assert get("/imports/1").xpath("//import-progress/@data-url") == []


def test_an_import_whose_process_died_says_so(client: FlaskClient, get: Get, settings: Settings) -> None:
    database = open_database(settings)
    with database.write() as connection:
        add_import(connection, ["/evidence"], "running")
    database.close()

    assert "ended from outside" in text_of(get("/imports/1"), "//*[@role='alert']")
    assert client.get("/imports/1.json").get_json()["state"] == "partial"


def test_a_report_that_is_gone_leaves_the_counts_of_the_ledger(
    post: Post, get: Get, settings: Settings
) -> None:
    post(("a.json", lines([1, 2])))
    work(settings)
    (settings.data / "imports" / "1" / "report.json").write_text("{cut of")

    assert text_of(get("/imports/1"), "//*[@class='tally']/div[2]") == "2Sysmon events added"


@pytest.mark.parametrize("address", ["/imports/9", "/imports/9.json", "/imports/9/progress"])
def test_an_import_that_is_not_there_is_404(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_what_is_not_there_cannot_be_changed(client: FlaskClient, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(lines([1]))
    import_paths(settings, [path])

    for number in (1, 9, 10**30):
        assert client.post(f"/imports/{number}/cancel").status_code == 404
        assert client.post(f"/imports/{number}/again").status_code == 404
    assert "command line" in client.post("/imports/1/cancel").get_data(as_text=True)
    assert client.get("/imports/1/cancel").status_code == 405


def test_files_of_one_name_are_told_apart(post: Post, get: Get, settings: Settings) -> None:
    post(("a.json", lines([1])), ("a.json", lines([2]) + b"oops\n"))
    work(settings)

    page = get("/imports/1")

    names = [text_of(cell) for cell in page.xpath("//table[contains(@class, 'files')]//td[1]/span[1]")]
    assert names == ["a.json", "a.json (2)"]
    assert "a.json (2)" in text_of(page, "//table[contains(@class, 'table--top')]/tbody")


def test_the_twin_of_the_list_has_all_imports_and_where_to_go_on(client: FlaskClient) -> None:
    assert client.get("/imports.json").json == {"imports": [], "next": None}
