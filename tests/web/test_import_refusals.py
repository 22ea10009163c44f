"""The import page and what is wrong or hostile: refused, shown as text, and nothing left behind."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from lxml import html

from app.errors import BadInput
from app.ingest import streams
from app.jobs.uploads import FOLDER
from app.settings import Settings
from app.web import receive
from app.web.app import create_app
from tests.unit.ingest.logs import lines
from tests.web.conftest import Get, text_of
from tests.web.hostile import MOST_BYTES, TEXTS
from tests.web.sending import FILE, Post, files_of, left, multipart, poster, work


@pytest.fixture
def post(client: FlaskClient) -> Post:
    return poster(client)


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
def small(settings: Settings) -> Settings:
    return replace(settings, max_upload_mb=1)


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
