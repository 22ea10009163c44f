"""Answers for machines."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request

from app.sysmon.export import json_bytes


def json_response(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document as JSON."""
    return Response(json_bytes(document) + b"\n", status, headers, content_type="application/json")


def wants_json() -> bool:
    """Tell whether the address asked for is a page's twin for machines."""
    return request.path.endswith((".json", ".ndjson"))
