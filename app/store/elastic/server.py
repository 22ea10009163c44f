"""What answers at the other end: its product, its version, and what it can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from elasticsearch import BadRequestError, Elasticsearch

from app.errors import StoreUnavailable
from app.settings import PREFIX
from app.store.elastic.address import Address

OLDEST: Final = 8
"""The first major version that understands this program's requests."""
_NO_SECURITY: Final = (400, 404, 405)
"""What a server says that has no security, when asked who may do what."""


@dataclass(frozen=True, slots=True)
class Server:
    """An Elasticsearch: ``distribution`` is its build flavour, ``default`` or ``serverless``."""

    number: str
    distribution: str
    cluster: str
    _client: Elasticsearch = field(repr=False, compare=False)
    _asking: Callable[[], AbstractContextManager[None]] = field(repr=False, compare=False)
    _types: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)
    _lock: Any = field(default_factory=Lock, repr=False, compare=False)

    @property
    def version(self) -> tuple[int, ...]:
        """The version as numbers, to be compared."""
        return numbers_of(self.number)

    def has_type(self, name: str) -> bool:
        """Tell whether fields can be of this type, such as ``wildcard``.

        Nothing is left on the server: a template is tried, which wants the privilege to make
        templates.
        """
        with self._lock, self._asking():
            if name not in self._types:
                self._types[name] = _takes_type(self._client, name)
            return self._types[name]


def read_server(client: Elasticsearch, asking: Callable[[], AbstractContextManager[None]]) -> Server:
    """Ask what the server is; raise StoreUnavailable where it is too old.

    ``asking`` translates the errors of what the server is asked later on.
    """
    info: Mapping[str, Any] = client.info().body
    version = info["version"]
    server = Server(
        version["number"], version.get("build_flavor", "default"), info["cluster_name"], client, asking
    )
    if server.version < (OLDEST,):
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


def _takes_type(client: Elasticsearch, name: str) -> bool:
    try:
        client.indices.simulate_template(
            # A pattern that no index has, and a priority that no other template has.
            index_patterns=["sysmonsearch-type-probe-*"],
            priority=2_000_000_017,
            template={"mappings": {"properties": {"probe": {"type": name}}}},
        )
    except BadRequestError:
        return False
    return True
