"""What goes wrong with Elasticsearch, in whole sentences that say what to do.

Nothing of the request is quoted, so no password or API key is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from elastic_transport import TransportError
from elasticsearch import ApiError, UnsupportedProductError

from app.errors import BadQuery, QueryCancelled, QueryTooSlow, StoreUnavailable, SysmonSearchError
from app.settings import PREFIX
from app.store.elastic.address import Address
from app.store.elastic.reaching import not_reached, other_product
from app.store.elastic.server import OLDEST

BUDGET_ERRORS: Final = (QueryTooSlow, QueryCancelled)
_STORE: Final = PREFIX + "STORE"
_CREDENTIALS: Final = f"{PREFIX}ELASTIC_USER and {PREFIX}ELASTIC_PASSWORD, or {PREFIX}ELASTIC_API_KEY"
_LONGEST_REASON: Final = 300


class NoShards(StoreUnavailable):
    """A shard has no copy that answers: one may be made just now, or take the place of a lost one."""


def translated(error: TransportError | ApiError, address: Address) -> SysmonSearchError:
    """Return what a person is told of an error of the client."""
    if isinstance(error, UnsupportedProductError):
        return StoreUnavailable(other_product(error.body, address))
    if isinstance(error, ApiError):
        if error.meta.status in (400, 404, 405) and not isinstance(error.body, Mapping):
            return StoreUnavailable(other_product(error.body, address))
        return refused(error.meta.status, error.body, address)
    return StoreUnavailable(not_reached(error, address))


def refused(status: int, body: object, address: Address) -> SysmonSearchError:
    """Return what a person is told of an answer that is an error.

    ``body`` is the whole answer, or ``{"error": …}`` with the error of one item of a bulk request.
    """
    types, reasons = _causes(body)
    if status == 401:
        return StoreUnavailable(_unknown_user(address))
    if status == 403 and "cluster_block_exception" not in types:
        return StoreUnavailable(_forbidden(reasons, address))
    fault = _fault(status, types, reasons)
    return fault.kind(fault.text.format(reason=_reason(reasons), address=address))


def is_timeout(body: object) -> bool:
    """Tell whether an answer says that a search ran out of the time that it was given."""
    return "search_timeout_exception" in _causes(body)[0]


def check_shards(answer: Mapping[str, Any]) -> None:
    """Raise StoreUnavailable where some shards did not answer: the rest is not the whole truth."""
    shards = answer.get("_shards", {})
    if shards.get("failed"):
        reasons = _causes({"error": {"failed_shards": shards.get("failures", [])}})[1]
        raise StoreUnavailable(
            f"{shards['failed']} of {shards['total']} shards did not answer: {_reason(reasons)} What the"
            f" others"
            " know is not shown, for it would be incomplete. Look at the cluster's health, and try again."
        )
    skipped = answer.get("_clusters", {}).get("skipped")
    if skipped:
        raise StoreUnavailable(
            f"{skipped} remote cluster(s) did not answer, so the answer would be incomplete. Try again."
        )


def check_fields(answer: Mapping[str, Any], address: Address) -> None:
    """Raise where fields of some indices are not known, though these are there."""
    for failed in answer.get("failures", ()):
        if not _causes(failed["failure"])[0] & {"index_not_found_exception", "index_closed_exception"}:
            raise refused(503, failed["failure"], address)


def server_gave_up() -> QueryTooSlow:
    """Return the error for a server that ended a search before its time."""
    return QueryTooSlow(
        "Elasticsearch stopped the query before its time was up. Narrow it: a shorter time range, one"
        " computer, an event ID, or a field in place of free text."
    )


def _causes(body: object) -> tuple[set[str], list[str]]:
    """Return the types and reasons of an error and all that caused it, the innermost reason first."""
    found = list(_errors(body.get("error") if isinstance(body, Mapping) else None))
    types = {str(error["type"]) for error in found if "type" in error}
    reasons = [str(error["reason"]) for error in reversed(found) if isinstance(error.get("reason"), str)]
    if not found and isinstance(body, Mapping) and isinstance(body.get("error"), str):
        reasons = [body["error"]]
    return types, reasons


def _errors(error: object) -> Iterator[Mapping[str, Any]]:
    if not isinstance(error, Mapping):
        return
    yield error
    for name in ("reason", "caused_by"):
        yield from _errors(error.get(name))
    for name in ("root_cause", "failed_shards"):
        for each in error.get(name) or ():
            yield from _errors(each)


def _reason(reasons: list[str]) -> str:
    """Return the innermost reason as a sentence, cut where it is long."""
    text = " ".join((reasons[0] if reasons else "it gave no reason").split()).rstrip(";")
    text = text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "…"
    return text if text.endswith((".", "…", "!", "?")) else text + "."


@dataclass(frozen=True, slots=True)
class _Fault:
    """An error's class and its sentences; ``{reason}`` and ``{address}`` are filled in."""

    kind: type[SysmonSearchError]
    text: str


_BUSY: Final = _Fault(
    StoreUnavailable,
    "Elasticsearch is too busy: it has more requests waiting than it takes. Try again in a moment; where this"
    " goes on, the cluster needs more nodes.",
)
_DISK_FULL: Final = _Fault(
    StoreUnavailable,
    "Elasticsearch has blocked writing because the disk of a node is nearly full (above the flood-stage"
    " watermark). Nothing was lost. Free space or add a node: Elasticsearch lifts the block by itself when"
    " there is room. Then try again.",
)
_NO_MASTER: Final = _Fault(
    StoreUnavailable,
    "The Elasticsearch cluster has no elected master, or has just started: too few of its nodes are up."
    " Nothing was lost. Start the nodes that are down, and try again.",
)
_NO_SHARDS: Final = _Fault(
    NoShards,
    "Some data of the cluster cannot be reached: a shard has no copy on a node that is up (the cluster is"
    " red). Start the nodes that are down, look at `GET _cluster/allocation/explain`, and try again.",
)
_COMPLEX: Final = _Fault(
    BadQuery,
    "The regular expression or wildcard is too complex for Elasticsearch. Make it shorter, or repeat less"
    " in it.",
)
_TOO_LARGE: Final = _Fault(
    BadQuery,
    "The query is too large for Elasticsearch: {reason} Ask for less at once: fewer values, or a shorter time"
    " range.",
)
_EXPENSIVE: Final = _Fault(
    StoreUnavailable,
    "The cluster forbids the queries that this needs: its setting `search.allow_expensive_queries` is false."
    " Set it to true, or search for whole values in place of parts and patterns.",
)
_OLD_PROTOCOL: Final = _Fault(
    StoreUnavailable,
    "The server at {address} does not take this program's requests: it is older than Elasticsearch"
    f" {OLDEST}, or an OpenSearch. Neither is supported; name another server in {_STORE}.",
)

_BY_REASON: Final = {
    "flood-stage": _DISK_FULL,
    "flood stage": _DISK_FULL,
    "no master": _NO_MASTER,
    "missing shards": _NO_SHARDS,
    "state not recovered": _NO_MASTER,
    "allow_expensive_queries": _EXPENSIVE,
    "max_regex_length": _COMPLEX,
    "would require more than": _COMPLEX,
    "max_terms_count": _TOO_LARGE,
    "max_result_window": _TOO_LARGE,
    "maxClauseCount": _TOO_LARGE,
    "compatible-with": _OLD_PROTOCOL,
    "[application/vnd.elasticsearch+": _OLD_PROTOCOL,
}
"""Which fault it is, by a piece of a reason; the first that fits counts. Before the types, which
say less."""

_BY_TYPE: Final = {
    "circuit_breaking_exception": _Fault(
        StoreUnavailable,
        "Elasticsearch refused the request because it lacks memory (circuit breaker). Narrow the query, or"
        " give"
        " the nodes more heap. It said: {reason}",
    ),
    "es_rejected_execution_exception": _BUSY,
    "cluster_block_exception": _Fault(
        StoreUnavailable,
        "Elasticsearch does not let this be done now: {reason} Lift the block in the settings of the index or"
        " cluster, and try again.",
    ),
    "master_not_discovered_exception": _NO_MASTER,
    "not_master_exception": _NO_MASTER,
    "no_shard_available_action_exception": _NO_SHARDS,
    "shard_not_found_exception": _NO_SHARDS,
    "illegal_index_shard_state_exception": _NO_SHARDS,
    "node_not_connected_exception": _NO_SHARDS,
    "node_disconnected_exception": _NO_SHARDS,
    "unavailable_shards_exception": _NO_SHARDS,
    "index_not_found_exception": _Fault(
        StoreUnavailable,
        "Elasticsearch lacks an index that is needed: {reason} See that the indices named in"
        f" {_STORE} exist, and that {PREFIX}ELASTIC_PREFIX is right.",
    ),
    "index_closed_exception": _Fault(
        StoreUnavailable,
        "An index that is needed is closed. Open it again (`POST index/_open`), or leave it out of"
        f" {_STORE}.",
    ),
    "search_context_missing_exception": _Fault(
        StoreUnavailable,
        "Elasticsearch has lost the point in time that was being read: a node went down, or the reading"
        " took too"
        " long. Nothing was lost; start it again.",
    ),
    "too_complex_to_determinize_exception": _COMPLEX,
    "too_many_clauses": _TOO_LARGE,
    "too_many_nested_clauses": _TOO_LARGE,
    "too_many_buckets_exception": _TOO_LARGE,
    "version_conflict_engine_exception": _Fault(
        StoreUnavailable, "Somebody else changed the same document at the same time. Try again."
    ),
    "media_type_header_exception": _OLD_PROTOCOL,
    "mapper_parsing_exception": _Fault(
        StoreUnavailable,
        "Elasticsearch cannot make an index as it is needed: {reason} Another index template may disagree"
        " with"
        " this program's; see `GET _index_template`.",
    ),
}
"""Which fault it is, by a type of the server's; the first that is in the answer counts."""

_NOT_READY: Final = _Fault(
    StoreUnavailable,
    "Elasticsearch at {address} cannot answer now. Look at the cluster's health, and try again. It said:"
    " {reason}",
)
_BY_STATUS: Final = {
    404: _Fault(StoreUnavailable, "Elasticsearch does not have what was asked for: {reason}"),
    406: _OLD_PROTOCOL,
    413: _Fault(
        StoreUnavailable,
        "The request is larger than Elasticsearch, or a proxy in front of it, takes"
        " (`http.max_content_length`).",
    ),
    429: _BUSY,
    502: _NOT_READY,
    503: _NOT_READY,
    504: _NOT_READY,
}

_QUERY_TYPES: Final = {"parsing_exception", "query_shard_exception"}
"""Types that speak of the query itself, where the status is 400."""


def _fault(status: int, types: set[str], reasons: list[str]) -> _Fault:
    by_reason = (fault for piece, fault in _BY_REASON.items() if any(piece in text for text in reasons))
    by_type = (fault for name, fault in _BY_TYPE.items() if name in types)
    kind = BadQuery if status == 400 and types & _QUERY_TYPES else StoreUnavailable
    other = _Fault(kind, f"Elasticsearch answered with error {status}: {{reason}}")
    return next(chain(by_reason, by_type), _BY_STATUS.get(status, other))


def _unknown_user(address: Address) -> str:
    if address.api_key:
        return (
            "Elasticsearch does not accept the API key: it is wrong, has expired, or was taken back. Set"
            f" {PREFIX}ELASTIC_API_KEY anew."
        )
    if address.user:
        return (
            f"Elasticsearch does not accept the user {address.user!r} with this password. Correct"
            f" {PREFIX}ELASTIC_USER"
            f" and {PREFIX}ELASTIC_PASSWORD, or what stands in front of the @ in {_STORE}."
        )
    return f"Elasticsearch wants to know who asks. Set {_CREDENTIALS}."


def _forbidden(reasons: list[str], address: Address) -> str:
    text = " ".join(reasons)
    action = re.search(r"action \[([^\]]*)\]", text)
    if not action:
        return f"Elasticsearch does not allow this: {_reason(reasons)}"
    user = f"The user {address.user!r}" if address.user else "Who gives no name"
    who = "The API key" if address.api_key else user
    indices = re.search(r"on (?:restricted )?indices \[([^\]]*)\]", text)
    privileges = re.search(r"granted by the (?:index|cluster) privileges \[([^\]]*)\]", text)
    where = f" on {indices[1].replace(',', ', ')}" if indices else ""
    needed = (
        f"one of these privileges: {privileges[1].replace(',', ', ')}" if privileges else "more privileges"
    )
    return f"{who} may not do this in Elasticsearch: {action[1]}{where}. Give its role {needed}."
