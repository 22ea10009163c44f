"""Questions that are asked together: one request, each its own answer or error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import sleep
from typing import Any

import pytest

from app.errors import QueryTooSlow, SysmonSearchError
from app.store.elastic.gathering import Gathered, gathering
from app.store.port import Budget
from app.store.together import Together

Request = tuple[str, Mapping[str, Any]]


class Playing:
    """Plays the cluster: answers each search with its body, and notes what came in which request."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.slow: set[Any] = set()
        self.lock = Lock()

    def send(self, requests: Sequence[tuple[Request, Budget]], budget: Budget) -> list[dict[str, Any]]:
        asked = [body["says"] for (_indices, body), _budget in requests]
        with self.lock:
            self.sent.append(asked)
        if self.slow.intersection(asked):
            sleep(budget.left)
            budget.check()
        return [dict(body) for (_indices, body), _budget in requests]

    def read(self, answer: dict[str, Any], budget: Budget) -> dict[str, Any]:
        if answer["says"] == "refused":
            raise SysmonSearchError("It is refused.")
        return answer


def asking(*texts: str, seconds: float = 30, again: str = "") -> Callable[[], list[str]]:
    """Return a question that takes these searches, and one more when it knows their answers."""

    def question() -> list[str]:
        here, budget = gathering(), Budget(seconds)
        assert here is not None
        answers = here.searches([("events", {"says": text}) for text in texts], budget)
        if again:
            answers += here.searches([("events", {"says": again})], budget)
        return [answer["says"] for answer in answers]

    return question


def test_what_all_wait_for_goes_in_one_request_and_what_two_ask_once() -> None:
    cluster = Playing()
    together = Gathered(cluster)
    one = together.ask(asking("a", "b", again="e"))
    other = together.ask(asking("b", "c", again="f"))
    third = together.ask(asking("d"))

    assert (one(), other(), third()) == (["a", "b", "e"], ["b", "c", "f"], ["d"])
    assert [sorted(request) for request in cluster.sent] == [["a", "b", "c", "d"], ["e", "f"]]


def test_questions_within_questions_share_the_request() -> None:
    cluster = Playing()

    def nested() -> list[str]:
        inner = Gathered(cluster)
        answers = [inner.ask(asking("a")), inner.ask(asking("b"))]
        return [*answers[0](), *answers[1]()]

    together = Gathered(cluster)
    one, other = together.ask(nested), together.ask(asking("c"))

    assert (one(), other()) == (["a", "b"], ["c"])
    assert [sorted(request) for request in cluster.sent] == [["a", "b", "c"]]


def test_an_error_is_of_one_question_only() -> None:
    together = Gathered(Playing())
    good, bad = together.ask(asking("a")), together.ask(asking("refused"))

    assert good() == ["a"]
    with pytest.raises(SysmonSearchError, match="refused"):
        bad()


def test_what_takes_longer_than_its_time_does_not_take_the_others_with_it() -> None:
    cluster = Playing()
    cluster.slow = {"counting"}
    together = Gathered(cluster)
    counting, rows = together.ask(asking("counting", seconds=0.2)), together.ask(asking("rows"))

    assert rows() == ["rows"]
    with pytest.raises(QueryTooSlow):
        counting()
    assert cluster.sent[-1] == ["rows"]


def test_a_question_that_waits_for_another_does_not_stop_it() -> None:
    together = Gathered(Playing())
    lock = Lock()

    def alone(text: str) -> list[str]:
        with lock:
            return asking(text, again=text * 2)()

    one, other = together.ask(lambda: alone("a")), together.ask(lambda: alone("b"))

    assert (one(), other()) == (["a", "aa"], ["b", "bb"])


def test_elsewhere_a_question_is_asked_when_its_answer_is_wanted() -> None:
    asked = []
    together = Together()
    first, second = together.ask(lambda: asked.append(1)), together.ask(lambda: asked.append(2))

    second()
    first()

    assert asked == [2, 1]
