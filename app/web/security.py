"""What keeps other sites out, and log data from being anything but text."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import Forbidden

#: Nothing is loaded from elsewhere and nothing is written inline.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

#: A page of another site must not read this one by a host name of its own (DNS rebinding).
TRUSTED_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask) -> None:
    """Put the guards on every request and the headers on every response."""
    app.config["TRUSTED_HOSTS"] = list(TRUSTED_HOSTS)
    app.before_request(refuse_other_sites)
    app.after_request(add_headers)


def refuse_other_sites() -> None:
    """Refuse a change that a page of another site asked for.

    Browsers say where a request came from, in ``Sec-Fetch-Site`` or at least ``Origin``. What
    sends neither is a program that its owner started: no other site can make it do so.
    """
    if request.method in _SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        ours = site in {"same-origin", "none"}
    else:
        origin = request.headers.get("Origin")
        ours = origin is None or urlsplit(origin).netloc == request.host
    if not ours:
        raise Forbidden("This change was asked for by a page of another site. Nothing was done.")


def add_headers(response: Response) -> Response:
    """Put the security headers on a response; pages are not kept by caches, files of ours are."""
    response.headers.update(HEADERS)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
