"""Why Elasticsearch was not reached, in whole sentences that say what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import urllib3
from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, SerializationError, TlsError, TransportError

from app.settings import PREFIX
from app.store.elastic.address import Address
from app.store.elastic.server import OLDEST, too_old

_STORE: Final = PREFIX + "STORE"


def other_product(body: object, address: Address) -> str:
    """Return the sentence for an answer that is not Elasticsearch's; ``body`` is the answer."""
    version = body.get("version") if isinstance(body, Mapping) else None
    version = version if isinstance(version, Mapping) else {}
    if version.get("distribution") == "opensearch":
        return (
            f"OpenSearch {version.get('number', '')} answers at {address}. It is not supported: name an"
            f" Elasticsearch {OLDEST} or later in {_STORE}."
        )
    if "number" in version:
        return too_old(str(version["number"]))
    return (
        f"What answers at {address} is not Elasticsearch. See that host and port in {_STORE} are right; where"
        " a proxy stands between, it must let the header X-Elastic-Product through."
    )


def not_reached(error: TransportError, address: Address) -> str:
    """Return the sentence for a request that got no answer."""
    causes = list(_chain(error))
    if isinstance(error, TlsError) or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _tls(causes, address)
    if isinstance(error, ConnectionTimeout):
        return (
            f"Elasticsearch at {address} did not answer in time. It is overloaded or cannot be reached;"
            f" try again."
        )
    if isinstance(error, SerializationError):
        return (
            f"What answers at {address} does not speak as Elasticsearch does: its answer is not JSON. See"
            f" that"
            f" host and port in {_STORE} are right, and what a proxy between does."
        )
    if isinstance(error, NoConnection):
        return _no_connection(causes, address)
    return f"Elasticsearch at {address} could not be asked. Try again."


def _no_connection(causes: list[BaseException], address: Address) -> str:
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return f"A host of {address} has a name that cannot be resolved. Correct it in {_STORE}."
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return (
            f"Nothing listens at {address}. Start Elasticsearch there, or correct host and port in {_STORE}."
        )
    hint = "" if address.is_tls else " Where it speaks TLS, use elasticsearch+https://."
    if any(isinstance(cause, urllib3.exceptions.ConnectTimeoutError) for cause in causes):
        return (
            f"No connection to {address} came about in time: the host is off, or a firewall stands between."
        )
    return f"Elasticsearch at {address} broke off the connection. See that it runs, and try again.{hint}"


def _tls(causes: list[BaseException], address: Address) -> str:
    text = " ".join(str(cause) for cause in causes)
    for piece, sentence in _TLS_SENTENCES.items():
        if piece in text:
            return f"The TLS connection to {address} failed: {sentence}"
    return f"The TLS connection to {address} failed. See that it speaks TLS, and which versions of it."


_OTHER_HOST: Final = (
    f"the server's certificate is for another host or address. Write the host in {_STORE} as it stands in the"
    " certificate, or have one made for this host."
)
_TLS_SENTENCES: Final = {
    "certificate has expired": "the server's certificate has expired. Give the server a new one.",
    "certificate is not yet valid": "the server's certificate is not valid yet. See that the clocks are"
    " right.",
    "Hostname mismatch": _OTHER_HOST,
    "IP address mismatch": _OTHER_HOST,
    "doesn't match": _OTHER_HOST,
    "CERTIFICATE_VERIFY_FAILED": "the server's certificate is signed by an authority that is not known here."
    f" Name the file of its certificate in {PREFIX}ELASTIC_CA_FILE (Elasticsearch makes http_ca.crt).",
    "WRONG_VERSION_NUMBER": f"the server speaks no TLS. Use elasticsearch:// in {_STORE}, or turn on TLS"
    f" there.",
    "record layer failure": f"the server speaks no TLS. Use elasticsearch:// in {_STORE}, or turn on TLS"
    f" there.",
}
"""What a TLS library says, and what to do; the first that fits counts."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies under it: its causes, and the arguments that are errors."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        waiting += [
            item for item in [*inner, *getattr(each, "errors", ())] if isinstance(item, BaseException)
        ]
