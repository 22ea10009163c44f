"""The pages that every check of all pages visits: one of each kind, over the demo."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final
from urllib.parse import quote
from urllib.request import urlopen

import orjson

from app.demo.infection import DOMAIN_NAME, PAYLOAD
from app.demo.scenario import INFECTED

FIRST: Final = INFECTED[0]
PROCESS: Final = f"/processes/{FIRST.computer}/{FIRST.process_guid}"
LINK: Final = f"/search?q={DOMAIN_NAME}"
STARTED: Final = f"/search?q=Image:*\\{PAYLOAD}%20and%20EventId:1"

#: Name of a page -> its address; those in braces take a part of the answer of another address.
PLAIN: Final[Mapping[str, str]] = {
    "start": "/",
    "keys": "/keys",
    "search": "/search",
    "search-found": LINK,
    "search-nothing": "/search?q=nowhere-at-all",
    "search-classic": f"/search?ProcessName={PAYLOAD}&match=any",
    "search-typing-error": "/search?q=Imge:cmd",
    "process": PROCESS,
    "process-events": f"{PROCESS}/events",
    "process-unknown": f"/processes/{FIRST.computer}/00000000-0000-0000-0000-000000000001",
    "imports": "/imports",
    "nothing-there": "/nothing-there",
}
OF_AN_EVENT: Final[Mapping[str, str]] = {
    "search-picked": f"{STARTED}&sel={{key}}",
    "event": "/events/{key}",
    "around": "/events/{key}/around",
    "correlation": "/events/{key}/correlation",
}
NAMES: Final = (*PLAIN, *OF_AN_EVENT)
#: Statuses of pages that say that something is wrong.
STATUSES: Final = {"search-typing-error": 400, "process-unknown": 404, "nothing-there": 404}


def address_of(name: str, server: str) -> str:
    """Return the address of a page; one of an event is that of the payload's start."""
    return PLAIN.get(name) or OF_AN_EVENT[name].format(key=key_of(STARTED, server))


@cache
def key_of(search: str, server: str) -> str:
    """Return the key of the first event that a search finds, as addresses have it."""
    path, _, query = search.partition("?")
    with urlopen(f"{server}{path}.json?{query}", timeout=30) as answer:
        document = orjson.loads(answer.read())
    return quote(document["events"][0]["event_key"], safe="~")
