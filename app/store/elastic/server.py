"""What answers at the other end: its product, its version, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from elasticsearch import Elasticsearch

from app.errors import StoreUnavailable
from app.settings import PREFIX
from app.store.elastic.address import Address

_OLDEST: Final = (8, 13)
OLDEST: Final = ".".join(map(str, _OLDEST))
"""The first version that understands this program's requests: field caps without empty fields."""
_NO_SECURITY: Final = (400, 404, 405)
"""What a server says that has no security, when asked who may do what."""


@dataclass(frozen=True, slots=True)
class Server:
    """An Elasticsearch: ``distribution`` is its build flavour, ``default`` or ``serverless``."""

    number: str
    distribution: str
    cluster: str

    @property
    def version(self) -> tuple[int, ...]:
        """The version as numbers, to be compared."""
        return numbers_of(self.number)


def read_server(client: Elasticsearch) -> Server:
    """Ask what the server is; raise StoreUnavailable where it is too old."""
    info: Mapping[str, Any] = client.info().body
    version = info["version"]
    server = Server(version["number"], version.get("build_flavor", "default"), info["cluster_name"])
    if server.version < _OLDEST:
        raise StoreUnavailable(too_old(server.number))
    return server


def check_reading(client: Elasticsearch, address: Address) -> None:
    """Raise StoreUnavailable where who asks may not read all the indices that are named.

    Elasticsearch hides such indices from patterns: a search would answer as if no events were there.
    """
    if not address.has_credentials:
        return
    names = [f"{address.prefix}-*", *(name for name in address.patterns if not name.startswith("-"))]
    asked = client.options(ignore_status=_NO_SECURITY)
    answer = asked.security.has_privileges(index=[{"names": names, "privileges": ["read"]}])
    hidden = [name for name, may in answer.body.get("index", {}).items() if not may["read"]]
    if hidden:
        who = f"The user {address.user!r}" if address.user else "The API key"
        raise StoreUnavailable(
            f"{who} may not read {', '.join(hidden)} in Elasticsearch, or not all of it: what is there would"
            " be missing without a word. Give its role the privilege read on it, or name only what may be"
            f" read in {PREFIX}STORE (`/-`: nothing that others fill)."
        )


def too_old(number: str) -> str:
    """Return the sentence for a server of this version."""
    return (
        f"Elasticsearch {number} is too old: version {OLDEST} or a later one is needed, 8.19 is what this"
        " program is tested with. Upgrade the cluster, or name another one in SYSMONSEARCH_STORE."
    )


def numbers_of(number: str) -> tuple[int, ...]:
    """Return (8, 19, 3) of ``8.19.3-SNAPSHOT``."""
    return tuple(int(part) for part in number.partition("-")[0].split(".") if part.isdigit())
