"""The import pages: files in, progress, reports; what is refused leaves nothing behind."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from app.errors import BadInput
from app.ingest import feed, streams
from app.ingest.run import import_paths
from app.jobs.uploads import FOLDER
from app.jobs.worker import run_worker
from app.settings import Settings
from app.state.database import open_database
from app.state.imports import add_import
from app.web import receive
from app.web.app import create_app
from tests.unit.ingest.logs import lines
from tests.unit.ingest.test_import import stored
from tests.unit.jobs.test_worker import _no_space
from tests.web.conftest import Get, text_of
from tests.web.hostile import MOST_BYTES, TEXTS

Post = Callable[..., TestResponse]


@pytest.fixture
def post(client: FlaskClient) -> Post:
    """Send files by the form: ``post(("a.json", b"…"), …)``."""

    def sent(*files: tuple[str, bytes], to: str = "/imports", **more: Any) -> TestResponse:
        # By hand: what werkzeug's client makes of large files stays open.
        head = b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n'
        body = b"".join(head % name.encode() + data + b"\r\n" for name, data in files) + b"--xyz--\r\n"
        return client.post(to, data=body, content_type="multipart/form-data; boundary=xyz", **more)

    return sent


def work(settings: Settings) -> None:
    run_worker(settings, Flag(), until_empty=True, say=lambda _line: None)


def left(settings: Settings) -> Sequence[Path]:
    """What lies in the folder of uploads."""
    folder = settings.data / FOLDER
    return sorted(folder.rglob("*")) if folder.exists() else []


def files_of(page: html.HtmlElement) -> list[list[str]]:
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("td")]
        for row in page.xpath("//table[contains(@class, 'files')]/tbody/tr")
    ]


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


def multipart(*parts: str, boundary: str = "xyz") -> tuple[bytes, str]:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={boundary}"


FILE = 'Content-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n{}'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"files=a", "application/x-www-form-urlencoded"),
        (b"x", "multipart/form-data"),
        (b"x", 'multipart/form-data; boundary="\xf6"'.encode("latin-1").decode("latin-1")),
        (b"", ""),
        multipart(),
        multipart('Content-Disposition: form-data; name="files"; filename=""\r\n\r\n'),
        multipart('Content-Disposition: form-data; name="other"\r\n\r\ntext'),
        (multipart(FILE)[0][:-12], multipart(FILE)[1]),
        (multipart(FILE)[0].replace(b"Content-Disposition", b"Nothing"), multipart(FILE)[1]),
        (multipart(FILE.replace("a.json", "a" * 3_000_000))[0], multipart(FILE)[1]),
        (multipart(FILE)[0].replace(b"a.json", b"\xff\xfe"), multipart(FILE)[1]),
        (b"--xyz\r\n" + b"A: b\r\n" * 500_000, multipart(FILE)[1]),
    ],
)
def test_what_is_no_form_with_files_is_refused_and_nothing_is_left(
    client: FlaskClient, settings: Settings, body: bytes, content_type: str
) -> None:
    response = client.post("/imports", data=body, content_type=content_type)

    assert response.status_code == 422
    assert text_of(html.fromstring(response.data), "//*[@role='alert']")
    assert left(settings) == []
    assert client.get("/imports").status_code == 200


def test_an_upload_that_is_cut_off_leaves_nothing(client: FlaskClient, settings: Settings) -> None:
    body, content_type = multipart(FILE.format("x" * 5_000_000))

    response = client.post(
        "/imports",
        input_stream=io.BytesIO(body[:3_000_000]),
        content_type=content_type,
        content_length=len(body),
    )

    assert response.status_code == 422
    assert "cut off" in response.get_data(as_text=True)
    assert left(settings) == []


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "var", max_upload_mb=1)


def test_more_than_the_limit_is_refused_and_the_limit_named(small: Settings) -> None:
    client = create_app(small).test_client()
    body, content_type = multipart(FILE.format("x" * (6 << 20)))

    said = client.post("/imports", data=body, content_type=content_type)
    counted = client.post(
        "/imports",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    for response in (said, counted):
        assert response.status_code == 413
        assert "more than 1 MB" in response.get_data(as_text=True)
        assert "SYSMONSEARCH_MAX_UPLOAD_MB" in response.get_data(as_text=True)
    assert left(small) == []


def test_more_files_than_are_taken_are_refused(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "MOST_FILES", 3)
    body, content_type = multipart(*[FILE] * 4)

    response = client.post("/imports", data=body, content_type=content_type)

    assert response.status_code == 413
    assert "More than 3 files" in response.get_data(as_text=True)
    assert left(settings) == []


def test_a_page_of_another_site_can_send_and_stop_nothing(
    post: Post, client: FlaskClient, settings: Settings
) -> None:
    post(("a.json", lines([1])))
    before = left(settings)

    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        assert post(("b.json", lines([2])), headers=headers).status_code == 403
        assert client.post("/imports/1/cancel", headers=headers).status_code == 403
    assert left(settings) == before


def test_a_full_disk_is_said_and_nothing_is_left(
    client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, content_type = multipart(FILE, FILE.format("x" * 3_000_000))
    original = receive._Receiver.take

    def full(self: receive._Receiver, block: bytes | None) -> None:
        original(self, block)
        if self.files:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(receive._Receiver, "take", full)
    response = client.post("/imports", data=body, content_type=content_type)

    assert response.status_code == 503
    assert "has no room for the upload" in text_of(html.fromstring(response.data), "//*[@role='alert']")
    assert left(settings) == []


def test_a_damaged_state_database_is_503_and_nothing_is_left(client: FlaskClient, settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "state.sqlite").write_text("this is no database " * 100)
    body, content_type = multipart(FILE)

    for response in (
        client.get("/imports"),
        client.get("/imports/1"),
        client.post("/imports", data=body, content_type=content_type),
    ):
        assert response.status_code == 503
        assert "state.sqlite" in response.get_data(as_text=True)
    assert left(settings) == []


def test_the_pages_show_though_the_store_is_down(down: FlaskClient) -> None:
    body, content_type = multipart(FILE)

    assert down.post("/imports", data=body, content_type=content_type).status_code == 303
    assert down.get("/imports").status_code == 200
    assert down.get("/imports/1").status_code == 200


NAMES = [
    "../../../etc/passwd",
    "..\\..\\boot.ini",
    "/etc/passwd",
    "C:\\evil.evtx",
    ".",
    "..",
    "lock",
    "a" * 4_000,
    "line\nfeed\r\nand\ttab",
    "nul\x00byte",
    "quote\"'`$(id)",
    *[text for text in TEXTS if len(text) < 5_000],
]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_are_shown_as_text_and_never_a_path(
    client: FlaskClient, get: Get, settings: Settings, name: str
) -> None:
    # As browsers write names into forms.
    quoted = name.replace('"', "%22").replace("\n", "%0A").replace("\r", "%0D")
    body, content_type = multipart(
        f'Content-Disposition: form-data; name="files"; filename="{quoted}"\r\n\r\noops'
    )

    response = client.post("/imports", data=body, content_type=content_type)

    assert response.status_code == 303
    (folder,) = (settings.data / FOLDER).iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["1", "lock"]
    for at in ("before", "after"):
        for address in ("/imports", "/imports/1", "/"):
            answer = client.get(address)
            page = html.fromstring(answer.data)
            assert answer.status_code == 200, at
            assert len(answer.data) < MOST_BYTES
            assert not page.xpath("//script[not(starts-with(@src, '/static/js/'))] | //img")
            assert "\u202e" not in answer.get_data(as_text=True)
        assert client.get("/imports/1.json").status_code == 200
        work(settings)
    assert files_of(get("/imports/1"))[0][-1] == "refused"
    assert not (settings.data.parent / "etc").exists()


def test_files_of_one_name_are_told_apart(post: Post, get: Get, settings: Settings) -> None:
    post(("a.json", lines([1])), ("a.json", lines([2]) + b"oops\n"))
    work(settings)

    page = get("/imports/1")

    names = [text_of(cell) for cell in page.xpath("//table[contains(@class, 'files')]//td[1]/span[1]")]
    assert names == ["a.json", "a.json (2)"]
    assert "a.json (2)" in text_of(page, "//table[contains(@class, 'table--top')]/tbody")


def test_what_is_no_log_a_trap_or_empty_is_refused_file_by_file(
    post: Post, get: Get, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../zeros.json", lines([1]) + b"\n" * (64 << 20))
    monkeypatch.setattr(streams.Allowance, "check_ratio", _strict)

    post(("bomb.zip", bomb.getvalue()), ("empty", b""), ("noise", bytes(range(256)) * 999))
    work(settings)

    states = [row[-1] for row in files_of(get("/imports/1"))]
    assert states == ["done, 1 rejected", "refused", "refused"]
    assert "may be a trap" in text_of(get("/imports/1"), "//main")
    assert left(settings) == []


def _strict(allowance: streams.Allowance, unpacked: int, packed: int) -> None:
    if unpacked > packed * allowance.limits.ratio:
        raise BadInput("It unpacks to more than 200 times its packed size, which may be a trap.")


def test_an_import_of_very_many_files_gives_a_page_of_bounded_size(
    post: Post, client: FlaskClient, settings: Settings
) -> None:
    post(
        *((f"{'n' * 390}{number}", b"oops\n" * 3 if number % 2 else lines([number])) for number in range(400))
    )
    work(settings)

    response = client.get("/imports/1")
    rows = files_of(html.fromstring(response.data))

    assert len(response.data) < MOST_BYTES
    assert len(rows) == 150
    assert {row[-1] for row in rows} == {"refused"}
    assert "150 of 400 files are shown" in response.get_data(as_text=True)
    assert len(client.get("/imports/1.json").get_json()["by_file"]) == 400


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_in_a_report_are_text(
    post: Post, client: FlaskClient, settings: Settings, text: str
) -> None:
    member = text.replace("\x00", "") or "x"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for number in range(60):
            writer.writestr(f"{number}{member}", f"oops {text}")
    post(("a.zip", archive.getvalue()))
    work(settings)

    response = client.get("/imports/1")

    assert response.status_code == 200
    assert len(response.data) < MOST_BYTES
    assert "\u202e" not in response.get_data(as_text=True)
    page = html.fromstring(response.data)
    assert not page.xpath("//script[not(@src)] | //img")
    rejects = client.get("/imports/1/rejects.ndjson")
    assert len(rejects.data.splitlines()) == 60
    rejects.close()
