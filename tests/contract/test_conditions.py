"""Each operator means the same everywhere: the evaluator and every adapter agree with the table.

Events that have the same columns lie in one batch, so that a column is missing in all rows of a
batch, or in none; in a second store the engine has arranged the batches anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.errors import BadQuery
from app.store.port import EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.query import EventQuery
from tests.builders import batch_of
from tests.contract.cases import Case
from tests.contract.conditions import EVENTS, GROUPS, keys_of
from tests.contract.conftest import open_adapter

CASES = [
    pytest.param(case, id=f"{name}: {case.why} ({number})")
    for name, group in GROUPS.items()
    for number, case in enumerate(group, 1)
]


@pytest.fixture(scope="module", params=["memory", "embedded", "embedded, rearranged", "elastic"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    name, _, rearranged = request.param.partition(", ")
    adapter = open_adapter(name, tmp_path_factory.mktemp("store"))
    batches: dict[frozenset[str], list[Event]] = {}
    for event in EVENTS:
        batches.setdefault(frozenset(event.values), []).append(event)
    for batch in batches.values():
        adapter.store.add(batch_of(*batch), "cases")
    if rearranged:
        adapter.rearrange()
    yield adapter.store
    adapter.close()


@pytest.mark.parametrize("case", CASES)
def test_the_evaluator_says_what_the_table_says(case: Case) -> None:
    assert holds(case.condition, case.event) is case.expected


@pytest.mark.parametrize("case", CASES)
def test_a_store_finds_what_the_table_and_the_evaluator_say(filled: EventStore, case: Case) -> None:
    found = {event.key for event in filled.search(EventQuery(condition=case.condition, size=10_000)).events}

    assert (case.event.key in found) is case.expected
    assert found == keys_of(case)


@pytest.mark.parametrize("name", GROUPS)
def test_a_store_counts_what_it_finds(filled: EventStore, name: str) -> None:
    for case in GROUPS[name]:
        assert filled.count(EventQuery(condition=case.condition)).value == len(keys_of(case)), case


@pytest.mark.parametrize(
    ("field", "operator", "value", "named"),
    [
        ("Image", Operator.REGEX, "(a", "regular expression"),
        ("Image", Operator.REGEX, "a(?=b)", "regular expression"),
        ("SourceIp", Operator.CIDR, "10.0.0.0/33", "network"),
        ("SourceIp", Operator.CIDR, "", "network"),
        ("ProcessId", Operator.LESS, "many", "number"),
        ("ProcessId", Operator.GREATER, "0x10", "number"),
        ("Time", Operator.LESS_EQUAL, "2019-02-30", "time"),
        ("Time", Operator.GREATER_EQUAL, "1546948800", "time"),
        ("Image", Operator.EQUALS, "\udcff", "surrogate"),
    ],
)
def test_a_value_that_the_operator_cannot_use_is_refused_before_any_engine_sees_it(
    field: str, operator: Operator, value: str, named: str
) -> None:
    with pytest.raises(BadQuery, match=named):
        Match(field, operator, value)
