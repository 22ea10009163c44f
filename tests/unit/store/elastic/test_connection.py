"""How Elasticsearch is asked, against a server that plays it: budget, cancelling, failover, refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app.errors import QueryCancelled, QueryTooSlow, StoreUnavailable
from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.port import Budget
from tests.unit.store.elastic.playing import INFO, PRODUCT, WHOLE, Answer, Player, play

Ask = Callable[[Connection, Budget], object]
TOO_LATE = Answer(
    {"error": {"root_cause": [{"type": "search_timeout_exception", "reason": "Time exceeded"}]}}, 504
)


def search(connection: Connection, budget: Budget) -> object:
    return connection.search({"size": 1}, indices="i", budget=budget)


def searches(connection: Connection, budget: Budget) -> object:
    return connection.searches([("i", {"size": 1})], budget=budget)


def point(connection: Connection, budget: Budget) -> object:
    with connection.point("i", budget=budget) as name:
        return connection.point_search({"pit": {"id": name}}, budget=budget)


@pytest.fixture
def player() -> Iterator[Player]:
    with play() as player:
        player.answers["/i/_pit"] = Answer({"id": "p1", "_shards": {"total": 1, "failed": 0}})
        player.answers["/_msearch"] = Answer({"responses": [{**WHOLE, "status": 200}]})
        yield player


@pytest.fixture
def connection(player: Player) -> Iterator[Connection]:
    connection = Connection(Settings(store=player.store))
    yield connection
    connection.close()


def wait_until(is_so: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_search_says_how_long_it_may_take_and_that_half_an_answer_is_none(
    player: Player, connection: Connection
) -> None:
    assert connection.search({"size": 3}, indices="own-*,winlogbeat-*", budget=Budget(10)) == WHOLE

    request = player.requests[-1]
    assert request.path.startswith("/own-*,winlogbeat-*/_search?")
    assert "allow_partial_search_results=false" in request.path
    assert "ignore_unavailable=true" in request.path
    assert request.json["size"] == 3
    assert request.json["timeout"] == "10s"
    assert "content-encoding" not in request.headers


def test_the_same_question_reads_the_same_so_that_the_server_may_know_the_answer(
    player: Player, connection: Connection
) -> None:
    for _ in range(2):
        connection.search({"size": 0}, indices="own-*", budget=Budget(10))

    assert player.requests[-1].body == player.requests[-2].body


def test_several_searches_are_one_request(player: Player, connection: Connection) -> None:
    player.answers["/_msearch"] = Answer({"responses": [WHOLE, WHOLE]})

    answers = connection.searches([("a,b-*", {"size": 1}), ("c", {"size": 2})], budget=Budget(10))

    assert answers == [WHOLE, WHOLE]
    (request,) = player.asked("/_msearch")
    assert request.body.count(b"\n") == 4
    assert b'"index":["a","b-*"]' in request.body
    assert request.body.count(b'"allow_partial_search_results":false') == 2
    assert request.body.count(b'"timeout":') == 2


def test_no_searches_ask_nothing(player: Player, connection: Connection) -> None:
    assert connection.searches([], budget=Budget(10)) == []
    assert not player.requests


def test_a_search_of_no_index_is_a_mistake_of_the_program(connection: Connection) -> None:
    with pytest.raises(ValueError, match="No index"):
        connection.search({}, indices="", budget=Budget(10))
    with pytest.raises(ValueError, match="No index"):
        connection.searches([("", {})], budget=Budget(10))


def test_a_point_in_time_is_kept_open_and_closed_at_the_end(player: Player, connection: Connection) -> None:
    with connection.point("i", budget=Budget(10)) as name:
        connection.point_search({"pit": {"id": name}, "size": 1}, budget=Budget(10))
        assert player.requests[-1].json["pit"] == {"id": "p1", "keep_alive": "2m"}

    (closed,) = player.asked("/_pit")
    assert closed.method == "DELETE"
    assert closed.json == {"id": "p1"}


def test_a_point_in_time_is_closed_after_an_error_too(player: Player, connection: Connection) -> None:
    with pytest.raises(QueryCancelled), connection.point("i", budget=Budget(10)):
        raise QueryCancelled("enough")

    wait_until(lambda: player.asked("/_pit"))


def test_a_point_in_time_that_cannot_be_closed_is_no_error(
    player: Player, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    player.answers["/_pit"] = Answer({}, seconds=3)

    with connection.point("i", budget=Budget(10)):
        pass

    assert "was not closed" in caplog.text


@pytest.mark.parametrize("ask", [search, searches, point])
def test_a_budget_that_is_over_asks_nothing(player: Player, connection: Connection, ask: Ask) -> None:
    cancelled = Budget(10)
    cancelled.cancel()

    with pytest.raises(QueryTooSlow):
        ask(connection, Budget(0))
    with pytest.raises(QueryCancelled):
        ask(connection, cancelled)
    assert not player.requests


@pytest.mark.parametrize(
    ("ask", "path"), [(search, "/i/_search"), (searches, "/_msearch"), (point, "/_search")]
)
def test_a_slow_server_is_not_waited_for_beyond_the_budget(
    player: Player, connection: Connection, ask: Ask, path: str
) -> None:
    player.answers[path] = Answer(WHOLE, seconds=1)
    began = time.monotonic()

    with pytest.raises(QueryTooSlow, match=r"more than 0\.2 seconds"):
        ask(connection, Budget(0.2))

    assert time.monotonic() - began < 0.6


def test_what_answers_is_looked_at_within_the_budget_too(player: Player, connection: Connection) -> None:
    player.answers["/"] = Answer(INFO, seconds=1)

    with pytest.raises(QueryTooSlow):
        search(connection, Budget(0.2))


def test_a_cancelled_search_is_cancelled_at_the_server_by_its_name(
    player: Player, connection: Connection
) -> None:
    assert connection.server.cluster == "played"
    player.answers["/i/_search"] = Answer(WHOLE, seconds=1)
    player.answers["/_tasks?"] = Answer({"nodes": {}})
    budget = Budget(10)
    threading.Timer(0.1, budget.cancel).start()
    began = time.monotonic()

    with pytest.raises(QueryCancelled):
        search(connection, budget)

    assert time.monotonic() - began < 0.5
    name = player.asked("/i/_search")[0].headers["x-opaque-id"]
    task = {"cancellable": True, "headers": {"X-Opaque-Id": name}}
    other = {"cancellable": True, "headers": {"X-Opaque-Id": "somebody's"}}
    tasks = {"n:1": task, "n:2": other, "n:3": {**task, "cancellable": False}, "n:4": {"cancellable": True}}
    player.answers["/_tasks?"] = Answer({"nodes": {"n": {"tasks": tasks}}})
    wait_until(lambda: player.asked("/_tasks/"))
    assert {request.path for request in player.asked("/_tasks/")} == {"/_tasks/n%3A1/_cancel"}


def test_who_may_not_cancel_at_the_server_still_gets_an_answer_at_once(
    player: Player, connection: Connection
) -> None:
    player.answers["/i/_search"] = Answer(WHOLE, seconds=1)
    player.answers["/_tasks?"] = Answer({"error": {"type": "security_exception"}}, 403)
    budget = Budget(10)
    threading.Timer(0.1, budget.cancel).start()

    with pytest.raises(QueryCancelled):
        search(connection, budget)

    wait_until(lambda: player.asked("/_tasks?"))


@pytest.mark.parametrize("answer", [TOO_LATE, Answer({**WHOLE, "timed_out": True})])
@pytest.mark.parametrize(("ask", "path"), [(search, "/i/_search"), (point, "/_search")])
def test_a_search_that_the_server_ended_is_too_slow(
    player: Player, connection: Connection, answer: Answer, ask: Ask, path: str
) -> None:
    player.answers[path] = answer

    with pytest.raises(QueryTooSlow, match=r"more than 0\.3 seconds"):
        ask(connection, Budget(0.3))
    assert len(player.asked(path)) == 1


def test_a_server_that_ends_a_search_early_is_named_as_the_one_that_did(
    player: Player, connection: Connection
) -> None:
    player.answers["/i/_search"] = TOO_LATE

    with pytest.raises(QueryTooSlow, match="Elasticsearch stopped the query before its time"):
        search(connection, Budget(60))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({**WHOLE, "_shards": {"total": 3, "failed": 1}}, "1 of 3 shards"),
        (
            {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}},
            "lacks an index",
        ),
    ],
)
def test_one_bad_answer_among_several_is_an_error(
    player: Player, connection: Connection, answer: dict[str, object], said: str
) -> None:
    player.answers["/_msearch"] = Answer({"responses": [{**WHOLE, "status": 200}, answer]})

    with pytest.raises(StoreUnavailable, match=said):
        searches(connection, Budget(10))


def test_failed_shards_are_never_a_short_list(player: Player, connection: Connection) -> None:
    torn = {**WHOLE, "_shards": {"total": 3, "failed": 2}}
    player.answers["/i/_search"] = player.answers["/_search"] = Answer(torn)

    with pytest.raises(StoreUnavailable, match="2 of 3 shards"):
        search(connection, Budget(10))
    with pytest.raises(StoreUnavailable, match="2 of 3 shards"):
        point(connection, Budget(10))
    player.answers["/i/_pit"] = Answer({"id": "p1", "_shards": {"total": 3, "failed": 1}})
    with pytest.raises(StoreUnavailable, match="1 of 3 shards"):
        point(connection, Budget(10))


def test_a_node_that_is_down_is_passed_over(player: Player) -> None:
    with play() as gone:
        dead = gone.port
    connection = Connection(Settings(store=f"elasticsearch://127.0.0.1:{dead},127.0.0.1:{player.port}/-"))

    for _ in range(4):
        search(connection, Budget(10))
    connection.close()


def test_a_node_that_is_not_ready_is_asked_again(player: Player, connection: Connection) -> None:
    player.answers["/i/_search"] = Answer({"error": {"type": "master_not_discovered_exception"}}, 503)

    with pytest.raises(StoreUnavailable, match="no elected master"):
        search(connection, Budget(10))
    assert len(player.asked("/i/_search")) > 1


def test_who_is_told_to_slow_down_does_not_ask_again(player: Player, connection: Connection) -> None:
    player.answers["/i/_search"] = Answer({"error": {"type": "es_rejected_execution_exception"}}, 429)

    with pytest.raises(StoreUnavailable, match="too busy"):
        search(connection, Budget(10))
    assert len(player.asked("/i/_search")) == 1


def info(**version: str) -> Answer:
    return Answer({**INFO, "version": version})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (info(number="7.17.29"), "Elasticsearch 7.17.29 is too old: version 8"),
        (
            Answer(info(number="7.10.2").body, headers={"Content-Type": "application/json"}),
            "7.10.2 is too old",
        ),
        (
            Answer(
                info(number="2.19.1", distribution="opensearch").body,
                headers={"Content-Type": "application/json"},
            ),
            "OpenSearch 2.19.1 answers at",
        ),
        (Answer({"error": "Content-Type header […] is not supported"}, 406), "or an OpenSearch"),
        (Answer("<html>", headers={"Content-Type": "text/html"}), "is not Elasticsearch"),
        (Answer("<html>", 404, {"Content-Type": "text/html"}), "is not Elasticsearch"),
        (Answer("{", headers=PRODUCT), "its answer is not JSON"),
        (Answer("hello", headers={"Content-Type": "image/png"}), "its answer is not JSON"),
        (Answer("<html>", 502, {"Content-Type": "text/html"}), "cannot answer now"),
    ],
)
def test_what_is_no_elasticsearch_that_fits_is_said(
    player: Player, connection: Connection, answer: Answer, said: str
) -> None:
    player.answers["/"] = answer

    with pytest.raises(StoreUnavailable, match=said.replace("[", r"\[")):
        assert connection.server
    with pytest.raises(StoreUnavailable):
        search(connection, Budget(10))


def test_the_server_is_read_once(player: Player, connection: Connection) -> None:
    for _ in range(3):
        search(connection, Budget(10))

    assert connection.server.version == (8, 19, 3)
    assert len([request for request in player.requests if request.path == "/"]) == 1


def test_indices_that_a_user_may_not_read_are_named(player: Player) -> None:
    settings = Settings(store=f"{player.store}/a-*,b-*,-b-old", elastic_user="ann", elastic_password="p")
    may = {"a-*": {"read": True}, "b-*": {"read": False}, "sysmonsearch-*": {"read": True}}
    player.answers["/_security/"] = Answer({"has_all_requested": False, "index": may})
    connection = Connection(settings)

    with pytest.raises(StoreUnavailable, match=r"The user 'ann' may not read b-\* in Elasticsearch"):
        search(connection, Budget(10))
    asked = player.asked("/_security/user/_has_privileges")[0].json
    assert asked == {"index": [{"names": ["sysmonsearch-*", "a-*", "b-*"], "privileges": ["read"]}]}

    player.answers["/_security/"] = Answer({"error": "no handler found"}, 400)
    search(connection, Budget(10))
    connection.close()


def test_a_name_that_is_none_and_a_port_that_is_closed_are_told_apart() -> None:
    with play() as gone:
        closed = gone.store
    for store, said in (
        (closed, "Nothing listens at"),
        ("elasticsearch://no.such.host.invalid", "be resolved"),
    ):
        connection = Connection(Settings(store=store))
        with pytest.raises(StoreUnavailable, match=said):
            search(connection, Budget(10))
        connection.close()


@pytest.mark.parametrize(
    "secrets", [{"elastic_api_key": "c2VjcmV0"}, {"elastic_user": "ann", "elastic_password": "secret"}]
)
def test_no_secret_is_in_a_text_of_the_connection_or_its_errors(
    player: Player, secrets: dict[str, str]
) -> None:
    player.answers["/i/_search"] = Answer({"error": {"type": "security_exception", "reason": "no"}}, 401)
    connection = Connection(Settings(store=player.store, **secrets))  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailable) as error:
        search(connection, Budget(10))

    sent = player.requests[-1].headers["authorization"]
    assert sent in ("ApiKey c2VjcmV0", "Basic YW5uOnNlY3JldA==")
    texts = [
        repr(connection.client),
        repr(connection.address),
        repr(vars(connection.address.hosts[0].__class__)),
    ]
    texts += [str(error.value), repr(error.value), repr(error.value.__cause__)]
    assert not any(word in text for text in texts for word in ("secret", sent.split()[1]))
    connection.close()


def test_many_threads_ask_at_once(player: Player, connection: Connection) -> None:
    player.answers["/i/_search"] = Answer(WHOLE, seconds=0.05)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            search(connection, Budget(20))
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert len(player.asked("/i/_search")) == 50
