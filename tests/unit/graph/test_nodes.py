from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.errors import BadQuery
from app.graph.nodes import guid_time, node_id, node_key, parse_guid
from tests.unit.graph.families import guid


@pytest.mark.parametrize("spelling", ["{0}", "{{{0}}}", " {0} "])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_a_guid_may_be_spelt_in_any_case_with_or_without_braces(spelling: str, case: type[str]) -> None:
    assert parse_guid(case(spelling.format(guid(11)))) == guid(11)


@pytest.mark.parametrize("text", ["", "4592", "{5c3485a0}", guid(1) + "0", guid(1)[:-1] + "g", "{" + guid(1)])
def test_what_is_no_guid_is_a_bad_query(text: str) -> None:
    with pytest.raises(BadQuery, match="is not a ProcessGuid"):
        parse_guid(text)


def test_the_guid_of_zeros_names_no_process() -> None:
    with pytest.raises(BadQuery, match="names no process"):
        parse_guid("{00000000-0000-0000-0000-000000000000}")


@pytest.mark.parametrize(
    "key",
    [("process", "ws-01.example", guid(1)), ("file", "ü:%/\u202e", "c:\\a b?&#.txt"), ("address", "::1")],
)
def test_an_id_leads_back_to_its_key_and_is_safe_in_a_url(key: tuple[str, ...]) -> None:
    assert node_key(node_id(key)) == key
    assert not set(node_id(key)) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%:")


def test_a_guid_says_when_its_process_started() -> None:
    assert guid_time("5e9636c4-fdf7-5c33-0000-0010c6314d00") == datetime(2019, 1, 8, 1, 33, 43, tzinfo=UTC)
    assert guid_time("5e9636c4-0000-0000-0000-000000000001") is None
    assert guid_time("no guid") is None
