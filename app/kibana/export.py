"""All saved objects as the lines that Kibana imports."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from app.errors import BadSetting
from app.kibana.dashboard import dashboard
from app.kibana.data_view import data_view
from app.kibana.hunts import HUNTS
from app.kibana.panels import PANELS
from app.kibana.saved import SavedObject


def saved_objects(pattern: str, url: str) -> Iterator[SavedObject]:
    """Yield every object; what another needs comes before it.

    ``pattern`` is the index pattern of the data view, ``url`` the address of our server.
    """
    yield data_view(pattern, checked_url(url))
    for hunt in HUNTS:
        yield hunt.saved()
    for panel in PANELS:
        yield panel.saved()
    yield dashboard()


def lines(pattern: str, url: str) -> Iterator[bytes]:
    """Yield the lines of the file: the same on every run."""
    for each in saved_objects(pattern, url):
        yield each.line().encode() + b"\n"


def checked_url(url: str) -> str:
    """Return the address of a server without a last slash; raise BadSetting where it is none."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_address = is_address and parts.port != 0
    except ValueError:  # A port that is no number, brackets that do not close.
        is_address = False
    if not is_address or parts.query or parts.fragment or any(sign in url for sign in "{}\"'<> \\"):
        raise BadSetting(f"{url!r} is not the address of a server. One looks like http://127.0.0.1:8000.")
    return url.rstrip("/")
