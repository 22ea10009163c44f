"""The one table from errors to answers: a page, or JSON where the address ends in .json."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from flask import Flask, Response, current_app, make_response
from werkzeug.exceptions import HTTPException, SecurityError

from app.errors import (
    BadInput,
    BadQuery,
    BadSetting,
    NotFound,
    OutputLost,
    QueryCancelled,
    QueryTooSlow,
    StoreDamaged,
    StoreUnavailable,
    SysmonSearchError,
)
from app.web.json import json_response, wants_json
from app.web.pages import Page
from app.web.texts import _

STATUS: Final[dict[type[SysmonSearchError], HTTPStatus]] = {
    SysmonSearchError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadSetting: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadQuery: HTTPStatus.BAD_REQUEST,
    BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    QueryTooSlow: HTTPStatus.SERVICE_UNAVAILABLE,
    QueryCancelled: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreDamaged: HTTPStatus.INTERNAL_SERVER_ERROR,
    OutputLost: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every error that a person may read, and its status."""

RETRY_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """All that errors/index.html may use.

    ``what_to_do`` follows the message; ``reference`` finds the error in the server's log.
    """

    template: ClassVar[str] = "errors/index.html"
    asks_store: ClassVar[bool] = False

    status: int
    title: str
    message: str
    what_to_do: str = ""
    reference: str = ""


def init_app(app: Flask) -> None:
    """Answer errors of ours, of HTTP, and those that nobody foresaw."""
    app.register_error_handler(SysmonSearchError, ours)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, unforeseen)


def ours(error: SysmonSearchError) -> Response:
    """Answer an error that a person may read."""
    status = STATUS[next(kind for kind in type(error).__mro__ if kind in STATUS)]
    page = ErrorPage(status=status, title=_title(status), message=str(error), what_to_do=_what_to_do(status))
    extra: Mapping[str, object] = {} if not isinstance(error, BadQuery) else {"position": error.position}
    return _answer(page, type(error).__name__, extra)


def of_http(error: HTTPException) -> Response:
    """Answer what HTTP itself has a word for: no such page, a method not allowed."""
    if isinstance(error, SecurityError):
        # Under a name that is not ours no page can be made: it would have no addresses.
        return Response("This server does not go by that name.\n", 400, content_type="text/plain")
    if error.response is not None and error.code is not None and error.code < 400:
        return make_response(error.get_response())
    status = HTTPStatus(error.code or 500)
    described = error.description if status not in _OWN_WORDS else None
    page = ErrorPage(
        status=status,
        title=_title(status),
        message=_(_OWN_WORDS.get(status, "")) if described is None else described,
        what_to_do=_what_to_do(status),
    )
    return _answer(page, type(error).__name__, {})


def unforeseen(error: Exception) -> Response:
    """Answer a fault of the program: no detail to the reader, all of it in the server's log."""
    reference = secrets.token_hex(4)
    current_app.logger.error("Fault %s", reference, exc_info=error)
    page = ErrorPage(
        status=500,
        title=_title(HTTPStatus.INTERNAL_SERVER_ERROR),
        message=_("The program met something that it was not made for. Nothing stored was changed."),
        what_to_do=_("Tell whoever runs this server the reference."),
        reference=reference,
    )
    return _answer(page, "InternalError", {"reference": reference})


_OWN_WORDS: Final = {
    HTTPStatus.NOT_FOUND: "There is no page at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this kind of request.",
}


def _title(status: HTTPStatus) -> str:
    match status:
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            return _("Not understood")
        case HTTPStatus.FORBIDDEN:
            return _("Refused")
        case HTTPStatus.NOT_FOUND:
            return _("Not found")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return _("Too large")
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return _("The store cannot answer now")
        case _:
            return _("Something went wrong") if status >= 500 else _("Refused")


def _what_to_do(status: HTTPStatus) -> str:
    match status:
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return _("Your question is kept in the address: reload this page in a moment. Nothing was lost.")
        case HTTPStatus.BAD_REQUEST:
            return _("Nothing was searched. Correct the address, or start from the search page.")
        case HTTPStatus.NOT_FOUND:
            return _("Search for it, or look at what is stored on the start page.")
        case _:
            return ""


def _answer(page: ErrorPage, kind: str, extra: Mapping[str, object]) -> Response:
    headers = {}
    if page.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    if wants_json():
        error = {"type": kind, "message": page.message, **extra}
        return json_response({"error": error}, page.status, headers)
    return make_response(page.render(), page.status, headers)
