"""What a person reads of each thing that goes wrong; the answers are those that real servers gave."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import BadQuery, StoreUnavailable, SysmonSearchError
from app.settings import Settings
from app.store.elastic.address import Address, read_address
from app.store.elastic.faults import NoShards, check_shards, refused

ADDRESS = read_address(Settings(store="elasticsearch://node.example"))
ANN = read_address(Settings(store="elasticsearch+https://ann:secret@node.example"))
KEY = read_address(Settings(store="elasticsearch+https://node.example", elastic_api_key="secret"))


def error(type: str, reason: str, **more: Any) -> dict[str, Any]:  # noqa: A002 - the server's word
    """Return an answer as the server writes it."""
    cause = {"type": type, "reason": reason}
    return {"error": {"root_cause": [cause], **cause, **more}}


def failed(kind: str, reason: str, cause: str = "exception") -> dict[str, Any]:
    """Return the answer to a search that failed in a shard."""
    inner = {"type": kind, "reason": reason, "caused_by": {"type": cause, "reason": reason}}
    shards = [{"shard": 0, "index": "i", "node": "n", "reason": inner}]
    body = error(kind, reason)["error"]
    return {
        "error": {
            **body,
            "type": "search_phase_execution_exception",
            "reason": "all shards failed",
            "failed_shards": shards,
        }
    }


DISK = (
    "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has"
    " read-only-allow-delete block; for more information, see https://www.elastic.co/guide];"
)
FORBIDDEN = (
    "action [indices:data/read/search] is unauthorized for user [ann] with effective roles [none] on indices"
    " [winlogbeat-1,winlogbeat-2], this action is granted by the index privileges [read,all]"
)

CASES: list[tuple[int, object, type[SysmonSearchError], str]] = [
    (429, error("cluster_block_exception", DISK), StoreUnavailable, "the disk of a node is nearly full"),
    (403, error("cluster_block_exception", "index [i] blocked by: [FORBIDDEN/8/index write (api)];"),
     StoreUnavailable, "blocked by: [FORBIDDEN/8/index write (api)]. Lift the block"),
    (503, error("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
     StoreUnavailable, "no elected master"),
    (503, error("cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];"),
     StoreUnavailable, "no elected master"),
    (503, error("master_not_discovered_exception", ""), StoreUnavailable, "no elected master"),
    (503, failed("no_shard_available_action_exception", "No shard available"), NoShards, "is red"),
    (503, error("search_phase_execution_exception", "Search rejected due to missing shards [[i][0]]."),
     NoShards, "is red"),
    (503, error("unavailable_shards_exception", "primary shard is not active"), NoShards, "is red"),
    (429, error("es_rejected_execution_exception", "rejected execution"), StoreUnavailable, "too busy"),
    (429, error("circuit_breaking_exception", "[parent] Data too large"), StoreUnavailable, "lacks memory"),
    (404, error("index_not_found_exception", "no such index [i]"), StoreUnavailable, "no such index [i]."),
    (400, error("index_closed_exception", "closed"), StoreUnavailable, "is closed"),
    (404, failed("search_context_missing_exception", "No search context found for id [4]"),
     StoreUnavailable, "lost the point in time"),
    (400, failed("query_shard_exception", "Determinizing x would require more than 10000 effort.",
                 "too_complex_to_determinize_exception"), BadQuery, "too complex"),
    (400, failed("query_shard_exception", "The length of regex [2000] … [index.max_regex_length]"),
     BadQuery, "too complex"),
    (400, failed("query_shard_exception", "maxClauseCount is set to 15824", "too_many_clauses"),
     BadQuery, "too large"),
    (400, failed("query_shard_exception", "… setting the [index.max_terms_count] index level setting."),
     BadQuery, "too large"),
    (400, failed("illegal_argument_exception", "… the [index.max_result_window] index level setting."),
     BadQuery, "too large"),
    (503, error("too_many_buckets_exception", "Trying to create too many buckets."), BadQuery, "too large"),
    (400, failed("query_shard_exception", "[wildcard] queries cannot be executed when"
                 " 'search.allow_expensive_queries' is set to false."), StoreUnavailable, "Set it to true"),
    (400, error("parsing_exception", "unknown query [foo]"), BadQuery, "unknown query [foo]."),
    (400, error("mapper_parsing_exception", "no type wildcard"), StoreUnavailable, "GET _index_template"),
    (409, error("version_conflict_engine_exception", "version conflict"), StoreUnavailable, "Try again"),
    (406, {"error": "Content-Type header [application/vnd.elasticsearch+json] is not supported"},
     StoreUnavailable, "older than Elasticsearch 8"),
    (400, error("media_type_header_exception", "Invalid media-type value on headers"),
     StoreUnavailable, "older than Elasticsearch 8"),
    (413, "<html>too large</html>", StoreUnavailable, "http.max_content_length"),
    (502, "<html>bad gateway</html>", StoreUnavailable, "at node.example:9200 cannot answer now"),
    (503, None, StoreUnavailable, "cannot answer now"),
    (504, {}, StoreUnavailable, "cannot answer now"),
    (429, "", StoreUnavailable, "too busy"),
    (404, {"found": False}, StoreUnavailable, "does not have what was asked for"),
    (418, error("odd_exception", "I am a teapot"), StoreUnavailable, "error 418: I am a teapot."),
    (500, {"error": "text only"}, StoreUnavailable, "error 500: text only."),
    (500, {"error": {"type": 3, "reason": None, "root_cause": None}}, StoreUnavailable, "it gave no reason"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "said"), CASES)
def test_each_error_of_the_server_has_its_sentence(
    status: int, body: object, kind: type[SysmonSearchError], said: str
) -> None:
    shown = refused(status, body, ADDRESS)

    assert type(shown) is kind
    assert said in str(shown)
    assert str(shown).endswith((".", "…"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (ADDRESS, "wants to know who asks"),
        (ANN, "does not accept the user 'ann' with this password"),
        (KEY, "does not accept the API key"),
    ],
)
def test_who_is_not_let_in_learns_which_setting_to_correct(address: Address, said: str) -> None:
    shown = str(refused(401, error("security_exception", "unable to authenticate"), address))

    assert said in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("address", "who"), [(ADDRESS, "Who gives no name"), (ANN, "The user 'ann'"), (KEY, "The API key")]
)
def test_who_may_not_do_something_learns_which_privilege_is_missing(address: Address, who: str) -> None:
    shown = str(refused(403, error("security_exception", FORBIDDEN), address))

    assert shown == (
        f"{who} may not do this in Elasticsearch: indices:data/read/search on winlogbeat-1, winlogbeat-2."
        " Give its role one of these privileges: read, all."
    )


def test_a_refusal_without_a_known_form_is_quoted() -> None:
    assert "does not allow this: licence." in str(refused(403, error("security_exception", "licence"), ANN))


def test_a_long_reason_is_cut() -> None:
    shown = str(refused(400, error("parsing_exception", "long " * 1000), ADDRESS))

    assert len(shown) < 400
    assert shown.endswith("…")


def test_failed_shards_are_an_error_that_counts_them() -> None:
    failures = [{"shard": 0, "index": "i", "reason": {"type": "x", "reason": "node left"}}]

    with pytest.raises(StoreUnavailable, match=r"2 of 5 shards did not answer: node left\."):
        check_shards({"_shards": {"total": 5, "failed": 2, "failures": failures}})
    with pytest.raises(StoreUnavailable, match=r"1 of 5 shards did not answer: it gave no reason\."):
        check_shards({"_shards": {"total": 5, "failed": 1}})
    with pytest.raises(StoreUnavailable, match="remote cluster"):
        check_shards({"_shards": {"total": 5, "failed": 0}, "_clusters": {"skipped": 1}})
    check_shards({"_shards": {"total": 5, "failed": 0}})
