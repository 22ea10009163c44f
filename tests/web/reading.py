"""Reading pages: what a path finds, as a list."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask.testing import FlaskClient
from lxml import html


def found(page: html.HtmlElement, path: str) -> list[Any]:
    """Return what an XPath of nodes finds; typed stubs know it as much else, too."""
    result = page.xpath(path)
    assert isinstance(result, list)
    return result


def read(client: FlaskClient, address: str) -> html.HtmlElement:
    """Return the page at an address, whatever its status."""
    return html.fromstring(client.get(address).data)


def search(**arguments: str | list[str]) -> str:
    """Return the address of a search; ``from_`` stands for ``from``."""
    return f"/search?{urlencode({name.rstrip('_'): value for name, value in arguments.items()}, doseq=True)}"


def asked(address: str) -> dict[str, list[str]]:
    """Return the arguments of an address."""
    return parse_qs(urlsplit(address).query)
