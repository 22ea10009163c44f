"""Sending files to the import page by hand, and looking at what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from typing import Any

from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse

from app.jobs.uploads import FOLDER
from app.jobs.worker import run_worker
from app.settings import Settings

Post = Callable[..., TestResponse]


def poster(client: FlaskClient) -> Post:
    """Return what sends files by the form: ``post(("a.json", b"…"), …)``."""

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


def multipart(*parts: str, boundary: str = "xyz") -> tuple[bytes, str]:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return body.encode(), f"multipart/form-data; boundary={boundary}"


FILE = 'Content-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n{}'
